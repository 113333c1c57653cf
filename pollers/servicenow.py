"""ServiceNow as a source of incidents, with their service clocks. Table API, table `incident` and others like it.

What it hides: a wrong filter is dropped without a word, a short page is not the last one, `task_sla` moves without its
incident, and a journal reads back as nothing.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CASE_DONE, Case, Sla
from deskbell.net.answers import Reply
from deskbell.net.http import Http, Limits
from deskbell.vendors import servicenow as vendor
from pollers import checks, servicenow_slas
from pollers.cursor import Batch, Fetched, Pace, Row, from_json, sweep, to_json
from pollers.names import Names
from pollers.own import OwnWrites
from pollers.rows import as_row, line, moment, note_text, number
from pollers.servicenow_incident import (
    COLUMNS,
    Book,
    ServiceNowConf,
    auth_of,
    by_us,
    status_of,
    to_record,
    unmapped,
)
from pollers.sweeper import FullSweep, Mapped, Poll, map_each, pages
from pollers.writing import failed_read

__all__ = ["ServiceNow", "ServiceNowConf", "to_record"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARGIN = 20  # one row in so many is read twice when paging by offset, because rows move while we read
_FEW = "sys_id,sys_updated_on,sys_updated_by,state,assigned_to"


class ServiceNow:
    """The source. One request at a time where it can be helped: an instance has few of them to give."""

    def __init__(
        self, conf: ServiceNowConf, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        self.http = http or Http(
            conf.title,
            conf.base_url,
            auth_of(conf),
            dialect=vendor.DIALECT,
            allow_http=conf.allow_http,
            limits=Limits(connections=2),
        )
        self.own = OwnWrites()
        self.slas = servicenow_slas.Slas()
        self.now = now
        self._terms = vendor.terms(conf.query)
        self._users = Names(f"{conf.name} people", lambda ids: self._named("sys_user", ids))
        self._groups = Names(f"{conf.name} groups", lambda ids: self._named("sys_user_group", ids))

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
        await self.http.close()

    # ------------------------------------------------------------ reading

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self.now(), self.conf
        poll = Poll(
            source=conf.name,
            fetch=self.fetch_page,
            start=now - conf.lookback,
            pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
            map_rows=self._map,
            now=now,
            own=self.own,
            full=FullSweep(self._fetch_active, EPOCH, conf.full_every, first=True),
        )
        clocks, last = cursor.get("slas", {}), None
        async for page in pages(cursor, poll):
            last = replace(page, cursor={**page.cursor, "slas": clocks})
            yield last
        if last is not None and conf.slas:
            async for page in self._moved_clocks(last, now):
                yield page

    async def _moved_clocks(self, last: Page, now: datetime) -> AsyncIterator[Page]:
        """Incidents whose service clock was set, stopped or moved, which their own time of change does not show."""
        pace = Pace(overlap=self.conf.overlap, max_pages=self.conf.max_pages)
        try:
            async for batch in sweep(from_json(last.cursor["slas"]), self._fetch_slas, now - self.conf.overlap, pace):
                page = await self._clock_page(last, batch)
                if page.records or page.cursor != last.cursor:
                    last = page
                    yield page
                self.slas.keep()
        except SourceError as error:
            if error.fault is not SourceFault.AUTH:
                raise
            self.slas.refused(self.name, error)

    async def _clock_page(self, last: Page, batch: Batch) -> Page:
        moved = self.slas.moved([row.raw for row in batch.rows if isinstance(row.raw, Mapping)])
        raws = await self._by_ids(self.conf.table, sorted(moved), COLUMNS) if moved else []
        mapped = await self._map([self._row(raw) for raw in raws if self._fits(raw)])
        return replace(
            last,
            records=mapped.records,
            bad=mapped.bad,
            unmapped=mapped.unmapped,
            cursor={**last.cursor, "slas": to_json(batch.cursor), "own": self.own.dump()},
            read_at=batch.date or last.read_at,
        )

    async def fetch(self, record_id: str) -> Case | None:
        raw = await self.view(record_id, COLUMNS)
        if raw is None:
            return None
        return to_record(raw, self.conf, await self._book([raw]))

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the incidents that are gone, or that we may no longer see."""
        found = {vendor.ref(raw.get("sys_id")) for raw in await self._by_ids(self.conf.table, list(ids), "sys_id")}
        return [one for one in ids if one not in found]

    async def fetch_page(self, since: datetime, step: int) -> Fetched:
        return await self._fetch(self.conf.query, since, step)

    async def _fetch_active(self, since: datetime, step: int) -> Fetched:
        return await self._fetch(vendor.joined("active=true", self.conf.query), since, step)

    async def _fetch(self, filters: str, since: datetime, step: int) -> Fetched:
        extra = [term.column for term in self._terms if term.column not in COLUMNS.split(",")]
        fetched = await self._changed(self.conf.table, filters, since, step, ",".join([COLUMNS, *extra]))
        fit = [row for row in fetched.rows if self._fits(row.raw)]
        if len(fit) * 2 < len(fetched.rows):
            why = f"{self.title} ignored the filter {self.conf.query!r}: check its column names"
            raise SourceError(SourceFault.ANSWER, why)
        return replace(fetched, rows=fit)

    async def _fetch_slas(self, since: datetime, step: int) -> Fetched:
        return await self._changed("task_sla", "", since, step, servicenow_slas.COLUMNS)

    async def _changed(self, table: str, filters: str, since: datetime, step: int, columns: str) -> Fetched:
        """Rows changed since, oldest first. `X-Total-Count` counts rows we may not see as well; it tells the end."""
        limit = self.conf.page_size
        offset = step * (limit - limit // _MARGIN)
        order = "ORDERBYsys_updated_on^ORDERBYsys_id"
        query = vendor.joined(filters, f"sys_updated_on>={vendor.stamp(since)}", order)
        reply = await self.read(table, query, columns, limit=limit, offset=offset)
        rows = self.results(reply, table)
        total = number(reply.headers.get("x-total-count"))
        more = offset + limit < total if total is not None else 'rel="next"' in reply.headers.get("link", "")
        return Fetched([self._row(raw) for raw in rows], more, reply.date)

    def _fits(self, raw: Any) -> bool:
        """The filter again, on our side: a misspelt one is dropped without a word, and everything comes."""
        return not isinstance(raw, Mapping) or all(term.holds(raw) for term in self._terms)

    def _row(self, raw: Any) -> Row:
        row = raw if isinstance(raw, Mapping) else {}
        return as_row(raw, vendor.ref(row.get("sys_id")), moment(row.get("sys_updated_on")))

    async def _map(self, rows: Sequence[Row]) -> Mapped:
        book = await self._book([row.raw for row in rows if isinstance(row.raw, Mapping)])
        return map_each(rows, lambda raw: self._mapped(raw, book))

    def _mapped(self, raw: Any, book: Book) -> tuple[Case, list[tuple[str, str]]]:
        case = to_record(raw, self.conf, book)
        return case, unmapped(raw, case)

    async def _book(self, raws: Sequence[Mapping[str, Any]]) -> Book:
        people = [vendor.ref(raw.get(name)) for raw in raws for name in ("assigned_to", "caller_id")]
        return Book(
            users=await self._users.of(people),
            groups=await self._groups.of(vendor.ref(raw.get("assignment_group")) for raw in raws),
            slas=await self._clocks([vendor.ref(raw.get("sys_id")) for raw in raws]),
            activity=self.own.activity,
        )

    async def _clocks(self, ids: Sequence[str]) -> Mapping[str, tuple[Sla, ...]]:
        """Without the right to read them there are none; any other trouble stops the page, or alerts would end."""
        if not self.conf.slas or not ids or self.slas.resting():
            return {}
        try:
            rows = await self._by_ids("task_sla", ids, servicenow_slas.COLUMNS, column="task")
        except SourceError as error:
            if error.fault is not SourceFault.AUTH:
                raise
            self.slas.refused(self.name, error)
            return {}
        return servicenow_slas.by_task(ids, rows)

    async def _named(self, table: str, ids: Iterable[str]) -> dict[str, str]:
        rows = await self._by_ids(table, sorted(ids), "sys_id,name")
        return {vendor.ref(row.get("sys_id")): line(row.get("name"), 200) for row in rows}

    async def _by_ids(
        self, table: str, ids: Sequence[str], columns: str, column: str = "sys_id"
    ) -> list[Mapping[str, Any]]:
        """Rows by sys_id, some at a time; rows that were not asked for (a dropped condition) are left out."""
        found: list[Mapping[str, Any]] = []
        for start in range(0, len(ids), vendor.IN_AT_MOST):
            some = list(ids[start : start + vendor.IN_AT_MOST])
            reply = await self.read(table, vendor.is_in(column, some), columns, limit=1000)
            rows = self.results(reply, table)
            found += [row for row in rows if isinstance(row, Mapping) and vendor.ref(row.get(column)) in some]
        return found

    async def read(self, table: str, query: str, columns: str, *, limit: int, offset: int = 0) -> Reply:
        params: dict[str, Any] = {
            "sysparm_query": query,
            "sysparm_fields": columns,
            "sysparm_limit": limit,
            "sysparm_display_value": "false",
            "sysparm_exclude_reference_link": "true",
        }
        if offset:
            params["sysparm_offset"] = offset
        return await self.http.read(f"{vendor.TABLES}/{table}", params)

    def results(self, reply: Reply, table: str) -> list[Any]:
        result = reply.data.get("result") if isinstance(reply.data, Mapping) else None
        return checks.listed(result, self.title, f"{vendor.TABLES}/{table}")

    async def view(self, record_id: str, columns: str, display: str = "false") -> Mapping[str, Any] | None:
        params = {
            "sysparm_fields": columns,
            "sysparm_display_value": display,
            "sysparm_exclude_reference_link": "true",
        }
        reply = await self.http.read(self._path(record_id), params, missing_ok=True)
        result = reply.data.get("result") if reply.ok and isinstance(reply.data, Mapping) else None
        return result if isinstance(result, Mapping) else None

    def _path(self, record_id: str) -> str:
        return f"{vendor.TABLES}/{self.conf.table}/{quote(record_id, safe='')}"

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        try:
            row = await self.view(item.record_id, _FEW)
        except SourceError as error:
            return failed_read(error)
        if row is None:
            return Rejected(Fault.TARGET, f"{self.title}: {self.conf.table} {item.record_id} is gone or hidden from us")
        if (before := moment(row.get("sys_updated_on"))) is not None:
            self.own.begin(item.record_id, before, ours=by_us(row, self.conf))
        if self._is_so(item, row):
            return Sent({}, "was so already")
        reply = await self.http.send(
            "PATCH",
            self._path(item.record_id),
            self._values(item),
            params={"sysparm_fields": _FEW},
        )
        return self._written(item, reply) if isinstance(reply, Reply) else reply

    async def find(self, item: WriteBack) -> bool:
        """A note by its marker in the journal, an assignment or a resolution by what the row says now."""
        if item.kind is not WriteKind.NOTE:
            row = await self.view(item.record_id, _FEW)
            return row is not None and self._is_so(item, row)
        return await self._in_journal(item) or await self._in_notes(item)

    def _values(self, item: WriteBack) -> dict[str, str]:
        text = note_text(item.text, item.marker)
        match item.kind:
            case WriteKind.NOTE:
                return {"work_notes": text}
            case WriteKind.ASSIGN:
                return {"assigned_to": item.assignee}
            case WriteKind.RESOLVE:
                return {"state": self.conf.resolve_state, "close_code": self.conf.close_code, "close_notes": text}

    def _is_so(self, item: WriteBack, row: Mapping[str, Any]) -> bool:
        if item.kind is WriteKind.ASSIGN:
            return vendor.ref(row.get("assigned_to")) == item.assignee
        return item.kind is WriteKind.RESOLVE and status_of(line(row.get("state"), 50), row, self.conf) in CASE_DONE

    def _written(self, item: WriteBack, reply: Reply) -> Outcome:
        result = reply.data.get("result") if isinstance(reply.data, Mapping) else None
        row = result if isinstance(result, Mapping) else {}
        if (after := moment(row.get("sys_updated_on"))) is not None:
            self.own.done(item.record_id, after)
        if item.kind is WriteKind.ASSIGN and "assigned_to" in row and not self._is_so(item, row):
            why = f"{self.title} did not take {item.assignee!r} as assignee; it must be the sys_id of an active user"
            return Rejected(Fault.CONFIG, why)
        return Sent({"id": item.record_id})

    async def _in_journal(self, item: WriteBack) -> bool:
        query = vendor.joined(
            f"element_id={vendor.safe(item.record_id)}",
            "element=work_notes",
            f"valueLIKE{vendor.safe(item.marker)}",
        )
        reply = await self.read("sys_journal_field", query, "element_id,value,sys_created_on", limit=10)
        for row in self.results(reply, "sys_journal_field"):
            if isinstance(row, Mapping) and row.get("element_id") == item.record_id:
                if item.marker not in str(row.get("value")):
                    continue
                if (at := moment(row.get("sys_created_on"))) is not None:
                    self.own.done(item.record_id, at)
                return True
        return False

    async def _in_notes(self, item: WriteBack) -> bool:
        """Where the journal's own table may not be read, the form's text may."""
        row = await self.view(item.record_id, "work_notes", display="true")
        return row is not None and item.marker in str(row.get("work_notes"))

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        from pollers.servicenow_check import findings

        return await findings(self)
