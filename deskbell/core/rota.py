"""Who is on duty. Shifts change at a time on the wall, on both sides of a daylight-saving change."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from deskbell.core.calendar import check_zone

Every = timedelta | Literal["daily", "weekly"] | None

_LENGTHS = {"daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_SHORTEST = timedelta(hours=1)  # below it a daylight-saving change could turn two handovers round


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else is on duty from `start` until `end`."""

    person: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Rota:
    """People (ids) in turn. The first one's shift begins on `start` at `handover`; before that nobody is on duty.

    `every` is the length of a shift on the wall clock; without it the first person always is on duty. Of overlapping
    overrides the last one counts.
    """

    name: str
    people: tuple[str, ...]
    every: Every = None
    handover: time = time(8)
    zone: str = "UTC"
    start: date = date(2024, 1, 1)  # a Monday
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        check_zone(self.zone)
        if self.length is not None and self.length < _SHORTEST:
            raise ValueError(f"The shifts of the rota {self.name} must last an hour or longer.")

    @property
    def length(self) -> timedelta | None:
        return _LENGTHS[self.every] if isinstance(self.every, str) else self.every


def on_duty(rota: Rota, now: datetime) -> str | None:
    """The id of the person on duty, overrides included; None when nobody is."""
    override = _override(rota, now)
    return override.person if override else _in_turn(rota, now)


def on_duty_until(rota: Rota, now: datetime) -> datetime | None:
    """When somebody else may be on duty next; None when that is not foreseen."""
    edges = [at for item in rota.overrides for at in (item.start, item.end)]
    if rota.length is not None:
        edges.append(_begins(rota, max(_turn(rota, rota.length, now), -1) + 1, rota.length))
    return min((at for at in edges if at > now), default=None)


def _override(rota: Rota, now: datetime) -> Override | None:
    return next((item for item in reversed(rota.overrides) if item.start <= now < item.end), None)


def _in_turn(rota: Rota, now: datetime) -> str | None:
    if not rota.people:
        return None
    if rota.length is None:
        return rota.people[0]
    turn = _turn(rota, rota.length, now)
    return rota.people[turn % len(rota.people)] if turn >= 0 else None


def _turn(rota: Rota, length: timedelta, now: datetime) -> int:
    """The number of the shift that `now` is in: a guess by the wall clock, put right by the real handovers.

    The wall clock alone shows an hour twice when summer time ends, and would hand back a shift already begun.
    """
    wall = now.astimezone(ZoneInfo(rota.zone)).replace(tzinfo=None)
    turn = (wall - datetime.combine(rota.start, rota.handover)) // length
    while _begins(rota, turn, length) > now:
        turn -= 1
    while _begins(rota, turn + 1, length) <= now:
        turn += 1
    return turn


def _begins(rota: Rota, turn: int, length: timedelta) -> datetime:
    wall = datetime.combine(rota.start, rota.handover) + turn * length
    return wall.replace(tzinfo=ZoneInfo(rota.zone)).astimezone(UTC)
