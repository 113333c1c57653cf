"""Pushover: P1 rings until somebody acknowledges it there. https://pushover.net/api"""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels.service import Address, Again, Call, Notice, Request, Role, Service, at
from deskbell.core.alert import Severity
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.auth import InRequest

PRIORITIES = {Severity.P1: "2", Severity.P2: "1", Severity.P3: "0", Severity.P4: "-1"}


@dataclass(frozen=True, slots=True)
class PushoverConf:
    token: str = field(repr=False)  # of the application
    retry_s: int = 60  # how often a P1 rings anew; 30 or more
    expire_s: int = 3600  # for how long; 10800 or less
    base_url: str = "https://api.pushover.net"


def message(notice: Notice, conf: PushoverConf) -> Request:
    form = {
        "token": conf.token,
        "user": notice.to,
        "title": notice.title,
        "message": notice.text,
        "priority": PRIORITIES[notice.severity],
    }
    if notice.severity is Severity.P1:
        form |= {"retry": str(conf.retry_s), "expire": str(conf.expire_s)}
    if url := notice.link or notice.url:
        form |= {"url": url, "url_title": f"Open {notice.ref}"}
    return Request("/1/messages.json", form=form)


SERVICE = Service(
    name="pushover",
    title="Pushover",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://pushover.net/api",
    conf=PushoverConf,
    auth=lambda conf: InRequest(conf.token),
    address=Address(re.compile(r"(\w{30})?"), "is the key of a user or group: 30 letters and digits", secret=True),
    send=Call(message, id=lambda reply, _: at("receipt")(reply) or at("request")(reply)),
    again=Again.NEITHER,
    reason=at("errors.0"),
    code=lambda reply: "refused" if reply.ok and at("status")(reply) != "1" else "",
    errors={"refused": Fault.PAYLOAD, "429": Fault.CONFIG},  # 429: the month's quota is used up
    limits=(Limit("post", "account", 2, timedelta(seconds=1)),),
    sizes={"message": Size(1024), "title": Size(250), "url": Size(512), "url_title": Size(100)},
    acks="receipt",
    receipts="poll or callback",
)
