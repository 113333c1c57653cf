"""WhatsApp, Cloud API: a template with quick replies, which alone may reach whoever has not written within 24 hours.

https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from channels import meta
from channels.service import Address, Call, Notice, Request, dig
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.vendors import meta as told

WORDS = ("severity", "ref", "line", "title", "summary", "said")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsAppConf(meta.App):
    phone_number_id: str  # whose number writes
    template: str = "deskbell_alert"  # approved by Meta, of the category UTILITY
    language: str = "en"  # the template's
    fields: tuple[str, ...] = ("ref", "summary")  # what stands for {{1}}, {{2}} ... in it
    buttons: tuple[Literal["ack", "escalate"], ...] = ("ack", "escalate")  # its quick replies, in their order
    window: Literal["template", "open"] = "template"  # open: to whoever wrote within 24 hours; free text and buttons

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
    for n, (says, _) in enumerate(meta.taps(notice, conf.buttons)):
        payload = {"type": "payload", "payload": says}
        parts.append({"type": "button", "sub_type": "quick_reply", "index": str(n), "parameters": [payload]})
    language = {"policy": "deterministic", "code": notice.options.get("language", conf.language)}
    return {"type": "template", "template": {"name": conf.template, "language": language, "components": parts}}


def free(notice: Notice, conf: WhatsAppConf) -> dict[str, Any]:
    if not notice.ref:
        return {"type": "text", "text": {"body": notice.text}}
    replies = [{"id": says, "title": title} for says, title in meta.taps(notice, conf.buttons)]
    action = {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
    return {"type": "interactive", "interactive": {"type": "button", "body": {"text": notice.text}, "action": action}}


def code(reply: Reply) -> str:
    paused = reply.ok and dig(reply.data, "messages.0.message_status") == "paused"
    return "paused" if paused else meta.code(reply)


SERVICE = meta.Meta(
    name="whatsapp",
    title="WhatsApp",
    docs="https://developers.facebook.com/docs/whatsapp/cloud-api",
    conf=WhatsAppConf,
    address=Address(
        re.compile(r"(\+[1-9]\d{6,14}|[A-Z]{2}\.[\w.]{1,150})?"),
        "is a phone number like +4930123456, an id of WhatsApp's like DE.1234, or empty: for people only",
    ),
    send=Call(message, id="messages.0.id"),
    code=code,
    errors={**meta.ERRORS, "paused": Fault.CONFIG},
    limits=(Limit("post", "account", 40, timedelta(seconds=1)), Limit("post", "destination", 1, timedelta(seconds=6))),
    sizes={
        "template.components.*.parameters.*.text": Size(400),
        "interactive.body.text": Size(1024),
        "text.body": Size(4096),
    },
    hears=meta.hears(read=told.whatsapp),
    acks="quick reply",
)
