"""Google Chat by a room's webhook: one way. https://developers.google.com/workspace/chat/quickstart/webhooks"""

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from channels import google
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.auth import InRequest


@dataclass(frozen=True, slots=True)
class GoogleChatConf:
    base_url: str = "https://chat.googleapis.com"


def message(notice: Notice, _conf: GoogleChatConf) -> Request:
    url = urlsplit(notice.to)
    return google.post(notice, url.path, dict(parse_qsl(url.query)), text=google.chat_text(notice.text))


SERVICE = Service(
    name="google_chat",
    title="Google Chat (webhook)",
    roles=frozenset({Role.NOTIFY}),
    docs="https://developers.google.com/workspace/chat/quickstart/webhooks",
    conf=GoogleChatConf,
    auth=lambda _conf: InRequest(""),
    address=Address(
        re.compile(r"https://chat\.googleapis\.com/v1/spaces/[\w-]+/messages\?\S+"),
        "is the address of a room's webhook, best by reference: env:NAME or file:/path",
        secret=True,
    ),
    send=Call(message, id="name"),
    again=Again.KEY,
    code=google.code,
    reason=google.reason,
    errors={**google.ERRORS, "UNAUTHENTICATED": Fault.CONFIG},  # each room has its own key: the others go on
    limits=(Limit("post", "destination", 50, timedelta(minutes=1)),),  # of the 60 that all apps of a room share
    sizes={"text": Size(4000)},
)
