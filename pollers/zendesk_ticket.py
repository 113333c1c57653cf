"""A ticket as Zendesk's API writes it, and the case that it is here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.records import (
    CASE_CLOCK_STOPPED,
    CASE_DONE,
    Case,
    CaseStatus,
    Happening,
    HappeningKind,
    Priority,
    Sla,
)
from deskbell.net.egress import checked_base
from deskbell.vendors import zendesk as vendor
from pollers import happenings
from pollers.conf import Writeback
from pollers.cursor import OVERLAP
from pollers.rows import flag, ident, line, mapping, moment


@dataclass(frozen=True, slots=True)
class ZendeskConf:
    """Who we are: `user` and `token` (an API token of an admin), or `client_id` and `client_secret` (OAuth).

    `status_map` holds names of custom statuses, as agents see them, or their ids -> a CaseStatus.
    """

    base_url: str
    user: str = ""  # the e-mail address that the API token belongs to
    token: str = field(default="", repr=False)  # the API token
    client_id: str = ""  # instead of user and token: an OAuth client with the scopes read and write
    client_secret: str = field(default="", repr=False)  # its secret
    name: str = "zendesk"
    title: str = "Zendesk"
    web_url: str = ""
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP  # how far back reading begins again when Zendesk has forgotten our place
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=24)
    page_size: int = (
        100  # 1000 at most; a page costs one of the 10 exports of a minute, and a call for each open ticket
    )
    max_pages: int = 4
    comments_within: timedelta = timedelta(days=7)  # of tickets that changed within, comments are read; 0 for none
    escalated_tags: tuple[str, ...] = ("escalated",)  # a ticket with one of these tags counts as escalated
    status_map: Mapping[str, CaseStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        if not ((self.user and self.token) or (self.client_id and self.client_secret)):
            raise ValueError("give user and token, or client_id and client_secret")
        if not 1 <= self.page_size <= vendor.MOST_PER_PAGE:
            raise ValueError(f"page_size must be from 1 to {vendor.MOST_PER_PAGE}")


def same_activity(_record_id: str, changed_at: datetime) -> datetime:
    return changed_at


@dataclass(frozen=True, slots=True)
class Book:
    """What a ticket does not say itself. `clocks` holds rows of `slas`, `comments` rows of comments, by ticket id."""

    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    clocks: Mapping[str, Any] = field(default_factory=dict)
    comments: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    activity: Callable[[str, datetime], datetime] = same_activity

    def user(self, user_id: str, name: str) -> str:
        return line(self.users.get(user_id, {}).get(name), 200)


def to_record(raw: Any, conf: ZendeskConf, book: Book) -> Case:
    """A ticket as a case. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("id"))
    status, status_raw = _status(row, conf, book)
    group_id, agent_id, customer_id = (line(row.get(name), 100) for name in ("group_id", "assignee_id", "requester_id"))
    group = line(book.groups.get(group_id, ""), 200)
    created, updated = moment(row.get("created_at")), moment(row.get("updated_at"))
    escalated = _escalated(row, conf)
    return Case(
        source=conf.name,
        id=record_id,
        number=record_id,
        status=status,
        status_raw=status_raw,
        subject=line(row.get("raw_subject") or row.get("subject")),
        requester=book.user(customer_id, "name"),
        requester_id=customer_id,
        contact=book.user(customer_id, "email") or book.user(customer_id, "phone"),
        team=conf.teams.get(group) or conf.teams.get(group_id) or conf.team,
        zone=conf.zone,
        assignee=book.user(agent_id, "name"),
        assignee_id=agent_id,
        group=group,
        group_id=group_id,
        priority=_priority(row) or Priority.NORMAL,
        escalated=escalated,
        escalation_level=int(escalated),
        slas=_slas(book.clocks.get(record_id), status, created),
        created_at=created,
        last_activity_at=book.activity(record_id, updated) if updated else None,
        updated_at=updated,
        url=f"{conf.web_url or vendor.site_of(conf.base_url)}/agent/tickets/{quote(record_id, safe='')}",
        account_id=line(row.get("organization_id"), 100),
        happenings=happenings.newest(_happenings(book.comments.get(record_id, ()), customer_id, book)),
    )


