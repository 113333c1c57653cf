"""Mailgun: mail. https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages"""

from dataclasses import dataclass, field
from datetime import timedelta

from channels import mail
from channels.service import Again, Call, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import Basic
from deskbell.net.proofs import InForm
from deskbell.vendors import mailgun as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class MailgunConf:
    key: str = field(repr=False)  # a sending key of the domain
    sender: str  # Deskbell <desk@mg.example.org>
    reply_to: str = ""  # where answers go; empty: to the sender
    domain: str = ""  # as Mailgun knows it; empty: that of the sender
    base_url: str = "https://api.mailgun.net"  # of a domain in the EU: https://api.eu.mailgun.net


def send(notice: Notice, conf: MailgunConf) -> Request:
    headers = mail.headers(notice, conf.sender, conf.reply_to) | {"Message-Id": mail.message_id(notice, conf.sender)}
    form = {"from": conf.sender, "to": notice.to, "subject": mail.subject(notice)}
    form |= {"text": mail.text(notice), "html": mail.body(notice), "v:deskbell": notice.key}
    form["o:tracking"] = "no"  # links that are rewritten would trip those who look at links before people do
    return Request(_path(conf, "messages"), form=form | {f"h:{name}": value for name, value in headers.items()})


def look(notice: Notice, conf: MailgunConf) -> Request:
    params = {"message-id": mail.message_id(notice, conf.sender).strip("<>"), "limit": "1"}
    return Request(_path(conf, "events"), method="GET", params=params)


def _path(conf: MailgunConf, what: str) -> str:
    return f"/v3/{conf.domain or mail.domain(conf.sender)}/{what}"


SERVICE = Service(
    name="mailgun",
    title="Mailgun",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages",
    conf=MailgunConf,
    auth=lambda conf: Basic("api", conf.key),
    address=mail.ADDRESS,
    send=Call(send, id="id"),
    find=Call(look, id=lambda reply, _: told.message_id(reply)),
    again=Again.LOOK_UP,
    reason=lambda reply: at("message")(reply) or reply.text,  # a refused key is answered with "Forbidden", no JSON
    errors={"402": Fault.CONFIG, "403": Fault.CONFIG, "404": Fault.CONFIG},  # 404: the domain is in another region
    limits=(Limit("post", "account", 10, timedelta(seconds=1)),),
    hears=Hears(way=lambda _conf: InForm(), read=told.said, secrets="the account's webhook signing key"),
    acks="reply",
    receipts="callback",
)
