"""What every rule takes and gives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from deskbell.core.alert import Severity
from deskbell.core.calendar import ALWAYS, Calendar

Stages = tuple[tuple[timedelta, Severity], ...]


@dataclass(frozen=True, slots=True)
class Context:
    """`baseline`: the source's first sweep is not complete, so that changes in it are history."""

    now: datetime
    baseline: bool = False
    calendar: Calendar = ALWAYS


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule saw: one exception, known by `key`. The same key with another stage is the same one grown worse.

    `since`: when the stage it has reached began; at a first read, history is what is old in this sense. `clears`: it
    ends by itself when the rule no longer sees it.
    """

    rule: str
    key: str
    severity: Severity
    title: str
    summary: str
    stage: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    clears: bool = True


@dataclass(frozen=True, slots=True)
class Sight:
    """All that one rule has to say of one record.

    `holds`: nothing new, and what an earlier change brought about is still so: alerts of this rule on this record stay.
    Where a new change was found it is False, so that the alert of the change before gives way to the new one.
    `due_at`: the next moment at which the clock alone changes the answer; None: only a change of the record can.
    """

    found: tuple[Found, ...] = ()
    holds: bool = False
    due_at: datetime | None = None


NOTHING = Sight()


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleConf:
    """What can be set for every rule. `policy` and `route` name others than the ones that would be chosen."""

    enabled: bool = True
    policy: str = ""
    route: str = ""


Look = Callable[[Any, Any, Any, Context], Sight]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of RULES. `kind`: the records it looks at; `edge`: it fires on a change rather than on a condition."""

    name: str
    kind: str
    title: str
    conf_class: type[RuleConf]
    look: Look
    edge: bool = False


class Rung(NamedTuple):
    """One stage of an exception: when it begins, its offset as configured, and its severity."""

    at: datetime
    offset: timedelta
    severity: Severity


def climb(rungs: Iterable[Rung], now: datetime) -> tuple[Rung | None, datetime | None]:
    """The stage reached by now, and when the next one begins. Of two that begin together the more severe counts."""
    reached, following = None, None
    for rung in sorted(rungs, key=lambda rung: (rung.at, -rung.severity)):
        if rung.at <= now:
            reached = rung
        else:
            following = rung.at
            break
    return reached, following


def after(at: datetime, stages: Stages) -> list[Rung]:
    """Stages that begin so long after a moment."""
    return [Rung(at + offset, offset, severity) for offset, severity in stages]


def before(at: datetime, stages: Stages) -> list[Rung]:
    """Stages that begin so long before a moment."""
    return [Rung(at - offset, offset, severity) for offset, severity in stages]


def by_notice(stages: Stages, notice: timedelta) -> Severity | None:
    """The severity of so short a notice: that of the tightest bound that it stays below."""
    return next((severity for bound, severity in sorted(stages) if notice < bound), None)


def stamp(at: datetime | None) -> str:
    """A moment as the dedup keys have it: 2026-11-21T14:00:00Z; "-" when it is not known."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else "-"


def is_recent(at: datetime | None, now: datetime, within: timedelta) -> bool:
    return at is not None and now - at <= within


def later(context: Context, at: datetime, amount: timedelta, *, business: bool) -> datetime:
    return context.calendar.add_business(at, amount) if business else at + amount
