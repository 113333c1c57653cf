"""Plays one history: the real poller, desk and database against the stand-in, with time turned by hand."""

import math
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from datetime import time as day_time
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import orjson

from bot.source_hooks import SourceHooks
from deskbell.core.alert import Alert, Status
from deskbell.core.calendar import SITE, WEEKDAYS, Calendar
from deskbell.core.rules import RULES
from deskbell.desk import Desk, House, SourceFacts
from deskbell.faces.wording import Wording
from deskbell.instance import Held
from deskbell.net import http as engine
from deskbell.net import tokens
from deskbell.net.clock import Clock
from deskbell.prove.history import (
    Call,
    Deed,
    Facts,
    Followed,
    History,
    In,
    Log,
    Outcome,
    Poll,
    Stamped,
    Step,
    Trouble,
    Version,
)
from deskbell.prove.rulebook import CLOSES, OPENS
from deskbell.prove.stage import Hands, Stage, System
from deskbell.prove.systems import SYSTEMS
from deskbell.vendors.hooks import Door, HookConf
from pollers import hubspot
from pollers.loop import Loop, Surroundings
from storage.store import SqlStore

SECRET = "a-made-up-secret-of-the-proof"  # noqa: S105 - opens nothing but a trial on this machine
CALM = 3  # polls at the end, in which nothing happens and everything is told
WARM = 2  # polls at the beginning: the first reading, before anything is news
LONG = 300  # seconds after which the clock rules have looked once more before a poll
_EVERYTHING = 100_000
_QUIET = Step(0)


@contextmanager
def turned(hands: Hands) -> Iterator[None]:
    """Whatever waits by the monotonic clock waits by ours, as long as this lasts; nothing else may run meanwhile."""
    clock = SimpleNamespace(monotonic=hands.monotonic, time=time.time)
    modules = (engine, tokens, hubspot)
    for module in modules:
        module.time = clock  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.time = time  # type: ignore[attr-defined]


