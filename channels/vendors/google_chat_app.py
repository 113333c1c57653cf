"""Google Chat by an app of your own: a card that follows the alert, with buttons."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels import google
from channels.service import Address, Again, Call, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.vendors import google_chat as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class GoogleChatAppConf:
    account: str  # the app's service account: desk@PROJECT.iam.gserviceaccount.com
    private_key: str = field(repr=False)  # its private key, in PEM
    project: str = ""  # its number, where the app says that its calls are for the project and not for an address
    base_url: str = "https://chat.googleapis.com"
    token_url: str = google.TOKENS


def shown(*verbs: str) -> Call:
    """Changes what the card shows, and which buttons it has."""
    mask = {"updateMask": "cardsV2"}
    return Call(lambda n, _: Request(f"/v1/{n.record['id']}", google.card(n, *verbs), method="PATCH", params=mask))


SERVICE = Service(
    name="google_chat_app",
    title="Google Chat",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages",
    conf=GoogleChatAppConf,
    auth=lambda conf: google.login(conf, "chat.bot"),
    address=Address(re.compile(r"spaces/[\w-]+"), "is a space like spaces/AAAA, to which the app was added"),
    open=Call(
        lambda n, _: google.post(n, **google.card(n, "ack", "escalate"), fallbackText=n.line),
        id="name",
    ),
    note=Call(lambda n, _: google.post(n, text=google.chat_text(n.said))),
    progress=shown("escalate"),  # to resolve needs a reason: it is written, or given on the alert's page
    reopen=shown("ack", "escalate"),
    close=shown(),
    again=Again.KEY,
    code=google.code,
    reason=google.reason,
    errors={**google.ERRORS, "NOT_FOUND": Fault.TARGET},
    limits=(Limit("any", "destination", 50, timedelta(minutes=1)),),  # of the 60 that all apps of a room share
    sizes={"text": Size(4000), "fallbackText": Size(1000)},
    hears=Hears(way=lambda conf: told.ChatToken(conf.project), read=told.said, secrets="", answer=told.answer),
    answers=("ack", "note", "escalate", "resolve"),
    acks="card button",
)
