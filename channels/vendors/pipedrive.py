"""Pipedrive: an activity an alert, on an organization or a deal. https://developers.pipedrive.com/docs/api/v1/Activities"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.markup import short_html
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from channels.standing import listed, standing
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.vendors.pipedrive import API, LINKS, login, reason

ACTIVITIES = f"{API}/activities"


@dataclass(frozen=True, slots=True)
class PipedriveConf:
    base_url: str  # https://COMPANY.pipedrive.com
    token: str = field(repr=False)  # the API token of a user
    type: str = "task"  # what kind of activity it is


def activity(notice: Notice, conf: PipedriveConf) -> Request:
    note = f"{notice.about}<br>{short_html(notice.text, notice)}"
    return Request(ACTIVITIES, {"subject": notice.line, "type": conf.type, "note": note, "done": False, **link(notice)})


def link(notice: Notice) -> dict[str, int]:
    """What it is on: `deals/12` is {"deal_id": 12}."""
    kind, _, number = notice.to.partition("/")
    return {LINKS[kind]: int(number)}


def done(notice: Notice, *, over: bool) -> Request:
    return Request(f"{ACTIVITIES}/{notice.record['id']}", {"done": over}, method="PATCH")


def newest(notice: Notice, _conf: PipedriveConf) -> Request:
    linked = {name: str(number) for name, number in link(notice).items()}
    order = {"sort_by": "add_time", "sort_direction": "desc", "limit": "100"}
    return Request(ACTIVITIES, method="GET", params=linked | order)


def found(reply: Reply, notice: Notice) -> str:
    """The one whose note begins with our mark."""
    rows: list[Any] = reply.data.get("data") or [] if isinstance(reply.data, Mapping) else []
    return next((str(row["id"]) for row in rows if str(row.get("note")).partition("<br>")[0] == notice.about), "")


SERVICE = Service(
    name="pipedrive",
    title="Pipedrive",
    roles=frozenset({Role.RECORD}),
    docs="https://developers.pipedrive.com/docs/api/v1/Activities",
    conf=PipedriveConf,
    auth=lambda conf: login(conf.token),
    address=Address(
        re.compile(r"(organizations|deals)/\d{1,18}"), "is what it is about, like organizations/12 or deals/7"
    ),
    open=Call(activity, id="data.id"),
    reopen=Call(lambda notice, _: done(notice, over=False)),
    close=Call(lambda notice, _: done(notice, over=True)),
    find=Call(newest, id=found),
    asks=(
        standing(
            lambda waiting, _: Request(ACTIVITIES, method="GET", params={"ids": listed(waiting)}),
            lambda row, _conf, _waiting: "resolved" if row["done"] else "open",
            rows="data",
            by="marked_as_done_by",
        ),
    ),
    again=Again.LOOK_UP,
    reason=reason,
    sizes={"subject": Size(255)},
)
