"""BambooHR as a source of leave: who is away when. https://documentation.bamboohr.com/reference/list-time-off-requests

What it hides: requests have no time of change and are read whole; days are days of the company. Why somebody is away is
nobody's business in a room: notes are not even asked for.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from deskbell.core.ports import Finding, Page, SourceError
from deskbell.core.records import Leave, LeaveStatus
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import Basic
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from pollers import checks, snapshot
from pollers.conf import Writeback
from pollers.cursor import OVERLAP, Fetched, Row
from pollers.names import Names
from pollers.rows import BadRow, as_row, child, day, ident, line, mapping, moment, version
from pollers.scheduler import Scheduler, Words

_API = "/api/v1"
_REQUESTS, _OUT, _PEOPLE = f"{_API}/time_off/requests", f"{_API}/time_off/whos_out", f"{_API}/employees/directory"
_EVER = {"start": "2000-01-01", "end": "2099-12-31"}
_PRIVATE = frozenset({"notes", "actions"})

STATUSES: Mapping[str, LeaveStatus] = {
    "requested": LeaveStatus.REQUESTED,
    "approved": LeaveStatus.APPROVED,
    "denied": LeaveStatus.DENIED,
    "canceled": LeaveStatus.CANCELLED,
    "superceded": LeaveStatus.CANCELLED,  # as BambooHR spells it: another request took its place
    "superseded": LeaveStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class BambooHrConf:
    """Time off of a company. The key has its user's rights: `requests` needs a manager's or an administrator's,
    `whos_out` shows what everybody sees there, which is approved leave alone.
    """

    base_url: str
    key: str = field(repr=False)  # an API key of a user made for it
    name: str = "bamboohr"
    title: str = "BambooHR"
    read: Literal["requests", "whos_out"] = "requests"
    interval: timedelta = timedelta(minutes=10)
    window_back: timedelta = timedelta(days=2)
    window_ahead: timedelta = timedelta(days=60)
    emails: bool = True  # people's addresses out of the directory, by which they are told from namesakes
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=lambda: Writeback(enabled=False))

    write: ClassVar[Mapping[str, Any]] = {}
    overlap: ClassVar[timedelta] = OVERLAP
    max_pages: ClassVar[int] = 1  # it knows no pages

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)


def to_record(raw: Any, conf: BambooHrConf, emails: Mapping[str, str]) -> Leave:
    """A request as leave, from the first day's beginning to the last one's end. Only a row without an id or its days
    raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("id"))
    first, last, zone = day(row.get("start")), day(row.get("end")), ZoneInfo(conf.zone)
    if first is None or last is None:
        raise BadRow("the leave has no usable first or last day")
    person = line(row.get("employeeId"), 100)
    changed = moment(child(row, "status").get("lastChanged"), zone)
    return Leave(
        source=conf.name,
        id=record_id,
        number=record_id,
        status=_status(row, conf),
        status_raw=_word(row),
        person=line(row.get("name"), 200),
        person_id=person,
        person_email=line(emails.get(person), 200),
        what=line(child(row, "type").get("name"), 100),
        start=_midnight(first, zone),
        end=_midnight(last + timedelta(days=1), zone),
        team=conf.team,
        zone=conf.zone,
        updated_at=changed,
        url=f"{conf.base_url.rstrip('/')}/employees/pto/?id={person}" if person.isdigit() else "",
    )


def _word(row: Mapping[str, Any]) -> str:
    return line(child(row, "status").get("status"), 100)


def _status(row: Mapping[str, Any], conf: BambooHrConf) -> LeaveStatus:
    if conf.read == "whos_out":
        return LeaveStatus.APPROVED
    return STATUSES.get(_word(row).lower(), LeaveStatus.UNKNOWN)


def _midnight(date: Any, zone: ZoneInfo) -> datetime | None:
    """A day begins where its people are, also where the clock is put on or back that night."""
    return moment(datetime.combine(date, time(), zone).isoformat())


