"""SendGrid: mail. https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send"""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr

from channels import mail
from channels.service import Again, Call, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import Bearer
from deskbell.vendors import sendgrid as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class SendGridConf:
    key: str = field(repr=False)  # SG...., with the right mail.send
    sender: str  # Deskbell <desk@example.org>, verified there
    reply_to: str = ""  # where answers go; empty: to the sender
    past_suppressions: bool = False  # true: also to whoever unsubscribed there; for staff alone
    base_url: str = "https://api.sendgrid.com"  # of a subuser in the EU: https://api.eu.sendgrid.com


def send(notice: Notice, conf: SendGridConf) -> Request:
    texts = {"text/plain": mail.text(notice), "text/html": mail.body(notice)}
    name, sender = parseaddr(conf.sender)
    body = {
        "personalizations": [{"to": [{"email": notice.to}], "custom_args": {"deskbell": notice.key}}],
        "from": {"email": sender, "name": name or sender},
        "subject": mail.subject(notice),
        "content": [{"type": kind, "value": text} for kind, text in texts.items()],
        "headers": mail.headers(notice, conf.sender),
        # Links that are rewritten would trip those who look at links before people do.
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
    }
    body |= {"reply_to": {"email": parseaddr(conf.reply_to)[1]}} if conf.reply_to else {}
    body |= {"mail_settings": {"bypass_list_management": {"enable": True}}} if conf.past_suppressions else {}
    return Request("/v3/mail/send", body)


SERVICE = Service(
    name="sendgrid",
    title="SendGrid",
    roles=frozenset({Role.NOTIFY}),
    docs="https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send",
    conf=SendGridConf,
    auth=lambda conf: Bearer(conf.key),
    address=mail.ADDRESS,
    send=Call(send, id=lambda reply, _: reply.headers.get("x-message-id", ""), plain=True),
    again=Again.NEITHER,
    reason=at("errors.0.message"),
    errors={"403": Fault.CONFIG, "404": Fault.CONFIG, "413": Fault.PAYLOAD},  # 403: the sender is not verified
    resets=("x-ratelimit-reset",),
    limits=(Limit("post", "account", 10, timedelta(seconds=1)),),
    hears=Hears(way=lambda _: told.SendGridSigned(), read=told.events, secrets="the verification key", words=False),
    receipts="callback",
)
