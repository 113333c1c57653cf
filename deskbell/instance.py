"""One life of one process among several on the same database: what it may do alone for now, and who else is there.

What only one may do at a time (read a source, poll a bot, hold a session, watch the clock) has a lease by its name:
"source:freshdesk", "telegram:7000", "discord:9000", "timers". All leases of an instance are renewed in one write. Who
could not renew for as long as a lease lasts counts it as lost by its own clock, before anybody else can have it; and
what is changed under a lease asks for it in the same transaction, so that who was paused changes nothing.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import orjson
import structlog

from deskbell.core.store import LeaseLost, Store, UnitOfWork, Urgency
from deskbell.net.clock import wall

Role = Literal["poll", "courier", "bot", "web"]
ROLES: tuple[Role, ...] = get_args(Role)

TTL = timedelta(seconds=10)
BEATS = 3.3  # so often a lease is renewed while it lasts
LOOKS = 20  # so often one that another instance has is looked at
ROSTER = "instances"  # the small value in which each instance says how it is

log = structlog.get_logger("deskbell.instance")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


def ticks() -> float:
    return time.clock_gettime(_CLOCK)


class Held:
    """A lease while it is ours: `check` before acting outside, `guard` inside each change."""

    def __init__(self, name: str, fence: int = 0, until: float = float("inf")) -> None:
        self.name, self.fence = name, fence
        self.until = until  # by `ticks`
        self.lost = False
        self._tell: Callable[[], object] = lambda: None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ours(self) -> bool:
        return not self.lost and ticks() < self.until

    def check(self) -> None:
        """Raises LeaseLost when somebody else may have it: who was paused hears of it here, before it acts."""
        if not self.ours:
            raise LeaseLost(self.name)

    def guard(self, uow: UnitOfWork) -> None:
        """The same, in a change, for certain. Costs nothing where there can be one instance only."""
        if self.fence and not uow.holds_lease(self.name, self.fence):
            raise LeaseLost(self.name)

    def prolong(self, until: float) -> None:
        self.until = until
        self._set_timer()

    def lose(self) -> None:
        if not self.lost:
            self.lost = True
            log.warning("lease_lost", lease=self.name)
            self._tell()

    def tell(self, lost: Callable[[], object]) -> None:
        """Calls `lost` at the moment when the lease is."""
        self._tell = lost
        self._set_timer()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.end()
        if self.fence:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, self.until - ticks()), self._expire)

    def _expire(self) -> None:
        if self.ours:  # a timer may come early
            self._set_timer()
        else:
            self.lose()


@dataclass(frozen=True, slots=True)
class _Beat:
    """What one write did."""

    kept: frozenset[str]
    taken: Mapping[str, int]
    others: Mapping[str, Mapping[str, Any]]


class Keeper:
    """The leases of one instance. `several`: whether the database allows more than one; if not, nothing is written.

    `say`: what the other instances are to know of this one, as JSON.
    """

    def __init__(
        self,
        store: Store,
        *,
        several: bool,
        ttl: timedelta = TTL,
        say: Callable[[], Mapping[str, Any]] = dict,
        now: Callable[[], datetime] = wall,
    ) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.others: Mapping[str, Mapping[str, Any]] = {}  # what the other living instances said last, by holder
        self.say = say
        self._store, self._several, self._ttl, self._now = store, several, ttl, now
        self._beat_s, self._look_s = ttl.total_seconds() / BEATS, ttl.total_seconds() / LOOKS
        self._held: dict[str, Held] = {}
        self._leaving: dict[str, Held] = {}  # done with, and not free for others yet
        self._waiting: dict[str, asyncio.Future[Held]] = {}
        self._woken = asyncio.Event()
        self._good_at = ticks()
        self._next_beat = 0.0
        self._why = ""

    @property
    def trouble(self) -> str:
        """Why this instance can hold no lease, for people; nothing while it can."""
        late = self._several and ticks() - self._good_at > self._ttl.total_seconds()
        return f"the leases can't be renewed{self._why}" if late else ""

    def holds(self, name: str) -> bool:
        return name in self._held and self._held[name].ours

    async def while_held(self, name: str, work: Callable[[Held], Awaitable[None]]) -> None:
        """Runs `work` whenever the lease is ours, for as long as it is: it is cancelled when the lease is lost.

        Returns when the work does; ends when it is cancelled itself. Then the lease is free for others at once.
        """
        while True:
            held = await self._taken(name)
            try:
                await self._working(held, work)
            finally:
                await self._let_go(held)
            if not held.lost:
                return

    async def run(self) -> None:
        """Renews what is held and takes what is free, for ever."""
        while True:
            self._woken.clear()
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the database may be away; leases then end by the clock
                self._why = f": {error}"
                log.warning("leases_not_renewed", why=str(error))
                await asyncio.sleep(self._look_s)
            wait = min(self._next_beat - ticks(), self._look_s if self._waiting else self._beat_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.01, wait))

    async def close(self) -> None:
        """Leaves nothing behind that others would wait for. What was held must have ended."""

        def leave(uow: UnitOfWork) -> None:
            for held in self._leaving.values():
                uow.release_lease(held.name, held.fence)
            self._roster(uow, self._now(), None)

        if self._several:
            await self._store.write(leave, Urgency.TAP)

    # ------------------------------------------------------------ one lease

    async def _taken(self, name: str) -> Held:
        if not self._several:
            held = Held(name)
        else:
            future = self._waiting[name] = asyncio.get_running_loop().create_future()
            self._woken.set()
            try:
                held = await future
            finally:
                self._waiting.pop(name, None)
        self._held[name] = held
        return held

    async def _working(self, held: Held, work: Callable[[Held], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(work(held))
        held.tell(task.cancel)
        try:
            await task
        except LeaseLost:
            held.lose()
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not held.lost or (me is not None and me.cancelling()):
                raise

    async def _let_go(self, held: Held) -> None:
        held.end()
        self._held.pop(held.name, None)
        if not held.fence or held.lost:
            return
        self._leaving[held.name] = held  # a stop may cut the next line short; then `close` does it
        try:
            await self._store.write(lambda uow: uow.release_lease(held.name, held.fence), Urgency.TAP)
        except Exception as error:  # noqa: BLE001 - then it runs out
            log.warning("lease_not_released", lease=held.name, why=str(error))
        del self._leaving[held.name]

    # ------------------------------------------------------------ all of them

    async def _look(self) -> None:
        free = await self._free() if self._waiting else []
        if free or ticks() >= self._next_beat:
            await self._beat(free)

    async def _free(self) -> list[str]:
        now = self._now()
        leases = await self._store.read(lambda reader: reader.leases())
        taken = {lease.name for lease in leases if lease.until > now}
        return sorted(self._waiting.keys() - taken)

    async def _beat(self, free: list[str]) -> None:
        asked = ticks()
        held = {name: one for name, one in sorted(self._held.items()) if one.fence and not one.lost}
        fences = {name: one.fence for name, one in held.items()}
        said = self.say()
        beat = await self._store.write(lambda uow: self._renew(uow, fences, free, said), Urgency.TAP)
        until = asked + self._ttl.total_seconds()
        for name, one in held.items():
            if name in beat.kept and not one.lost:
                one.prolong(until)
            elif self._held.get(name) is one:  # and not let go meanwhile
                one.lose()
        for name, fence in beat.taken.items():
            await self._hand_over(Held(name, fence, until))
        self.others = beat.others
        self._good_at, self._next_beat, self._why = asked, asked + self._beat_s, ""

    async def _hand_over(self, held: Held) -> None:
        future = self._waiting.get(held.name)
        if future is not None and not future.done():
            log.info("lease_taken", lease=held.name)
            future.set_result(held)
        else:  # nobody waits for it any more
            await self._let_go(held)

    def _renew(self, uow: UnitOfWork, fences: Mapping[str, int], free: list[str], said: Mapping[str, Any]) -> _Beat:
        now = self._now()
        kept = frozenset(name for name, fence in fences.items() if uow.renew_lease(name, fence, now, self._ttl))
        asked = {name: uow.take_lease(name, self.holder, now, self._ttl) for name in free}
        taken = {name: fence for name, fence in asked.items() if fence is not None}
        return _Beat(kept, taken, self._roster(uow, now, said))

    def _roster(
        self, uow: UnitOfWork, now: datetime, said: Mapping[str, Any] | None
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes what this instance says beside what the others said; who has not said anything for long is gone."""
        since = (now - self._ttl).timestamp()
        known: dict[str, Any] = orjson.loads(uow.value(ROSTER) or "{}")
        others = {name: row for name, row in known.items() if name != self.holder and row["at"] > since}
        mine = {} if said is None else {self.holder: {"at": now.timestamp(), **said}}
        uow.put_value(ROSTER, orjson.dumps({**others, **mine}).decode())
        return others
