"""Calendars of Microsoft 365 as a source of visits. https://learn.microsoft.com/graph/delta-query-events

What it hides: an occurrence of a series has nothing but its times, the rest stands in the series; an event that leaves
the window is told as removed; ids are longer than anybody wants to keep.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from deskbell.core.ports import SourceError, SourceFault
from deskbell.core.records import Visit, VisitStatus
from deskbell.net.answers import Dialect, Reply, source_error_of
from deskbell.net.auth import ClientCredentials
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from pollers import checks
from pollers.calendars import Calendar, Calendars, Changes, Expired, number_of, problem
from pollers.conf import Writeback
from pollers.cursor import Row
from pollers.rows import BadRow, as_row, child, ident, known_zone, line, mapping, moment
from pollers.snapshot import Known

BASE = "https://graph.microsoft.com/v1.0"
LOGIN = "https://login.microsoftonline.com"
SCOPE = "https://graph.microsoft.com/.default"
_MOST_PER_PAGE = 500
_OF_A_SERIES = ("subject", "location", "showAs", "isAllDay", "isCancelled", "webLink", "originalStartTimeZone")
_FORGOTTEN = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})


@dataclass(frozen=True, slots=True)
class GraphCalendarConf:
    """Calendars of mailboxes, read by an app with the application permission Calendars.Read, best limited to them."""

    calendars: Mapping[str, Calendar]
    tenant: str  # the directory's id, or its domain
    client_id: str
    client_secret: str = field(repr=False)
    base_url: str = BASE
    login_url: str = LOGIN  # of another cloud: https://login.microsoftonline.us
    scope: str = SCOPE  # of another cloud: https://graph.microsoft.us/.default
    name: str = "graph_calendar"
    title: str = "Microsoft 365 calendar"
    interval: timedelta = timedelta(seconds=60)
    window_back: timedelta = timedelta(days=2)
    window_ahead: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(days=1)
    page_size: int = 50
    number: str = r"[A-Z]{1,4}-?\d{3,}"  # a regular expression that finds the job's number in an event's title
    all_day: bool = False  # true: events without a time of day are visits too
    free: bool = False  # true: events that leave their time free are visits too
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=lambda: Writeback(enabled=False))

    write: ClassVar[Mapping[str, Any]] = {}
    tells_travel: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        checked_base(self.login_url, allow_http=self.allow_http)
        if wrong := problem(self.calendars, self.number):
            raise ValueError(wrong)
        if not 1 <= self.page_size <= _MOST_PER_PAGE:
            raise ValueError(f"page_size: from 1 to {_MOST_PER_PAGE}")


def to_record(raw: Any, conf: GraphCalendarConf, name: str) -> Visit:
    """An event as a visit. Whatever its fields hold, only one without an id or a start raises (BadRow)."""
    row, calendar = mapping(raw), conf.calendars[name]
    record_id = id_of(name, str(row.get("id") or ident(None)))
    start = _time(row, "start")
    if start is None:
        raise BadRow("an event has no usable start")
    title = line(row.get("subject"))
    url = line(row.get("webLink"), 1000)
    return Visit(
        source=conf.name,
        id=record_id,
        number=number_of(title, record_id, conf.number),
        status=_status(row),
        status_raw="cancelled" if row.get("isCancelled") is True else line(row.get("showAs"), 100),
        title=title,
        site=line(child(row, "location").get("displayName"), 200),
        zone=known_zone(row.get("originalStartTimeZone"), conf.zone),
        team=calendar.team or conf.team,
        technician=calendar.technician,
        technician_email=calendar.technician_email,
        start=start,
        end=_time(row, "end"),
        updated_at=moment(row.get("lastModifiedDateTime")),
        url=url if url.startswith("https://") else "",
    )


def _status(row: Mapping[str, Any]) -> VisitStatus:
    """Who has not accepted yet is not expected yet."""
    if row.get("isCancelled") is True:
        return VisitStatus.CANCELLED
    return VisitStatus.UNSCHEDULED if row.get("showAs") == "tentative" else VisitStatus.SCHEDULED


def _time(row: Mapping[str, Any], name: str) -> datetime | None:
    """We ask for UTC; a mailbox that answers in a zone of its own says which."""
    at = child(row, name)
    return moment(at.get("dateTime"), ZoneInfo(known_zone(at.get("timeZone"), "UTC")))


def id_of(name: str, event_id: str) -> str:
    return f"{name}:{hashlib.blake2b(event_id.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"


class GraphCalendar(Calendars[GraphCalendarConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        self._ids: dict[str, str] = {}  # ours -> theirs
        self._series: dict[str, Mapping[str, Any]] = {}
        tokens = f"{conf.login_url.rstrip('/')}/{quote(conf.tenant, safe='')}/oauth2/v2.0/token"
        auth = ClientCredentials(tokens, conf.client_id, conf.client_secret, conf.scope)
        wanted = f'outlook.timezone="UTC", odata.maxpagesize={conf.page_size}, IdType="ImmutableId"'
        headers = {"Prefer": wanted}
        return Http(conf.title, conf.base_url, auth, dialect=DIALECT, allow_http=conf.allow_http, headers=headers)

    def recall(self, state: Mapping[str, Any], name: str) -> None:  # noqa: ARG002
        self._ids |= state.get("ids", {})

    def keep(self, name: str, known: Known) -> Mapping[str, Any]:  # noqa: ARG002
        return {"ids": {one: self._ids[one] for one in known.rows if one in self._ids}}

    async def ask(self, name: str, token: str, after: str, now: datetime) -> Changes:
        reply = await self._asked(name, after or token, now)
        if reply.status == 410 or (not reply.ok and _code(reply).lower() in _FORGOTTEN):
            raise Expired
        if not reply.ok:
            raise source_error_of(reply, f"{self.title} {name}", DIALECT)
        data = reply.data if isinstance(reply.data, Mapping) else {}
        raws = [await self._full(name, raw) for raw in checks.listed(data.get("value"), self.title, f"{name} events")]
        rows = [self._row(name, raw) for raw in raws if self._wanted(raw)]
        there = {row.id for row in rows}
        told = {id_of(name, raw["id"]) for raw in raws if isinstance(raw, Mapping) and isinstance(raw.get("id"), str)}
        links = (data.get("@odata.nextLink"), data.get("@odata.deltaLink"))
        following, token = (link if isinstance(link, str) else "" for link in links)
        if not following and not token:
            raise SourceError(SourceFault.ANSWER, f"{self.title} {name} gave neither a next page nor a token")
        return Changes(rows, sorted(told - there), following, token, reply.date)

    async def _asked(self, name: str, link: str, now: datetime) -> Reply:
        if link:
            return await self.http.follow(link, missing_ok=True)
        conf = self.conf
        params = {
            "startDateTime": f"{now - conf.window_back:%Y-%m-%dT%H:%M:%SZ}",
            "endDateTime": f"{now + conf.window_ahead:%Y-%m-%dT%H:%M:%SZ}",
        }
        return await self.http.read(f"{self._at(name)}/calendarView/delta", params, missing_ok=True)

    async def _full(self, name: str, raw: Any) -> Any:
        """An occurrence with what its series says."""
        if not isinstance(raw, Mapping) or "@removed" in raw:
            return raw
        if raw.get("type") == "seriesMaster" and isinstance(raw.get("id"), str):
            self._series[raw["id"]] = raw
        master = raw.get("seriesMasterId")
        if raw.get("type") != "occurrence" or not isinstance(master, str):
            return raw
        if master not in self._series:
            self._series[master] = await self._one(name, master) or {}
        series = self._series[master]
        return {**{field: series[field] for field in _OF_A_SERIES if field in series}, **raw}

    def _wanted(self, raw: Any) -> bool:
        """What is set aside is wanted too, so that people hear of it."""
        if not isinstance(raw, Mapping):
            return True
        if "@removed" in raw or raw.get("type") == "seriesMaster":
            return False
        return (self.conf.all_day or raw.get("isAllDay") is not True) and (
            self.conf.free or raw.get("showAs") != "free"
        )

    async def event(self, name: str, record_id: str) -> Row | None:
        if record_id not in self._ids:
            raise SourceError(SourceFault.ANSWER, f"{self.title}: {record_id} was not read yet since the start")
        raw = await self._one(name, self._ids[record_id])
        raw = raw and await self._full(name, raw)
        return self._row(name, raw) if raw and self._wanted(raw) else None

    async def _one(self, name: str, event_id: str) -> Mapping[str, Any] | None:
        reply = await self.http.read(f"{self._at(name)}/events/{quote(event_id, safe='')}", missing_ok=True)
        return reply.data if reply.ok and isinstance(reply.data, Mapping) else None

    def record_of(self, raw: Any, name: str) -> tuple[Visit, list[tuple[str, str]]]:
        return to_record(raw, self.conf, name), []

    def _row(self, name: str, raw: Any) -> Row:
        held = raw if isinstance(raw, Mapping) else {}
        kept = {key: value for key, value in held.items() if not key.startswith("@")} if held else raw
        made = as_row(kept, held.get("id"), None)
        event_id = held.get("id")
        if not isinstance(event_id, str) or not event_id:
            return made
        self._ids[id_of(name, event_id)] = event_id
        return Row(id_of(name, event_id), None, made.version, kept)

    def _at(self, name: str) -> str:
        return f"/users/{quote(self.conf.calendars[name].address, safe='@')}"


def _code(reply: Reply) -> str:
    error = reply.data.get("error") if isinstance(reply.data, Mapping) else None
    return str(error.get("code", "")) if isinstance(error, Mapping) else ""


def reason(reply: Reply) -> str:
    """Its own words: `ErrorAccessDenied: Access is denied.`"""
    error = reply.data.get("error") if isinstance(reply.data, Mapping) else None
    if not isinstance(error, Mapping):
        return ""
    return ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))


DIALECT = Dialect(explain=reason)
