"""Salesforce Field Service as a source of visits: its service appointments.

What it hides: who is assigned is an object of its own and moves without the appointment; labels of a status are the
org's own, its category is not; deleted rows are shown to `queryAll` alone.
https://developer.salesforce.com/docs/atlas.en-us.field_service_dev.meta/field_service_dev/
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.outcome import Outcome, Sent
from deskbell.core.ports import Finding, Page, SourceError, WriteBack, WriteKind
from deskbell.core.records import Visit, VisitStatus, changed
from deskbell.net.answers import Reply
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from deskbell.vendors import salesforce as vendor
from pollers import checks
from pollers.chain import Chain
from pollers.conf import Writeback
from pollers.cursor import OVERLAP, Fetched, Pace, Row
from pollers.rows import as_row, child, flag, ident, line, mapping, measure, moment, note_text
from pollers.salesforce_org import Org
from pollers.scheduler import Beside, Scheduler, Words
from pollers.sweeper import FullSweep, Poll, pages

_WHAT, _CREW = "ServiceAppointment", "AssignedResource"
_COLUMNS = (
    *("AppointmentNumber", "Subject", "Status", "StatusCategory", "SchedStartTime", "SchedEndTime"),
    *("ArrivalWindowStartTime", "ArrivalWindowEndTime", "ActualStartTime", "ActualEndTime", "DueDate", "AccountId"),
    *("Street", "City", "Latitude", "Longitude", "Account.Name", "ServiceTerritory.Name"),
    "(SELECT Id, ServiceResourceId, ServiceResource.Name, ServiceResource.RelatedRecord.Email FROM ServiceResources)",
)
_NOTES = 100  # of an appointment, in which a lost one is looked for
_FAR = timedelta(days=1)

# https://developer.salesforce.com/docs/atlas.en-us.field_service_dev.meta/field_service_dev/fsl_dev_soap_serviceappointment.htm
# Written with and without a space, by versions of the API.
CATEGORIES: Mapping[str, VisitStatus] = {
    "none": VisitStatus.UNSCHEDULED,
    "scheduled": VisitStatus.SCHEDULED,
    "dispatched": VisitStatus.DISPATCHED,
    "inprogress": VisitStatus.ON_SITE,
    "cannotcomplete": VisitStatus.CANNOT_COMPLETE,
    "completed": VisitStatus.COMPLETED,
    "canceled": VisitStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class SalesforceFieldConf:
    """Service appointments of an org, read by an External Client App with the client credentials flow.

    A status counts as its category; `status_map` names labels of your own that say more, like `Driving = "en_route"`.
    """

    base_url: str
    client_id: str  # the consumer key of the app
    client_secret: str = field(repr=False)  # its consumer secret
    name: str = "salesforce_field"
    title: str = "Salesforce Field Service"
    version: str = vendor.VERSION  # of the API
    filter: str = ""  # a condition in SOQL that narrows what is read: `ServiceTerritory.Name = 'North'`
    extra: Mapping[str, str] = field(
        default_factory=dict
    )  # fields of a visit -> the org's own fields: { reason = "Why__c" }
    complete: str = "Completed"  # the status that Resolve sets, where `writeback.resolve` is true
    interval: timedelta = timedelta(seconds=60)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    page_size: int = 200
    max_pages: int = 20
    status_map: Mapping[str, VisitStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)  # names of territories -> our teams
    team: str = ""
    zone: str = "UTC"
    web_url: str = ""
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        if not 1 <= self.page_size <= vendor.MOST_ROWS:
            raise ValueError(f"page_size: from 1 to {vendor.MOST_ROWS}")
        for name, column in self.extra.items():
            if name not in _TEXTS or not vendor.is_name(column):
                raise ValueError(f"extra: {name}: one of {', '.join(sorted(_TEXTS))}, and the name of a field")


_TEXTS = frozenset({"reason", "cancelled_by", "absent", "contact", "title"})


def to_record(raw: Any, conf: SalesforceFieldConf) -> Visit:
    """An appointment as a visit. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("Id"), "Id")
    crew = _crew(row)
    first = crew[0] if crew else {}
    resource = child(first, "ServiceResource")
    territory = line(child(row, "ServiceTerritory").get("Name"), 100)
    place = (line(row.get(name), 150) for name in ("Street", "City"))
    more = {name: line(_found(row, column), 200) for name, column in conf.extra.items()}
    visit = Visit(
        source=conf.name,
        id=record_id,
        number=line(row.get("AppointmentNumber"), 100) or record_id,
        status=_status(row, conf),
        status_raw=line(row.get("Status"), 100),
        title=line(row.get("Subject")),
        customer=line(child(row, "Account").get("Name"), 200),
        site=", ".join(filter(None, place)),
        zone=conf.zone,
        team=conf.teams.get(territory) or territory or conf.team,
        technician=", ".join(filter(None, (line(child(one, "ServiceResource").get("Name"), 80) for one in crew)))[:200],
        technician_id=line(first.get("ServiceResourceId"), 100),
        technician_email=line(child(resource, "RelatedRecord").get("Email"), 200),
        start=moment(row.get("SchedStartTime")),
        end=moment(row.get("SchedEndTime")),
        window_start=moment(row.get("ArrivalWindowStartTime")),
        window_end=moment(row.get("ArrivalWindowEndTime")),
        arrived_at=moment(row.get("ActualStartTime")),
        completed_at=moment(row.get("ActualEndTime")),
        sla_due=moment(row.get("DueDate")),
        account_id=line(row.get("AccountId"), 100),
        site_lat=measure(row.get("Latitude")),
        site_lon=measure(row.get("Longitude")),
        updated_at=moment(row.get("SystemModstamp")),
        url=f"{conf.web_url or conf.base_url.rstrip('/')}/lightning/r/{_WHAT}/{record_id}/view",
    )
    return changed(visit, **{name: text for name, text in more.items() if text})


