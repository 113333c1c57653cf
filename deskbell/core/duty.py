"""What was agreed since a rota was written down: who has another's shift, who is away, and what people ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from deskbell.core.rota import Override, Rota, Shift, shifts, with_changes

LONGEST = timedelta(days=62)  # of a cover, swap or override: what is longer belongs into the configuration
LONGEST_AWAY = timedelta(days=400)

COVER, HANDOVER, PROOF = "cover_request", "handover", "reach_check"  # rules of alerts that people answer with a tap


class Kind(StrEnum):
    IMPORTED = "imported"  # a shift of a calendar elsewhere; all others go before it
    OVERRIDE = "override"
    COVER = "cover"
    SWAP = "swap"
    VACATION = "vacation"
    LEAVE = "leave"  # as the system for time off says


AWAY = frozenset({Kind.VACATION, Kind.LEAVE})


@dataclass(frozen=True, slots=True)
class Agreed:
    """One stretch in which a rota is not as it was written down. An absence has no rota: it holds for all.

    `key` tells which stretches stand and fall together; until `settled` they are only asked for, and `person` may be
    nobody yet. `instead_of`: whose shift it was.
    """

    key: str
    kind: Kind
    rota: str
    person: str
    start: datetime
    end: datetime
    instead_of: str = ""
    settled: bool = True


def changed(rota: Rota, agreed: Iterable[Agreed]) -> Rota:
    """The rota as it is by now. What was agreed later goes before what was agreed earlier."""
    mine = [one for one in agreed if one.settled and one.rota in ("", rota.name)]
    away = [Override(one.person, one.start, one.end) for one in mine if one.kind in AWAY]
    imported = [one for one in mine if one.kind is Kind.IMPORTED]
    others = [one for one in mine if one.kind not in AWAY and one.kind is not Kind.IMPORTED]
    return with_changes(rota, [Override(one.person, one.start, one.end) for one in (*imported, *others)], away)


def shifts_of(rota: Rota, person: str, start: datetime, end: datetime) -> list[Shift]:
    """The stretches in which this person is on duty between the two."""
    return [shift for shift in shifts(rota, start, end) if shift.person == person] if start < end else []


def blocked(rota: Rota, person: str, start: datetime, end: datetime) -> list[Shift]:
    """The shifts that the person would have in that time, were they not away."""
    there = replace(rota, away=tuple(one for one in rota.away if one.person != person))
    return shifts_of(there, person, start, end)


# ---------------------------------------------------------------- what people ask for


@dataclass(frozen=True, slots=True)
class Cover:
    """`times` as typed, to be read by the clock of the rota. `person`: who is asked; nothing: whoever wants to."""

    times: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class Swap:
    """My shift in `times` for the colleague's in `theirs`."""

    times: str
    person: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Place:
    """An override: the person is on duty then, whatever the rota says."""

    rota: str
    person: str
    times: str


@dataclass(frozen=True, slots=True)
class Vacation:
    """Days, both included. None: no vacation any more."""

    days: str | None


DutyWish = Cover | Swap | Place | Vacation
