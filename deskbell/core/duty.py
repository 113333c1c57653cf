"""What was agreed since a rota was written down: who has another's shift, who is away, and what people ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from deskbell.core.alert import Verb
from deskbell.core.policy import Level, Policy
from deskbell.core.rota import Override, Rota, Shift, shifts, with_changes
from deskbell.core.storm import SECOND

LONGEST = timedelta(days=62)  # of a cover, swap or override: what is longer belongs into the configuration
LONGEST_AWAY = timedelta(days=400)

COVER, HANDOVER, PROOF = "cover_request", "handover", "reach_check"  # rules of alerts that people answer with a tap

POLICY = Policy(
    HANDOVER,
    (
        Level(timedelta(0), ("room", "assignee")),
        Level(timedelta(minutes=10), ("assignee",)),
        Level(timedelta(minutes=20), ("assignee", "role:manager")),
    ),
    repeat=3,
)


class Kind(StrEnum):
    IMPORTED = "imported"  # a shift of a calendar elsewhere; all others go before it
    OVERRIDE = "override"
    COVER = "cover"
    SWAP = "swap"
    HANDOVER = "handover"  # whose shift is over stays beside the next one, until that one has accepted
    VACATION = "vacation"
    LEAVE = "leave"  # as the system for time off says


AWAY = frozenset({Kind.VACATION, Kind.LEAVE})
_SHIFTS = (Kind.OVERRIDE, Kind.COVER, Kind.SWAP)


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
    others = [one for one in mine if one.kind in _SHIFTS]
    return with_changes(rota, [Override(one.person, one.start, one.end) for one in (*imported, *others)], away)


def staying(rota: str, agreed: Iterable[Agreed], now: datetime) -> tuple[str, ...]:
    """Who is rung beside whoever is on duty: their shift is over, and what was open is not handed over yet."""
    rows = (one for one in agreed if one.kind is Kind.HANDOVER and one.rota == rota and one.start <= now < one.end)
    return tuple(dict.fromkeys(one.person for one in rows))


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


# ---------------------------------------------------------------- what is drawn on a card that only asks

BUTTONS: Mapping[str, Mapping[Verb, str]] = {
    COVER: {Verb.ACK: "I take it", Verb.RESOLVE: "Withdraw\u2026"},
    HANDOVER: {Verb.ACK: "Accept all"},
    PROOF: {Verb.ACK: "I see this"},
    SECOND: {Verb.ACK: "Agree", Verb.RESOLVE: "Refuse\u2026"},
}
