"""Calendars of people, read by a token that stands for all that was told before (Google, Microsoft 365).

The first reading is whole, and so is one after a token that is known no more, or is too old; what it lacks is looked at
by itself before it counts as gone. Nobody checks in there, and nothing is written.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from deskbell.core.outcome import Fault, Outcome, Rejected
from deskbell.core.ports import Finding, Page, SourceError, WriteBack
from deskbell.core.records import Visit
from deskbell.net.http import Http
from pollers import checks, several, snapshot
from pollers.cursor import Fetched, Row
from pollers.mapped import Mapped, map_each
from pollers.rows import line
from pollers.several import Step
from pollers.snapshot import Held, Known, Window

_MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar, and whose visits are in it."""

    address: str
    technician: str = ""
    technician_email: str = ""
    team: str = ""


class Expired(Exception):
    """The token is known no more: everything is to be read again."""


@dataclass(frozen=True, slots=True)
class Changes:
    """One answer: events (unwanted ones left out), what is no longer there, and how to go on. The last has a token."""

    rows: Sequence[Row]
    gone: Sequence[str] = ()
    after: str = ""
    token: str = ""
    date: datetime | None = None


class Conf(Protocol):
    """What the configurations of all of them hold."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def interval(self) -> timedelta: ...
    @property
    def calendars(self) -> Mapping[str, Calendar]: ...
    @property
    def window_back(self) -> timedelta: ...
    @property
    def window_ahead(self) -> timedelta: ...
    @property
    def full_every(self) -> timedelta: ...
    @property
    def number(self) -> str: ...
    @property
    def team(self) -> str: ...


C = TypeVar("C", bound=Conf)


class Calendars(ABC, Generic[C]):
    """A source. A vendor says how its pages are asked for, and what an event means."""

    def __init__(
        self, conf: C, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        self._now = now
        self.http = http or self.connected()

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

    # ------------------------------------------------------------ what each vendor has its own way

    @abstractmethod
    def connected(self) -> Http: ...

    @abstractmethod
    async def ask(self, name: str, token: str, after: str, now: datetime) -> Changes:
        """A page of what changed since the token, or of everything in the window. Raises Expired."""

    @abstractmethod
    async def event(self, name: str, record_id: str) -> Row | None:
        """One event as it is now; None when it is gone or cancelled. SourceError when that can't be told."""

    @abstractmethod
    def record_of(self, raw: Any, name: str) -> tuple[Visit, list[tuple[str, str]]]: ...

    def recall(self, state: Mapping[str, Any], name: str) -> None:
        """Takes in what is kept of a calendar besides."""

    def keep(self, name: str, known: Known) -> Mapping[str, Any]:  # noqa: ARG002
        """What is to be kept of a calendar besides."""
        return {}

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        return several.pages(cursor, self.conf.name, self.conf.calendars, self._part)

    async def _part(self, name: str, state: Mapping[str, Any]) -> AsyncIterator[Step]:
        now = self._now()
        self.recall(state, name)
        known, token = snapshot.from_json(state.get("known", {})), str(state.get("token", ""))
        begun = datetime.fromisoformat(state["begun"]) if state.get("begun") else now
        if token and now - begun < self.conf.full_every and known.mark == self._mark(name):
            try:
                async for step in self._news(name, token, known, begun):
                    yield step
            except Expired:
                pass
            else:
                return
        async for step in self._whole(name, known, now):
            yield step

    async def _news(self, name: str, token: str, known: Known, begun: datetime) -> AsyncIterator[Step]:
        rows, after, last = dict(known.rows), "", ""
        for _ in range(_MOST_PAGES):
            got = await self.ask(name, token, after, self._now())
            moved = {one: await self.event(name, one) for one in got.gone if one in rows}
            there = [*got.rows, *(row for row in moved.values() if row is not None)]
            fresh = [row for row in there if row.id not in rows or rows[row.id].version != row.version]
            mapped = await self._map(fresh, name)
            ends = {record.id: snapshot.until(record) for record in mapped.records}
            rows |= {row.id: Held(row.version, ends.get(row.id, 0.0)) for row in fresh}
            gone = tuple(one for one, row in moved.items() if row is None)
            for one in gone:
                del rows[one]
            after, last = got.after, got.token
            state = None if after else self._state(name, last, replace(known, rows=rows), begun)
            yield Step(mapped, gone, got.date, state)
            if not after:
                return

    async def _whole(self, name: str, known: Known, now: datetime) -> AsyncIterator[Step]:
        reading = _Whole(self, name, now)
        window = Window(
            fetch=reading.page,
            map_rows=lambda rows: self._map(rows, name),
            begins=now - self.conf.window_back,
            ends=now + self.conf.window_ahead,
            look=lambda ids: self._look(ids, name),
            mark=self._mark(name),
            max_pages=_MOST_PAGES,
        )
        async for part in snapshot.parts(known, window, now):
            if part.known is None:
                yield Step(part.mapped, part.gone, part.date)
                continue
            # Without a token everything is read once more: what is missing for the first time may be a hiccup.
            sure = part.known.short_since is None and not any(held.misses for held in part.known.rows.values())
            state = self._state(name, reading.token if sure else "", part.known, now)
            yield Step(part.mapped, part.gone, part.date, state)
            if part.known.short_since is not None:
                raise snapshot.too_few(part.known, name)

    def _state(self, name: str, token: str, known: Known, begun: datetime) -> Mapping[str, Any]:
        kept = {"token": token, "begun": begun.isoformat(), "known": snapshot.to_json(known)}
        return {**kept, **self.keep(name, known)}

    def _mark(self, name: str) -> str:
        conf = self.conf
        return snapshot.mark_of(conf.calendars[name], conf.number, conf.team, conf.window_ahead)

    async def _look(self, ids: Sequence[str], name: str) -> Mapping[str, Row | None]:
        return {one: await self.event(name, one) for one in ids}

    async def _map(self, rows: Sequence[Row], name: str) -> Mapped:
        return map_each(rows, lambda raw: self.record_of(raw, name))

    async def fetch(self, record_id: str) -> Visit | None:
        name = record_id.partition(":")[0]
        if name not in self.conf.calendars:
            return None
        row = await self.event(name, record_id)
        return None if row is None else self.record_of(row.raw, name)[0]

    async def missing(self, ids: Sequence[str]) -> list[str]:  # noqa: ARG002 - the token tells
        return []

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        return Rejected(Fault.CONFIG, f"{self.title}: calendars are only read; {item.kind} can't be written there")

    async def find(self, item: WriteBack) -> bool:  # noqa: ARG002 - what is never written is never there
        return False

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        """Each calendar by itself: the rights on them are given one by one."""
        found = []
        for name in self.conf.calendars:
            what = f"{self.title} {name}"
            try:
                got = await self.ask(name, "", "", self._now())
            except SourceError as error:
                found.append(Finding(what, ok=False, detail=str(error)))
                continue
            mapped = await self._map(got.rows, name)
            detail = f"{len(mapped.records)} visits on the first page"
            if mapped.bad:
                detail = f"{len(mapped.bad)} of {len(got.rows)} events: {mapped.bad[0].error}"
            elif mapped.unmapped:
                detail = f"not known: {mapped.unmapped[0][0]} {mapped.unmapped[0][1]!r}"
            found.append(Finding(what, ok=not mapped.bad and not mapped.unmapped, detail=detail))
            found.append(checks.clock(what, got.date, self._now()))
        return found


class _Whole:
    """One whole reading; its last page brings the token."""

    def __init__(self, source: Calendars[Any], name: str, now: datetime) -> None:
        self.source, self.name, self.now = source, name, now
        self.token = self._after = ""

    async def page(self, step: int) -> Fetched:
        got = await self.source.ask(self.name, "", self._after if step else "", self.now)
        self._after, self.token = got.after, got.token
        return Fetched(got.rows, more=bool(got.after), date=got.date)


def number_of(title: str, record_id: str, pattern: str) -> str:
    """What people call the visit: the job's number, where the title has one."""
    found = re.search(pattern, title) if pattern else None
    return line(found[0], 100) if found else title[:40] or record_id


def problem(calendars: Mapping[str, Calendar], number: str) -> str:
    """What is wrong with what all of them hold."""
    re.compile(number)
    if not calendars:
        return "calendars: there is none; each is a table with its address"
    for name, calendar in calendars.items():
        if not calendar.address or not calendar.address.isprintable() or "/" in calendar.address or ":" in name:
            return f"calendars.{name}: its address is that of a calendar or a mailbox, and its name has no colon"
    return ""


__all__ = ["Calendar", "Calendars", "Changes", "Expired", "number_of", "problem"]
