"""An incident as ServiceNow's Table API writes it, and the case that it is here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.records import CASE_DONE, Case, CaseStatus, Priority, Sla
from deskbell.net.auth import Auth, Basic, ClientCredentials, HeaderKey
from deskbell.net.egress import checked_base
from deskbell.vendors import servicenow as vendor
from pollers.conf import Writeback
from pollers.cursor import OVERLAP
from pollers.rows import ident, line, mapping, moment, number

COLUMNS = (
    "sys_id,number,short_description,state,hold_reason,priority,active,assigned_to,assignment_group,caller_id,"
    "escalation,opened_at,sys_created_on,sys_updated_on,sys_updated_by,sys_mod_count"
)


@dataclass(frozen=True, slots=True)
class ServiceNowConf:
    """Who we are: `user` and `password`, or `client_id` and `client_secret` (OAuth), or `api_key`.

    `query` narrows what is read: conditions joined by ^, like `assignment_groupIN<sys_id>,<sys_id>`. `user` is also how
    our own changes are told from others'. Give that user the time zone GMT and read access to every row of the query.
    """

    base_url: str
    user: str = ""
    password: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    name: str = "servicenow"
    title: str = "ServiceNow"
    web_url: str = ""
    table: str = "incident"
    query: str = ""
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=7)
    full_every: timedelta = timedelta(hours=6)
    page_size: int = 200
    max_pages: int = 20
    slas: bool = True
    escalated_from: int = 2  # of 1 Moderate, 2 High, 3 Overdue
    resolve_state: str = "6"
    close_code: str = "Solved (Permanently)"
    status_map: Mapping[str, CaseStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        vendor.terms(self.query)
        if not ((self.user and self.password) or (self.client_id and self.client_secret) or self.api_key):
            raise ValueError("give user and password, or client_id and client_secret, or api_key")


def auth_of(conf: ServiceNowConf) -> Auth:
    if conf.client_id:
        url = conf.base_url.rstrip("/") + vendor.TOKENS
        return ClientCredentials(url, conf.client_id, conf.client_secret)
    return HeaderKey("x-sn-apikey", conf.api_key) if conf.api_key else Basic(conf.user, conf.password)


def always_others(_record_id: str, changed_at: datetime, *, ours: bool | None = None) -> datetime:  # noqa: ARG001
    return changed_at


@dataclass(frozen=True, slots=True)
class Book:
    """What a row does not say itself: names, service clocks, and whether its last change was ours."""

    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    slas: Mapping[str, tuple[Sla, ...]] = field(default_factory=dict)
    activity: Callable[..., datetime] = always_others


def to_record(raw: Any, conf: ServiceNowConf, book: Book) -> Case:
    """An incident as a case. Whatever its fields hold, only a row without a sys_id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(vendor.ref(row.get("sys_id")), "sys_id")
    state = line(row.get("state"), 50)
    agent, group_id = (line(vendor.ref(row.get(name)), 100) for name in ("assigned_to", "assignment_group"))
    group = line(book.groups.get(group_id, ""), 200)
    level = number(row.get("escalation")) or 0
    status = status_of(state, row, conf)
    updated = moment(row.get("sys_updated_on"))
    return Case(
        source=conf.name,
        id=record_id,
        number=line(row.get("number"), 100) or record_id,
        status=status,
        status_raw=vendor.STATE_NAMES.get(state, state),
        subject=line(row.get("short_description")),
        requester=line(book.users.get(vendor.ref(row.get("caller_id")), ""), 200),
        team=conf.teams.get(group) or conf.teams.get(group_id) or conf.team,
        zone=conf.zone,
        assignee=line(book.users.get(agent, ""), 200),
        assignee_id=agent,
        group=group,
        group_id=group_id,
        priority=vendor.PRIORITIES.get(line(row.get("priority"), 10), Priority.NORMAL),
        escalated=level >= conf.escalated_from,
        escalation_level=min(max(level, 0), 9) if level >= conf.escalated_from else 0,
        slas=_slas(book.slas.get(record_id, ()), done=status in CASE_DONE),
        created_at=moment(row.get("opened_at")) or moment(row.get("sys_created_on")),
        last_activity_at=book.activity(record_id, updated, ours=by_us(row, conf)) if updated else None,
        updated_at=updated,
        url=f"{(conf.web_url or conf.base_url).rstrip('/')}/{conf.table}.do?sys_id={quote(record_id, safe='')}",
    )


def unmapped(raw: Any, case: Case) -> list[tuple[str, str]]:
    """What of the row no map knows."""
    found = [("state", case.status_raw)] if case.status is CaseStatus.UNKNOWN else []
    priority = line(raw.get("priority"), 10)
    return found if priority in vendor.PRIORITIES or not priority else [*found, ("priority", priority)]


def status_of(state: str, row: Mapping[str, Any], conf: ServiceNowConf) -> CaseStatus:
    if state in conf.status_map:
        return CaseStatus(conf.status_map[state])
    if state == vendor.ON_HOLD and line(row.get("hold_reason"), 10) == vendor.AWAITING_CALLER:
        return CaseStatus.WAITING
    return vendor.STATES.get(state, CaseStatus.UNKNOWN)


def _slas(clocks: tuple[Sla, ...], *, done: bool) -> tuple[Sla, ...]:
    """A job of the vendor's stops the clocks of a resolved incident some minutes later; here they stop at once."""
    return tuple(replace(sla, met=True) for sla in clocks) if done else clocks


def by_us(row: Mapping[str, Any], conf: ServiceNowConf) -> bool | None:
    by = line(row.get("sys_updated_by"), 100)
    return by == conf.user if conf.user and by else None