class BambooHr(Scheduler[BambooHrConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        self._emails = Names(f"{conf.name} addresses", self._load_emails)
        return Http(conf.title, conf.base_url, Basic(conf.key, "x"), dialect=DIALECT, allow_http=conf.allow_http)

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf

        async def read(_step: int) -> Fetched:
            return await self._window(now)

        mark = snapshot.mark_of(conf.team, conf.zone, conf.read, conf.emails)
        return snapshot.pages(
            cursor, conf.name, self.whole(read, now - conf.window_back, now + conf.window_ahead, mark), now
        )

    async def _window(self, now: datetime) -> Fetched:
        conf, zone = self.conf, ZoneInfo(self.conf.zone)
        begins, ends = (now - conf.window_back).astimezone(zone), (now + conf.window_ahead).astimezone(zone)
        reply = await self._ask({"start": f"{begins:%Y-%m-%d}", "end": f"{ends:%Y-%m-%d}"})
        return Fetched([_row(raw) for raw in self._rows(reply)], more=False, date=reply.date)

    async def _ask(self, params: Mapping[str, Any]) -> Reply:
        if self.conf.read == "whos_out":
            return await self.http.read(_OUT, params)
        return await self.http.read(_REQUESTS, {**params, "excludeNote": "true"})

    def _rows(self, reply: Reply) -> list[Any]:
        rows = checks.listed(reply.data, self.title, _REQUESTS if self.conf.read == "requests" else _OUT)
        return [raw for raw in rows if not isinstance(raw, Mapping) or raw.get("type") != "holiday"]

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        if not record_id.isdigit():
            return None
        asked = {**_EVER, "id": record_id} if self.conf.read == "requests" else _EVER
        rows = [raw for raw in self._rows(await self._ask(asked)) if isinstance(raw, Mapping)]
        return next((raw for raw in rows if line(raw.get("id")) == record_id), None)

    async def look(self, ids: Sequence[str]) -> Mapping[str, Row | None]:
        raws = {one: await self.one(one) for one in ids}
        return {one: None if raw is None else _row(raw) for one, raw in raws.items()}

    async def book(self, raws: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
        if not self.conf.emails:
            return {}
        return await self._emails.of(line(raw.get("employeeId"), 100) for raw in raws)

    def record_of(self, raw: Any, book: Any) -> tuple[Leave, Words]:
        leave = to_record(raw, self.conf, book or {})
        return leave, [("status", leave.status_raw)] if leave.status is LeaveStatus.UNKNOWN else []

    async def _load_emails(self, _ids: frozenset[str]) -> dict[str, str]:
        reply = await self.http.read(_PEOPLE)
        rows = checks.listed(child({"d": reply.data}, "d").get("employees"), self.title, _PEOPLE)
        return {line(row.get("id")): line(row.get("workEmail"), 200) for row in rows if isinstance(row, Mapping)}

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        now = self._now()
        tried = await checks.tried(
            f"{self.title} credentials",
            lambda: self._ask({"start": f"{now:%Y-%m-%d}", "end": f"{now:%Y-%m-%d}"}),
            "time off can be read",
        )
        if tried.reply is None:
            return [tried.finding]
        found = [tried.finding, self.clock(tried.reply.date)]
        try:
            got = await self._window(now)
        except SourceError as error:
            return [*found, Finding(f"{self.title} window", ok=False, detail=str(error))]
        return [*found, await self.mapping(got.rows), await self._addresses()]

    async def _addresses(self) -> Finding:
        what = f"{self.title} directory"
        if not self.conf.emails:
            return Finding(what, ok=True, detail="is not asked for: people are told by their names")
        try:
            known = await self._load_emails(frozenset())
        except SourceError as error:
            return Finding(what, ok=False, detail=f"{error} Share it with our user, or set emails = false.")
        return Finding(what, ok=any(known.values()), detail=f"{len(known)} people")


def _row(raw: Any) -> Row:
    """Without what is private, and without what only says what we might do with it."""
    kept = {key: value for key, value in raw.items() if key not in _PRIVATE} if isinstance(raw, Mapping) else raw
    made = as_row(kept, kept.get("id") if isinstance(kept, Mapping) else None, None)
    return Row(made.id, None, version(kept), kept)


def reason(reply: Reply) -> str:
    """Its reasons stand in a header."""
    return reply.headers.get("x-bamboohr-error-message", "")


DIALECT = Dialect(explain=reason)
