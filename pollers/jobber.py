"""Jobber as a source of visits. https://developer.getjobber.com/docs/

What it hides: there is no list of changes and no cancelled visit, so that the window is read whole; a visit is called
late or active by the clock alone; a query costs points, and one that costs too many is refused with a 200.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Visit, VisitStatus
from deskbell.net.answers import Reply
from deskbell.net.auth import RefreshToken
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from deskbell.net.tokens import can_keep
from pollers import checks, snapshot
from pollers.conf import Writeback
from pollers.cursor import OVERLAP, Fetched, Row
from pollers.rows import as_row, child, ident, line, mapping, moment, note_text, version
from pollers.scheduler import Scheduler, Words

BASE = "https://api.getjobber.com"
TOKEN = "https://api.getjobber.com/api/oauth/token"  # noqa: S105 - an address
VERSION = "2026-04-16"  # of the schema; https://developer.getjobber.com/docs/using_jobbers_api/api_versioning
_PATH = "/api/graphql"
_PATIENCE = 5  # refusals for want of points in one poll
_LONGEST_WAIT = 20.0  # seconds for points; the bucket fills within 20
_NOTES = 50
_MOST_PER_PAGE = 100

_TIMES = "timeSheetEntries(first: 5) { nodes { startAt endAt ticking } }"
_VISIT = """id title startAt endAt allDay visitStatus completedAt
  assignedUsers(first: 5) { nodes { id name { full } email { raw } } }
  client { id name } property { address { street city } } job { id jobNumber } %s"""
_VISITS = "query($first: Int!, $after: String, $filter: VisitFilterAttributes) {\
 visits(first: $first, after: $after, filter: $filter) { nodes { %s } pageInfo { hasNextPage endCursor } } }"
_ONE = "query($id: EncodedId!) { visit(id: $id) { %s } }"
_JOB_NOTES = "query($id: EncodedId!, $first: Int!) {\
 job(id: $id) { notes(first: $first) { nodes { ... on JobNote { id message } } } } }"
_ACCOUNT = "query { account { id name } }"
_WRONG = "userErrors { message path }"
_ADD_NOTE = f"mutation($id: EncodedId!, $input: JobCreateNoteInput!) {{\
 jobCreateNote(jobId: $id, input: $input) {{ jobNote {{ id }} {_WRONG} }} }}"
_ASSIGN = f"mutation($id: EncodedId!, $input: VisitEditAssignedUsersInput!) {{\
 visitEditAssignedUsers(visitId: $id, input: $input) {{ visit {{ id }} {_WRONG} }} }}"
_COMPLETE = f"mutation($id: EncodedId!) {{ visitComplete(visitId: $id) {{ visit {{ id }} {_WRONG} }} }}"
_ID = re.compile(r"[A-Za-z0-9+/=_-]{4,100}")

# https://developer.getjobber.com/docs/: VisitStatusTypeEnum. All but the first two are what the clock makes of a visit.
STATUSES: Mapping[str, VisitStatus] = {
    "COMPLETED": VisitStatus.COMPLETED,
    "UNSCHEDULED": VisitStatus.UNSCHEDULED,
    "UPCOMING": VisitStatus.SCHEDULED,
    "TODAY": VisitStatus.SCHEDULED,
    "ACTIVE": VisitStatus.SCHEDULED,
    "LATE": VisitStatus.SCHEDULED,
}


@dataclass(frozen=True, slots=True)
class JobberConf:
    """Visits of an account that has allowed our app. Jobber gives a new refresh token with each use: the newest is kept
    in `token_file`, for which Deskbell needs the right to write; `refresh_token` is the first one.
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_file: str = "jobber-token"  # noqa: S105 - a file's name
    base_url: str = BASE
    token_url: str = TOKEN
    version: str = VERSION  # of Jobber's schema
    name: str = "jobber"
    title: str = "Jobber"
    interval: timedelta = timedelta(minutes=2)
    overlap: timedelta = OVERLAP
    window_back: timedelta = timedelta(days=1)
    window_ahead: timedelta = timedelta(days=14)
    time_sheets: bool = True  # a running time sheet is the only sign of an arrival; it makes a query dearer
    page_size: int = 40
    max_pages: int = 50
    status_map: Mapping[str, VisitStatus] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    web_url: str = "https://secure.getjobber.com"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    tells_travel: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        checked_base(self.token_url, allow_http=self.allow_http)
        if not 1 <= self.page_size <= _MOST_PER_PAGE:
            raise ValueError(f"page_size: from 1 to {_MOST_PER_PAGE}")


