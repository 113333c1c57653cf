"""Mail by any SMTP server. https://www.rfc-editor.org/rfc/rfc5321"""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from typing import Literal

from channels.mail import ADDRESS, mime
from channels.service import RETRY, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import Auth, Basic, NoAuth
from deskbell.net.smtp import Smtp


@dataclass(frozen=True, slots=True)
class SmtpConf:
    host: str  # of the mail server
    sender: str  # Deskbell <desk@example.org>
    port: int = 587  # 465 with security = "tls"
    security: Literal["starttls", "tls", "plain"] = "starttls"  # plain: for a server on this machine
    user: str = ""  # with a password: logs in
    password: str = field(default="", repr=False)  # of that user
    reply_to: str = ""  # where answers go; empty: to the sender


def login(conf: SmtpConf) -> Auth:
    return Basic(conf.user, conf.password) if conf.user else NoAuth()


def mail(notice: Notice, conf: SmtpConf) -> Request:
    message = mime(notice, conf.sender, conf.reply_to).as_string()
    return Request("", {"sender": parseaddr(conf.sender)[1], "to": notice.to, "message": message})


SERVICE = Service(
    name="smtp",
    title="Mail (SMTP)",
    roles=frozenset({Role.NOTIFY}),
    docs="https://www.rfc-editor.org/rfc/rfc5321",
    conf=SmtpConf,
    auth=login,
    address=ADDRESS,
    base=lambda conf, _: f"{conf.security}://{conf.host}:{conf.port}",
    transport=Smtp,
    send=Call(mail, plain=True),
    again=Again.NEITHER,
    reason=lambda reply: reply.text,
    # https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3
    errors={
        "4*": RETRY,
        **dict.fromkeys(("530", "534", "535"), Fault.AUTH),
        **dict.fromkeys(("550", "551", "553"), Fault.TARGET),
        "5*": Fault.PAYLOAD,
    },
    limits=(Limit("post", "account", 5, timedelta(seconds=1)),),
    receipts="bounces",
)
