"""Mailgun: mail. https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages"""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr

from channels import mail
from channels.service import Again, Call, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic


@dataclass(frozen=True, slots=True)
class MailgunConf:
    key: str = field(repr=False)  # a sending key of the domain
    sender: str  # Deskbell <desk@mg.example.org>
    reply_to: str = ""  # where answers go; empty: to the sender
    domain: str = ""  # as Mailgun knows it; empty: that of the sender
    base_url: str = "https://api.mailgun.net"  # of a domain in the EU: https://api.eu.mailgun.net


def send(notice: Notice, conf: MailgunConf) -> Request:
    form = {
        "from": conf.sender,
        "to": notice.to,
        "subject": mail.subject(notice),
        "text": mail.text(notice),
        "html": mail.body(notice),
        "o:tracking": "no",  # links that are rewritten would trip those who look at links before people do
        "v:deskbell": notice.key,
        "h:Message-Id": mail.message_id(notice, conf.sender),
    }
    form |= {f"h:{name}": value for name, value in mail.headers(notice, conf.sender).items()}
    return Request(_path(conf, "messages"), form=form | ({"h:Reply-To": conf.reply_to} if conf.reply_to else {}))


def look(notice: Notice, conf: MailgunConf) -> Request:
    params = {"message-id": mail.message_id(notice, conf.sender).strip("<>"), "limit": "1"}
    return Request(_path(conf, "events"), method="GET", params=params)


def id_of(reply: Reply, _notice: Notice) -> str:
    """As sending gives it; events leave the brackets out."""
    found = at("items.0.message.headers.message-id")(reply)
    return f"<{found}>" if found else ""


def _path(conf: MailgunConf, what: str) -> str:
    return f"/v3/{conf.domain or parseaddr(conf.sender)[1].rpartition('@')[2]}/{what}"


SERVICE = Service(
    name="mailgun",
    title="Mailgun",
    roles=frozenset({Role.NOTIFY}),
    docs="https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages",
    conf=MailgunConf,
    auth=lambda conf: Basic("api", conf.key),
    address=mail.ADDRESS,
    send=Call(send, id="id"),
    find=Call(look, id=id_of),
    again=Again.LOOK_UP,
    reason=lambda reply: at("message")(reply) or reply.text,  # a refused key is answered with "Forbidden", no JSON
    errors={"402": Fault.CONFIG, "403": Fault.CONFIG, "404": Fault.CONFIG},  # 404: the domain is in another region
    limits=(Limit("post", "account", 10, timedelta(seconds=1)),),
    receipts="webhook",
)
