"""Mail by any SMTP server. https://www.rfc-editor.org/rfc/rfc5321"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Literal

from channels.markup import html
from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, fit
from deskbell.net.auth import Auth, Basic, NoAuth
from deskbell.net.smtp import Smtp

SUBJECT = Size(120)
TEXT = Size(20_000)


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
    sender = parseaddr(conf.sender)[1]
    domain = sender.rpartition("@")[2]
    message = EmailMessage(SMTP)
    message["From"] = conf.sender
    message["To"] = notice.to
    message["Subject"] = fit(notice.line, SUBJECT, (notice.ref,))
    message["Message-ID"] = f"<{notice.key}@{domain}>"  # a twin of a message with the same id is dropped by many
    message["References"] = f"<{notice.about}@{domain}>"  # so that mail programs show an alert's messages together
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if conf.reply_to:
        message["Reply-To"] = conf.reply_to
    text = fit(notice.text, TEXT, (notice.link, notice.url, notice.ref))
    message.set_content(text)
    message.add_alternative(f"<p>{html(text)}</p>{_button(notice)}", subtype="html")
    # The library draws lots for what parts the parts; the same message looks the same at each try.
    message.set_boundary(f"=={notice.key}")
    return Request("", {"sender": sender, "to": notice.to, "message": message.as_string()})


def _button(notice: Notice) -> str:
    return f'<p><a href="{html(notice.link)}">Open {html(notice.ref)}</a></p>' if notice.link else ""


SERVICE = Service(
    name="smtp",
    title="Mail (SMTP)",
    roles=frozenset({Role.NOTIFY}),
    docs="https://www.rfc-editor.org/rfc/rfc5321",
    conf=SmtpConf,
    auth=login,
    address=Address(re.compile(r"([^@\s<>,]+@[^@\s<>,]+)?"), "is a mail address, or empty: for people only"),
    base=lambda conf, _: f"{conf.security}://{conf.host}:{conf.port}",
    transport=Smtp,
    send=Call(mail, plain=True),
    again=Again.NEITHER,
    reason=lambda reply: reply.text,
    # https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3
    errors={
        "4*": RETRY,
        "530": Fault.AUTH,
        "534": Fault.AUTH,
        "535": Fault.AUTH,
        "550": Fault.TARGET,
        "551": Fault.TARGET,
        "553": Fault.TARGET,
        "5*": Fault.PAYLOAD,
    },
    limits=(Limit("post", "account", 5, timedelta(seconds=1)),),
    receipts="bounces",
)
