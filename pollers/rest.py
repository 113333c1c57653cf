"""Any scheduling system or helpdesk with a JSON API, described in the configuration."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import jmespath

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Case, Record, Visit
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from pollers import checks, snapshot
from pollers.cursor import Fetched, Pace, Row
from pollers.own import OwnWrites
from pollers.rest_conf import AuthConf, Paging, RestConf, WriteRule, filled, written
from pollers.rest_map import Plan, found, plan_of, to_record, unmapped
from pollers.rows import as_row, moment, note_text, number, printable
from pollers.sweeper import FullSweep, Mapped, Poll, map_each, pages
from pollers.writing import failed_read

__all__ = ["AuthConf", "Paging", "Rest", "RestConf", "WriteRule", "to_record"]

_BY_TOKEN = frozenset({"cursor", "link_header", "next_url"})
_MOST_OF_A_WINDOW = 100  # pages: a window that is not read whole can't tell what is gone
_A_DAY = timedelta(days=1, minutes=1)  # a filter by date alone gives rows up to a day older than asked for


class Rest:
    """The source."""

    def __init__(
        self, conf: RestConf, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        self.plan: Plan = plan_of(conf, conf.items, conf.item)
        self.http = http or Http(conf.title, conf.base_url, conf.auth.made(), allow_http=conf.allow_http)
        self.own = OwnWrites()
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
        await self.http.close()

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        if conf.strategy == "snapshot":
            return snapshot.pages(cursor, conf.name, self._window(now), now, self.own)
        sorted_rows = conf.strategy == "re_anchor" and conf.paging.kind not in _BY_TOKEN
        start = now - conf.lookback
        fetch = _Reader(self, now).fetch
        return pages(
            cursor,
            Poll(
                source=conf.name,
                fetch=fetch,
                start=start,
                pace=Pace(
                    overlap=conf.overlap,
                    max_pages=conf.max_pages,
                    re_anchor=sorted_rows,
                    filter_slack=_A_DAY if conf.date_format == "date" else timedelta(minutes=1),
                ),
                map_rows=self._map,
                now=now,
                own=self.own,
                full=FullSweep(fetch, start, conf.full_every),
            ),
        )

    def _window(self, now: datetime) -> snapshot.Window:
        conf, reader = self.conf, _Reader(self, now)
        return snapshot.Window(
            fetch=lambda step: reader.fetch(now - conf.lookback, step),
            map_rows=self._map,
            begins=now - conf.window_back,
            ends=now + conf.window_ahead,
            look=self._look if conf.item_path else None,
            mark=snapshot.mark_of(conf.fields, conf.status_map, conf.priority_map, conf.teams, conf.team, conf.zone),
            max_pages=max(conf.max_pages, _MOST_OF_A_WINDOW),
        )

    async def _look(self, ids: Sequence[str]) -> Mapping[str, Row | None]:
        raws = {one: await self._one(one) for one in ids}
        return {one: None if raw is None else self._row(raw) for one, raw in raws.items()}

    async def fetch(self, record_id: str) -> Record | None:
        raw = await self._one(record_id)
        return None if raw is None else to_record(raw, self.plan, self.own.activity)

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the rows that are gone. Where everything is read each time, that tells."""
        if self.conf.strategy == "snapshot":
            return []
        return [one for one in ids if await self._one(one) is None]

    async def _one(self, record_id: str) -> Any:
        if not self.conf.item_path:
            raise SourceError(SourceFault.ANSWER, f"{self.title}: set item_path, so that single records can be read")
        path = str(filled(self.conf.item_path, {"id": quote(record_id, safe="")}))
        reply = await self.http.read(path, missing_ok=True)
        return found(self.plan.item, reply.data) if reply.ok else None

    async def _map(self, rows: Sequence[Row]) -> Mapped:
        return map_each(rows, self._mapped)

    def _mapped(self, raw: Any) -> tuple[Record, list[tuple[str, str]]]:
        return to_record(raw, self.plan, self.own.activity), unmapped(raw, self.plan)

    def rows(self, reply: Reply) -> list[Row]:
        raws = checks.listed(found(self.plan.items, reply.data), self.title, self.conf.path)
        return [self._row(raw) for raw in raws]

    def _row(self, raw: Any) -> Row:
        stamp = moment(self.plan.value(raw, "updated_at"), self.plan.zone)
        return as_row(raw, self.plan.value(raw, "id"), None if self.conf.strategy == "snapshot" else stamp)

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        rule = self.conf.write.get(item.kind)
        if rule is None:
            return Rejected(Fault.CONFIG, f"{self.title}: there is no write map for {item.kind}")
        values = {
            "id": item.record_id,
            "text": note_text(item.text, item.marker),
            "marker": item.marker,
            "assignee": item.assignee,
        }
        try:
            body = filled(rule.body, values)
        except ValueError:
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} must be a number here")
        return await self._begin(item) or await self._send(item, rule, body)

    async def _begin(self, item: WriteBack) -> Outcome | None:
        """For a case, its time of change before we write; a visit has no inactivity that our note could hide."""
        if self.conf.records != "case" or not self.conf.item_path:
            return None
        try:
            raw = await self._one(item.record_id)
        except SourceError as error:
            return failed_read(error)
        if (before := moment(self.plan.value(raw, "updated_at"), self.plan.zone)) is not None:
            self.own.begin(item.record_id, before)
        return None

    async def _send(self, item: WriteBack, rule: WriteRule, body: Any) -> Outcome:
        path = str(filled(rule.path, {"id": quote(item.record_id, safe="")}))
        reply = await self.http.send(rule.method, path, body, expect_json=False)
        if not isinstance(reply, Reply):
            return reply
        after = moment(self.plan.value(found(self.plan.item, reply.data), "updated_at"), self.plan.zone)
        if after is not None:
            self.own.done(item.record_id, after)
        return Sent({"id": item.record_id})

    async def find(self, item: WriteBack) -> bool:
        """A note by its marker anywhere in the row, an assignment or a resolution by what the row says now."""
        raw = await self._one(item.record_id)
        if raw is None:
            return False
        if item.kind is WriteKind.NOTE:
            return item.marker in printable(raw)
        record = to_record(raw, self.plan, self.own.activity)
        if item.kind is WriteKind.RESOLVE:
            return record.done
        return _assigned(record) == item.assignee

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        now = self._now()
        reader = _Reader(self, now)
        since = now - self.conf.lookback
        first = await checks.tried(f"{self.title} rows", lambda: reader.ask(since, 0), f"{self.conf.path} can be read")
        if first.reply is None:
            return [first.finding]
        findings = [first.finding, checks.clock(self.title, first.reply.date, now)]
        try:
            rows = self.rows(first.reply)
        except SourceError as error:
            return [*findings, Finding(f"{self.title} items", ok=False, detail=str(error))]
        findings += [await self._mapping(rows), self._order(rows)]
        if any("{since}" in value for value in self.conf.params.values()):
            findings.append(await self._time_filter(now))
        return findings

    async def _mapping(self, rows: Sequence[Row]) -> Finding:
        mapped, what = await self._map(rows), f"{self.title} fields"
        if mapped.bad:
            return Finding(what, ok=False, detail=f"{len(mapped.bad)} of {len(rows)} rows: {mapped.bad[0].error}")
        if mapped.unmapped:
            words = ", ".join(f"{name} {value!r}" for name, value in mapped.unmapped[:5])
            return Finding(what, ok=False, detail=f"not in status_map or priority_map: {words}")
        return Finding(what, ok=True, detail=f"{len(rows)} rows of the first page fit")

    def _order(self, rows: Sequence[Row]) -> Finding:
        stamps = [row.stamp for row in rows if row.stamp]
        what = f"{self.title} order"
        if self.conf.strategy != "re_anchor" or all(one <= two for one, two in pairwise(stamps)):
            return Finding(what, ok=True, detail="as the strategy needs it")
        why = 'rows are not sorted by updated_at, ascending: ask the API for that, or set strategy = "sweep"'
        return Finding(what, ok=False, detail=why)

    async def _time_filter(self, now: datetime) -> Finding:
        what = f"{self.title} time filter"
        try:
            rows = self.rows(await _Reader(self, now).ask(now + timedelta(days=1), 0))
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        if rows:
            return Finding(what, ok=False, detail="{since} is ignored: rows came for a time that is still to come")
        return Finding(what, ok=True, detail="{since} is obeyed")


