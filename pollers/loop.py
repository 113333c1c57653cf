"""The one polling loop: reads a source, hands the pages to the desk, and never stops or hurries when there is trouble.

A source that fails is asked again after a random pause that doubles up to five minutes; one that says how long to wait
is taken at its word; one that refuses our credentials is asked seldom, so that it does not lock the account.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from deskbell.core.ports import Page, Source, SourceError, SourceFault, SourceState
from deskbell.core.store import Guard, LeaseLost
from deskbell.instance import Held
from deskbell.net import metrics
from deskbell.net.faults import point
from deskbell.net.redact import redact
from pollers.hints import Desk as HintsDesk
from pollers.hints import Hints
from pollers.snapshot import read_anew

LONGEST_PAUSE = timedelta(minutes=5)
AUTH_PATIENCE = 3  # refusals of our credentials until the loop slows down
VANISHED_EVERY_S = 300.0  # how often the records behind live alerts are asked for by name
VANISHED_AT_ONCE = 25  # each costs a call of the account's budget
_FIRST_PAUSE = 2.0
_SHORTEST_PAUSE = 0.5
_JITTER = 0.1  # of the interval, so that sources started together do not poll together for ever

log = structlog.get_logger(__name__)


class Desk(HintsDesk, Protocol):
    """What the loop needs of the desk. Each change is refused with LeaseLost when another instance reads the source."""

    async def source_state(self, name: str, guard: Guard) -> SourceState: ...
    async def source_failed(self, name: str, error: SourceError, guard: Guard) -> Any: ...
    async def source_read(self, name: str, skew_s: float | None, guard: Guard) -> Any: ...
    async def alerted_records(self, name: str) -> list[str]:
        """The ids of the source's records that a live alert is about."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance, so that tests need neither."""

    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random


