"""Google Chat by an app of your own: a card that follows the alert, with buttons.

https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels import google
from channels.markup import html
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size

BUTTONS = {"ack": "Acknowledge", "escalate": "Escalate", "resolve": "Resolve", "reopen": "Reopen"}


@dataclass(frozen=True, slots=True)
class GoogleChatAppConf:
    account: str  # the app's service account: desk@PROJECT.iam.gserviceaccount.com
    private_key: str = field(repr=False)  # its private key, in PEM
    audience: str = ""  # who its calls are for: the number of the project; empty: the address that it calls
    base_url: str = "https://chat.googleapis.com"
    token_url: str = google.TOKENS


def card(notice: Notice, *verbs: str) -> dict[str, Any]:
    facts = [{"decoratedText": {"topLabel": html(label), "text": html(value)}} for label, value in notice.facts]
    words = f"{notice.summary}\n{notice.said}" if notice.said else notice.summary
    taps = [google.button(BUTTONS[verb], say=f"{verb} {notice.ref}") for verb in verbs if notice.ref]
    links = [google.button("Open", link=link) for link in (notice.link or notice.url,) if link]
    buttons = [{"buttonList": {"buttons": taps + links}}] if taps + links else []
    widgets = [{"textParagraph": {"text": html(words)}}, *facts, *buttons]
    header = {"title": notice.title, "subtitle": f"{notice.severity} {notice.ref}".strip()}
    return {"cardsV2": [{"cardId": "alert", "card": {"header": header, "sections": [{"widgets": widgets}]}}]}


def post(notice: Notice, **content: Any) -> Request:
    how = {"requestId": notice.key, "messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"}
    return Request(f"/v1/{notice.to}/messages", content | {"thread": {"threadKey": notice.about}}, params=how)


def shown(*verbs: str) -> Call:
    """Changes what the card shows, and which buttons it has."""
    mask = {"updateMask": "cardsV2"}
    return Call(lambda n, _: Request(f"/v1/{n.record['id']}", card(n, *verbs), method="PATCH", params=mask))


SERVICE = Service(
    name="google_chat_app",
    title="Google Chat",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages",
    conf=GoogleChatAppConf,
    auth=lambda conf: google.login(conf, "chat.bot"),
    address=Address(re.compile(r"spaces/[\w-]+"), "is a space like spaces/AAAA, to which the app was added"),
    open=Call(lambda n, _: post(n, **card(n, "ack", "escalate"), fallbackText=n.line), id="name"),
    note=Call(lambda n, _: post(n, text=google.chat_text(n.said))),
    progress=shown("escalate", "resolve"),
    reopen=shown("ack", "escalate"),
    close=shown("reopen"),
    again=Again.KEY,
    code=google.code,
    reason=google.reason,
    errors={**google.ERRORS, "NOT_FOUND": Fault.TARGET},
    limits=(Limit("any", "destination", 50, timedelta(minutes=1)),),  # of the 60 that all apps of a room share
    sizes={"text": Size(4000), "fallbackText": Size(1000)},
    acks="card button",
)
