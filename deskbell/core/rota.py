"""Who is on duty. Shifts change at a time on the wall, on both sides of a daylight-saving change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from deskbell.core.calendar import EVERY_DAY, Calendar, check_zone

Every = timedelta | Literal["daily", "weekly"] | None

_LENGTHS = {"daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_AHEAD, _BACK = timedelta(days=400), timedelta(days=60)  # how far a shift is followed
_SHORTEST = timedelta(hours=1)  # below it a daylight-saving change could turn two handovers round


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else is on duty from `start` until `end`."""

    person: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Hours:
    """On `days` (Monday is 0) from `opens` to `closes`; a closing time not after the opening is of the next day."""

    days: frozenset[int] = EVERY_DAY
    opens: time = time()
    closes: time = time()


@dataclass(frozen=True, slots=True)
class Layer:
    """People (ids) in turn. The first one's shift begins on `start` at `handover`; before that nobody has one.

    `every` is the length of a shift on the wall clock; without it the first person always has the shift. With `hours`,
    whoever's turn it is has it in these hours alone: outside of them it is as if the layer were not there.
    """

    people: tuple[str, ...]
    every: Every = None
    handover: time = time(8)
    start: date = date(2024, 1, 1)  # a Monday
    hours: Hours | None = None

    def __post_init__(self) -> None:
        if self.length is not None and self.length < _SHORTEST:
            raise ValueError("Shifts must last an hour or longer.")
        if self.hours:
            Calendar(days=self.hours.days)

    @property
    def length(self) -> timedelta | None:
        return _LENGTHS[self.every] if isinstance(self.every, str) else self.every


@dataclass(frozen=True)
class Rota:
    """Who is on duty, layer above layer: the last layer that has somebody counts, and an override goes before all.

    The fields of the first layer stand in the rota itself, since most have no other. On `holidays` layers with hours
    stay shut. Of overlapping overrides the last one counts. Who is `away` has no shift; the layer below takes over.
    """

    name: str
    people: tuple[str, ...] = ()
    every: Every = None
    handover: time = time(8)
    zone: str = "UTC"
    start: date = date(2024, 1, 1)
    hours: Hours | None = None
    layers: tuple[Layer, ...] = ()
    holidays: frozenset[date] = frozenset()
    overrides: tuple[Override, ...] = ()
    away: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        check_zone(self.zone)
        _ = self.turns

    @cached_property
    def turns(self) -> "tuple[_Turns, ...]":
        """The layers that have people, from the top."""
        first = Layer(self.people, self.every, self.handover, self.start, self.hours)
        zone = ZoneInfo(self.zone)
        return tuple(
            _Turns(layer, zone, _calendar(self, layer)) for layer in (*self.layers[::-1], first) if layer.people
        )

    @cached_property
    def everybody(self) -> tuple[str, ...]:
        """All whom it names, each once."""
        named = (*self.people, *(person for layer in self.layers for person in layer.people))
        return tuple(dict.fromkeys((*named, *(override.person for override in self.overrides))))


@dataclass(frozen=True, slots=True)
class Shift:
    """One stretch on duty; `person` is None where nobody is."""

    person: str | None
    start: datetime
    end: datetime


def on_duty(rota: Rota, now: datetime) -> str | None:
    """The id of the person on duty, overrides included; None when nobody is."""
    if override := next((one for one in reversed(rota.overrides) if one.start <= now < one.end), None):
        return override.person
    away = {one.person for one in rota.away if one.start <= now < one.end}
    return next((person for turns in rota.turns if (person := turns.at(now)) and person not in away), None)


def on_duty_until(rota: Rota, now: datetime) -> datetime | None:
    """When somebody else may be on duty next; None when that is not foreseen."""
    edges = [at for one in (*rota.overrides, *rota.away) for at in (one.start, one.end)]
    edges += [at for turns in rota.turns if (at := turns.until(now))]
    return min((at for at in edges if at > now), default=None)


def shifts(rota: Rota, start: datetime, end: datetime) -> Iterator[Shift]:
    """Who is on duty from `start` to `end`, without a hole: where nobody is, the shift has nobody."""
    found = Shift(on_duty(rota, start), start, start)
    while found.end < end:
        edge = min(on_duty_until(rota, found.end) or end, end)
        found = replace(found, end=edge)
        person = on_duty(rota, edge)
        if person != found.person and edge < end:
            yield found
            found = Shift(person, edge, edge)
    yield found


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty in a rota at a moment, since when, until when, and who then. A bound far off is None."""

    rota: str
    person: str | None
    since: datetime | None
    until: datetime | None
    then: str | None


def duty(rota: Rota, at: datetime) -> Duty:
    *_, running = shifts(rota, at - _BACK, at + timedelta(microseconds=1))
    here, *later = islice(shifts(rota, at, at + _AHEAD), 2)
    return Duty(
        rota.name,
        running.person,
        running.start if running.start > at - _BACK else None,
        here.end if later else None,
        later[0].person if later else None,
    )


def with_changes(rota: Rota, overrides: Sequence[Override] = (), away: Sequence[Override] = ()) -> Rota:
    """The rota with what was agreed since it was written down: covers and swaps above its own, and who is away."""
    if not (overrides or away):
        return rota
    return replace(rota, overrides=(*rota.overrides, *overrides), away=(*rota.away, *away))


@dataclass(frozen=True, slots=True)
class _Turns:
    """A layer by the clock of its rota. `open`: its hours, if it has any."""

    layer: Layer
    zone: ZoneInfo
    open: Calendar | None

    def at(self, now: datetime) -> str | None:
        if self.open and not self.open.is_open(now):
            return None
        if self.layer.length is None:
            return self.layer.people[0]
        turn = self._turn(self.layer.length, now)
        return self.layer.people[turn % len(self.layer.people)] if turn >= 0 else None

    def until(self, now: datetime) -> datetime | None:
        """When the turn passes on, or its hours begin or end."""
        edges = [self.open.next_edge(now)] if self.open else []
        if (length := self.layer.length) is not None:
            edges.append(self._begins(max(self._turn(length, now), -1) + 1, length))
        return min((at for at in edges if at), default=None)

    def _turn(self, length: timedelta, now: datetime) -> int:
        """The number of the shift that `now` is in: a guess by the wall clock, put right by the real handovers.

        The wall clock alone shows an hour twice when summer time ends, and would hand back a shift already begun.
        """
        wall = now.astimezone(self.zone).replace(tzinfo=None)
        turn = (wall - datetime.combine(self.layer.start, self.layer.handover)) // length
        while self._begins(turn, length) > now:
            turn -= 1
        while self._begins(turn + 1, length) <= now:
            turn += 1
        return turn

    def _begins(self, turn: int, length: timedelta) -> datetime:
        wall = datetime.combine(self.layer.start, self.layer.handover) + turn * length
        return wall.replace(tzinfo=self.zone).astimezone(UTC)


def _calendar(rota: Rota, layer: Layer) -> Calendar | None:
    hours = layer.hours
    return Calendar(rota.zone, hours.days, hours.opens, hours.closes, rota.holidays) if hours else None
