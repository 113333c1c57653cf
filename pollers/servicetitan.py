"""ServiceTitan as a source of visits: its appointments. https://developer.servicetitan.io/

What it hides: who is assigned moves without the appointment; deleted appointments are in no list of changes; a job's
number, its customer and its site stand elsewhere.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, WriteBack, WriteKind
from deskbell.core.records import Visit, VisitStatus
from deskbell.net.answers import Reply
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from deskbell.net.redact import learn
from deskbell.vendors import servicetitan as vendor
from pollers import checks, snapshot
from pollers.conf import Writeback
from pollers.cursor import OVERLAP, Fetched, Pace
from pollers.names import Names
from pollers.rows import as_row, child, flag, ident, line, mapping, moment, note_text, number
from pollers.scheduler import Beside, Scheduler, Words
from pollers.sweeper import FullSweep, Lookout, Poll, pages

_APPOINTMENTS, _JOBS = "/jpm/v2/tenant/{t}/appointments", "/jpm/v2/tenant/{t}/jobs"
_ASSIGNMENTS = "/dispatch/v2/tenant/{t}/appointment-assignments"
_CUSTOMERS, _LOCATIONS = "/crm/v2/tenant/{t}/customers", "/crm/v2/tenant/{t}/locations"
_NEEDED = {"jobs": _JOBS, "assignments": _ASSIGNMENTS, "customers": _CUSTOMERS, "sites": _LOCATIONS}
_FAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ServiceTitanConf:
    """Appointments of a tenant, read by an app with client credentials."""

    tenant: str  # the tenant's id, a number
    client_id: str
    client_secret: str = field(repr=False)
    app_key: str = field(repr=False)  # the app's own key, sent as ST-App-Key
    base_url: str = vendor.BASE
    token_url: str = vendor.TOKEN
    name: str = "servicetitan"
    title: str = "ServiceTitan"
    web_url: str = "https://go.servicetitan.com"
    interval: timedelta = timedelta(seconds=60)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    window_back: timedelta = timedelta(days=1)
    window_ahead: timedelta = timedelta(days=14)
    window_every: timedelta = timedelta(minutes=15)  # how often the window is read whole, which tells what was deleted
    page_size: int = 50
    max_pages: int = 20
    status_map: Mapping[str, VisitStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)  # business units' ids -> our teams
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        checked_base(self.token_url, allow_http=self.allow_http)
        if not self.tenant.isdigit():
            raise ValueError("tenant: must be the tenant's id, a number")
        if not 1 <= self.page_size <= vendor.IDS_AT_MOST:
            raise ValueError(
                f"page_size: from 1 to {vendor.IDS_AT_MOST}, since what belongs to a page is read by its ids"
            )


@dataclass(frozen=True, slots=True)
class Book:
    """What stands elsewhere: jobs and assignments by their ids, names of customers and sites."""

    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    crews: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # appointment -> who is assigned
    customers: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)


def to_record(raw: Any, conf: ServiceTitanConf, book: Book) -> Visit:
    """An appointment as a visit. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("id"))
    job = book.jobs.get(line(row.get("jobId")), {})
    crew = [one for one in book.crews.get(record_id, ()) if flag(one.get("active", True))]
    first = crew[0] if crew else {}
    unit = line(job.get("businessUnitId"))
    return Visit(
        source=conf.name,
        id=record_id,
        number=line(row.get("appointmentNumber"), 100) or record_id,
        status=_status(row, job, conf),
        status_raw=line(row.get("status"), 100),
        title=line(job.get("summary")) or line(row.get("specialInstructions")),
        customer=line(book.customers.get(line(row.get("customerId"), 50)), 200),
        site=line(book.sites.get(line(job.get("locationId"), 50)), 200),
        zone=conf.zone,
        team=conf.teams.get(unit) or conf.team,
        technician=", ".join(filter(None, (line(one.get("technicianName"), 80) for one in crew)))[:200],
        technician_id=line(first.get("technicianId"), 100),
        start=moment(row.get("start")),
        end=moment(row.get("end")),
        window_start=moment(row.get("arrivalWindowStart")),
        window_end=moment(row.get("arrivalWindowEnd")),
        account_id=line(row.get("customerId"), 100),
        updated_at=moment(row.get("modifiedOn")),
        url=f"{conf.web_url}/#/Job/Index/{job_id}" if (job_id := line(row.get("jobId"), 50)).isdigit() else "",
    )


