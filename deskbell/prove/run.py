"""Histories by the thousand: each is played, and what was told is compared with what had to be."""

import itertools
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from deskbell.prove.history import History, Log, Outcome
from deskbell.prove.oracle import expected
from deskbell.prove.plan import made
from deskbell.prove.planted import PLANTED, Planted
from deskbell.prove.play import Play, open_store
from deskbell.prove.rulebook import written
from deskbell.prove.systems import SYSTEMS
from storage.store import utc_now

EACH = 1_000_000  # seeds of histories to a seed of a run
TRIES = 100  # histories within which a planted mistake has to show itself


@dataclass
class Verdict:
    """What a history came to. `either`: occurrences that the oracle leaves open."""

    history: History
    log: Log
    missed: list[str] = field(default_factory=list)
    spurious: list[str] = field(default_factory=list)
    either: int = 0
    told: int = 0

    @property
    def good(self) -> bool:
        return not (self.missed or self.spurious)


def compare(history: History, log: Log, told: Mapping[str, Outcome]) -> Verdict:
    """What was told against what may have been. What is less than any way leads to was missed."""
    verdict, possible, told = Verdict(history, log, told=len(told)), expected(log), _as_the_oracle_has_it(log, told)
    for key in sorted({*told, *possible}):
        ways, outcome = possible.get(key, _NOT_AT_ALL), told.get(key)
        verdict.either += len(ways) > 1
        if outcome not in ways:
            ways_said = " or ".join(sorted(map(_said, ways)))
            less = outcome is None or (None not in ways and all(map(_below(outcome), ways)))
            (verdict.missed if less else verdict.spurious).append(f"{key}: {_said(outcome)} instead of {ways_said}")
    return verdict


_NOT_AT_ALL: frozenset[Outcome | None] = frozenset({None})


def _below(outcome: Outcome) -> Callable[[Outcome | None], bool]:
    def below(way: Outcome | None) -> bool:
        return way is None or outcome.severity > way.severity or (way.stands and not outcome.stands)

    return below


def _said(outcome: Outcome | None) -> str:
    return f"P{outcome.severity}, {'stands' if outcome.stands else 'over'}" if outcome else "nothing"


def _as_the_oracle_has_it(log: Log, told: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
    """Of a visit that was deleted: when we noticed it is in the key, and when it is over is left open."""
    named = dict(told)
    for record, versions in log.versions.items():
        name = f"{log.source}:{log.ids[record]}"
        if log.kind != "visit" or versions[-1].facts is not None:
            continue
        off = [v for v in versions if v.facts and v.facts["status"] == "cancelled"]
        known = {f"cancel:{name}:{written(one.facts['cancelled'] or one.stamp)}" for one in off if one.facts}
        for key in [key for key in named if f":{name}:" in key]:
            outcome = replace(named.pop(key), stands=False)
            by_that = key.startswith(f"cancel:{name}:") and key not in known
            named[f"cancel:{name}:gone" if by_that else key] = outcome
    return named


# ---------------------------------------------------------------- the whole


def system_of(seed: int) -> str:
    """Histories are shared out among the systems by their seeds."""
    return sorted(SYSTEMS)[seed % len(SYSTEMS)]


@dataclass
class Ground:
    """Where histories are played: one after the other, each in a database of its own."""

    blank: Path  # a database in which nothing happened yet
    session: aiohttp.ClientSession

    async def play(self, seed: int) -> Verdict:
        system = system_of(seed)
        history = made(seed, system, SYSTEMS[system].able)
        log, told = await Play(history, self.blank, self.session).go()
        for path in self.blank.parent.iterdir():
            if path != self.blank:
                path.unlink()
        return compare(history, log, told)

    async def finds(self, planted: Planted, begin: int) -> int | None:
        """The seed of the first history that shows the mistake, and is as it should be without it."""
        seeds = (seed for seed in itertools.count(begin) if system_of(seed) in planted.systems)
        for seed in itertools.islice(seeds, TRIES):
            with planted.make():
                shows = not (await self.play(seed)).good
            if shows and (await self.play(seed)).good:
                return seed
        return None


_MEMORY = "/dev/shm"  # noqa: S108 - nothing that is played needs to last, and a disk is slow


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    folder = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="deskbell-prove-", dir=folder) as made_up:
        blank = Path(made_up) / "blank.db"
        open_store(blank, utc_now).close()
        async with aiohttp.ClientSession() as session:
            yield Ground(blank, session)


