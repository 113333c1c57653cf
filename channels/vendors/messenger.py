"""Messenger: for people who wrote to the page within 24 hours; nobody else may be written to.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels import meta
from channels.service import LIMITED, Address, Again, Call, Class, Notice, Request, Role, Service, dig
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.vendors import meta as told
from deskbell.vendors.hears import Hears

ERRORS: Mapping[str, Class] = {
    "551": Fault.TARGET,  # has blocked the page, or is gone
    "613": LIMITED,
    "80006": LIMITED,
    "2018001": Fault.TARGET,  # nobody of this page
    "2018278": Fault.TARGET,  # has not written within 24 hours
}


@dataclass(frozen=True, slots=True)
class MessengerConf:
    token: str = field(repr=False)  # of the page
    page: str  # the page's id
    version: str = meta.VERSION  # of the Graph API
    base_url: str = meta.BASE


def message(notice: Notice, conf: MessengerConf) -> Request:
    content: dict[str, Any] = {"text": notice.text}
    if notice.ref:
        buttons = [
            {"type": "postback", "title": t, "payload": meta.said_by(b, notice)} for b, t in meta.BUTTONS.items()
        ]
        links = [{"type": "web_url", "title": "Open", "url": notice.link}] if notice.link else []
        payload = {"template_type": "button", "text": notice.text, "buttons": buttons + links}
        content = {"attachment": {"type": "template", "payload": payload}}
    body = {"recipient": {"id": notice.to}, "messaging_type": "UPDATE", "message": content}
    return Request(f"/{conf.version}/{conf.page}/messages", body)


def code(reply: Reply) -> str:
    subcode = dig(reply.data, "error.error_subcode")
    return subcode if subcode in ERRORS else meta.code(reply)


SERVICE = Service(
    name="messenger",
    title="Messenger",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://developers.facebook.com/docs/messenger-platform/reference/send-api",
    conf=MessengerConf,
    auth=lambda conf: Bearer(conf.token),
    address=Address(
        re.compile(r"(\d{8,20})?"), "is the number that the page knows a person by, or empty: for people only"
    ),
    send=Call(message, id="message_id"),
    again=Again.NEITHER,
    code=code,
    reason=meta.reason,
    errors={**meta.ERRORS, **ERRORS},
    limits=(Limit("post", "account", 40, timedelta(seconds=1)),),
    sizes={"message.text": Size(2000), "message.attachment.payload.text": Size(640)},
    answers=meta.ANSWERS,
    hears=Hears(way=lambda _conf: told.SIGNED, read=told.messenger, greet=told.greet, secrets="the app's secret"),
    acks="button",
    receipts="callback",
)
