"""Apprise, for whatever has no file of its own here: ntfy, Gotify, Matrix ... https://github.com/caronc/apprise"""

import re
from dataclasses import dataclass
from datetime import timedelta

from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.apprise import Apprise
from deskbell.net.auth import InRequest


@dataclass(frozen=True, slots=True)
class AppriseConf:
    """It has no settings: all of them stand in a destination's address."""


def tell(notice: Notice, _conf: AppriseConf) -> Request:
    return Request("", {"to": notice.to, "title": notice.title, "body": notice.text})


SERVICE = Service(
    name="apprise",
    title="Apprise",
    roles=frozenset({Role.NOTIFY}),
    docs="https://github.com/caronc/apprise/wiki",
    conf=AppriseConf,
    auth=lambda _conf: InRequest(""),
    address=Address(
        re.compile(r"[a-z][a-z0-9+]*://\S+"), "is an address as Apprise has them, like ntfy://topic", secret=True
    ),
    base=lambda _conf, _to: "",
    transport=Apprise,
    send=Call(tell, plain=True),
    again=Again.NEITHER,
    limits=(Limit("post", "account", 1, timedelta(seconds=1)),),
    sizes={"title": Size(250), "body": Size(4000)},
)
