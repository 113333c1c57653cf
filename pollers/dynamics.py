"""Dynamics 365 Field Service as a source of visits: bookings of resources.

What it hides: statuses are rows that anybody may rename, and only a code of theirs is sure; deleted bookings are in no
list of changes; a work order moves without its booking.
https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/bookableresourcebooking
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, WriteBack, WriteKind
from deskbell.core.records import Visit, VisitStatus
from deskbell.net.answers import Reply
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from deskbell.vendors import dynamics as vendor
from pollers import checks, snapshot
from pollers.chain import Chain
from pollers.conf import Writeback
from pollers.cursor import OVERLAP, Fetched, Pace, Row
from pollers.rows import as_row, child, ident, line, mapping, measure, moment, note_text
from pollers.scheduler import FetchWhole, Scheduler, Words
from pollers.sweeper import FullSweep, Lookout, Poll, pages

_BOOKINGS, _STATUSES, _NOTES = "bookableresourcebookings", "bookingstatuses", "annotations"
_KEY = "bookableresourcebookingid"
_SELECT = (
    f"{_KEY},name,starttime,endtime,msdyn_estimatedarrivaltime,msdyn_actualarrivaltime,statecode,modifiedon,"
    "_bookingstatus_value,_resource_value,_msdyn_workorder_value"
)
_EXPAND = (
    "BookingStatus($select=name,status,msdyn_fieldservicestatus),"
    "Resource($select=name;$expand=UserId($select=internalemailaddress)),"
    "msdyn_workorder($select=msdyn_name,msdyn_workordersummary,msdyn_address1,msdyn_city,msdyn_latitude,msdyn_longitude,"
    "_msdyn_serviceaccount_value,_msdyn_serviceterritory_value;$expand=msdyn_serviceaccount($select=name))"
)
_READ = {"$select": _SELECT, "$expand": _EXPAND}
_FAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DynamicsConf:
    """Bookings of an environment, read by an application user with client credentials of Microsoft Entra."""

    base_url: str
    tenant: str  # the directory's id, or its domain
    client_id: str
    client_secret: str = field(repr=False)
    name: str = "dynamics"
    title: str = "Dynamics 365"
    login_url: str = vendor.LOGIN  # of another cloud: https://login.microsoftonline.us
    interval: timedelta = timedelta(seconds=60)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    window_back: timedelta = timedelta(days=1)
    window_ahead: timedelta = timedelta(days=14)
    window_every: timedelta = timedelta(minutes=15)  # how often the window is read whole, which tells what was deleted
    page_size: int = 250
    max_pages: int = 20
    status_map: Mapping[str, VisitStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)  # ids of territories -> our teams
    team: str = ""
    zone: str = "UTC"
    web_url: str = ""
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        checked_base(self.login_url, allow_http=self.allow_http)
        if not 1 <= self.page_size <= vendor.MOST_ROWS:
            raise ValueError(f"page_size: from 1 to {vendor.MOST_ROWS}")


def to_record(raw: Any, conf: DynamicsConf) -> Visit:
    """A booking as a visit. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get(_KEY), _KEY)
    order, resource = child(row, "msdyn_workorder"), child(row, "Resource")
    place = (line(order.get(name), 150) for name in ("msdyn_address1", "msdyn_city"))
    territory = line(order.get("_msdyn_serviceterritory_value"), 50)
    return Visit(
        source=conf.name,
        id=record_id,
        number=line(order.get("msdyn_name"), 100) or line(row.get("name"), 100) or record_id,
        status=_status(child(row, "BookingStatus"), conf),
        status_raw=line(child(row, "BookingStatus").get("name"), 100),
        title=line(order.get("msdyn_workordersummary")) or line(row.get("name")),
        customer=line(child(order, "msdyn_serviceaccount").get("name"), 200),
        site=", ".join(filter(None, place)),
        zone=conf.zone,
        team=conf.teams.get(territory) or conf.team,
        technician=line(resource.get("name"), 200),
        technician_id=line(row.get("_resource_value"), 100),
        technician_email=line(child(resource, "UserId").get("internalemailaddress"), 200),
        start=moment(row.get("starttime")),
        end=moment(row.get("endtime")),
        eta=moment(row.get("msdyn_estimatedarrivaltime")),
        arrived_at=moment(row.get("msdyn_actualarrivaltime")),
        account_id=line(order.get("_msdyn_serviceaccount_value"), 100),
        site_lat=measure(order.get("msdyn_latitude")),
        site_lon=measure(order.get("msdyn_longitude")),
        updated_at=moment(row.get("modifiedon")),
        url=f"{conf.web_url or conf.base_url.rstrip('/')}/main.aspx?pagetype=entityrecord"
        f"&etn=bookableresourcebooking&id={record_id}",
    )


