"""Pushover: P1 rings until somebody acknowledges it there. https://pushover.net/api"""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels.service import Address, Again, Ask, Call, Notice, Request, Role, Service, at
from deskbell.core.alert import Severity
from deskbell.core.heard import Heard, Rank, Receipt, Tap, Waiting
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import InRequest
from deskbell.net.inbound import InPath
from deskbell.vendors.hears import Hears

RECEIPT = re.compile(r"\w{30}")
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
        form |= {"callback": notice.hook} if notice.hook else {}
    if url := notice.link or notice.url:
        form |= {"url": url, "url_title": f"Open {notice.ref}"}
    return Request("/1/messages.json", form=form)


def answered(reply: Reply, waiting: Waiting, _conf: PushoverConf) -> list[Heard]:
    """https://pushover.net/api/receipts"""
    (ident,) = waiting.ids
    told: list[Heard] = [Receipt(ident, Rank.DELIVERED)] if int(reply.data["last_delivered_at"]) else []
    if int(reply.data["acknowledged"]):
        told.append(Tap("ack", ident, str(reply.data["acknowledged_by"]), f"{ident}:ack"))
    return told


SERVICE = Service(
    name="pushover",
    title="Pushover",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://pushover.net/api",
    conf=PushoverConf,
    auth=lambda conf: InRequest(conf.token),
    address=Address(re.compile(r"(\w{30})?"), "is the key of a user or group: 30 letters and digits", secret=True),
    send=Call(message, id=lambda reply, _: at("receipt")(reply) or at("request")(reply)),
    hush=Call(
        lambda notice, conf: Request(f"/1/receipts/{notice.record['id']}/cancel.json", form={"token": conf.token})
    ),
    rings=lambda ident: RECEIPT.fullmatch(ident) is not None,
    hears=Hears(way=lambda _conf: InPath(), words=False),  # it proves nothing: we look ourselves
    asks=(
        Ask(
            of="answers",
            build=lambda waiting, conf: Request(
                f"/1/receipts/{waiting.ids[0]}.json", method="GET", params={"token": conf.token}
            ),
            read=answered,
            fits=lambda ident: RECEIPT.fullmatch(ident) is not None,
        ),
    ),
    again=Again.NEITHER,
    reason=at("errors.0"),
    code=lambda reply: "refused" if reply.ok and at("status")(reply) != "1" else "",
    errors={"refused": Fault.PAYLOAD, "429": Fault.CONFIG},  # 429: the month's quota is used up
    limits=(Limit("post", "account", 2, timedelta(seconds=1)),),
    sizes={"message": Size(1024), "title": Size(250), "url": Size(512), "url_title": Size(100)},
    acks="receipt",
    receipts="poll or callback",
)
