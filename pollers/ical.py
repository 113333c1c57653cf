"""Calendars as feeds in iCalendar: ServiceM8, Jobber, a secret address of Google or Outlook ...

They are read whole each time, if they changed, and compared: a feed tells neither what changed nor what is gone. Nobody
checks in there, and providers renew them slowly, from minutes to hours.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from deskbell.core.outcome import Fault, Outcome, Rejected
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack
from deskbell.core.records import Leave, LeaveStatus, Visit, VisitStatus
from deskbell.net.answers import CallFailed, Reply, source_error_of, source_error_of_failure
from deskbell.net.egress import checked_base
from deskbell.net.http import Http, Limits
from deskbell.net.redact import learn
from pollers import checks, ical_events, several, snapshot
from pollers.conf import Writeback
from pollers.cursor import Fetched, Row
from pollers.mapped import Mapped, map_each
from pollers.rows import BadRow, known_zone, line, mapping, moment

_BYTES = 10 * 1024 * 1024
_LONG = 60  # characters of an id that people can still tell apart


@dataclass(frozen=True, slots=True)
class Feed:
    """One calendar, and whose visits are in it."""

    url: str = field(repr=False)
    technician: str = ""
    technician_email: str = ""
    team: str = ""
    means: Literal["visits", "leave"] = "visits"  # leave: whoever it is of (else whoever its titles name) is away then
    zone: str = ""  # of its days and of stamps without an offset, where it is not the source's


@dataclass(frozen=True, slots=True)
class IcalConf:
    """Calendars as feeds in iCalendar. `feeds` holds one table a calendar; its name goes into the ids of its visits."""

    feeds: Mapping[str, Feed]
    name: str = "ical"
    title: str = "Calendar"
    interval: timedelta = timedelta(minutes=5)
    window_back: timedelta = timedelta(days=2)
    window_ahead: timedelta = timedelta(days=30)
    number: str = r"[A-Z]{1,4}-?\d{3,}"  # a regular expression that finds the job's number in an event's title
    all_day: bool = False  # true: events without a time of day are visits too
    free: bool = False  # true: events that leave their time free are visits too
    status_map: Mapping[str, VisitStatus] = field(default_factory=dict)
    zone: str = "UTC"
    team: str = ""
    allow_http: bool = False
    writeback: Writeback = field(default_factory=lambda: Writeback(enabled=False))

    write: ClassVar[Mapping[str, Any]] = {}
    tells_travel: ClassVar[bool] = False

    def __post_init__(self) -> None:
        re.compile(self.number)
        if not self.feeds:
            raise ValueError("feeds: there is none; each calendar is a table with its url")
        for name, feed in self.feeds.items():
            try:
                checked_base(_https(feed.url), allow_http=self.allow_http)
            except ValueError:
                raise ValueError(
                    f"feeds.{name}.url: must be an address that begins with https:// or webcal://"
                ) from None


STATUSES: Mapping[str, VisitStatus] = {
    "": VisitStatus.SCHEDULED,
    "confirmed": VisitStatus.SCHEDULED,
    "tentative": VisitStatus.UNSCHEDULED,
    "cancelled": VisitStatus.CANCELLED,
}


def to_record(raw: Any, conf: IcalConf, name: str) -> Visit | Leave:
    """An occurrence as a visit, or as leave. Whatever it holds, only one without a time or an id raises (BadRow)."""
    row, feed = mapping(raw), conf.feeds[name]
    if row.get("wrong") or not row.get("uid"):
        raise BadRow(f"an event can't be read: {line(row.get('wrong')) or 'it has no UID'}")
    start, summary = moment(row.get("start")), line(row.get("summary"))
    if start is None:
        raise BadRow("an event has no usable start")
    record_id = id_of(row, name)
    if feed.means == "leave":
        return _leave(row, conf, name, start, record_id)
    found = re.search(conf.number, summary) if conf.number else None
    status = status_of(row, conf)
    return Visit(
        source=conf.name,
        id=record_id,
        number=line(found[0], 100) if found else summary[:40] or record_id,
        status=status,
        status_raw=line(row.get("status"), 100),
        title=summary,
        site=line(row.get("location"), 200),
        zone=known_zone(row.get("zone"), feed.zone or conf.zone),
        team=feed.team or conf.team,
        technician=feed.technician,
        technician_email=feed.technician_email,
        start=start,
        end=moment(row.get("end")),
        url=url if (url := line(row.get("url"), 1000)).startswith("https://") else "",
    )


def _leave(row: Mapping[str, Any], conf: IcalConf, name: str, start: datetime, record_id: str) -> Leave:
    """Why somebody is away is nobody's business: of the title only a name is taken, and only where no other is told."""
    feed, end = conf.feeds[name], moment(row.get("end"))
    off = status_of(row, conf) is VisitStatus.CANCELLED
    return Leave(
        source=conf.name,
        id=record_id,
        number=record_id,
        status=LeaveStatus.CANCELLED if off else LeaveStatus.APPROVED,
        status_raw=line(row.get("status"), 100),
        person=feed.technician or ("" if feed.technician_email else line(row.get("summary"), 100)),
        person_email=feed.technician_email,
        team=feed.team or conf.team,
        zone=known_zone(row.get("zone"), feed.zone or conf.zone),
        start=start,
        end=end,
    )


