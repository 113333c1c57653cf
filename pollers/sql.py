"""Any database through SQLAlchemy, by one SELECT: visits, cases, accounts, orders, invoices, contracts, leave."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from deskbell.core.outcome import Fault, Outcome, Rejected
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack
from deskbell.core.records import Record
from pollers import checks, snapshot
from pollers.cursor import Fetched, Pace, Row
from pollers.own import OwnWrites
from pollers.rest_conf import written
from pollers.rest_map import Plan, plan_of, to_record, unmapped
from pollers.rows import as_row, moment, number
from pollers.sql_conf import SqlConf
from pollers.sql_reading import Reader
from pollers.sweeper import FullSweep, Mapped, Poll, map_each, pages

__all__ = ["Sql", "SqlConf", "plan_for", "to_record"]

_FAR = timedelta(days=365)
_MOST_OF_A_WINDOW = 100


def plan_for(conf: SqlConf) -> Plan:
    """A column stands for itself, whatever it is called."""
    columns = {name: json.dumps(column.lower()) for name, column in conf.fields.items()}
    return replace(plan_of(replace(conf, fields=columns)), conf=conf)


class Sql:
    """The source."""

    def __init__(
        self, conf: SqlConf, reader: Reader | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        self.plan = plan_for(conf)
        self.reader = reader or Reader(conf.title, conf.url, conf.timeout)
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
        await self.reader.close()

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        walk = _Walk(self, now)
        if conf.strategy == "snapshot":
            return snapshot.pages(cursor, conf.name, self._window(walk, now), now)
        start = now - conf.lookback
        return pages(
            cursor,
            Poll(
                source=conf.name,
                fetch=walk.since,
                start=start,
                pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
                map_rows=self._map,
                now=now,
                own=OwnWrites(),
                full=FullSweep(walk.since, start, conf.full_every),
            ),
        )

    def _window(self, walk: "_Walk", now: datetime) -> snapshot.Window:
        conf = self.conf
        return snapshot.Window(
            fetch=walk.page,
            map_rows=self._map,
            begins=now - conf.window_back,
            ends=now + conf.window_ahead,
            look=self._look if conf.one else None,
            mark=snapshot.mark_of(conf.fields, conf.status_map, conf.priority_map, conf.teams, conf.team, conf.zone),
            max_pages=max(conf.max_pages, _MOST_OF_A_WINDOW),
        )

    async def fetch(self, record_id: str) -> Record | None:
        row = await self._one(record_id)
        return None if row is None else to_record(row.raw, self.plan)

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the rows that are gone, where single ones can be read; a snapshot tells it by itself."""
        if self.conf.strategy == "snapshot" or not self.conf.one:
            return []
        return [one for one in ids if await self._one(one) is None]

    async def _one(self, record_id: str) -> Row | None:
        if not self.conf.one:
            raise SourceError(SourceFault.ANSWER, f"{self.title}: set `one`, so that single records can be read")
        rows, _ = await self.reader.read(self.conf.one, {"id": self._as_id(record_id)})
        return self.row(rows[0]) if rows else None

    async def _look(self, ids: Sequence[str]) -> Mapping[str, Row | None]:
        return {one: await self._one(one) for one in ids}

    async def _map(self, rows: Sequence[Row]) -> Mapped:
        return map_each(rows, lambda raw: (to_record(raw, self.plan), unmapped(raw, self.plan)))

    def row(self, raw: Any) -> Row:
        stamp = moment(self.plan.value(raw, "updated_at"), self.plan.zone)
        return as_row(raw, self.plan.value(raw, "id"), None if self.conf.strategy == "snapshot" else stamp)

    async def ask(self, since: datetime, last_id: str, now: datetime) -> Fetched:
        conf = self.conf
        times = {
            "since": since,
            "window_start": now - conf.window_back,
            "window_end": now + conf.window_ahead,
        }
        values = {name: self._as_time(at) for name, at in times.items()}
        found, date = await self.reader.read(
            conf.query, {**values, "last_id": self._as_id(last_id), "limit": conf.page_size}
        )
        rows = [self.row(raw) for raw in found]
        return Fetched(rows, more=conf.paged and len(rows) >= conf.page_size, date=date)

    def _as_time(self, at: datetime) -> Any:
        match self.conf.date_format:
            case "native":
                return at.astimezone(UTC)
            case "local":
                return at.astimezone(ZoneInfo(self.conf.zone)).replace(tzinfo=None)
        return written(at, self.conf.date_format)

    def _as_id(self, record_id: str) -> Any:
        """No id is smaller than the one that stands for none."""
        if self.conf.ids == "text":
            return record_id
        return (number(record_id) or 0) if record_id else -(2**62)

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        return Rejected(Fault.CONFIG, f"{self.title}: a database is only read; {item.kind} can't be written there")

    async def find(self, item: WriteBack) -> bool:  # noqa: ARG002 - what is never written is never there
        return False

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        now, conf = self._now(), self.conf
        try:
            got = await self.ask(now - conf.lookback, "", now)
        except SourceError as error:
            return [Finding(f"{self.title} query", ok=False, detail=str(error))]
        found = [Finding(f"{self.title} query", ok=True, detail=f"gives {len(got.rows)} rows")]
        found.append(checks.clock(self.title, got.date, now) if got.date else _no_clock(self.title))
        found += [await self._guard(), await self._mapping(got.rows), self._order(got.rows)]
        if conf.strategy == "keyset":
            found.append(await self._time_filter(now))
        return found

    async def _guard(self) -> Finding:
        what = f"{self.title} read-only"
        if await self.reader.guarded():
            return Finding(what, ok=True, detail="the database refuses writes of ours")
        return Finding(what, ok=True, detail="this kind of database can't be asked; give our account no right to write")

    async def _mapping(self, rows: Sequence[Row]) -> Finding:
        mapped, what = await self._map(rows), f"{self.title} fields"
        absent = sorted(c for c in self.conf.fields.values() if rows and c.lower() not in rows[0].raw)
        if absent:
            return Finding(what, ok=False, detail=f"the query gives no column {', '.join(absent)}")
        if mapped.bad:
            return Finding(what, ok=False, detail=f"{len(mapped.bad)} of {len(rows)} rows: {mapped.bad[0].error}")
        if mapped.unmapped:
            words = ", ".join(f"{name} {value!r}" for name, value in mapped.unmapped[:5])
            return Finding(what, ok=False, detail=f"not in status_map or priority_map: {words}")
        return Finding(what, ok=True, detail=f"{len(rows)} rows fit")

    def _order(self, rows: Sequence[Row]) -> Finding:
        what = f"{self.title} order"
        stamps = [row.stamp for row in rows if row.stamp]
        if all(one <= two for one, two in pairwise(stamps)):
            return Finding(what, ok=True, detail="as the strategy needs it")
        return Finding(what, ok=False, detail="rows must come sorted: ORDER BY the time of change, then the id")

    async def _time_filter(self, now: datetime) -> Finding:
        what = f"{self.title} time filter"
        try:
            got = await self.ask(now + _FAR, "", now)
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        if got.rows:
            return Finding(what, ok=False, detail=":since is ignored: rows came for a time that is still to come")
        return Finding(what, ok=True, detail=":since is obeyed")


def _no_clock(title: str) -> Finding:
    return Finding(f"{title} clock", ok=True, detail="the database does not tell its time for certain")


class _Walk:
    """One poll's way through the pages: where each page of a time ended, since the next begins behind its last id."""

    def __init__(self, source: Sql, now: datetime) -> None:
        self.source, self.now = source, now
        self._ends: dict[tuple[datetime, int], str] = {}

    async def since(self, since: datetime, step: int) -> Fetched:
        got = await self.source.ask(since, await self._behind(since, step), self.now)
        if got.rows:
            self._ends[since, step] = got.rows[-1].id
        return got

    async def page(self, step: int) -> Fetched:
        return await self.since(self.now - self.source.conf.lookback, step)

    async def _behind(self, since: datetime, step: int) -> str:
        if step == 0:
            return ""
        if (since, step - 1) not in self._ends:
            await self.since(since, step - 1)
        return self._ends.get((since, step - 1), "")
