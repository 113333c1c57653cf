"""A ticket as Freshdesk's API writes it, what was said in it, and the case that both are here."""

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
from deskbell.vendors import freshdesk as vendor
from pollers import happenings
from pollers.conf import Writeback
from pollers.cursor import OVERLAP
from pollers.happenings import Requests
from pollers.rows import child, flag, ident, line, mapping, moment, number


@dataclass(frozen=True, slots=True)
class FreshdeskConf:
    """`include` costs 2 calls of the account's minute each; without `stats` only a missed first response is seen.

    `status_map` holds codes or labels of custom statuses -> a CaseStatus; `teams` group names or ids -> our teams.
    """

    base_url: str
    key: str = field(repr=False)
    name: str = "freshdesk"
    title: str = "Freshdesk"
    web_url: str = ""
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    bins_every: timedelta = timedelta(minutes=1)  # how often deleted tickets and spam are asked for; two calls
    page_size: int = vendor.PAGE_SIZE
    max_pages: int = 20
    include: tuple[str, ...] = ("requester", "stats")
    conversations: bool = True  # notes, replies and documents are read, one call for each ticket that changed
    conversations_within: timedelta = timedelta(days=7)  # of resolved and closed tickets: those that changed within
    documents: Requests = field(default_factory=Requests)
    share: float = 0.5  # of the account's calls a minute is ours; reading waits when it is used up
    status_map: Mapping[str, CaseStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        if not 1 <= self.page_size <= vendor.PAGE_SIZE:
            raise ValueError(f"page_size must be from 1 to {vendor.PAGE_SIZE}")
        if not 0 < self.share <= 1:
            raise ValueError("share must be a part of the calls, above 0 and up to 1")
        if unknown := sorted(set(self.include) - vendor.INCLUDES):
            raise ValueError(f"include: Freshdesk's list has no {', '.join(unknown)}")


def same_activity(_record_id: str, changed_at: datetime) -> datetime:
    return changed_at


@dataclass(frozen=True, slots=True)
class Book:
    """What a row does not say itself: names, labels, what was said in it, and whether its last change was ours."""

    agents: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, tuple[Happening, ...]] = field(default_factory=dict)
    activity: Callable[[str, datetime], datetime] = same_activity


def to_record(raw: Any, conf: FreshdeskConf, book: Book) -> Case:
    """A ticket as a case. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("id"))
    code = line(row.get("status"))
    status = _status(code, row, conf, book)
    group_id, agent_id = line(row.get("group_id")), line(row.get("responder_id"))
    group = line(book.groups.get(group_id, ""), 200)
    updated = moment(row.get("updated_at"))
    requester = child(row, "requester")
    return Case(
        source=conf.name,
        id=record_id,
        number=record_id,
        status=status,
        status_raw=line(book.statuses.get(code) or vendor.STATUS_NAMES.get(code) or code, 100),
        subject=line(row.get("subject")),
        requester=line(requester.get("name"), 200),
        requester_id=line(row.get("requester_id"), 100),
        contact=next((text for name in _REACHED_BY if (text := line(requester.get(name), 200))), ""),
        account_id=line(row.get("company_id"), 100),
        team=conf.teams.get(group) or conf.teams.get(group_id) or conf.team,
        zone=conf.zone,
        assignee=line(book.agents.get(agent_id, ""), 200),
        assignee_id=agent_id,
        group=group,
        group_id=group_id,
        priority=_priority(row) or Priority.NORMAL,
        escalated=flag(row.get("is_escalated")),
        escalation_level=int(flag(row.get("is_escalated"))),
        slas=_slas(row, status),
        created_at=moment(row.get("created_at")),
        last_activity_at=book.activity(record_id, updated) if updated else None,
        status_since=moment(child(row, "stats").get("status_updated_at")),
        updated_at=updated,
        url=f"{conf.web_url or vendor.site_of(conf.base_url)}/a/tickets/{quote(record_id, safe='')}",
        happenings=book.told.get(record_id, ()),
    )


_REACHED_BY = ("email", "phone", "mobile")


def unmapped(raw: Any, case: Case) -> list[tuple[str, str]]:
    """What of the row no map knows."""
    found = [("status", case.status_raw)] if case.status is CaseStatus.UNKNOWN else []
    if _priority(raw) is None:
        found.append(("priority", line(raw.get("priority"), 100)))
    return found


def thrown_away(raw: Mapping[str, Any]) -> bool:
    return flag(raw.get("deleted")) or flag(raw.get("spam"))


def mapped_status(code: str, label: str, conf: FreshdeskConf) -> CaseStatus:
    """What a status counts as: by the configuration, else as one of Freshdesk's own."""
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    mapped = ours.get(code) or ours.get(label.lower())
    return CaseStatus(mapped) if mapped else vendor.STATUSES.get(code, CaseStatus.UNKNOWN)


