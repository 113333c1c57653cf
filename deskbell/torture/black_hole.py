"""Each thing that Deskbell needs vanishes for a while: nothing is refused and nothing is answered.

Other paths may not notice, people are told through another chat soon and once, and all recovers by itself.
"""

import asyncio
import math
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deskbell.torture.house import CHATS, SOURCES
from deskbell.torture.oracle import Book, Trial, judge
from deskbell.torture.proxy import DATABASE, Exchange
from deskbell.torture.run import Ordered, Run
from deskbell.torture.stage import Stage, Wish, stage

BEAT_S = 0.5
STALE_AFTER = 2  # intervals until people are told
TICKS_S = 2.0  # a look at what is due, and the way of the message
GROWTH_S = 1.0  # so much later may others be
RECOVERY_S = 120.0
TROUBLES = ("channel_unreachable", "source_stale")
_DATABASE = re.compile(rb"database", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Holes:
    """Which dependencies vanish, one after the other, and for how long."""

    config: Path
    names: Sequence[str]
    seconds: float = 60.0
    database: str = "sqlite"
    seed: int = 1
    interval_s: float = 10.0  # between two polls
    before_s: float = 20.0  # how long all is well, for comparison
    patience_s: float = 4.0  # for a chat's answer


def dependencies(database: str) -> tuple[str, ...]:
    """All that can vanish. A file can't."""
    return (*SOURCES, *CHATS, *(() if database == "sqlite" else (DATABASE,)))


async def run(asked: Holes, tell: Callable[[str, int, int], None] = lambda *_: None) -> dict[str, Any]:
    holes = {}
    for number, name in enumerate(asked.names):
        tell("black holes", number, len(asked.names))
        with tempfile.TemporaryDirectory(prefix="deskbell-torture-", ignore_cleanup_errors=True) as folder:
            pace = (asked.interval_s, asked.patience_s, STALE_AFTER)
            wish = Wish(asked.config, Path(folder), asked.database, 1, 0.0, asked.seed, False, *pace)
            async with stage(wish) as made:
                holes[name] = await _Hole(name, asked, made).go()
    return {"ok": all(hole["ok"] for hole in holes.values()), "seconds": asked.seconds, "holes": holes}


@dataclass
class _Hole:
    name: str
    asked: Holes
    stage: Stage
    begun: float = 0.0
    ended: float = 0.0
    wrong: list[str] = field(default_factory=list)

    async def go(self) -> dict[str, Any]:
        run = Run(Ordered(self.asked.config, database=self.asked.database, seed=self.asked.seed), self.stage)
        for proxy in self.stage.proxies.values():
            proxy.keeps = True
        self.stage.start(self.stage.instances[0])
        await run.ready()
        world = asyncio.create_task(self._world(run))
        try:
            await asyncio.sleep(self.asked.before_s)
            await self._vanish()
            await asyncio.sleep(self.asked.interval_s)
        finally:
            world.cancel()
        await run.rest(RECOVERY_S)
        recovered = time.time() - self.ended
        evidence = await self.stage.ask("ordeal")
        book = await asyncio.to_thread(run.book)
        verdict = judge(Trial.of(evidence, book, log=self.stage.log()))
        self.wrong += [f"{name}: {item}" for name, items in verdict["wrong"].items() for item in items]
        return self._report(evidence, book, recovered)

    async def _world(self, run: Run) -> None:
        while True:
            await self.stage.do("ordeal.make", jobs=1, tickets=1, incidents=1)
            run.made += 3
            await asyncio.sleep(BEAT_S)

    async def _vanish(self) -> None:
        proxy = self.stage.proxies[self.name]
        self.begun = time.time()
        proxy.clear.clear()
        await asyncio.sleep(self.asked.seconds)
        proxy.clear.set()
        self.ended = time.time()

    # ------------------------------------------------------------ what came of it

    def _report(self, evidence: Mapping[str, Any], book: Book, recovered: float) -> dict[str, Any]:
        before, during = self._others(evidence, book)
        growth = percentile(during, 0.99) - percentile(before, 0.99)
        if self.name != DATABASE and not growth < GROWTH_S:
            self.wrong.append(f"others' p99 grew by {growth:.2f} s")
        told = self._told(book)
        self._check_told(told)
        return {
            "ok": not self.wrong,
            "p99_before_s": round(percentile(before, 0.99), 2),
            "p99_during_s": round(percentile(during, 0.99), 2),
            "growth_s": round(growth, 2),
            "told_after_s": {what: [round(at - self.begun, 1) for at in times] for what, times in told.items()},
            "settled_after_s": round(recovered, 1),
            "wrong": self.wrong[:20],
        }

    def _others(self, evidence: Mapping[str, Any], book: Book) -> tuple[list[float], list[float]]:
        """Seconds from the poll that saw it to the card, on the paths that do not need what vanished."""
        made = {one["subject"]: one for one in evidence["made"] if one["source"] != self.name}
        opened = {alert.subject: alert.opened_at.timestamp() for alert in book.alerts if alert.subject in made}
        before, during = [], []
        for (_, subject), at in self._shown(made).items():
            seen = opened.get(subject, math.inf)
            if self.begun <= seen < self.ended:
                during.append(at - seen)
            elif seen < self.begun:
                before.append(at - seen)
        return before, during

    def _shown(self, subjects: Iterable[str]) -> dict[tuple[str, str], float]:
        """When a chat first took a message about a subject, by both."""
        words = re.compile(rb"(?<![\w-])(" + b"|".join(re.escape(one.encode()) for one in subjects) + rb")(?!\w)")
        found: dict[tuple[str, str], float] = {}
        for exchange in self._messages():
            for subject in set(words.findall(exchange.body)):
                key, at = (exchange.vendor, subject.decode()), exchange.answered or math.inf
                found[key] = min(at, found.get(key, math.inf))
        return found

    def _messages(self) -> list[Exchange]:
        """What other chats took."""
        log = (one for chat in CHATS if chat != self.name for one in self.stage.proxies[chat].log)
        return [exchange for exchange in log if exchange.accepted]

    def _told(self, book: Book) -> dict[str, list[float]]:
        """When people could first read of each trouble, in a chat that works; by what it is about."""
        if self.name == DATABASE:
            times = [one.begun for one in self._messages() if _DATABASE.search(one.body) and one.begun >= self.begun]
            return {DATABASE: sorted(at for at in times if at < self.ended)}
        found: dict[str, list[float]] = {}
        for alert in book.alerts:
            if alert.rule in TROUBLES and self.begun <= alert.opened_at.timestamp() < self.ended:
                shown = re.compile(rb"(?<![\w-])" + alert.ref.encode() + rb"(?!\w)")
                times = [one.begun for one in self._messages() if shown.search(one.body)]
                found.setdefault(alert.subject or alert.source, []).append(min(times, default=math.inf))
        return found

    def _check_told(self, told: Mapping[str, Sequence[float]]) -> None:
        if not told or not all(told.values()):
            self.wrong.append("nobody was told")
        for what, times in told.items():
            if len(times) > 1:
                self.wrong.append(f"{what} was told {len(times)} times")
            if times and min(times) - self.begun > STALE_AFTER * self.asked.interval_s + TICKS_S:
                self.wrong.append(f"{what} was told after {min(times) - self.begun:.1f} s")


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; infinite of nothing, so that no run without messages is a good one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.inf
