"""What is kept of the past: what records were, for a replay; and how soon people heard of what happened in a source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from deskbell.core.text import span


@dataclass(frozen=True, slots=True)
class Recording:
    """What sources brought is kept so long for `deskbell simulate`, without names, addresses and texts."""

    keep: timedelta = timedelta(days=35)
    rows: int = 200_000

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.keep <= timedelta(days=400):
            raise ValueError("keep must be from 0s (nothing is kept) to 400d")
        if not 100 <= self.rows <= 5_000_000:
            raise ValueError("rows must be from 100 to 5000000")


class Ended(StrEnum):
    """How a reading was followed by another one."""

    READ = "read"  # the source brought another
    OURS = "ours"  # we wrote to the source, and know what the record is by that: no news to anybody
    GONE = "gone"  # the source has it no more


@dataclass(frozen=True, slots=True)
class Reading:
    """That a record was something from `seen_at` until `until` (None: it still is). `row` is where that is kept."""

    source: str
    record_id: str
    kind: str
    seen_at: datetime
    until: datetime | None = None
    ended: Ended | None = None
    row: int = 0


@dataclass(frozen=True, slots=True)
class Detection:
    """When something came to be in a source, and when its first card was in a chat; None: it is not there yet."""

    source: str
    fact_at: datetime
    shown_at: datetime | None

    def lag(self, now: datetime) -> timedelta:
        """How long it took; of what still waits, how long it has waited."""
        return max((self.shown_at or now) - self.fact_at, timedelta(0))


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon people hear of what happens in a source: of `count` cards half came within p50, and so on."""

    source: str
    count: int
    p50: timedelta
    p95: timedelta
    p99: timedelta


def pace(source: str, lags: Sequence[timedelta]) -> Pace:
    """Of one lag or more."""
    ordered = sorted(lags)
    return Pace(source, len(ordered), *(_quantile(ordered, share) for share in (0.5, 0.95, 0.99)))


def in_words(lag: timedelta) -> str:
    """`95 s`, `2 min`: to the second where seconds tell."""
    seconds = round(lag.total_seconds())
    return f"{seconds} s" if seconds < 180 and seconds % 60 else span(lag)


def _quantile(ordered: Sequence[timedelta], share: float) -> timedelta:
    """The smallest that so large a share does not exceed."""
    return ordered[ceil(share * len(ordered)) - 1]


@dataclass(frozen=True, slots=True)
class SourceVitals:
    """One source: when it was read last, what is wrong with it, how soon cards about it came in the last day (None:
    there were none) and how soon they should.
    """

    name: str
    title: str
    read_at: datetime | None
    error: str
    pace: Pace | None
    goal: timedelta


@dataclass(frozen=True, slots=True)
class Vitals:
    """How Deskbell itself is: its sources, how many alerts are open, what waits to be sent and what was given up."""

    at: datetime
    sources: tuple[SourceVitals, ...]
    open: int
    waiting: int
    dead: int

    def as_json(self) -> dict[str, Any]:
        """Spans in seconds."""
        known = {"at": self.at, "open": self.open, "waiting": self.waiting, "dead": self.dead}
        return {**known, "sources": [_source_json(one) for one in self.sources]}


def _source_json(one: SourceVitals) -> dict[str, Any]:
    known = {"name": one.name, "title": one.title, "read_at": one.read_at, "error": one.error}
    lags = {"p50": one.pace.p50, "p95": one.pace.p95, "p99": one.pace.p99} if one.pace else {}
    seconds = {name: lag.total_seconds() for name, lag in lags.items()}
    return {**known, "goal": one.goal.total_seconds(), "cards": one.pace.count if one.pace else 0, **seconds}