@dataclass(frozen=True)
class Ordered:
    """What `deskbell prove` was asked for."""

    histories: int = 2000
    seed: int = 1

    @property
    def seeds(self) -> range:
        return range(self.seed * EACH, self.seed * EACH + self.histories)


async def prove(
    ordered: Ordered, tell: Callable[[str, int, int], None] = lambda *_: None, planted: Sequence[Planted] = PLANTED
) -> dict[str, Any]:
    """The report, with `ok` false where anything is wrong or a planted mistake was not found."""
    begun = time.monotonic()
    verdicts: list[Verdict] = []
    found: dict[str, int | None] = {}
    async with ground() as place:
        for seed in ordered.seeds:
            verdicts.append(await place.play(seed))
            tell("histories", len(verdicts), ordered.histories)
        for one in planted:
            found[one.name] = await place.finds(one, ordered.seeds.start)
            tell("planted mistakes", len(found), len(planted))
    return _report(ordered, verdicts, found, time.monotonic() - begun)


async def replay(seed: int) -> dict[str, Any]:
    """One history, and what happened in it, in the order in which it did."""
    async with ground() as place:
        verdict = await place.play(seed)
    return {
        "ok": verdict.good,
        "seed": seed,
        "source": verdict.history.system,
        "missed": verdict.missed,
        "spurious": verdict.spurious,
        "story": list(_story(verdict.history, verdict.log)),
    }


def _story(history: History, log: Log) -> Iterator[str]:
    yield f"{history.system}, in {history.zone}, {history.page} rows a page, its clock {history.skew} s ahead of ours"
    yield f"begins {written(history.begin)}, the first reading is over after {log.settled - history.begin:.0f} s"
    events: list[tuple[float, str]] = []
    for record, versions in log.versions.items():
        before: Mapping[str, Any] = {}
        for one in versions:
            facts = one.facts or {}
            news = {name: value for name, value in facts.items() if before.get(name) != value}
            late = f", made {one.single + history.skew - one.stamp:.0f} s before" if versions else ""
            events.append((one.single, f"{log.ids[record]} {news if one.facts else 'is removed'}{late}"))
            before = facts
    events += [(one.begin, f"poll{'' if one.whole else ', which fails'}") for one in log.polls]
    events += [
        (one.at, f"called about {log.ids[one.record]}{'' if one.sure else ', not read'}") for one in log.followed
    ]
    for at, what in sorted(events):
        yield f"{at - history.begin:10.1f} s  {what}"


def _report(
    ordered: Ordered, verdicts: Sequence[Verdict], found: Mapping[str, int | None], seconds: float
) -> dict[str, Any]:
    bad = [verdict for verdict in verdicts if not verdict.good]
    caught = sum(seed is not None for seed in found.values())
    by_system: dict[str, Counter[str]] = {name: Counter() for name in sorted(SYSTEMS)}
    for verdict in verdicts:
        by_system[verdict.history.system].update(histories=1, told=verdict.told, either=verdict.either)
    return {
        "ok": not bad and caught == len(found),
        "histories": len(verdicts),
        "missed": sum(len(one.missed) for one in verdicts),
        "spurious": sum(len(one.spurious) for one in verdicts),
        "told": sum(one.told for one in verdicts),
        "either": sum(one.either for one in verdicts),
        "planted_found": f"{caught} of {len(found)}",
        "planted": dict(found),
        "by_source": {name: dict(counts) for name, counts in by_system.items()},
        "wrong": [
            {"seed": one.history.seed, "source": one.history.system, "missed": one.missed, "spurious": one.spurious}
            for one in bad[:20]
        ],
        "seed": ordered.seed,
        "seconds": round(seconds, 1),
    }
