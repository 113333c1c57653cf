"""Plays all scenes, and adds up what the oracle says of them."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from deskbell.clockproof.oracle import Gap, Ladder, Night, Ring, Verdict, judge, turns
from deskbell.clockproof.script import SCRIPT, Down, Move, Moves, Set, Sleep
from deskbell.clockproof.stage import Hands, Stage, open_store
from deskbell.core.calendar import Calendar
from deskbell.core.policy import Level, Policy
from deskbell.core.rota import Rota

ZONES = (
    "Europe/Rome", "Europe/London", "Atlantic/Azores", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "America/Havana", "America/Santiago", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Cairo",
)  # fmt: skip
YEARS = (2026, 2027, 2028)
BEGIN = datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()
TICK, POLL = 1.3, 2.6  # seconds; no ring falls due just when it is looked
NIGHT_TICK, NIGHT_POLL = 4.3, 60.0
_LADDER = Ladder(((0, "ana"), (60, "ben"), (150, "carla"), (300, "dora")), 1, 240.0)
_SECOND = 137.0  # when the second alert comes
_LASTS = 1200.0  # awake, by then all has rung
_BEFORE = 2700.0  # of a night: from three quarters of an hour before the change on ...
_RUNGS = (*range(0, 6000, 600), *range(86_400, 90_000, 600))  # ... a ring each ten minutes, and the next night again
_NEAR, _PAUSE, _LULL = 50.0, 17.0, 300.0  # it is looked often around each ring, less in between, seldom over the day

Tell = Callable[[str, int, int], None]


@dataclass
class Report:
    """What came of the scenes so far."""

    steps: int = 0
    nights: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return bool(self.verdicts) and all(verdict.good for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        kinds = ("early", "late", "doubled", "skipped")
        wrong = {kind: [said for one in self.verdicts for said in getattr(one, kind)] for kind in kinds}
        return {
            "ok": self.ok,
            "steps": self.steps,
            "nights": self.nights,
            "rings": sum(one.rings for one in self.verdicts),
            **{kind: len(said) for kind, said in wrong.items()},
            "worst_late_s": round(max((one.worst_s for one in self.verdicts), default=0.0), 2),
            "wrong": [said for each in wrong.values() for said in each][:50],
            "seconds": round(self.seconds, 1),
        }


async def prove(
    tell: Tell = lambda *_: None,
    *,
    script: Sequence[Moves] = SCRIPT,
    zones: Sequence[str] = ZONES,
    years: Sequence[int] = YEARS,
) -> Report:
    """Every scene, one after the other."""
    begun, report = time.monotonic(), Report()
    nights = [(zone, at) for zone in zones for year in years for at in turns(zone, year)]
    with _ground() as blank:
        for n, moves in enumerate(script, 1):
            report.verdicts += await play_moves(blank, f"step {n}", moves)
            report.steps = n
            tell("clock steps", n, len(script))
        for n, (zone, at) in enumerate(nights, 1):
            report.verdicts.append(await play_night(blank, zone, at))
            report.nights = n
            tell("nights", n, len(nights))
    report.seconds = time.monotonic() - begun
    return report


@contextmanager
def _ground() -> Iterator[Path]:
    """A folder, in memory where there is such a place, with a database in which nothing happened yet."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder, quietly():
        blank = Path(folder) / "blank.db"
        open_store(blank, Hands(BEGIN)).close()
        yield blank


