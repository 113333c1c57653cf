"""Messenger: for people who wrote to the page within 24 hours; nobody else may be written to.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

import re
from dataclasses import dataclass
from typing import Any

from channels import meta
from channels.service import Address, Call, Notice, Request, per_second
from deskbell.core.sizes import Size
from deskbell.vendors import meta as told


@dataclass(frozen=True, slots=True, kw_only=True)
class MessengerConf(meta.App):
    page: str  # the page's id


def message(notice: Notice, conf: MessengerConf) -> Request:
    content: dict[str, Any] = {"text": notice.text}
    if notice.ref:
        buttons = [{"type": "postback", "title": title, "payload": says} for says, title in meta.taps(notice)]
        links = [{"type": "web_url", "title": "Open", "url": notice.link}] if notice.link else []
        payload = {"template_type": "button", "text": notice.text, "buttons": buttons + links}
        content = {"attachment": {"type": "template", "payload": payload}}
    body = {"recipient": {"id": notice.to}, "messaging_type": "UPDATE", "message": content}
    return Request(f"/{conf.version}/{conf.page}/messages", body)


SERVICE = meta.Meta(
    name="messenger",
    title="Messenger",
    docs="https://developers.facebook.com/docs/messenger-platform/reference/send-api",
    conf=MessengerConf,
    address=Address(
        re.compile(r"(\d{8,20})?"), "is the number that the page knows a person by, or empty: for people only"
    ),
    send=Call(message, id="message_id"),
    code=meta.code,
    errors=meta.ERRORS,
    limits=per_second(40),
    sizes={"message.text": Size(2000), "message.attachment.payload.text": Size(640)},
    hears=meta.hears(read=told.messenger),
    acks="button",
)