class _Reader:
    """One poll's way through the pages; for an API that names its next page, it remembers the name."""

    def __init__(self, source: Rest, now: datetime) -> None:
        self.source = source
        self.conf = source.conf
        self.now = now
        self._next = ""

    async def fetch(self, since: datetime, step: int) -> Fetched:
        reply = await self.ask(since, step)
        rows = self.source.rows(reply)
        return Fetched(rows, self._more(reply, rows, step), reply.date)

    async def ask(self, since: datetime, step: int) -> Reply:
        paging = self.conf.paging
        if step and paging.kind in ("link_header", "next_url"):
            return await self.source.http.follow(self._next)
        values = {
            "since": written(since, self.conf.date_format),
            "window_start": written(self.now - self.conf.window_back, self.conf.date_format),
            "window_end": written(self.now + self.conf.window_ahead, self.conf.date_format),
            "page": str(paging.first + step),
            "offset": str(step * paging.size),
            "size": str(paging.size),
            "cursor": self._next if step else "",
        }
        params = {name: filled(text, values) for name, text in self.conf.params.items()}
        return await self.source.http.read(self.conf.path, {name: value for name, value in params.items() if value})

    def _more(self, reply: Reply, rows: Sequence[Row], step: int) -> bool:
        paging = self.conf.paging
        match paging.kind:
            case "none":
                return False
            case "link_header":
                self._next = _next_link(reply.headers.get("link", ""))
            case "next_url":
                self._next = _text(paging.next, reply.data)
            case "cursor":
                self._next = _text(paging.cursor, reply.data)
            case _:
                return _counted(paging, reply.data, len(rows), step)
        return bool(self._next)


def _counted(paging: Paging, data: Any, rows: int, step: int) -> bool:
    if paging.pages:
        return step + 1 < (number(found(jmespath.compile(paging.pages), data)) or 0)
    if paging.total:
        return (step + 1) * paging.size < (number(found(jmespath.compile(paging.total), data)) or 0)
    return rows >= paging.size


def _text(path: str, data: Any) -> str:
    value = found(jmespath.compile(path), data) if path else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _next_link(header: str) -> str:
    """RFC 8288: the address whose relation is next."""
    for part in header.split(","):
        address, _, rest = part.strip().partition(">")
        if address.startswith("<") and 'rel="next"' in rest.replace(" ", ""):
            return address[1:]
    return ""


def _assigned(record: Record) -> str:
    if isinstance(record, Visit):
        return record.technician_id
    return record.assignee_id if isinstance(record, Case) else ""