class Play:
    """One history while it is played. `blank`: a database in which nothing happened yet; its folder takes others."""

    def __init__(self, history: History, blank: Path, session: aiohttp.ClientSession) -> None:
        self.history, self._session = history, session
        self.kind = SYSTEMS[history.system]
        self.hands = Hands(history.begin)
        self.stage = Stage(self.hands, history.skew, self._felt, blank.parent)
        self.system: System = self.kind.make(self.stage, history)
        source = self.system.source
        able = self.kind.able
        self.log = Log(history.system, source.name, able.kind, history.zone, able.gone, able.within)
        database = shutil.copy(blank, blank.with_name(f"{history.seed}.db"))
        self.store = open_store(Path(database), self.hands.now)
        self.desk = Desk(
            self.store, self._house(), Clock(self.hands.now, self.hands.monotonic), {source.name: source}, _whole
        )
        chance = random.Random(f"loop {history.seed}").random  # noqa: S311 - a trial, not a secret
        self.loop = Loop(
            source, self.desk, Surroundings(monotonic=self.hands.monotonic, now=self.hands.now, chance=chance)
        )
        self.door = Door.of(source.name, self.kind.name, HookConf((SECRET,), way="header", ids="id"), self.stage.url)
        hooks = SourceHooks({source.name: self.door}, self.desk, now=self.hands.time)
        self.stage.app.add_routes(hooks.routes())
        self._held = Held("")
        self._facts: dict[str, Facts] = {}
        self._gone: dict[str, str] = {}  # record -> the source's id
        self._last: dict[str, int] = {}  # record -> the source's time of its last change
        self._waits: set[str] = set()  # records that we were called about and that are not read yet
        self._due = history.begin
        self._during: list[tuple[int, Deed]] = []
        self._trouble: Trouble | None = None
        self._drag = self._asked = 0
        self._moments: list[float] = []
        self._happened = 0

    def _house(self) -> House:
        hours = Calendar(SITE, WEEKDAYS, day_time(OPENS), day_time(CLOSES))
        source = self.system.source
        return House(
            b"s" * 32,
            rules={name: rule.conf_class() for name, rule in RULES.items()},
            calendar=hours,
            words=_wording(),
            sources={source.name: SourceFacts(source.title, source.interval)},
        )

    async def go(self) -> tuple[Log, dict[str, Outcome]]:
        """What happened, and what was told of it."""
        with turned(self.hands):
            async with self.stage:
                try:
                    await self._all()
                    return self.log, self._told()
                finally:
                    await self.system.source.close()
                    self.store.close()

    async def _all(self) -> None:
        for before, deed in self.history.first:
            self._do(replace(deed, lag=before))
        for _ in range(WARM):
            await self._step_to_poll(61 + self.kind.able.hidden)
        self.log.settled = self._instant()
        for step in self.history.steps:
            begun = self.hands.at
            for after, event in sorted(step.before, key=lambda one: one[0]):
                self.hands.at = max(self.hands.at, begun + after)
                await self._happens(event)
            await self._step_to_poll(max(0, begun + step.pause - self.hands.at), step)
        self.system.stand.faults.heal()
        for _ in range(CALM):
            await self._step_to_poll(self.kind.able.settles)
        self.log.end = self._instant()

    def _instant(self) -> float:
        """Now; what happens in one second keeps its order behind the point."""
        self._happened += 1
        return self.hands.at + self._happened / 1e6

    # ------------------------------------------------------------ what happens

    async def _happens(self, event: Deed | Call) -> None:
        if isinstance(event, Deed):
            self._do(event)
        elif self._facts.get(event.record) is not None:
            await self._call(event.record)

    def _do(self, deed: Deed) -> None:
        """Somebody changes something over there."""
        record, clock, able = deed.record, self.stage.clock, self.kind.able
        versions = self.log.versions.setdefault(record, [])
        before = self._facts.get(record)
        if versions and before is None:
            return  # it is gone
        # One change can't be older than the one before it.
        lag = max(0, min(deed.lag, int(clock.time()) - self._last[record] - 1)) if versions else deed.lag
        clock.back = lag
        stamp = self._last[record] = int(clock.time())
        facts = self._changed(record, before, deed.changes, stamp)
        clock.back = 0
        at = self._instant()
        listed = at + able.hidden if self.log.settled else at
        versions.append(Version(facts, stamp if able.stamped else 0, listed, at))

    def _changed(self, record: str, before: Facts | None, changes: Facts | None, stamp: int) -> Facts | None:
        """Does it; what the record says now, None when it is gone."""
        ids = self.log.ids
        if changes is None:
            self.system.remove(ids[record])
            self._gone[record] = ids[record]
            self._facts.pop(record)
            return None
        facts = self._resolved(before, changes, stamp)
        if before is None:
            ids[record] = self.system.lay(facts)
        else:
            self.system.change(ids[record], before, facts)
        self._facts[record] = facts
        return facts

    def _resolved(self, before: Facts | None, changes: Facts, stamp: int) -> Facts:
        facts = {**(before or {}), **{name: self._moment(value, stamp) for name, value in changes.items()}}
        if self.kind.able.kind == "case":
            facts |= {"active": stamp} | ({"created": stamp} if before is None else {})
        if "since" in self.kind.able.facts and (before is None or before["status"] != facts["status"]):
            facts["since"] = stamp
        return facts

    def _moment(self, value: Any, stamp: int) -> Any:
        if isinstance(value, In):
            return self.hands.at + value.seconds
        if isinstance(value, Stamped):
            return stamp
        return value

    async def _call(self, record: str) -> None:
        """The source calls our hook; what it names is read at once, if it can be."""
        body = orjson.dumps({"id": self.log.ids[record]})
        headers = {"Content-Type": "application/json", self.door.way.header: SECRET}
        async with self._session.post(self.door.address, data=body, headers=headers) as answer:
            if answer.status == 200:
                self._waits.add(record)
        await self._follow()

    async def _follow(self) -> None:
        if not self._waits:
            return
        refused, at = self.stage.refused, self._instant()
        while await self.loop.hints.follow(self._held.guard) <= 0:
            pass
        left = {hint.record_id for hint in await self.desk.hints(self.system.source.name)}
        for record in sorted(self._waits):
            read = self.log.ids[record] not in left
            self.log.followed.append(Followed(record, at, sure=read and self.stage.refused == refused))
            if read:
                self._waits.discard(record)

    # ------------------------------------------------------------ polls and ticks

    async def _step_to_poll(self, pause: int, step: Step = _QUIET) -> None:
        """Waits as the loop would, at least so long, and polls; troubles that are not used up go on."""
        self.hands.at = max(self.hands.at + pause, self._due)
        if pause >= LONG:
            await self._tick()
        await self._follow()
        self._during = sorted(step.during, key=lambda one: one[0])
        self._trouble, self._drag = step.trouble, step.drag
        self._asked, self._moments = 0, []
        begin = self._instant()
        delay = await self.loop.poll_once()
        while self._during:  # the poll took fewer requests than that
            self._do(self._during.pop(0)[1])
        self.log.polls.append(Poll(begin, self._instant(), not self.loop.failures, tuple(self._moments)))
        self._due = self.hands.at + math.ceil(delay.total_seconds())
        self._trouble, self._drag = None, 0
        await self._tick()

    async def _tick(self) -> None:
        await self.desk.tick()
        self.log.ticks.append(self._instant())

    def _felt(self, path: str) -> None:
        """A request comes in: time goes by, and things happen between it and the one before."""
        self._asked += 1
        self.hands.at += self._drag if self._asked > 1 else 0
        while self._during and self._during[0][0] <= self._asked:
            self._do(self._during.pop(0)[1])
        self._moments.append(self._instant())
        self.log.asked += [(record, self._moments[-1]) for record, ident in self._gone.items() if f"/{ident}" in path]
        trouble = self._trouble
        if trouble is not None and self._asked == trouble.request:
            self._trouble = None
            self.stage.bare = trouble.kind == "429 bare"
            kind = trouble.kind.removesuffix(" bare")
            self.system.stand.faults.set(kind, times=trouble.times, retry_after=45)

    # ------------------------------------------------------------ the end

    def _told(self) -> dict[str, Outcome]:
        every: list[Alert] = self.store.read_now(
            lambda reader: reader.alerts(source=self.log.source, statuses=tuple(Status), limit=_EVERYTHING)
        )
        found: dict[str, Outcome] = {}
        for alert in every:
            if not alert.record_id:
                continue  # of the source itself: stale, limited, unreadable
            held = found.get(alert.key, Outcome(9, stands=False))
            found[alert.key] = Outcome(min(held.severity, int(alert.severity)), held.stands or alert.live)
        return found


def open_store(path: Path, clock: Callable[[], datetime]) -> SqlStore:
    return SqlStore.open(f"sqlite:///{path}", audit_key=b"k" * 32, clock=clock)


@cache
def _wording() -> Wording:
    """Its templates are compiled once for all histories."""
    return Wording()


async def _whole() -> tuple[bool, int]:
    return True, 0