def _status(status: Mapping[str, Any], conf: DynamicsConf) -> VisitStatus:
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    if mapped := ours.get(line(status.get("name"), 100).lower()):
        return VisitStatus(mapped)
    code, kind = line(status.get("msdyn_fieldservicestatus")), line(status.get("status"))
    return vendor.STATUSES.get(code) or (VisitStatus.UNKNOWN if code else vendor.TYPES.get(kind, VisitStatus.UNKNOWN))


class Dynamics(Scheduler[DynamicsConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        auth = vendor.login(conf.base_url, conf.tenant, conf.client_id, conf.client_secret, login_url=conf.login_url)
        headers = {**vendor.HEADERS, "Prefer": f"odata.maxpagesize={conf.page_size}"}
        base = conf.base_url.rstrip("/")
        return Http(conf.title, base, auth, dialect=vendor.DIALECT, allow_http=conf.allow_http, headers=headers)

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        start = now - conf.lookback
        mark = snapshot.mark_of(conf.status_map, conf.teams, conf.team, conf.zone)
        window = self.whole(self._window(now), now - conf.window_back, now + conf.window_ahead, mark)
        return pages(
            cursor,
            Poll(
                source=conf.name,
                fetch=Chain(self._changed).fetch,
                start=start,
                pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
                map_rows=self.map_rows,
                now=now,
                own=self.own,
                full=FullSweep(Chain(self._changed).fetch, start, conf.full_every),
                lookout=Lookout(window, conf.window_every),
            ),
        )

    async def _changed(self, since: datetime, key: str) -> tuple[Fetched, str]:
        order = f"modifiedon asc,{_KEY} asc"
        return await self._list(key, {"$filter": f"modifiedon ge {vendor.stamp(since)}", "$orderby": order})

    def _window(self, now: datetime) -> FetchWhole:
        conf = self.conf
        begins, ends = vendor.stamp(now - conf.window_back), vendor.stamp(now + conf.window_ahead)
        asked = {"$filter": f"endtime ge {begins} and starttime lt {ends}", "$orderby": f"{_KEY} asc"}

        async def ask(_since: datetime, key: str) -> tuple[Fetched, str]:
            got, after = await self._list(key, asked)
            return replace(got, rows=[replace(row, stamp=None) for row in got.rows]), after

        chain = Chain(ask)
        return lambda step: chain.fetch(now, step)

    async def _list(self, key: str, asked: Mapping[str, str]) -> tuple[Fetched, str]:
        reply = await (self.http.follow(key) if key else self.http.read(_at(_BOOKINGS), {**_READ, **asked}))
        after = reply.data.get("@odata.nextLink") if isinstance(reply.data, Mapping) else None
        after = after if isinstance(after, str) else ""
        rows = [_row(raw) for raw in self._rows(reply, _BOOKINGS)]
        return Fetched(rows, more=bool(after), date=reply.date), after

    def _rows(self, reply: Reply, what: str) -> list[Any]:
        data = reply.data if isinstance(reply.data, Mapping) else {}
        return checks.listed(data.get("value"), self.title, _at(what))

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        if not vendor.is_guid(record_id):
            return None
        reply = await self.http.read(f"{_at(_BOOKINGS)}({record_id})", _READ, missing_ok=True)
        return mapping(reply.data) if reply.ok else None

    def record_of(self, raw: Any, book: Any) -> tuple[Visit, Words]:  # noqa: ARG002
        visit = to_record(raw, self.conf)
        return visit, [("status", visit.status_raw)] if visit.status is VisitStatus.UNKNOWN else []

    # ------------------------------------------------------------ writing

    async def is_so(self, item: WriteBack, raw: Mapping[str, Any]) -> bool:
        match item.kind:
            case WriteKind.NOTE:
                asked = {
                    "$select": "notetext",
                    "$filter": f"_objectid_value eq {_noted(raw)[1]}",
                    "$orderby": "createdon desc",
                }
                rows = self._rows(await self.http.read(_at(_NOTES), asked), _NOTES)
                return any(item.marker in str(child({"row": row}, "row").get("notetext")) for row in rows)
            case WriteKind.ASSIGN:
                return line(raw.get("_resource_value"), 100) == item.assignee
            case WriteKind.RESOLVE:
                return _status(child(raw, "BookingStatus"), self.conf) is VisitStatus.COMPLETED

    async def note(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        """Of the work order, where there is one: that is where people look."""
        what, key = _noted(raw)
        body = {
            "subject": "Deskbell",
            "notetext": note_text(item.text, item.marker),
            f"objectid_{what[0]}@odata.bind": f"/{what[1]}({key})",
        }
        return await self.done(item, "POST", _at(_NOTES), body)

    async def assign(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002
        if not vendor.is_guid(item.assignee):
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} is no id of a bookable resource")
        return await self._patch(item, {"Resource@odata.bind": f"/bookableresources({item.assignee})"})

    async def resolve(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        asked = {"$select": "bookingstatusid", "$filter": f"msdyn_fieldservicestatus eq {vendor.COMPLETED}"}
        rows = self._rows(await self.http.read(_at(_STATUSES), asked), _STATUSES)
        status = line(child({"row": rows[0] if rows else None}, "row").get("bookingstatusid"), 50)
        if not vendor.is_guid(status):
            return Rejected(Fault.CONFIG, f"{self.title}: no booking status there means completed")
        outcome = await self._patch(item, {"BookingStatus@odata.bind": f"/{_STATUSES}({status})"})
        return await self.note(item, raw) if item.text and isinstance(outcome, Sent) else outcome

    async def _patch(self, item: WriteBack, body: Mapping[str, Any]) -> Outcome:
        """If-Match, or a booking that is gone would be made anew."""
        path = f"{_at(_BOOKINGS)}({item.record_id})"
        reply = await self.http.send("PATCH", path, body, headers={"If-Match": "*"}, expect_json=False)
        return Sent({"id": item.record_id}) if isinstance(reply, Reply) else reply

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        now = self._now()
        tried = await checks.tried(f"{self.title} credentials", self._me, "we are known there")
        if tried.reply is None:
            return [tried.finding]
        found = [tried.finding, self.clock(tried.reply.date)]
        try:
            got, _ = await self._changed(now - self.conf.lookback, "")
        except SourceError as error:
            return [*found, Finding(f"{self.title} bookings", ok=False, detail=str(error))]
        return [*found, await self.mapping(got.rows), await self._codes(), await self.obeyed(lambda: self._none(now))]

    async def _me(self) -> Reply:
        return await self.http.read(_at("WhoAmI"))

    async def _codes(self) -> Finding:
        """Whether every status of theirs means something to us, also those that no booking has today."""
        what, asked = f"{self.title} statuses", {"$select": "name,status,msdyn_fieldservicestatus"}
        try:
            rows = self._rows(await self.http.read(_at(_STATUSES), asked), _STATUSES)
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        known = [child({"row": row}, "row") for row in rows]
        strange = [line(row.get("name"), 50) for row in known if _status(row, self.conf) is VisitStatus.UNKNOWN]
        if strange:
            return Finding(what, ok=False, detail=f"not in status_map: {', '.join(strange[:5])}")
        return Finding(what, ok=True, detail=f"{len(known)} are known")

    async def _none(self, now: datetime) -> Sequence[Row]:
        return (await self._changed(now + _FAR, ""))[0].rows


def _noted(raw: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
    """What a note hangs on: the table, its set, and the row."""
    order = line(raw.get("_msdyn_workorder_value"), 50)
    if vendor.is_guid(order):
        return ("msdyn_workorder", "msdyn_workorders"), order
    return ("bookableresourcebooking", _BOOKINGS), ident(raw.get(_KEY), _KEY)


def _at(what: str) -> str:
    return f"{vendor.API}/{what}"


def _row(raw: Any) -> Row:
    row = raw if isinstance(raw, Mapping) else {}
    kept = {name: value for name, value in row.items() if name != "@odata.etag"} if row else raw
    return as_row(kept, row.get(_KEY), moment(row.get("modifiedon")))