def _status(row: Mapping[str, Any], conf: SalesforceFieldConf) -> VisitStatus:
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    if mapped := ours.get(line(row.get("Status"), 100).lower()):
        return VisitStatus(mapped)
    category = line(row.get("StatusCategory"), 50).lower().replace(" ", "").replace("_", "")
    return CATEGORIES.get(category, VisitStatus.UNKNOWN)


def _crew(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    records = child(row, "ServiceResources").get("records")
    return [one for one in records if isinstance(one, Mapping)] if isinstance(records, list) else []


def _found(row: Mapping[str, Any], path: str) -> Any:
    *above, last = path.split(".")
    for name in above:
        row = child(row, name)
    return row.get(last)


class SalesforceField(Scheduler[SalesforceFieldConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        login = vendor.login(conf.base_url, conf.client_id, conf.client_secret)
        self.org = Org(conf.title, conf.base_url, login, version=conf.version, allow_http=conf.allow_http)
        self.columns = [*_COLUMNS, *conf.extra.values()]
        return self.org.http

    # ------------------------------------------------------------ reading

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        start, last = now - conf.lookback, None
        poll = Poll(
            source=conf.name,
            fetch=Chain(self._changed).fetch,
            start=start,
            pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
            map_rows=self.map_rows,
            now=now,
            own=self.own,
            full=FullSweep(Chain(self._changed).fetch, start, conf.full_every),
        )
        crews = cursor.get("crews", {})
        async for page in pages(cursor, poll):
            last = replace(page, cursor={**page.cursor, "crews": crews})
            yield last
        if last is not None:
            fetch = Chain(self._crews_changed).fetch
            beside = Beside("crews", fetch, now - conf.overlap, _appointment_of, self._appointments)
            async for page in self.beside(last, crews, beside):
                yield page

    async def _changed(self, since: datetime, key: str) -> tuple[Fetched, str]:
        size, where = self.conf.page_size, self.conf.filter
        rows, after, reply = await self.org.changed(_WHAT, self.columns, since=since, key=key, limit=size, where=where)
        return Fetched([_row(raw) for raw in rows], more=bool(after), date=reply.date), after

    async def _crews_changed(self, since: datetime, key: str) -> tuple[Fetched, str]:
        columns, size = ("ServiceAppointmentId", "ServiceResourceId"), self.conf.page_size
        rows, after, reply = await self.org.changed(_CREW, columns, since=since, key=key, limit=size)
        return Fetched([_row(raw) for raw in rows], more=bool(after), date=reply.date), after

    async def _appointments(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        return await self.org.some(_WHAT, self.columns, ids)

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        rows = await self._appointments([record_id])
        return rows[0] if rows else None

    async def missing(self, ids: Sequence[str]) -> list[str]:
        there = {line(row.get("Id"), 20) for row in await self.org.some(_WHAT, (), ids)}
        return [one for one in ids if one not in there]

    def is_gone(self, raw: Any) -> bool:
        return isinstance(raw, Mapping) and flag(raw.get("IsDeleted"))

    def record_of(self, raw: Any, book: Any) -> tuple[Visit, Words]:  # noqa: ARG002
        visit = to_record(raw, self.conf)
        return visit, [("status", visit.status_raw)] if visit.status is VisitStatus.UNKNOWN else []

    # ------------------------------------------------------------ writing

    async def is_so(self, item: WriteBack, raw: Mapping[str, Any]) -> bool:
        match item.kind:
            case WriteKind.NOTE:
                where = f"ParentId = {vendor.quoted(item.record_id)}"
                order = f"ORDER BY CreatedDate DESC LIMIT {_NOTES}"
                rows, _ = await self.org.query(vendor.select(("Id", "Body"), "FeedItem", where, order))
                return any(item.marker in str(child({"row": row}, "row").get("Body")) for row in rows)
            case WriteKind.ASSIGN:
                return [line(one.get("ServiceResourceId"), 20) for one in _crew(raw)] == [item.assignee]
            case WriteKind.RESOLVE:
                return _status(raw, self.conf) is VisitStatus.COMPLETED

    async def note(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002
        """A post in the appointment's feed."""
        body = {"ParentId": item.record_id, "Body": note_text(item.text, item.marker), "Type": "TextPost"}
        return _sent(item, await self.org.create("FeedItem", body))

    async def assign(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        """Whoever is assigned first gives way; with nobody there, the colleague is put on."""
        crew = _crew(raw)
        if crew:
            values = {"ServiceResourceId": item.assignee}
            return _sent(item, await self.org.update(_CREW, ident(crew[0].get("Id"), "Id"), values))
        values = {"ServiceAppointmentId": item.record_id, "ServiceResourceId": item.assignee}
        return _sent(item, await self.org.create(_CREW, values))

    async def resolve(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        outcome = _sent(item, await self.org.update(_WHAT, item.record_id, {"Status": self.conf.complete}))
        return await self.note(item, raw) if item.text and isinstance(outcome, Sent) else outcome

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        now = self._now()
        tried = await checks.tried(f"{self.title} credentials", self._me, "we are known there")
        if tried.reply is None:
            return [tried.finding]
        found = [tried.finding, self.clock(tried.reply.date)]
        try:
            got, _ = await self._changed(now - self.conf.lookback, "")
            await self._crews_changed(now, "")
        except SourceError as error:
            return [*found, Finding(f"{self.title} appointments", ok=False, detail=str(error))]
        return [*found, await self.mapping(got.rows), await self.obeyed(lambda: self._none(now))]

    async def _me(self) -> Reply:
        return await self.http.read(vendor.ME)

    async def _none(self, now: datetime) -> Sequence[Row]:
        return (await self._changed(now + _FAR, ""))[0].rows


def _sent(item: WriteBack, answer: Reply | Outcome) -> Outcome:
    return Sent({"id": item.record_id}) if isinstance(answer, Reply) else answer


def _row(raw: Any) -> Row:
    row = raw if isinstance(raw, Mapping) else {}
    return as_row(raw, row.get("Id"), moment(row.get("SystemModstamp")))


def _appointment_of(raw: Any) -> str:
    return line(raw.get("ServiceAppointmentId"), 20) if isinstance(raw, Mapping) else ""