def _status(row: Mapping[str, Any], job: Mapping[str, Any], conf: ServiceTitanConf) -> VisitStatus:
    """A job that was called off calls off what was left of it."""
    said = line(row.get("status"), 100).lower()
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    status = VisitStatus(ours.get(said) or vendor.STATUSES.get(said, VisitStatus.UNKNOWN))
    called_off = line(job.get("jobStatus"), 50).lower() == "canceled" and status is not VisitStatus.COMPLETED
    return VisitStatus.CANCELLED if called_off else status


class ServiceTitan(Scheduler[ServiceTitanConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        learn(conf.app_key)
        self._customers = Names(f"{conf.name} customers", self._load_customers)
        self._sites = Names(f"{conf.name} sites", self._load_sites)
        return Http(
            conf.title,
            conf.base_url,
            vendor.login(conf.token_url, conf.client_id, conf.client_secret),
            dialect=vendor.DIALECT,
            allow_http=conf.allow_http,
            headers={vendor.APP_KEY: conf.app_key},
        )

    # ------------------------------------------------------------ reading

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        start, last = now - conf.lookback, None
        mark = snapshot.mark_of(conf.status_map, conf.teams, conf.team, conf.zone)
        poll = Poll(
            source=conf.name,
            fetch=self._changed,
            start=start,
            pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
            map_rows=self.map_rows,
            now=now,
            own=self.own,
            full=FullSweep(self._changed, start, conf.full_every),
            lookout=Lookout(
                self.whole(lambda step: self._window(now, step), now - conf.window_back, now + conf.window_ahead, mark),
                conf.window_every,
            ),
        )
        crews = cursor.get("crews", {})
        async for page in pages(cursor, poll):
            last = replace(page, cursor={**page.cursor, "crews": crews})
            yield last
        if last is not None:
            beside = Beside("crews", self._crews_changed, now - conf.overlap, _appointment_of, self._appointments)
            async for page in self.beside(last, crews, beside):
                yield page

    async def _changed(self, since: datetime, step: int) -> Fetched:
        return await self._list(_APPOINTMENTS, step, modifiedOnOrAfter=_stamp(since), sort="+ModifiedOn")

    async def _window(self, now: datetime, step: int) -> Fetched:
        conf = self.conf
        begins, ends = _stamp(now - conf.window_back), _stamp(now + conf.window_ahead)
        got = await self._list(_APPOINTMENTS, step, startsOnOrAfter=begins, startsBefore=ends, sort="+Id")
        return replace(got, rows=[replace(row, stamp=None) for row in got.rows])

    async def _crews_changed(self, since: datetime, step: int) -> Fetched:
        return await self._list(_ASSIGNMENTS, step, modifiedOnOrAfter=_stamp(since), sort="+ModifiedOn")

    async def _list(self, path: str, step: int, **params: Any) -> Fetched:
        asked = {**params, "page": step + 1, "pageSize": self.conf.page_size}
        reply = await self.http.read(self._at(path), asked)
        data = reply.data if isinstance(reply.data, Mapping) else {}
        raws = checks.listed(data.get("data"), self.title, path)
        rows = [as_row(raw, child({"r": raw}, "r").get("id"), _modified(raw)) for raw in raws]
        return Fetched(rows, more=flag(data.get("hasMore")), date=reply.date)

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        if not record_id.isdigit():
            return None
        reply = await self.http.read(f"{self._at(_APPOINTMENTS)}/{record_id}", missing_ok=True)
        return mapping(reply.data) if reply.ok else None

    async def _appointments(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        return await self._by_ids(_APPOINTMENTS, ids)

    async def book(self, raws: Sequence[Mapping[str, Any]]) -> Book:
        jobs = await self._by_ids(_JOBS, [line(raw.get("jobId")) for raw in raws])
        crews = await self._by_ids(_ASSIGNMENTS, [line(raw.get("id")) for raw in raws], "appointmentIds")
        found: dict[str, list[Mapping[str, Any]]] = {}
        for crew in crews:
            found.setdefault(_appointment_of(crew), []).append(crew)
        return Book(
            jobs={line(job.get("id")): job for job in jobs},
            crews=found,
            customers=await self._customers.of(line(raw.get("customerId"), 50) for raw in raws),
            sites=await self._sites.of(line(job.get("locationId"), 50) for job in jobs),
        )

    def record_of(self, raw: Any, book: Any) -> tuple[Visit, Words]:
        visit = to_record(raw, self.conf, book or Book())
        return visit, [("status", visit.status_raw)] if visit.status is VisitStatus.UNKNOWN else []

    async def _by_ids(self, path: str, ids: Sequence[str], name: str = "ids") -> list[Mapping[str, Any]]:
        wanted, found = sorted({one for one in ids if one.isdigit()}, key=int), []
        for start in range(0, len(wanted), vendor.IDS_AT_MOST):
            some, step, more = ",".join(wanted[start : start + vendor.IDS_AT_MOST]), 0, True
            while more and step < self.conf.max_pages:
                got = await self._list(path, step, **{name: some})
                found += [row.raw for row in got.rows if isinstance(row.raw, Mapping)]
                step, more = step + 1, got.more
        return found

    async def _load_customers(self, ids: frozenset[str]) -> dict[str, str]:
        rows = await self._by_ids(_CUSTOMERS, list(ids))
        return {line(row.get("id")): line(row.get("name"), 200) for row in rows}

    async def _load_sites(self, ids: frozenset[str]) -> dict[str, str]:
        rows = await self._by_ids(_LOCATIONS, list(ids))
        return {line(row.get("id")): _address(row) for row in rows}

    def _at(self, path: str) -> str:
        return path.replace("{t}", self.conf.tenant)

    # ------------------------------------------------------------ writing

    async def is_so(self, item: WriteBack, raw: Mapping[str, Any]) -> bool:
        match item.kind:
            case WriteKind.NOTE:
                reply = await self.http.read(self._notes(raw))
                data = reply.data if isinstance(reply.data, Mapping) else {}
                notes = checks.listed(data.get("data"), self.title, "notes")
                return any(item.marker in str(child({"n": note}, "n").get("text")) for note in notes)
            case WriteKind.ASSIGN:
                return await self._assigned(item.record_id) == {item.assignee}
            case WriteKind.RESOLVE:
                return vendor.STATUSES.get(line(raw.get("status"), 50).lower()) is VisitStatus.COMPLETED

    async def note(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        body = {"text": note_text(item.text, item.marker), "pinToTop": False}
        return await self.done(item, "POST", self._notes(raw), body)

    async def assign(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002
        """Adds the one before it takes away the others: an answer that is lost leaves one too many, and never none."""
        technician, appointment = number(item.assignee), number(item.record_id)
        if technician is None:
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} is no technician's id; it must be a number")
        others = sorted(int(one) for one in await self._assigned(item.record_id) - {item.assignee})
        body = {"jobAppointmentId": appointment, "technicianIds": [technician]}
        outcome = await self.done(item, "POST", f"{self._at(_ASSIGNMENTS)}/assign-technicians", body)
        if not isinstance(outcome, Sent) or not others:
            return outcome
        body = {"jobAppointmentId": appointment, "technicianIds": others}
        return await self.done(item, "POST", f"{self._at(_ASSIGNMENTS)}/unassign-technicians", body)

    async def _assigned(self, record_id: str) -> set[str]:
        rows = await self._by_ids(_ASSIGNMENTS, [record_id], "appointmentIds")
        return {line(row.get("technicianId")) for row in rows if flag(row.get("active", True))} - {""}

    def _notes(self, raw: Mapping[str, Any]) -> str:
        return f"{self._at(_JOBS)}/{ident(raw.get('jobId'), 'jobId')}/notes"

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        now, conf = self._now(), self.conf
        first = await checks.tried(f"{self.title} credentials", lambda: self._first(now), "appointments can be read")
        if first.reply is None:
            return [first.finding]
        got = await self._changed(now - conf.lookback, 0)
        rights = [await self._readable(what, path) for what, path in _NEEDED.items()]
        return [
            first.finding,
            self.clock(first.reply.date),
            *rights,
            await self.mapping(got.rows),
            await self.obeyed(lambda: self._none(now)),
        ]

    async def _none(self, now: datetime) -> Sequence[Any]:
        return (await self._changed(now + _FAR, 0)).rows

    async def _first(self, now: datetime) -> Reply:
        since = _stamp(now - self.conf.lookback)
        return await self.http.read(self._at(_APPOINTMENTS), {"modifiedOnOrAfter": since, "pageSize": 1, "page": 1})

    async def _readable(self, what: str, path: str) -> Finding:
        async def read() -> Reply:
            return await self.http.read(self._at(path), {"pageSize": 1, "page": 1})

        return (await checks.tried(f"{self.title} {what}", read, "can be read")).finding


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _modified(raw: Any) -> datetime | None:
    return moment(raw.get("modifiedOn")) if isinstance(raw, Mapping) else None


def _appointment_of(raw: Any) -> str:
    return line(raw.get("appointmentId")) if isinstance(raw, Mapping) else ""


def _address(row: Mapping[str, Any]) -> str:
    address = child(row, "address")
    parts = (line(address.get(name), 80) for name in ("street", "unit", "city"))
    return ", ".join(filter(None, parts)) or line(row.get("name"), 200)
