"""Freshdesk: a ticket an alert. https://developers.freshdesk.com/api/#tickets"""

import re
from dataclasses import dataclass, field
from typing import Any

from channels.markup import short_html
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from channels.standing import standing, status
from deskbell.core.alert import Severity
from deskbell.core.heard import Waiting
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.vendors.freshdesk import API, PAGE_SIZE, RESOLVED, login, reason

TICKETS = f"{API}/tickets"
PRIORITIES = {Severity.P1: 4, Severity.P2: 3, Severity.P3: 2, Severity.P4: 1}
OPEN = 2
OVER = (RESOLVED, 5)


@dataclass(frozen=True, slots=True)
class FreshdeskConf:
    base_url: str  # https://DOMAIN.freshdesk.com
    key: str = field(repr=False)  # the API key of an agent
    requester: str  # an e-mail address: a ticket must be somebody's
    doing: int = OPEN  # the status of what somebody has
    done: int = RESOLVED  # the status of what is over
    web_url: str = ""  # where agents see tickets, if that is not base_url


def ticket(notice: Notice, conf: FreshdeskConf) -> Request:
    body = {
        "email": conf.requester,
        "subject": notice.line,
        "description": short_html(notice.text, notice),
        "status": OPEN,
        "priority": PRIORITIES[notice.severity],
        "source": 2,  # the portal: no mail is read for it
        "tags": ["deskbell", notice.about],
    }
    return Request(TICKETS, body | ({"group_id": int(notice.to)} if notice.to else {}))


def note(notice: Notice, _conf: FreshdeskConf) -> Request:
    body = {"body": short_html(notice.said, notice), "private": True}
    return Request(f"{TICKETS}/{notice.record['id']}/notes", body)


def put(notice: Notice, status: int) -> Request:
    return Request(f"{TICKETS}/{notice.record['id']}", {"status": status}, method="PUT")


def newest(notice: Notice, _conf: FreshdeskConf) -> Request:
    """The list knows a ticket at once, the search only minutes later."""
    since = {"updated_since": f"{notice.since:%Y-%m-%dT%H:%M:%SZ}"} if notice.since else {}
    order = {"order_by": "created_at", "order_type": "desc", "per_page": str(PAGE_SIZE)}
    return Request(TICKETS, method="GET", params=order | since)


def found(reply: Reply, notice: Notice) -> str:
    rows: list[Any] = reply.data if isinstance(reply.data, list) else [reply.data]
    return next(
        (str(row["id"]) for row in rows if isinstance(row, dict) and notice.about in (row.get("tags") or ())), ""
    )


def tagged(waiting: Waiting, _conf: FreshdeskConf) -> Request:
    """It has no way to ask for several tickets by name; its search knows what is over after some minutes."""
    since = f" AND updated_at:>'{waiting.since:%Y-%m-%d}'" if waiting.since else ""
    return Request(f"{API}/search/tickets", method="GET", params={"query": f"\"tag:'deskbell' AND status:>3{since}\""})


def doing(conf: FreshdeskConf) -> int:
    """What is open says nothing of whether somebody has it."""
    return conf.doing if conf.doing != OPEN else 0


def page(reply: Reply, notice: Notice) -> str:
    number = found(reply, notice)
    return f"/a/tickets/{number}" if number else ""


SERVICE = Service(
    name="freshdesk",
    title="Freshdesk",
    roles=frozenset({Role.RECORD}),
    docs="https://developers.freshdesk.com/api/#tickets",
    conf=FreshdeskConf,
    auth=lambda conf: login(conf.key),
    address=Address(re.compile(r"(\d{1,20})?"), "is the number of a group, or empty"),
    open=Call(ticket, id="id", url=page),
    note=Call(note),
    progress=Call(lambda notice, conf: put(notice, conf.doing)),
    reopen=Call(lambda notice, _: put(notice, OPEN)),
    close=Call(lambda notice, conf: put(notice, conf.done)),
    find=Call(newest, id=found, url=page),
    asks=(standing(tagged, lambda row, conf, _: status(row["status"], doing(conf), OVER), rows="results"),),
    again=Again.LOOK_UP,
    reason=reason,
    sizes={"subject": Size(255)},
)
