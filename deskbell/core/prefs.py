"""How a person wants to be rung: which ways one after the other, and when not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deskbell.core.alert import Severity
from deskbell.core.wall import on_wall

MOST_RUNGS = 6
LONGEST_WAIT = timedelta(hours=2)
BETWEEN = timedelta(minutes=5)  # from a chat to the phone, where nobody said otherwise
CHATS = ("slack", "teams", "telegram", "discord")


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to ring somebody: a chat, or a channel of the configuration, so long after the first of the ladder."""

    way: str
    after: timedelta = timedelta()


Ladder = tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Quiet:
    """Every night from `begins` to `ends`, by the person's own clock. Over midnight where `ends` is the earlier."""

    begins: time
    ends: time

    def __post_init__(self) -> None:
        if self.begins == self.ends:
            raise ValueError("Quiet hours must leave some hours of the day.")

    def over_at(self, now: datetime, zone: str) -> datetime | None:
        """When it is over, if it is quiet now; else None."""
        wall = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        over_midnight = self.ends < self.begins
        inside = (
            (wall.time() >= self.begins or wall.time() < self.ends)
            if over_midnight
            else (self.begins <= wall.time() < self.ends)
        )
        if not inside:
            return None
        day = wall.date() + timedelta(days=over_midnight and wall.time() >= self.begins)
        at = on_wall(datetime.combine(day, self.ends), zone).at
        return at if at > now else None


@dataclass(frozen=True, slots=True)
class Prefs:
    """What a person has chosen. An empty ladder: the sane one, of what they can be reached by."""

    high: Ladder = ()
    low: Ladder = ()
    quiet: Quiet | None = None

    def ladder(self, severity: Severity, ways: Sequence[str]) -> Ladder:
        """The rungs for an alert of that severity. Of ways that the person can't be reached by, none is left."""
        chosen = self.high if urgent(severity) else self.low
        kept = tuple(rung for rung in chosen if rung.way in ways)
        return kept or usual(severity, ways)

    def waits_until(self, severity: Severity, now: datetime, zone: str) -> datetime | None:
        """Until when a ring has to wait: detection never does, and P1 passes."""
        return None if severity is Severity.P1 or self.quiet is None else self.quiet.over_at(now, zone)


def urgent(severity: Severity) -> bool:
    """The two urgencies: P1 and P2 are high."""
    return severity <= Severity.P2


def usual(severity: Severity, ways: Sequence[str]) -> Ladder:
    """At first the chat that the person is known in; what is urgent then goes to whatever else rings them, in turn."""
    chats = [way for way in ways if way in CHATS]
    others = [way for way in ways if way not in CHATS]
    if not urgent(severity):
        return tuple(Rung(way) for way in (chats or others)[:1])
    order = [*chats[:1], *others]
    return tuple(Rung(way, BETWEEN * number) for number, way in enumerate(order))[:MOST_RUNGS]


def to_data(prefs: Prefs) -> dict[str, Any]:
    quiet = prefs.quiet
    return {
        "high": [[rung.way, int(rung.after.total_seconds())] for rung in prefs.high],
        "low": [[rung.way, int(rung.after.total_seconds())] for rung in prefs.low],
        "quiet": [quiet.begins.isoformat(), quiet.ends.isoformat()] if quiet else None,
    }


def from_data(data: Mapping[str, Any]) -> Prefs:
    quiet = data.get("quiet")
    high, low = (
        tuple(Rung(str(way), timedelta(seconds=after)) for way, after in data.get(name, ())) for name in ("high", "low")
    )
    return Prefs(high, low, Quiet(*map(time.fromisoformat, quiet)) if quiet else None)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of one way to a person: when it was last tried, when they last answered there.

    `code`: the SHA-256 of a code that was sent there and has not come back yet.
    """

    asked_at: datetime | None = None
    proven_at: datetime | None = None
    code: str = ""


# ---------------------------------------------------------------- what people ask for


@dataclass(frozen=True, slots=True)
class SetQuiet:
    hours: Quiet | None


@dataclass(frozen=True, slots=True)
class SetLadder:
    """`ladder` empty: the usual one again."""

    high: bool
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Show:
    """What the person has chosen, in words."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Ring my own ladder, or one way of it; or the code that a trial brought."""

    way: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A secret address of my shifts; `on` False: no address leads to them any more."""

    on: bool = True


PrefsWish = SetQuiet | SetLadder | Show | Trial | Subscribe