class Loop:
    """Polls one source. Run it, or call `poll_once`; two polls of one source never overlap."""

    def __init__(self, source: Source, desk: Desk, around: Surroundings | None = None) -> None:
        self.source = source
        self.failures = 0
        self.refusals = 0
        self._desk = desk
        self._held = Held("")
        self._around = around or Surroundings()
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._not_before = 0.0
        self._came_forward: float | None = None  # the poll under way, last
        self._looked_at = self._around.monotonic()
        self._missed: frozenset[str] = frozenset()
        self._turn = ""
        self.hints = Hints(source, desk, self._around, self.poke, self._waits_s)

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def hangs_s(self) -> float:
        """Seconds since the poll under way brought a page, or began; 0 between polls."""
        return 0.0 if self._came_forward is None else self._around.monotonic() - self._came_forward

    def poke(self) -> None:
        """Poll now instead of when it is time; a source that told us to wait is waited for all the same."""
        self._wake.set()

    async def run(self, stop: asyncio.Event, held: Held) -> None:
        """Polls until `stop` is set, or the lease is lost. No error of the source's ends it.

        Where the last holder of the lease has stopped is read anew at each poll.
        """
        self._held = held
        following = asyncio.create_task(self.hints.run(held), name=f"hints {self.name}")
        try:
            while not stop.is_set():
                held.check()
                delay = await self.poll_once()
                await self._rest(delay.total_seconds(), stop)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def poll_once(self) -> timedelta:
        """One poll. Returns how long to wait until the next."""
        if self._busy.locked():
            return self.source.interval
        async with self._busy:
            self._wake.clear()
            started = self._came_forward = self._around.monotonic()
            try:
                skew = await self._read_all()
                await self._desk.source_read(self.source.name, skew, self._held.guard)
                await self._look_for_vanished()
            except SourceError as error:
                self._measure(str(error.fault), started)
                return await self._failed(error)
            except LeaseLost:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the desk may raise, the loop goes on
                return self._desk_failed(error)
            finally:
                self._came_forward = None
            self._measure("ok", started)
            return self._read_well()

    def _measure(self, result: str, started: float) -> None:
        metrics.polled(self.source.name, result, self._around.monotonic() - started)

    async def _look_for_vanished(self) -> None:
        """A deleted record is in no list of changes. Only what is gone twice in a row counts: once may be a hiccup."""
        now = self._around.monotonic()
        if now - self._looked_at < VANISHED_EVERY_S:
            return
        self._looked_at = now
        ids = await self._desk.alerted_records(self.source.name)
        # Those that were missing the last time, and the next ones in turn.
        turn = [one for one in ids if one > self._turn][:VANISHED_AT_ONCE] or ids[:VANISHED_AT_ONCE]
        asked = list(dict.fromkeys([*(one for one in ids if one in self._missed), *turn]))
        try:
            gone = frozenset(await self.source.missing(asked)) if asked else frozenset()
        except SourceError as error:  # the poll itself was good
            log.info("vanished_unknown", source=self.source.name, error=str(error))
            return
        self._turn = turn[-1] if turn and len(ids) > VANISHED_AT_ONCE else ""
        if certain := sorted(gone & self._missed):
            await self._desk.vanished(self.source.name, certain, self._held.guard)
            self.hints.alone |= set(certain)
        self._missed = gone

    async def _read_all(self) -> float | None:
        """Every page in turn, each handed over before the next is asked for. Returns the clock's difference if told."""
        name = self.source.name
        state = await self._desk.source_state(name, self._held.guard)
        skew: float | None = None
        alone = self.hints.alone
        pages = self.source.changes(read_anew(state.cursor, alone))
        try:
            while (page := await self._next(pages)) is not None:
                if page.read_at is not None:
                    skew = (page.read_at - self._around.now()).total_seconds()
                point("poll.observe.before")
                await self._desk.observe(page, self._held.guard)
                point("poll.observe.after")
                self._came_forward = self._around.monotonic()
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()
        self.hints.alone -= alone
        return skew

    async def _next(self, pages: AsyncIterator[Page]) -> Page | None:
        """The next page. A mistake of ours in reading it counts as the source's, so that people hear of it."""
        point("poll.fetch.before")
        asked = self._around.now()
        try:
            page = await anext(pages, None)
        except SourceError:
            raise
        except Exception as error:
            log.exception("poll_broke", source=self.source.name)
            raise SourceError(SourceFault.ANSWER, f"{self.source.title}: {redact(repr(error))}") from error
        point("poll.fetch.after")
        return page and replace(page, asked_at=asked)

    def _desk_failed(self, error: Exception) -> timedelta:
        """What was read could not be kept. That is no fault of the source; the page is read again."""
        self.failures += 1
        if self.failures == 1:
            log.error("page_not_kept", source=self.source.name, exc_info=error)
        return self._doubling()

    def _read_well(self) -> timedelta:
        if self.failures:
            log.info("source_recovered", source=self.source.name, after_failures=self.failures)
        self.failures = self.refusals = 0
        self._not_before = 0.0
        spread = 1 + _JITTER * (2 * self._around.chance() - 1)
        return self.source.interval * spread

    async def _failed(self, error: SourceError) -> timedelta:
        self.failures += 1
        self.refusals = self.refusals + 1 if error.fault is SourceFault.AUTH else 0
        if self.failures == 1:
            log.warning("source_failed", source=self.source.name, fault=str(error.fault), error=str(error))
        delay = self._pause_after(error)
        if error.after is not None or error.fault in (SourceFault.LIMITED, SourceFault.AUTH):
            self._not_before = self._around.monotonic() + delay.total_seconds()
        try:
            await self._desk.source_failed(self.source.name, error, self._held.guard)
        except LeaseLost:
            raise
        except Exception:
            log.exception("desk_refused_failure", source=self.source.name)
        return delay

    def _pause_after(self, error: SourceError) -> timedelta:
        if error.after is not None:
            # A little later than allowed: everybody else who was told to wait comes back on the second.
            return error.after + timedelta(seconds=self._around.chance())
        if self.refusals >= AUTH_PATIENCE:
            return max(self.source.interval * 10, timedelta(minutes=1))
        return self._doubling()

    def _doubling(self) -> timedelta:
        longest = min(LONGEST_PAUSE.total_seconds(), _FIRST_PAUSE * 2 ** min(self.failures, 16))
        return timedelta(seconds=max(_SHORTEST_PAUSE, self._around.chance() * longest))

    async def _rest(self, seconds: float, stop: asyncio.Event) -> None:
        """Waits, unless poked or stopped."""
        over = self._around.monotonic() + seconds
        while not stop.is_set() and (left := self._left(over)) > 0:
            await self._first_of(left, stop)

    def _waits_s(self) -> float:
        return self._not_before - self._around.monotonic()

    def _left(self, over: float) -> float:
        until = min(over, self._not_before) if self._wake.is_set() else over
        return until - self._around.monotonic()

    async def _first_of(self, seconds: float, stop: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self._around.pause(seconds)), asyncio.ensure_future(stop.wait())]
        if not self._wake.is_set():
            waits.append(asyncio.ensure_future(self._wake.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
