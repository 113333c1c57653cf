"""Mail by any SMTP server. https://www.rfc-editor.org/rfc/rfc5321"""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from typing import Literal

from channels.mail import ADDRESS, mime, own_address
from channels.service import RETRY, Again, Ask, Call, Notice, Request, Role, Service
from deskbell.core.heard import Heard, Waiting
from deskbell.core.links import LIFE
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.answers import Reply
from deskbell.net.auth import Auth, Basic, NoAuth
from deskbell.net.clock import wall
from deskbell.net.imap import Imap
from deskbell.net.smtp import Smtp
from deskbell.vendors import mailbox


@dataclass(frozen=True, slots=True)
class SmtpConf:
    host: str  # of the mail server
    sender: str  # Deskbell <desk@example.org>
    port: int = 587  # 465 with security = "tls"
    security: Literal["starttls", "tls", "plain"] = "starttls"  # plain: for a server on this machine
    user: str = ""  # with a password: logs in
    password: str = field(default="", repr=False)  # of that user
    reply_to: str = ""  # where answers go; empty: to the sender
    imap_host: str = ""  # of the mailbox that answers arrive in; empty: they are not read. Needs server.public_url
    imap_port: int = 993  # of that server
    imap_user: str = ""  # who may read the mailbox
    imap_password: str = field(default="", repr=False)  # of that user
    imap_folder: str = "INBOX"  # with the answers
    imap_security: Literal["tls", "plain"] = "tls"  # plain: for a server on this machine
    imap_plus: bool = True  # answers go to desk+TOKEN@example.org; false where such mail does not arrive

    def __post_init__(self) -> None:
        if self.imap_host and not (self.imap_user and self.imap_password):
            raise ValueError("imap_host needs imap_user and imap_password")


def login(conf: SmtpConf) -> Auth:
    return Basic(conf.user, conf.password) if conf.user else NoAuth()


def mail(notice: Notice, conf: SmtpConf) -> Request:
    reply_to = conf.reply_to
    if conf.imap_host and conf.imap_plus and notice.token:
        reply_to = own_address(conf.reply_to or conf.sender, notice.token)
    message = mime(notice, conf.sender, reply_to).as_string()
    return Request("", {"sender": parseaddr(conf.sender)[1], "to": notice.to, "message": message})


def unread(waiting: Waiting, conf: SmtpConf) -> Request:
    """IMAP has days alone, in the server's own zone."""
    since = ((waiting.since or wall()) - LIFE - timedelta(days=1)).strftime("%d-%b-%Y")
    return Request(conf.imap_folder, {"since": since, "most": mailbox.MOST, "bytes": mailbox.LONGEST}, method="GET")


def answers(reply: Reply, _waiting: Waiting, conf: SmtpConf) -> list[Heard]:
    return [*mailbox.words(reply.data["mails"], (conf.sender, conf.reply_to))]


def read(reply: Reply, conf: SmtpConf) -> Request | None:
    uids = [uid for uid, _ in reply.data["mails"]]
    return Request(conf.imap_folder, {"validity": reply.data["validity"], "uids": uids}) if uids else None


SERVICE = Service(
    name="smtp",
    title="Mail (SMTP)",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
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
    asks=(
        Ask(
            of="inbox",
            build=unread,
            read=answers,
            kept=read,
            base=lambda conf, _: f"{conf.imap_security}://{conf.imap_host}:{conf.imap_port}",
            auth=lambda conf: Basic(conf.imap_user, conf.imap_password),
            transport=Imap,
            ready=lambda conf: bool(conf.imap_host),
        ),
    ),
    acks="reply",
    receipts="bounces",
)