@contextmanager
def quietly() -> Iterator[None]:
    """Clocks are doubted on purpose here; the log would tell of nothing else."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**kept)


# ---------------------------------------------------------------- clocks that are set


async def play_moves(blank: Path, name: str, moves: Moves) -> list[Verdict]:
    """Two alerts climb their policy while the clocks are played with."""
    hands = Hands(BEGIN)
    levels = tuple(Level(timedelta(seconds=after), ("room", f"person:{who}")) for after, who in _LADDER.rungs)
    policy = Policy("dispatch", levels, _LADDER.repeat, timedelta(seconds=_LADDER.pause))
    stage = Stage(blank, name, hands, policy, {})
    opened, gaps, due = {}, list[Gap](), sorted(moves, key=lambda move: move.at)
    try:
        await stage.meet()
        awake, next_poll = 0.0, 0.0
        while awake < _LASTS:
            awake += TICK
            hands.passes(TICK)
            while due and hands.true - BEGIN >= due[0].at + sum(until - begin for begin, until in gaps):
                gaps += _move(stage, due.pop(0))
            for title, at in (("first", 0.0), ("second", _SECOND)):
                if awake >= at and title not in opened:
                    opened[title] = hands.true
                    await stage.raise_alert(title)
            if awake >= next_poll:
                next_poll = awake + POLL
                await stage.poll()
            await stage.tick()
    finally:
        stage.close()
    rang = stage.rang
    return [
        judge(list(_LADDER.rings(at, gaps)), rang.get(title, []), f"{name}, {title}") for title, at in opened.items()
    ]


def _move(stage: Stage, move: Move) -> list[Gap]:
    """Does it; the time in which nobody was there."""
    hands = stage.hands
    begin = hands.true
    match move:
        case Set():
            hands.off += move.by
            return []
        case Sleep():
            hands.sleeps(move.lasts)
            hands.off += move.set
        case Down():
            hands.passes(move.lasts)
            stage.start()
    return [(begin, hands.true)]


# ---------------------------------------------------------------- nights on which the clock changes


async def play_night(blank: Path, zone: str, at: float) -> Verdict:
    """An alert that rings whoever is on duty each ten minutes, while the shift changes within the hour that is left out
    or comes twice.
    """
    night = night_of(zone, at)
    hands = Hands(at - _BEFORE)
    hours = Calendar(zone, opens=night.opens, closes=night.closes)
    inside, outside = (tuple(_level(n, more) for n in _RUNGS) for more in ((), (f"person:{night.guard}",)))
    policy = Policy("dispatch", inside, hours=hours, outside=outside)
    rota = Rota("night", night.people, "daily", night.handover, zone, night.first)
    stage = Stage(blank, f"{zone.replace('/', '-')} {int(at)}", hands, policy, {"night": rota})
    try:
        await stage.meet()
        await stage.poll()
        opened, next_poll = hands.true, hands.true + NIGHT_POLL
        await stage.raise_alert("night")
        while (since := hands.true - opened) < _RUNGS[-1] + NIGHT_TICK:
            near = (since + _NEAR) % 600 < 2 * _NEAR
            lull = _LULL if _RUNGS[9] + _NEAR < since < _RUNGS[10] - 2 * _LULL else _PAUSE
            hands.passes(NIGHT_TICK if near else lull)
            if hands.true >= next_poll:
                next_poll = hands.true + NIGHT_POLL
                await stage.poll()
            await stage.tick()
    finally:
        stage.close()
    expected: list[Ring] = list(night.rings(opened, _RUNGS[1:]))
    return judge(expected, stage.rang.get("night", []), f"{zone} {datetime.fromtimestamp(at, UTC):%Y-%m-%d}")


def _level(after: int, more: tuple[str, ...]) -> Level:
    return Level(timedelta(seconds=after), ("room", "rota:night", *more))


def night_of(zone: str, at: float) -> Night:
    """The shift changes in the middle of what is left out or comes twice; the desk opens before, and closes after."""
    before, after = (datetime.fromtimestamp(t, UTC).astimezone(ZoneInfo(zone)) for t in (at - 60, at))
    low = min(before.replace(tzinfo=None) + timedelta(minutes=1), after.replace(tzinfo=None))
    gap = abs((after.utcoffset() or timedelta()) - (before.utcoffset() or timedelta()))
    middle = low + gap / 2
    handover, opens, closes = (_at(middle + timedelta(minutes=minutes)) for minutes in (0, -33, 27))
    first = middle.date() - timedelta(days=9)
    return Night(zone, at, first, ("xenia", "yuri"), handover, opens, closes, "guard")


def _at(moment: datetime) -> day_time:
    return day_time(moment.hour, moment.minute)