def status_of(row: Mapping[str, Any], conf: IcalConf) -> VisitStatus:
    said = line(row.get("status"), 100).lower()
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    return VisitStatus(ours.get(said) or STATUSES.get(said, VisitStatus.UNKNOWN))


def id_of(row: Mapping[str, Any], name: str) -> str:
    """The feed, the UID, and which occurrence of a series; some systems' UIDs are too long for an id."""
    uid = str(row.get("uid"))
    short = uid if len(uid) <= _LONG else hashlib.blake2b(uid.encode("utf-8", "replace"), digest_size=12).hexdigest()
    again = moment(row.get("again"))
    return line(f"{name}:{short}" + (f"/{again:%Y%m%dT%H%MZ}" if again else ""), 100)


class Ical:
    """The source."""

    def __init__(self, conf: IcalConf, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.conf = conf
        self.feeds = {name: _Reader(conf, name) for name in conf.feeds}
        self._now = now

    @property
    def name(self) -> str:
        return self.conf.name

    @property
    def title(self) -> str:
        return self.conf.title

    @property
    def interval(self) -> timedelta:
        return self.conf.interval

    async def close(self) -> None:
        for feed in self.feeds.values():
            await feed.http.close()

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        return several.pages(cursor, self.conf.name, self.feeds, self._part)

    async def _part(self, name: str, state: Mapping[str, Any]) -> AsyncIterator[several.Step]:
        now, conf = self._now(), self.conf
        window = snapshot.Window(
            fetch=lambda _step: self.feeds[name].read(now),
            map_rows=lambda rows: self._map(rows, name),
            begins=now - conf.window_back,
            mark=snapshot.mark_of(conf.feeds[name], conf.number, conf.status_map, conf.zone, conf.team),
        )
        known = snapshot.from_json(state)
        async for part in snapshot.parts(known, window, now):
            kept = snapshot.to_json(part.known) if part.known else None
            yield several.Step(part.mapped, part.gone, part.date, kept)
            if part.known is not None and part.known.short_since is not None:
                raise snapshot.too_few(part.known, name)

    async def _map(self, rows: Sequence[Row], name: str) -> Mapped:
        return map_each(rows, lambda raw: self._mapped(raw, name))

    def _mapped(self, raw: Any, name: str) -> tuple[Visit | Leave, list[tuple[str, str]]]:
        record = to_record(raw, self.conf, name)
        return record, [("status", record.status_raw)] if record.status is VisitStatus.UNKNOWN else []

    async def fetch(self, record_id: str) -> Visit | Leave | None:
        name = record_id.partition(":")[0]
        if name not in self.feeds:
            return None
        got = await self.feeds[name].read(self._now())
        raws = [row.raw for row in got.rows if row.id == record_id]
        return to_record(raws[0], self.conf, name) if raws else None

    async def missing(self, ids: Sequence[str]) -> list[str]:  # noqa: ARG002 - reading all of it tells
        return []

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        return Rejected(Fault.CONFIG, f"{self.title}: a feed is only read; {item.kind} can't be written there")

    async def find(self, item: WriteBack) -> bool:  # noqa: ARG002 - what is never written is never there
        return False

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        return [finding for name in self.feeds for finding in await self._checked(name)]

    async def _checked(self, name: str) -> Sequence[Finding]:
        what, now = f"{self.title} {name}", self._now()
        try:
            got = await self.feeds[name].read(now)
        except SourceError as error:
            return [Finding(what, ok=False, detail=str(error))]
        mapped = await self._map(got.rows, name)
        told = f"{len(mapped.records)} visits in the window"
        if mapped.bad:
            told = f"{len(mapped.bad)} of {len(got.rows)} events: {mapped.bad[0].error}"
        elif mapped.unmapped:
            told = f"not in status_map: {mapped.unmapped[0][1]!r}"
        return [
            Finding(what, ok=not mapped.bad and not mapped.unmapped, detail=told),
            checks.clock(what, got.date, now),
        ]


class _Reader:
    """One feed: it is asked for only if it changed, and unrolled anew each time, because the window moves on."""

    def __init__(self, conf: IcalConf, name: str) -> None:
        self.conf, self.name = conf, name
        self.feed = conf.feeds[name]
        self.zone = ZoneInfo(self.feed.zone or conf.zone)
        url = _https(self.feed.url)
        learn(url)
        limits = Limits(connections=1, max_bytes=_BYTES, text_kept=_BYTES)
        self.http = Http(f"{conf.title} {name}", url, allow_http=conf.allow_http, limits=limits)
        self._headers: dict[str, str] = {}
        self._text = ""

    async def read(self, now: datetime) -> Fetched:
        reply = await self._asked()
        begins, ends = now - self.conf.window_back, now + self.conf.window_ahead
        try:
            raws = await asyncio.to_thread(self._unrolled, begins, ends)
        except ical_events.NotACalendar as error:
            self._headers, self._text = {}, ""
            why = f"{self.conf.title} {self.name} gave something that is no calendar: {error}"
            raise SourceError(SourceFault.ANSWER, why) from error
        kept = [raw for raw in raws if self._wanted(raw)]
        return Fetched([self._row(raw) for raw in kept], more=False, date=reply.date)

    async def _asked(self) -> Reply:
        headers = {"Accept": "text/calendar", **self._headers}
        try:
            reply = await self.http.call("GET", "", headers=headers, expect_json=False)
        except CallFailed as failed:
            raise source_error_of_failure(failed) from failed
        if reply.status == 304 and self._text:
            return reply
        if not reply.ok:
            raise source_error_of(reply, f"{self.conf.title} {self.name}")
        self._text = reply.text
        marks = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        self._headers = {ours: reply.headers[theirs] for ours, theirs in marks.items() if theirs in reply.headers}
        return reply

    def _unrolled(self, begins: datetime, ends: datetime) -> list[dict[str, Any]]:
        return ical_events.rows(ical_events.parsed(self._text), begins, ends, self.zone)

    def _wanted(self, raw: Mapping[str, Any]) -> bool:
        if self.feed.means == "leave":  # of whole days, and often marked as free
            return True
        return (self.conf.all_day or not raw.get("all_day")) and (self.conf.free or not raw.get("free"))

    def _row(self, raw: dict[str, Any]) -> Row:
        broken = "wrong" in raw
        version = ical_events.version(raw)
        return Row(f"?{version}" if broken else id_of(raw, self.name), None, version, raw)


def _https(url: str) -> str:
    """Calendars name their feeds webcal, which is https."""
    return f"https{url[6:]}" if url.startswith("webcal:") else url