def to_record(raw: Any, conf: JobberConf) -> Visit:
    """A visit. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("id"))
    crew, job = _nodes(row, "assignedUsers"), child(row, "job")
    first = crew[0] if crew else {}
    address = child(child(row, "property"), "address")
    place = (line(address.get(name), 150) for name in ("street", "city"))
    arrived = _arrived(row)
    status = _status(row, conf)
    on_site = arrived is not None and status is VisitStatus.SCHEDULED
    number = line(job.get("jobNumber"), 100)
    return Visit(
        source=conf.name,
        id=record_id,
        number=f"#{number}" if number else record_id,
        status=VisitStatus.ON_SITE if on_site else status,
        status_raw=line(row.get("visitStatus"), 100),
        title=line(row.get("title")),
        customer=line(child(row, "client").get("name"), 200),
        site=", ".join(filter(None, place)),
        zone=conf.zone,
        team=conf.team,
        technician=", ".join(filter(None, (line(child(one, "name").get("full"), 80) for one in crew)))[:200],
        technician_id=line(first.get("id"), 100),
        technician_email=line(child(first, "email").get("raw"), 200),
        start=moment(row.get("startAt")),
        end=moment(row.get("endAt")),
        arrived_at=arrived,
        completed_at=moment(row.get("completedAt")),
        account_id=line(child(row, "client").get("id"), 100),
        url=f"{conf.web_url}/work_orders/{number}" if number.isdigit() else "",
    )


def _status(row: Mapping[str, Any], conf: JobberConf) -> VisitStatus:
    said = line(row.get("visitStatus"), 100).upper()
    ours = {key.upper(): value for key, value in conf.status_map.items()}
    return VisitStatus(ours.get(said) or STATUSES.get(said, VisitStatus.UNKNOWN))


def _arrived(row: Mapping[str, Any]) -> datetime | None:
    begun = (moment(one.get("startAt")) for one in _nodes(row, "timeSheetEntries"))
    return min((at for at in begun if at is not None), default=None)


def _nodes(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    nodes = child(row, name).get("nodes")
    return [one for one in nodes if isinstance(one, Mapping)] if isinstance(nodes, list) else []


class Jobber(Scheduler[JobberConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        self.pause: Callable[[float], Any] = asyncio.sleep
        self._visit = _VISIT % (_TIMES if conf.time_sheets else "")
        auth = RefreshToken(
            conf.token_url, conf.client_id, conf.client_secret, conf.refresh_token, kept_in=conf.token_file
        )
        headers = {"X-JOBBER-GRAPHQL-VERSION": conf.version}
        return Http(conf.title, conf.base_url, auth, allow_http=conf.allow_http, headers=headers)

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        mark = snapshot.mark_of(conf.status_map, conf.team, conf.zone, conf.time_sheets)
        window = self.whole(_Walk(self, now).page, now - conf.window_back, now + conf.window_ahead, mark)
        return snapshot.pages(cursor, conf.name, window, now)

    async def missing(self, ids: Sequence[str]) -> list[str]:  # noqa: ARG002 - reading the window whole tells
        return []

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        if not _ID.fullmatch(record_id):
            return None
        reply = await self.ask(_ONE % self._visit, {"id": record_id}, missing_ok=True)
        return child(reply.data["data"], "visit") or None

    async def look(self, ids: Sequence[str]) -> Mapping[str, Row | None]:
        raws = {one: await self.one(one) for one in ids}
        return {one: None if raw is None else row(raw) for one, raw in raws.items()}

    def record_of(self, raw: Any, book: Any) -> tuple[Visit, Words]:  # noqa: ARG002
        visit = to_record(raw, self.conf)
        return visit, [("visitStatus", visit.status_raw)] if visit.status is VisitStatus.UNKNOWN else []

    async def ask(self, query: str, values: Mapping[str, Any], *, missing_ok: bool = False) -> Reply:
        """A query's answer; where the account has no points left, after waiting for them."""
        for turn in range(_PATIENCE):
            reply = await self.http.read(_PATH, method="POST", json={"query": query, "variables": values})
            errors = _errors(reply)
            if any(child(error, "extensions").get("code") == "THROTTLED" for error in errors):
                wait = _wait(reply)
                if turn + 1 == _PATIENCE:
                    raise SourceError(SourceFault.LIMITED, f"{self.title} has no points left", timedelta(seconds=wait))
                await self.pause(wait)
                continue
            if errors and not (missing_ok and all(_is_missing(error) for error in errors)):
                raise SourceError(SourceFault.ANSWER, f"{self.title} refused the query: {_words(errors)}")
            if not isinstance(reply.data, Mapping) or not isinstance(reply.data.get("data"), Mapping):
                if missing_ok and errors:
                    return Reply(reply.status, reply.headers, {"data": {}}, reply.date)
                raise SourceError(SourceFault.ANSWER, f"{self.title} gave an answer without data")
            return reply
        raise AssertionError  # the last turn returns or raises

    # ------------------------------------------------------------ writing

    async def is_so(self, item: WriteBack, raw: Mapping[str, Any]) -> bool:
        match item.kind:
            case WriteKind.NOTE:
                values = {"id": ident(child(raw, "job").get("id"), "job"), "first": _NOTES}
                reply = await self.ask(_JOB_NOTES, values)
                notes = _nodes(child(reply.data["data"], "job"), "notes")
                return any(item.marker in str(note.get("message")) for note in notes)
            case WriteKind.ASSIGN:
                return [line(one.get("id"), 100) for one in _nodes(raw, "assignedUsers")] == [item.assignee]
            case WriteKind.RESOLVE:
                return _status(raw, self.conf) is VisitStatus.COMPLETED

    async def note(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        """Of the job: a visit has none."""
        values = {"id": ident(child(raw, "job").get("id"), "job")}
        return await self._mutate(item, _ADD_NOTE, {**values, "input": {"message": note_text(item.text, item.marker)}})

    async def assign(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002 - it replaces them all
        values = {"id": item.record_id, "input": {"assignedUserIds": [item.assignee]}}
        return await self._mutate(item, _ASSIGN, values)

    async def resolve(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        outcome = await self._mutate(item, _COMPLETE, {"id": item.record_id})
        return await self.note(item, raw) if item.text and isinstance(outcome, Sent) else outcome

    async def _mutate(self, item: WriteBack, query: str, values: Mapping[str, Any]) -> Outcome:
        reply = await self.http.send("POST", _PATH, {"query": query, "variables": values})
        if not isinstance(reply, Reply):
            return reply
        errors = _errors(reply)
        if any(child(error, "extensions").get("code") == "THROTTLED" for error in errors):
            return Retry(f"{self.title} has no points left", timedelta(seconds=_wait(reply)), limited=True)
        if errors:
            return Rejected(Fault.PAYLOAD, f"{self.title} refused: {_words(errors)}")
        data = reply.data.get("data") if isinstance(reply.data, Mapping) else None
        if not isinstance(data, Mapping) or not data:
            return Unknown(f"{self.title} gave an answer without data")
        wrong = [one for field in data.values() for one in _listed(field, "userErrors")]
        if wrong:
            return Rejected(Fault.PAYLOAD, f"{self.title} refused: {_words(wrong)}")
        return Sent({"id": item.record_id})

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        tried = await checks.tried(f"{self.title} credentials", lambda: self.ask(_ACCOUNT, {}), "we are known there")
        if tried.reply is None:
            return [tried.finding]
        found = [tried.finding, self.clock(tried.reply.date)]
        try:
            got = await _Walk(self, self._now()).page(0)
        except SourceError as error:
            return [*found, Finding(f"{self.title} visits", ok=False, detail=str(error))]
        return [*found, await self.mapping(got.rows), self._points(tried.reply), self._token_file()]

    def _token_file(self) -> Finding:
        what, path = f"{self.title} token file", Path(self.conf.token_file)
        if can_keep(path):
            return Finding(what, ok=True, detail="can be written")
        why = f"{path} can't be written: after a restart somebody would have to allow us once more; see token_file"
        return Finding(what, ok=False, detail=why)

    def _points(self, reply: Reply) -> Finding:
        most = _throttle(reply).get("maximumAvailable")
        told = f"{most} at most" if isinstance(most, int | float) else "are not told"
        return Finding(f"{self.title} points", ok=True, detail=told)


class _Walk:
    """One reading of the window; each page is named by the one before."""

    def __init__(self, source: Jobber, now: datetime) -> None:
        self.source = source
        conf = source.conf
        begins, ends = now - conf.window_back, now + conf.window_ahead
        self._filter = {"startAt": {"after": _stamp(begins), "before": _stamp(ends)}}
        self._after: str | None = None

    async def page(self, step: int) -> Fetched:
        source = self.source
        values = {"first": source.conf.page_size, "after": self._after if step else None, "filter": self._filter}
        reply = await source.ask(_VISITS % source._visit, values)  # noqa: SLF001 - the other half of one class
        visits = child(reply.data["data"], "visits")
        raws = checks.listed(visits.get("nodes"), source.title, "visits")
        info = child(visits, "pageInfo")
        self._after = line(info.get("endCursor"), 500)
        more = info.get("hasNextPage") is True and bool(self._after)
        return Fetched([row(raw) for raw in raws], more, reply.date)


def row(raw: Any) -> Row:
    """What the clock makes of a visit (upcoming, today, active, late) is no other reading of it."""
    held = raw if isinstance(raw, Mapping) else {}
    status = STATUSES.get(line(held.get("visitStatus"), 100).upper())
    same = {**held, "visitStatus": "UPCOMING"} if status is VisitStatus.SCHEDULED else raw
    made = as_row(raw, held.get("id"), None)
    return Row(made.id, None, version(same), raw)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _errors(reply: Reply) -> list[Mapping[str, Any]]:
    return _listed(reply.data, "errors")


def _listed(data: Any, name: str) -> list[Mapping[str, Any]]:
    rows = data.get(name) if isinstance(data, Mapping) else None
    return [one for one in rows if isinstance(one, Mapping)] if isinstance(rows, list) else []


def _is_missing(error: Mapping[str, Any]) -> bool:
    return "not found" in line(error.get("message"), 300).lower()


def _words(errors: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(line(error.get("message"), 150) or "?" for error in errors[:3])


def _throttle(reply: Reply) -> Mapping[str, Any]:
    data = reply.data if isinstance(reply.data, Mapping) else {}
    return child(child(child(data, "extensions"), "cost"), "throttleStatus")


def _wait(reply: Reply) -> float:
    """Seconds until there are as many points as the query wants."""
    cost = child(child(reply.data if isinstance(reply.data, Mapping) else {}, "extensions"), "cost")
    status = _throttle(reply)
    wanted, have, rate = cost.get("requestedQueryCost"), status.get("currentlyAvailable"), status.get("restoreRate")
    if not all(isinstance(one, int | float) for one in (wanted, have, rate)) or not rate:
        return _LONGEST_WAIT / 4
    return float(min(max((wanted - have) / rate, 0.05), _LONGEST_WAIT))  # type: ignore[operator]
