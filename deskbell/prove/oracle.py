"""What must have been told, and what may have been, by brute force over all ways in which a source may have been read.

A version of a record that a source showed during a whole poll was read in it at the latest: two polls are promised, and
the judge is stricter. One that was called about, and read in answer, was read then. What was there for less may have
been read or not: each way is tried. For each way of reading a record the rulebook says what is told; what all ways
agree on must be, the rest may be.

Nothing of the house is imported here but the plain data of the trial.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import prod

from deskbell.prove.history import DAY, Log, Outcome, Version
from deskbell.prove.rulebook import EDGE, LEVEL, Change, Edge, Reading

WHOLE_POLLS = 1  # in so many a version has to be there to be known for certain; two are what is promised
ASKS = 2  # so often it has to be asked for by name until it counts as gone
MOST_WAYS = 1000  # of reading one record; beyond it the ways in the middle are left out
NEVER = None

Possible = Mapping[str, frozenset[Outcome | None]]  # by key; None: not told at all


@dataclass(frozen=True)
class Seen:
    """A version that was read, and when."""

    number: int
    version: Version
    at: float


def expected(log: Log) -> Possible:
    """For every occurrence that there may be: what may have become of it."""
    found: dict[str, frozenset[Outcome | None]] = {}
    for record in log.versions:
        found |= _Record(log, record).possible()
    return found


class _Record:
    def __init__(self, log: Log, record: str) -> None:
        self.log, self.versions = log, log.versions[record]
        self.record, self.name = record, f"{log.source}:{log.ids[record]}"
        self.asked = [at for asked, at in log.asked if asked == record]
        self._made: dict[int, Reading] = {}
        # What was worked out; the readings stand in it as well, so that no other ones get their ids.
        self._turns: dict[tuple[str, int, int, int, int], tuple[Mapping[str, int], bool, object]] = {}
        self._levels: dict[tuple[int, int], tuple[Reading, dict[str, int]]] = {}

    def possible(self) -> Possible:
        told = [outcomes for way in self._ways() if (outcomes := self._told(way)) is not None]
        keys = {key for outcomes in told for key in outcomes}
        return {key: frozenset(outcomes.get(key) for outcomes in told) for key in keys}

    # ------------------------------------------------------------ how it may have been read

    def _ways(self) -> Iterator[tuple[Seen, ...]]:
        chances = [self._chances(number) for number in range(len(self.versions))]
        while prod(map(len, chances)) > MOST_WAYS:
            longest = max(range(len(chances)), key=lambda number: len(chances[number]))
            chances[longest] = _thinned(chances[longest])
        for choice in product(*chances):
            way = tuple(Seen(n, self.versions[n], at) for n, at in enumerate(choice) if at is not NEVER)
            if all(one.at <= two.at for one, two in pairwise(way)):
                yield way

    def _chances(self, number: int) -> Sequence[float | None]:
        """When this version may have been read for the first time; with NEVER where it may not have been at all."""
        version = self.versions[number]
        last = number + 1 == len(self.versions)
        until = self.log.end + 1 if last else self.versions[number + 1].single
        if version.facts is None and self.log.gone == "asked":
            return [*self.asked, NEVER]
        if version.facts is None and self.log.gone == "compared":
            return _by_second(self._looked_for(version.since))
        found, sure = self._in_polls(version.since, until)
        for one in self.log.followed:
            if one.record == self.record and version.single <= one.at < until:
                found.append(one.at)
                if one.sure and (sure is NEVER or one.at < sure):
                    sure = one.at
        if sure is NEVER:
            return [*_by_second(found), NEVER]
        return _by_second(at for at in found if at <= sure)

    def _in_polls(self, since: float, until: float) -> tuple[list[float], float | None]:
        found: list[float] = []
        whole: list[float] = []
        for poll in self.log.polls:
            if not (poll.begin < until and since <= poll.end):
                continue
            found += [at for at in (*poll.moments, poll.end) if since <= at]
            whole += [poll.end] if poll.whole and since <= poll.begin and poll.end < until else []
            if len(whole) == WHOLE_POLLS:
                return found, whole[0]
        return found, NEVER

    def _looked_for(self, since: float) -> Iterator[float]:
        """When a deletion may have been noticed."""
        whole = 0
        yield from self.asked
        for poll in self.log.polls:
            if since <= poll.end:
                yield poll.end
            whole += poll.whole and since <= poll.begin
            if whole > WHOLE_POLLS and since + self.log.within <= poll.begin:
                return

    # ------------------------------------------------------------ what is told of it, read in one way

    def _told(self, way: Sequence[Seen]) -> dict[str, Outcome] | None:
        """Every occurrence; None where it can't have been read in this way."""
        readings = self._readings(way)
        worst: dict[str, int] = {}
        standing: set[str] = set()
        for (at, reading), (until, _) in pairwise([*readings, (self.log.end + 1, None)]):
            for look in self._looks(at, until):
                now = self._level(reading, look)
                standing = set(now)
                for key, severity in now.items():
                    worst[key] = min(severity, worst.get(key, severity))
        for edge in EDGE[self.log.kind]:
            told, stands = self._edge(edge, readings)
            worst |= told
            standing |= stands
        gone = self.versions[-1].facts is None
        if gone and standing and way[-1].version.facts is not None and len(self.asked) >= ASKS:
            return None  # it was asked for, and found to be gone
        if gone and self.log.kind == "visit":
            standing = set()  # what is called off may stand until its time is over; when that is noticed is left open
        return {key: Outcome(severity, key in standing) for key, severity in worst.items()}

    def _readings(self, way: Sequence[Seen]) -> list[tuple[float, Reading | None]]:
        """Each time that the record was another one; None once it is forgotten."""
        found: list[tuple[float, Reading | None]] = []
        for seen in way:
            before = found[-1][1] if found else None
            if seen.version.facts is None:
                found += [(seen.at, self._removed(before, seen.at))] if before is not None else []
            elif before is None or before.facts != seen.version.facts:
                found.append((seen.at, self._reading(seen.number)))
        return found

    def _reading(self, number: int) -> Reading:
        if number not in self._made:
            version = self.versions[number]
            facts = version.facts or {}
            self._made[number] = Reading(self.name, self.log.kind, self.log.zone, version.stamp, facts)
        return self._made[number]

    def _removed(self, before: Reading, at: float) -> Reading | None:
        """A visit that was still to come is called off by being deleted; anything else is forgotten."""
        facts = before.facts
        if self.log.kind != "visit" or (before.done and facts["status"] != "cancelled"):
            return None
        if not any(facts[name] is not None and facts[name] > at for name in ("start", "end", "window_end")):
            return None
        if before.done:
            return before
        return replace(before, facts={**facts, "status": "cancelled", "cancelled": int(at)}, gone=True)

    def _looks(self, since: float, until: float) -> list[int]:
        """When the level rules look at it: as it is read, and at each tick."""
        return [int(at) for at in (since, *self.log.ticks) if since <= at < until]

    def _level(self, reading: Reading | None, now: int) -> dict[str, int]:
        if reading is None:
            return {}
        place = (id(reading), now)
        if place not in self._levels:
            found: dict[str, int] = {}
            for told in (told for rule in LEVEL[self.log.kind] for told in rule(reading, now)):
                found[told.key] = min(told.severity, found.get(told.key, told.severity))
            self._levels[place] = reading, found
        return self._levels[place][1]

    def _edge(self, edge: Edge, readings: Sequence[tuple[float, Reading | None]]) -> tuple[dict[str, int], set[str]]:
        worst: dict[str, int] = {}
        standing: set[str] = set()
        opened: list[float] = []
        before: Reading | None = None
        for at, after in readings:
            if after is None:
                return worst, set()
            if standing and before is not None and not edge.stands(before, self._last_tick(at)):
                standing = set()
            hops = sum(at - one <= DAY for one in opened)
            news, goes_on = self._turn(edge, before, after, int(at), hops, fresh=at > self.log.settled)
            opened += [at for key in news if key not in standing]
            for key, severity in news.items():
                worst[key] = min(severity, worst.get(key, severity))
            standing = set(news) | (standing if goes_on else set())
            before = after
        return worst, standing if before is not None and edge.stands(before, self._last_tick(self.log.end)) else set()

    def _last_tick(self, until: float) -> int:
        return int(self.log.ticks[bisect(self.log.ticks, until) - 1])

    def _turn(
        self, edge: Edge, before: Reading | None, after: Reading, at: int, hops: int, *, fresh: bool
    ) -> tuple[Mapping[str, int], bool]:
        """What one reading after another brings about, and whether what was told before goes on."""
        place = (edge.name, id(before), id(after), at, hops)
        if place not in self._turns:
            news = dict(edge.news(Change(before, after, at, fresh, hops)))
            self._turns[place] = news, before is not None and not news and edge.goes_on(before, after), (before, after)
        return self._turns[place][:2]


def _by_second(instants: Iterable[float]) -> list[float]:
    """Of each second the last instant: within one it makes no difference when something is read."""
    return sorted({int(at): at for at in sorted(instants)}.values())


def _thinned(chances: Sequence[float | None]) -> Sequence[float | None]:
    """Fewer of them: the first, the last, and every other one."""
    return [*chances[:-1:2], chances[-1]] if len(chances) > 2 else chances[-1:]