def _status(code: str, row: Mapping[str, Any], conf: FreshdeskConf, book: Book) -> CaseStatus:
    return CaseStatus.CLOSED if thrown_away(row) else mapped_status(code, book.statuses.get(code, ""), conf)


def _priority(row: Mapping[str, Any]) -> Priority | None:
    return vendor.PRIORITIES.get(number(row.get("priority")) or 0)


def _slas(row: Mapping[str, Any], status: CaseStatus) -> tuple[Sla, ...]:
    """Null means "not worked out yet", not "none"; a later reading brings it."""
    paused = status in CASE_CLOCK_STOPPED - CASE_DONE
    done = status in CASE_DONE
    started = moment(row.get("created_at"))
    met = {"first_response": done or _answered(row), "next_reply": done or _replied(row), "resolution": done}
    due = {"first_response": "fr_due_by", "next_reply": "nr_due_by", "resolution": "due_by"}
    found = ((metric, moment(row.get(name))) for metric, name in due.items())
    return tuple(Sla(metric, at, met[metric], paused, started) for metric, at in found if at is not None)


def _answered(row: Mapping[str, Any]) -> bool:
    """Without stats the only sign of a first response still owed is that Freshdesk itself says it is late."""
    if not isinstance(row.get("stats"), Mapping):
        return not flag(row.get("fr_escalated"))
    return moment(child(row, "stats").get("first_responded_at")) is not None


def _replied(row: Mapping[str, Any]) -> bool:
    """Whether an agent wrote after the customer did last."""
    stats = child(row, "stats")
    ours, theirs = (moment(stats.get(f"{who}_responded_at")) for who in ("agent", "requester"))
    return ours is not None and (theirs is None or theirs <= ours)


# ---------------------------------------------------------------- what was said


def told_in(
    rows: Sequence[Any], ticket: Mapping[str, Any], conf: FreshdeskConf, agents: Mapping[str, str]
) -> tuple[Happening, ...]:
    """The conversations of a ticket as happenings, our own notes left out. Whatever they hold, nothing raises."""
    return happenings.newest(_happenings(rows, ticket, conf, agents))


def _happenings(
    rows: Sequence[Any], ticket: Mapping[str, Any], conf: FreshdeskConf, agents: Mapping[str, str]
) -> Iterator[Happening]:
    for row in rows:
        if not isinstance(row, Mapping) or happenings.ours(_text(row)):
            continue
        at, row_id = moment(row.get("created_at")), line(row.get("id"), 100)
        if at is not None and row_id:
            yield from _told(row, row_id, at, ticket, conf, agents)


def _told(
    row: Mapping[str, Any],
    row_id: str,
    at: datetime,
    ticket: Mapping[str, Any],
    conf: FreshdeskConf,
    agents: Mapping[str, str],
) -> Iterator[Happening]:
    author_id, private, text = line(row.get("user_id"), 100), flag(row.get("private")), _text(row)
    customer = line(ticket.get("requester_id"), 100)
    theirs = author_id not in agents and (flag(row.get("incoming")) or (bool(author_id) and author_id == customer))
    name = child(ticket, "requester").get("name") if author_id == customer else ""
    author = line(agents.get(author_id) or name, 200)
    kind = _kind(row, theirs=theirs, private=private)
    yield Happening(kind, row_id, at, author, author_id, private, happenings.hint(text))
    if not theirs and (due := conf.documents.asked(text, at)):
        yield Happening(HappeningKind.DOCUMENT_REQUEST, row_id, at, author, author_id, private, due_at=due)
    attached = row.get("attachments")
    for one in attached if isinstance(attached, list) else []:
        if isinstance(one, Mapping) and (file := line(one.get("name"), 200)):
            file_id = line(one.get("id"), 100) or f"{row_id}/{file}"
            yield Happening(HappeningKind.DOCUMENT, file_id, at, author, author_id, private, name=file)


def _kind(row: Mapping[str, Any], *, theirs: bool, private: bool) -> HappeningKind:
    source = number(row.get("source"))
    if source in vendor.NOT_SAID_TO_US:
        return HappeningKind.NOTE
    if theirs and not private:
        return HappeningKind.CUSTOMER_REPLY
    return HappeningKind.NOTE if private else HappeningKind.REPLY


def _text(row: Mapping[str, Any]) -> str:
    text = row.get("body_text")
    return text if isinstance(text, str) and text else happenings.plain(row.get("body"))
