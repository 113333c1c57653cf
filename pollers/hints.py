"""What a source's hooks named is read at once, one record a call, and goes the way of every poll.

Only who holds the source's lease reads: limits and own writes are known there. What can't be read waits, and is
tried again: when the source is in trouble, all of it; when one record makes trouble, only that one. The poll sees in
its time what was given up here.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog

from deskbell.core.ports import Hint, Page, Source, SourceError, SourceFault
from deskbell.core.records import Record
from deskbell.core.store import Guard, LeaseLost
from deskbell.instance import Held
from deskbell.net.faults import point
from deskbell.net.redact import redact

AT_ONCE = 8  # records that are asked for at the same time
TRIES = 3  # a record that is not there, or can't be read, is asked for so often
LOOK_S = 30.0  # how often somebody looks who is told of every call
LOOK_ACROSS_S = 0.5  # how often, where another instance may have taken the call
_AGAIN_S = 2.0
_LONGEST_S = 300.0

log = structlog.get_logger(__name__)


class Desk(Protocol):
    """What is needed of the desk. Each change is refused with LeaseLost when another instance reads the source."""

    async def hints(self, name: str) -> Sequence[Hint]: ...
    async def drop_hints(self, hints: Sequence[Hint], guard: Guard) -> Any: ...
    async def observe(self, page: Page, guard: Guard) -> Any: ...
    async def vanished(self, name: str, ids: Sequence[str], guard: Guard) -> Any: ...


class Around(Protocol):
    """Time, as pollers.loop.Surroundings has it."""

    @property
    def monotonic(self) -> Callable[[], float]: ...
    @property
    def now(self) -> Callable[[], Any]: ...


@dataclass(slots=True)
class _Try:
    """How often a hint was tried, and when again."""

    times: int = 0
    again_at: float = 0.0


class Hints:
    """Follows the hints of one source. `poke` has it polled; `waits_s`: so long it told the poll to wait."""

    def __init__(
        self, source: Source, desk: Desk, around: Around, poke: Callable[[], None], waits_s: Callable[[], float]
    ) -> None:
        self._source, self._desk, self._around = source, desk, around
        self._poke, self._waits_s = poke, waits_s
        self._news = asyncio.Event()
        self._tries: dict[str, _Try] = {}  # by mark and id
        self._quiet_until = 0.0
        self._troubles = 0
        self.look_s = LOOK_S
        self.alone: frozenset[str] = frozenset()  # what was read by itself, and not yet by a poll

    def told(self) -> None:
        """A call was kept: look now."""
        self._news.set()

    async def run(self, held: Held) -> None:
        """Until the lease is lost; no error of the source's or the database's ends it."""
        while True:
            self._news.clear()
            try:
                held.check()
                wait = await self.follow(held.guard)
            except LeaseLost:
                return  # the poll hears of it by itself
            except Exception as error:  # noqa: BLE001 - the database may be away; the hints are in it, and stay
                log.warning("hints_not_followed", source=self._source.name, why=redact(repr(error)))
                wait = _AGAIN_S
            if wait > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait)

    async def follow(self, guard: Guard) -> float:
        """Reads what was named and can be read now. Returns after how many seconds there is more to do."""
        hints = await self._desk.hints(self._source.name)
        self._tries = {key: self._tries[key] for hint in hints if (key := _key(hint)) in self._tries}
        polls = [hint for hint in hints if not hint.record_id]
        if polls:
            self._poke()  # should we die before it: whoever is next begins with a poll
            await self._desk.drop_hints(polls, guard)
        named = [hint for hint in hints if hint.record_id]
        now = self._around.monotonic()
        resting = max(self._quiet_until - now, self._waits_s())
        if resting > 0 or not named:
            return min(resting, self.look_s) if named else self.look_s
        due = [hint for hint in named if self._try(hint).again_at <= now]
        if not due:
            return min(self.look_s, min(self._try(hint).again_at for hint in named) - now)
        await self._read(due[:AT_ONCE], guard)
        return 0.0

    async def _read(self, hints: Sequence[Hint], guard: Guard) -> None:
        name, asked = self._source.name, self._around.now()
        point("hint.fetch.before")
        found = await asyncio.gather(*(self._fetch(hint.record_id) for hint in hints))
        point("hint.fetch.after")
        read = list(zip(hints, found, strict=True))
        if records := tuple(one for one in found if isinstance(one, Record)):
            await self._desk.observe(Page(name, records, cursor={}, asked_at=asked), guard)
            self._troubles = 0
        gone = [hint for hint, one in read if one is None and self._tried(hint)]
        if gone:
            await self._desk.vanished(name, [hint.record_id for hint in gone], guard)
        spoilt = [hint for hint, one in read if isinstance(one, SourceError) and self._failed(hint, one)]
        done = [hint for hint, one in read if isinstance(one, Record)] + gone + spoilt
        self.alone |= {hint.record_id for hint in done}
        await self._desk.drop_hints(done, guard)

    async def _fetch(self, record_id: str) -> Record | SourceError | None:
        try:
            return await self._source.fetch(record_id)
        except SourceError as error:
            return error
        except Exception as error:
            log.exception("hint_broke", source=self._source.name)
            return SourceError(SourceFault.ANSWER, redact(repr(error)))

    def _failed(self, hint: Hint, error: SourceError) -> bool:
        """Whether it is given up. Trouble of the whole source counts against no record."""
        if error.fault is SourceFault.ANSWER and error.after is None:
            self._poke()  # the poll can tell people what is wrong with the row
            return self._tried(hint)
        self._troubles += 1
        pause = error.after or timedelta(seconds=min(_LONGEST_S, _AGAIN_S * 2 ** min(self._troubles - 1, 8)))
        self._quiet_until = max(self._quiet_until, self._around.monotonic() + pause.total_seconds())
        return False

    def _tried(self, hint: Hint) -> bool:
        """Counts one more try; whether it was the last."""
        one = self._tries.setdefault(_key(hint), _Try())
        one.times += 1
        one.again_at = self._around.monotonic() + _AGAIN_S * 2 ** (one.times - 1)
        return one.times >= TRIES

    def _try(self, hint: Hint) -> _Try:
        return self._tries.get(_key(hint), _NEVER)


_NEVER = _Try()


def _key(hint: Hint) -> str:
    return f"{hint.mark} {hint.record_id}"