def unmapped(raw: Any, case: Case) -> list[tuple[str, str]]:
    """What of the row no map knows."""
    found = [("status", case.status_raw)] if case.status is CaseStatus.UNKNOWN else []
    priority = line(raw.get("priority"), 100)
    return [*found, ("priority", priority)] if priority and _priority(raw) is None else found


def _status(row: Mapping[str, Any], conf: ZendeskConf, book: Book) -> tuple[CaseStatus, str]:
    word, custom = line(row.get("status"), 100), line(row.get("custom_status_id"), 100)
    label = line(book.statuses.get(custom, ""), 100)
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    mapped = ours.get(label.lower()) or ours.get(custom) or ours.get(word)
    status = CaseStatus(mapped) if mapped else vendor.STATUSES.get(word, CaseStatus.UNKNOWN)
    return status, label or word


def _priority(row: Mapping[str, Any]) -> Priority | None:
    return vendor.PRIORITIES.get(line(row.get("priority"), 20).lower())


def _escalated(row: Mapping[str, Any], conf: ZendeskConf) -> bool:
    tags = row.get("tags")
    return isinstance(tags, list) and any(tag in conf.escalated_tags for tag in tags if isinstance(tag, str))


def _slas(clocks: Any, status: CaseStatus, created: datetime | None) -> tuple[Sla, ...]:
    """One clock of each kind: the first to run out of those that run. Zendesk tells no time for one that is paused."""
    rows = clocks.get("policy_metrics") if isinstance(clocks, Mapping) else None
    found: dict[str, Sla] = {}
    for sla in _each_sla(rows if isinstance(rows, list) else [], status, created):
        held = found.get(sla.metric)
        if held is None or (held.met, held.due_at) > (sla.met, sla.due_at):
            found[sla.metric] = sla
    return tuple(found[metric] for metric in sorted(found))


def _each_sla(rows: Sequence[Any], status: CaseStatus, created: datetime | None) -> Iterator[Sla]:
    done, stopped = status in CASE_DONE, status in CASE_CLOCK_STOPPED - CASE_DONE
    for row in rows:
        metric = vendor.METRICS.get(line(row.get("metric"), 50)) if isinstance(row, Mapping) else None
        due = moment(row.get("breach_at")) if metric else None
        if metric and due is not None:
            stage = line(row.get("stage"), 50).lower()
            paused = stage == vendor.SLA_PAUSED or (stopped and metric == "resolution")
            yield Sla(metric, due, done or stage in vendor.SLA_MET, paused, created)


def _happenings(rows: Sequence[Any], customer_id: str, book: Book) -> Iterator[Happening]:
    for row in rows:
        if not isinstance(row, Mapping) or happenings.ours(row.get("plain_body") or row.get("body")):
            continue
        at, comment_id = moment(row.get("created_at")), line(row.get("id"), 100)
        if at is not None and comment_id:
            yield from _told(row, comment_id, at, customer_id, book)


def _told(row: Mapping[str, Any], comment_id: str, at: datetime, customer_id: str, book: Book) -> Iterator[Happening]:
    author_id, public = line(row.get("author_id"), 100), flag(row.get("public"))
    author, role = book.user(author_id, "name"), book.user(author_id, "role")
    theirs = role == "end-user" or (not role and author_id == customer_id)
    kind = HappeningKind.CUSTOMER_REPLY if theirs else HappeningKind.REPLY if public else HappeningKind.NOTE
    text = happenings.hint(row.get("plain_body") or row.get("body"))
    yield Happening(kind, comment_id, at, author, author_id, not public, text)
    attached = row.get("attachments")
    for one in attached if isinstance(attached, list) else []:
        if isinstance(one, Mapping) and (name := line(one.get("file_name"), 200)) and not flag(one.get("inline")):
            file_id = line(one.get("id"), 100) or f"{comment_id}/{name}"
            yield Happening(HappeningKind.DOCUMENT, file_id, at, author, author_id, not public, name=name)
