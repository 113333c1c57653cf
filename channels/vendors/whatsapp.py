"""WhatsApp, Cloud API: a template with quick replies, which alone may reach whoever has not written within 24 hours.

https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from channels import meta
from channels.service import LIMITED, RETRY, Address, Again, Call, Class, Notice, Request, Role, Service, dig
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.vendors import meta as told
from deskbell.vendors.hears import Hears

WORDS = ("severity", "ref", "line", "title", "summary", "said")
ERRORS: Mapping[str, Class] = {
    "130429": LIMITED,
    "130472": Fault.TARGET,  # Meta tries out what happens without
    "131000": RETRY,
    "131008": Fault.PAYLOAD,
    "131009": Fault.PAYLOAD,
    "131016": RETRY,
    "131026": Fault.TARGET,  # not on WhatsApp
    "131047": Fault.TARGET,  # has not written within 24 hours, and it was no template
    "131048": RETRY,
    "131049": Fault.TARGET,  # has had enough of such messages, Meta says
    "131050": Fault.TARGET,  # said STOP
    "131056": RETRY,  # too many to this one person
    "131062": Fault.TARGET,
    "13*": Fault.CONFIG,  # the account, its payment, the number, the template
    "paused": Fault.CONFIG,
}


@dataclass(frozen=True, slots=True)
class WhatsAppConf:
    token: str = field(repr=False)  # of a system user
    phone_number_id: str  # whose number writes
    template: str = "deskbell_alert"  # approved by Meta, of the category UTILITY
    language: str = "en"  # the template's
    fields: tuple[str, ...] = ("ref", "summary")  # what stands for {{1}}, {{2}} ... in it
    buttons: tuple[Literal["ack", "escalate"], ...] = ("ack", "escalate")  # its quick replies, in their order
    window: Literal["template", "open"] = "template"  # open: to whoever wrote within 24 hours; free text and buttons
    version: str = meta.VERSION  # of the Graph API
    base_url: str = meta.BASE

    def __post_init__(self) -> None:
        if strange := sorted({*self.fields} - {*WORDS}):
            raise ValueError(f"fields has {strange[0]!r}, which is none of: {', '.join(WORDS)}")


def message(notice: Notice, conf: WhatsAppConf) -> Request:
    to = {"to": notice.to.lstrip("+")} if notice.to.startswith("+") else {"recipient": notice.to}
    body = {"messaging_product": "whatsapp", "recipient_type": "individual", "biz_opaque_callback_data": notice.key}
    content = template(notice, conf) if conf.window == "template" else free(notice, conf)
    return Request(f"/{conf.version}/{conf.phone_number_id}/messages", body | to | content)


def template(notice: Notice, conf: WhatsAppConf) -> dict[str, Any]:
    words = [" ".join(str(getattr(notice, name)).split()) or "Deskbell" for name in conf.fields]
    parts: list[dict[str, Any]] = [{"type": "body", "parameters": [{"type": "text", "text": text} for text in words]}]
    for n, button in enumerate(conf.buttons if notice.ref else ()):
        payload = {"type": "payload", "payload": meta.said_by(button, notice)}
        parts.append({"type": "button", "sub_type": "quick_reply", "index": str(n), "parameters": [payload]})
    language = {"policy": "deterministic", "code": notice.options.get("language", conf.language)}
    return {"type": "template", "template": {"name": conf.template, "language": language, "components": parts}}


def free(notice: Notice, conf: WhatsAppConf) -> dict[str, Any]:
    if not notice.ref:
        return {"type": "text", "text": {"body": notice.text}}
    replies = [{"id": meta.said_by(name, notice), "title": meta.BUTTONS[name]} for name in conf.buttons]
    buttons = [{"type": "reply", "reply": reply} for reply in replies]
    return {
        "type": "interactive",
        "interactive": {"type": "button", "body": {"text": notice.text}, "action": {"buttons": buttons}},
    }


def code(reply: Reply) -> str:
    paused = reply.ok and dig(reply.data, "messages.0.message_status") == "paused"
    return "paused" if paused else meta.code(reply)


SERVICE = Service(
    name="whatsapp",
    title="WhatsApp",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://developers.facebook.com/docs/whatsapp/cloud-api",
    conf=WhatsAppConf,
    auth=lambda conf: Bearer(conf.token),
    address=Address(
        re.compile(r"(\+[1-9]\d{6,14}|[A-Z]{2}\.[\w.]{1,150})?"),
        "is a phone number like +4930123456, an id of WhatsApp's like DE.1234, or empty: for people only",
    ),
    send=Call(message, id="messages.0.id"),
    again=Again.NEITHER,
    code=code,
    reason=meta.reason,
    errors={**meta.ERRORS, **ERRORS},
    limits=(Limit("post", "account", 40, timedelta(seconds=1)), Limit("post", "destination", 1, timedelta(seconds=6))),
    sizes={
        "template.components.*.parameters.*.text": Size(400),
        "interactive.body.text": Size(1024),
        "text.body": Size(4096),
    },
    answers=meta.ANSWERS,
    hears=Hears(way=lambda _conf: told.SIGNED, read=told.whatsapp, greet=told.greet, secrets="the app's secret"),
    acks="quick reply",
    receipts="callback",
)
