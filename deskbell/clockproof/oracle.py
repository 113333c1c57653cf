"""Who has to be rung when: worked out anew, in plain seconds of true time. Imports nothing of ours.

A ring is (second, person). Seconds are counted from 1970 in true time, which no clock of the machine can change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LATE_S = 5.0  # later than this after it was due is late
EARLY_S = 0.001

Ring = tuple[float, str]
Gap = tuple[float, float]  # from, until: asleep, or not there


@dataclass(frozen=True)
class Ladder:
    """`rungs`: after how many seconds whom. The first one is the card itself, which rings by itself."""

    rungs: tuple[tuple[float, str], ...]
    repeat: int
    pause: float

    def rings(self, opened: float, gaps: Sequence[Gap]) -> Iterator[Ring]:
        """All that has to ring. What falls due while nobody is there rings on waking; of several only the newest."""
        due, place, rounds = opened, 0, 0
        while True:
            at = _awake(due, gaps)
            while place + 1 < len(self.rungs) and due + self._gap(place) <= at:
                due, place = due + self._gap(place), place + 1
            if place or rounds:
                yield at, self.rungs[place][1]
            if place + 1 < len(self.rungs):
                due, place = due + self._gap(place), place + 1
            elif rounds < self.repeat:
                due, place, rounds = at + self.pause, 0, rounds + 1
            else:
                return

    def _gap(self, place: int) -> float:
        return self.rungs[place + 1][0] - self.rungs[place][0]


def _awake(at: float, gaps: Sequence[Gap]) -> float:
    return next((until for begin, until in gaps if begin <= at < until), at)


# ---------------------------------------------------------------- shifts and hours on the wall


@lru_cache(maxsize=4096)
def instant(day: date, at: time, zone: str) -> float:
    """When the wall clock first shows this. A time that it leaves out in spring is as long after the gap began as it is
    later than the gap: found by looking at each minute.
    """
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    wanted, before = datetime.combine(day, at), None
    for minute in range(60 * 56):
        now = begin + timedelta(minutes=minute)
        shown = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if shown == wanted:
            return now.timestamp()
        if shown > wanted and before is not None and before < wanted:  # left out
            return now.timestamp() + (wanted - before - timedelta(minutes=1)).total_seconds()
        before = shown
    raise ValueError(f"{day} {at} is never in {zone}")


@dataclass(frozen=True)
class Night:
    """A night on which the clock changes: at `turns`. One of `people` is on duty each day, from `handover` on.

    Between `opens` and `closes` the desk is open; outside of it `guard` is rung as well.
    """

    zone: str
    turns: float
    first: date  # the shift of people[0] begins on this day
    people: tuple[str, ...]
    handover: time
    opens: time
    closes: time
    guard: str

    def on_duty(self, at: float) -> str:
        day, shift = self.first, -1
        while instant(day, self.handover, self.zone) <= at:
            day, shift = day + timedelta(days=1), shift + 1
        return self.people[shift % len(self.people)]

    def is_open(self, at: float) -> bool:
        here = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.zone)).date()
        for day in (here - timedelta(days=1), here):
            closing = day if self.closes > self.opens else day + timedelta(days=1)
            if instant(day, self.opens, self.zone) <= at < instant(closing, self.closes, self.zone):
                return True
        return False

    def rings(self, opened: float, after: Sequence[float]) -> Iterator[Ring]:
        for at in (opened + one for one in after):
            yield at, self.on_duty(at)
            if not self.is_open(at):
                yield at, self.guard


@lru_cache(maxsize=64)
def turns(zone: str, year: int) -> tuple[float, ...]:
    """When the clock changes in a year: found by looking at each hour, and then at each minute."""
    found, tz = [], ZoneInfo(zone)
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        after = at + timedelta(hours=1)
        if at.astimezone(tz).utcoffset() != after.astimezone(tz).utcoffset():
            offset = at.astimezone(tz).utcoffset()
            minutes = (at + timedelta(minutes=n) for n in range(61))
            found.append(next(m.timestamp() for m in minutes if m.astimezone(tz).utcoffset() != offset))
        at = after
    return tuple(found)


# ---------------------------------------------------------------- the verdict


@dataclass(frozen=True)
class Verdict:
    """What was wrong, in words, by kind."""

    rings: int
    worst_s: float
    early: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not (self.early or self.late or self.doubled or self.skipped)


def judge(expected: Sequence[Ring], heard: Sequence[Ring], name: str) -> Verdict:
    """Each person's rings in order, the first that was to come with the first that came."""
    early, late, doubled, skipped, worst = [], [], [], [], 0.0
    for person in sorted({who for _, who in (*expected, *heard)}):
        wanted = [at for at, who in expected if who == person]
        came = [at for at, who in heard if who == person]
        for due, at in zip(wanted, came, strict=False):
            worst = max(worst, at - due)
            if at < due - EARLY_S:
                early.append(f"{name}: {person} was rung {due - at:.1f} s early")
            if at > due + LATE_S:
                late.append(f"{name}: {person} was rung {at - due:.1f} s late")
        doubled += [f"{name}: {person} was rung once too often, at {at:.1f}" for at in came[len(wanted) :]]
        skipped += [f"{name}: {person} was not rung at {due:.1f}" for due in wanted[len(came) :]]
    return Verdict(len(expected), worst, tuple(early), tuple(late), tuple(doubled), tuple(skipped))
