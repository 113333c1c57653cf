"""Pusher Channels: to a page that is open just now. https://pusher.com/docs/channels/library_auth_reference/rest-api/"""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, Unit, fit
from deskbell.net.auth import PusherKey

SUMMARY = Size(1500, Unit.BYTES)  # 10 kB is all that an event may have, and JSON makes it up to three times as long


@dataclass(frozen=True, slots=True)
class PusherConf:
    app: str  # the app's id
    key: str  # the app's key
    secret: str = field(repr=False)  # its secret
    cluster: str  # eu, mt1 ...
    event: str = "alert"  # what the page listens for
    base_url: str = ""  # where it is called instead of its cluster


def event(notice: Notice, conf: PusherConf) -> Request:
    names = ("key", "ref", "title", "url", "link")
    data = {name: getattr(notice, name) for name in names} | {"severity": str(notice.severity)}
    data["summary"] = fit(notice.summary, SUMMARY, (notice.ref,))
    return Request(f"/apps/{conf.app}/events", {"name": conf.event, "channels": [notice.to], "data": json.dumps(data)})


SERVICE = Service(
    name="pusher",
    title="Pusher Channels",
    roles=frozenset({Role.NOTIFY}),
    docs="https://pusher.com/docs/channels/library_auth_reference/rest-api/",
    conf=PusherConf,
    auth=lambda conf: PusherKey(conf.key, conf.secret),
    address=Address(re.compile(r"[-\w=@,.;]{1,164}"), "is a channel's name: letters, digits and -_=@,.;"),
    base=lambda conf, _: conf.base_url or f"https://api-{conf.cluster}.pusher.com",
    send=Call(event, plain=True),
    again=Again.NEITHER,
    reason=lambda reply: reply.text,
    errors={"403": Fault.CONFIG, "404": Fault.CONFIG, "413": Fault.PAYLOAD},  # 403: switched off, or the quota is used
    limits=(Limit("post", "account", 10, timedelta(seconds=1)),),
)
