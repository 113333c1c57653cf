"""ServiceNow as a source of incidents, cases, catalog tasks and work order tasks. Table API, one table a source.

What it hides: a wrong filter is dropped without a word, a short page is not the last one, service clocks and files move
without their task, a journal reads back as nothing, and a column that we may not see is just not there.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CASE_DONE, VISIT_DONE, Record, Sla
from deskbell.net.answers import Reply
from deskbell.net.http import Http, Limits
from deskbell.vendors import servicenow as vendor
from pollers import servicenow_journal, servicenow_parts, servicenow_slas
from pollers.cursor import Batch, Fetched, Pace, Row, from_json, sweep, to_json
from pollers.names import Names
from pollers.own import OwnWrites, opened_here
from pollers.rows import line, moment, note_text
from pollers.servicenow_api import Instance, path_of, row_of
from pollers.servicenow_case import to_record, unmapped
from pollers.servicenow_conf import Book, ServiceNowConf, auth_of, by_us, status_of
from pollers.servicenow_journal import Authors
from pollers.servicenow_parts import Part, Rights
from pollers.servicenow_visit import to_visit
from pollers.sweeper import FullSweep, Mapped, Poll, map_each, pages
from pollers.writing import failed_read

__all__ = ["ServiceNow", "ServiceNowConf", "to_record", "to_visit"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
        self.api = Instance(conf.title, self.http)
        self.own = OwnWrites()
        self.rights = Rights(conf.name)
        self.now = now
        self._terms = vendor.terms(conf.query)
        self._parts = [
            *([servicenow_parts.slas()] if conf.slas else []),
            *([servicenow_parts.attachments(conf.table)] if conf.attachments and not conf.kind.visits else []),
            *([servicenow_parts.deletions(conf.table)] if conf.deletions else []),
        ]
        self._users = Names(f"{conf.name} people", lambda ids: self._named("sys_user", ids))
        self._groups = Names(f"{conf.name} groups", lambda ids: self._named("sys_user_group", ids))
        self._labels = Names(f"{conf.name} states", self._load_labels)
        self._writers = Names(f"{conf.name} writers", lambda ids: self._accounts(ids, "name"))
        self._classes = Names(f"{conf.name} writers' classes", lambda ids: self._accounts(ids, "sys_class_name"))

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
        # Deskbell 0.1 knew of the clocks alone.
        beside, last = cursor.get("beside", {"task_sla": cursor.get("slas", {})}), None
        async for page in pages(cursor, poll):
            last = replace(page, cursor={**page.cursor, "beside": beside})
            yield last
        if last is not None:
            async for page in self._all_beside(last, now):
                yield page

    async def _all_beside(self, last: Page, now: datetime) -> AsyncIterator[Page]:
        """The tables beside, one after the other. Places without news are kept together, at the end."""
        spare: Page | None = None
        for part in self._parts:
            async for page in self._beside(part, last, now):
                last = page
                spare = None if page.records or page.bad or page.gone else page
                if spare is None:
                    yield page
        if spare is not None:
            yield spare

    async def _beside(self, part: Part, last: Page, now: datetime) -> AsyncIterator[Page]:
        """What changed in a table beside, and the records that it belongs to."""
        if not self.rights.may(part.table):
            return
        held = from_json(last.cursor["beside"].get(part.table, {}))
        fetch = partial(self.api.changed, part.table, part.filters, columns=part.columns, limit=self.conf.page_size)
        pace = Pace(overlap=self.conf.overlap, max_pages=self.conf.max_pages)
        try:
            async for batch in sweep(held, fetch, held.floor or now - self.conf.overlap, pace):
                last = await self._page_beside(part, last, batch)
                yield last
                part.kept()
        except SourceError as error:
            if error.fault is not SourceFault.AUTH or error.login:
                raise
            self.rights.refused(part.table, error)

    async def _page_beside(self, part: Part, last: Page, batch: Batch) -> Page:
        news = sorted(part.news([row.raw for row in batch.rows if isinstance(row.raw, Mapping)]))
        raws = await self.api.by_ids(self.conf.table, news, self.conf.asked) if news and not part.gone else []
        mapped = await self._map([row_of(raw) for raw in raws if self._fits(raw)])
        beside = {**last.cursor["beside"], part.table: to_json(batch.cursor)}
        return replace(
            last,
            records=mapped.records,
            bad=mapped.bad,
            unmapped=mapped.unmapped,
            gone=tuple(news) if part.gone else (),
            cursor={**last.cursor, "beside": beside, "own": self.own.dump()},
            read_at=batch.date or last.read_at,
        )

    async def fetch(self, record_id: str) -> Record | None:
        raw = await self.api.view(self.conf.table, record_id, self.conf.asked)
        if raw is None or opened_here(raw, "correlation_id"):
            return None
        return self._mapped(raw, await self._book([raw]))[0]

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the incidents that are gone, or that we may no longer see."""
        found = {vendor.ref(raw.get("sys_id")) for raw in await self.api.by_ids(self.conf.table, list(ids), "sys_id")}
        return [one for one in ids if one not in found]

    async def fetch_page(self, since: datetime, step: int) -> Fetched:
        return await self._fetch(self.conf.query, since, step)

    async def _fetch_active(self, since: datetime, step: int) -> Fetched:
        return await self._fetch(vendor.joined("active=true", self.conf.query), since, step)

    async def _fetch(self, filters: str, since: datetime, step: int) -> Fetched:
        fetched = await self.api.changed(
            self.conf.table, filters, since, step, columns=self.conf.asked, limit=self.conf.page_size
        )
        fit = [row for row in fetched.rows if self._fits(row.raw)]
        if len(fit) * 2 < len(fetched.rows):
            why = f"{self.title} ignored the filter {self.conf.query!r}: check its column names"
            raise SourceError(SourceFault.ANSWER, why)
        return replace(fetched, rows=fit)

    def _fits(self, raw: Any) -> bool:
        """The filter again, on our side: a misspelt one is dropped without a word, and everything comes."""
        return not isinstance(raw, Mapping) or all(term.holds(raw) for term in self._terms)

    async def _map(self, found: Sequence[Row]) -> Mapped:
        rows = [row for row in found if not opened_here(row.raw, "correlation_id")]
        book = await self._book([row.raw for row in rows if isinstance(row.raw, Mapping)])
        return map_each(rows, lambda raw: self._mapped(raw, book))

    def _mapped(self, raw: Any, book: Book) -> tuple[Record, list[tuple[str, str]]]:
        record = (to_visit if self.conf.kind.visits else to_record)(raw, self.conf, book)
        return record, unmapped(raw, self.conf, book)

    async def _book(self, raws: Sequence[Mapping[str, Any]]) -> Book:
        asker = self.conf.named.get("requester_id", "")
        people = [vendor.ref(raw.get(name)) for raw in raws for name in ("assigned_to", asker)]
        ids = [one for raw in raws if (one := vendor.ref(raw.get("sys_id")))]
        return Book(
            users=await self._users.of(people),
            groups=await self._groups.of(vendor.ref(raw.get("assignment_group")) for raw in raws),
            labels=await self._labels.of(line(raw.get("state"), 50) for raw in raws),
            slas=await self._clocks(ids),
            told={} if self.conf.kind.visits else await self._told(ids, raws),
            activity=self.own.activity,
        )

    async def _clocks(self, ids: Sequence[str]) -> Mapping[str, tuple[Sla, ...]]:
        """Without the right to read them there are none."""
        if not self.conf.slas:
            return {}
        rows = await self.rights.or_nothing(
            "task_sla", lambda: self.api.by_ids("task_sla", ids, servicenow_slas.COLUMNS, column="task")
        )
        return servicenow_slas.by_task(ids, rows)

    async def _told(self, ids: Sequence[str], raws: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What was written in tasks and attached to them."""
        entries, files = await self._entries(ids), await self._files(ids)
        logins = {line(row.get("sys_created_by"), 100) for row in [*entries, *files]}
        authors = Authors(await self._writers.of(logins), await self._classes.of(logins))
        asker = self.conf.named.get("login", "")
        return {
            task: servicenow_journal.told_in(
                [row for row in entries if row.get("element_id") == task],
                [row for row in files if vendor.ref(row.get("table_sys_id")) == task],
                vendor.ref(raw.get(asker)),
                authors,
                self.conf.documents,
            )
            for raw in raws
            if (task := vendor.ref(raw.get("sys_id")))
        }

    async def _entries(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        table, since = "sys_journal_field", vendor.stamp(self.now() - self.conf.journal_within)
        filters = f"elementINwork_notes,comments^sys_created_on>={since}^ORDERBYDESCsys_created_on"
        if not self.conf.journal:
            return []
        return await self.rights.or_nothing(
            table, lambda: self.api.by_ids(table, ids, servicenow_journal.COLUMNS, "element_id", filters)
        )

    async def _files(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        table, filters = "sys_attachment", f"table_name={vendor.safe(self.conf.table)}^ORDERBYDESCsys_created_on"
        if not self.conf.attachments:
            return []
        return await self.rights.or_nothing(
            table, lambda: self.api.by_ids(table, ids, servicenow_journal.FILE_COLUMNS, "table_sys_id", filters)
        )

    async def _named(self, table: str, ids: Iterable[str]) -> dict[str, str]:
        rows = await self.api.by_ids(table, sorted(ids), "sys_id,name")
        return {vendor.ref(row.get("sys_id")): line(row.get("name"), 200) for row in rows}

    async def _accounts(self, logins: Iterable[str], column: str) -> dict[str, str]:
        known = [one for one in sorted(logins) if "," not in one]
        rows = await self.api.by_ids("sys_user", known, f"user_name,{column}", "user_name")
        return {vendor.ref(row.get("user_name")): line(row.get(column), 200) for row in rows}

    async def _load_labels(self, _codes: frozenset[str]) -> dict[str, str]:
        return vendor.labels(await self.choices(), self.conf.table, self.conf.language)

    async def choices(self) -> list[Any]:
        """The words for states, of the table and of the one that it is built on."""
        query = vendor.joined(
            vendor.is_in("name", [self.conf.table, "task"]),
            "element=state",
            vendor.is_in("language", [vendor.ENGLISH, self.conf.language]),
        )
        columns = "name,element,value,label,language,inactive"
        return self.api.results(await self.api.read("sys_choice", query, columns, limit=1000), "sys_choice")

    # ------------------------------------------------------------ writing

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        """What a write has to know of the row as it is now; None when it is gone or hidden."""
        return await self.api.view(self.conf.table, record_id, _FEW)

    async def write(self, item: WriteBack) -> Outcome:
        try:
            row = await self.one(item.record_id)
        except SourceError as error:
            return failed_read(error)
        if row is None:
            return Rejected(Fault.TARGET, f"{self.title}: {self.conf.table} {item.record_id} is gone or hidden from us")
        if (before := moment(row.get("sys_updated_on"))) is not None:
            self.own.begin(item.record_id, before, ours=by_us(row, self.conf))
        if await self._is_so(item, row):
            return Sent({}, "was so already")
        reply = await self.http.send(
            "PATCH",
            path_of(self.conf.table, item.record_id),
            self._values(item),
            params={"sysparm_fields": _FEW},
        )
        return await self._written(item, reply) if isinstance(reply, Reply) else reply

    async def find(self, item: WriteBack) -> bool:
        """A note by its marker in the journal, an assignment or a resolution by what the row says now."""
        if item.kind is not WriteKind.NOTE:
            row = await self.one(item.record_id)
            return row is not None and await self._is_so(item, row)
        return await self._in_journal(item) or await self._in_notes(item)

    def _values(self, item: WriteBack) -> dict[str, str]:
        text = note_text(item.text, item.marker)
        match item.kind:
            case WriteKind.NOTE:
                return {"work_notes": text}
            case WriteKind.ASSIGN:
                return {"assigned_to": item.assignee}
            case WriteKind.RESOLVE:
                kind = self.conf.kind
                column, usual = kind.closing
                values = {"state": self.conf.resolve_state or kind.resolved, column: self.conf.close_code or usual}
                return {name: value for name, value in (values | {kind.closing_notes: text}).items() if name and value}

    async def _is_so(self, item: WriteBack, row: Mapping[str, Any]) -> bool:
        if item.kind is WriteKind.ASSIGN:
            return vendor.ref(row.get("assigned_to")) == item.assignee
        if item.kind is WriteKind.NOTE:
            return False
        labels = await self._labels.of([line(row.get("state"), 50)])
        return status_of(row, self.conf, Book(labels=labels)) in CASE_DONE | VISIT_DONE

    async def _written(self, item: WriteBack, reply: Reply) -> Outcome:
        result = reply.data.get("result") if isinstance(reply.data, Mapping) else None
        row = result if isinstance(result, Mapping) else {}
        if (after := moment(row.get("sys_updated_on"))) is not None:
            self.own.done(item.record_id, after)
        if item.kind is WriteKind.ASSIGN and "assigned_to" in row and not await self._is_so(item, row):
            why = f"{self.title} did not take {item.assignee!r} as assignee; it must be the sys_id of an active user"
            return Rejected(Fault.CONFIG, why)
        return Sent({"id": item.record_id})

    async def _in_journal(self, item: WriteBack) -> bool:
        query = vendor.joined(
            f"element_id={vendor.safe(item.record_id)}",
            "element=work_notes",
            f"valueLIKE{vendor.safe(item.marker)}",
        )
        reply = await self.api.read("sys_journal_field", query, "element_id,value,sys_created_on", limit=10)
        for row in self.api.results(reply, "sys_journal_field"):
            if isinstance(row, Mapping) and row.get("element_id") == item.record_id:
                if item.marker not in str(row.get("value")):
                    continue
                if (at := moment(row.get("sys_created_on"))) is not None:
                    self.own.done(item.record_id, at)
                return True
        return False

    async def _in_notes(self, item: WriteBack) -> bool:
        """Where the journal's own table may not be read, the form's text may."""
        row = await self.api.view(self.conf.table, item.record_id, "work_notes", display="true")
        return row is not None and item.marker in str(row.get("work_notes"))

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        from pollers.servicenow_check import findings

        return await findings(self)
