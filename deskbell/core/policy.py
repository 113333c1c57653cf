"""The escalation policy: whom an alert goes to next, and when.

A policy is a ladder of levels. `alert.level` counts the levels told in this round (0: none yet), `alert.rounds` the
rounds begun again, and `alert.escalate_at` is when the next step is due; `next_step` says what that step is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import pairwise

from deskbell.core.access import Person, in_scope
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.calendar import WEEKDAYS, Calendar
from deskbell.core.rota import Rota, on_duty

Targets = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """Whom to tell `after` the alert began.

    A target is "room" (the alert's own rooms), "assignee", "person:ana", "rota:dispatch", "role:manager" or
    "destination:ops".
    """

    after: timedelta
    targets: Targets


@dataclass(frozen=True, slots=True)
class Policy:
    """Levels in order; after the last one, `repeat` more rounds. With `hours`, times count while these are open."""

    name: str
    levels: tuple[Level, ...]
    repeat: int = 0
    repeat_every: timedelta = timedelta(minutes=30)
    repeat_every_p1: timedelta = timedelta(minutes=15)
    least: Severity = Severity.P2  # what is less severe shows in its rooms and escalates only when a person asks
    hours: Calendar | None = None

    def __post_init__(self) -> None:
        times = [level.after for level in self.levels]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("Each level must come later than the one before; targets told together share a level.")
        if min(self.repeat_every, self.repeat_every_p1) <= timedelta() or self.repeat < 0:
            raise ValueError("`repeat` is a count from 0, `repeat_every` a span above 0.")


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: set the alert's level, rounds and escalate_at to these, and tell the targets, once.

    `exhausted`: the policy is at its end and nobody answered. `warnings`: levels left out because they reach nobody.
    """

    level: int
    rounds: int = 0
    targets: Targets = ()
    escalate_at: datetime | None = None
    exhausted: bool = False
    warnings: tuple[str, ...] = ()


def escalates(policy: Policy, severity: Severity) -> bool:
    return bool(policy.levels) and severity <= policy.least


def start(policy: Policy, severity: Severity, now: datetime) -> datetime | None:
    """When the first step of a new alert, or of one that has just become more severe, is due; None: never."""
    return _later(policy, now, policy.levels[0].after) if escalates(policy, severity) else None


def begun(policy: Policy | None, alert: Alert, now: datetime) -> Alert:
    """A new alert under its policy. Where that begins at once, the alert's card is the first step."""
    if policy is None or (at := start(policy, alert.severity, now)) is None:
        return alert
    alert = replace(alert, escalate_at=at)
    if at > now:
        return alert
    step = next_step(policy, alert, now, reaches=lambda _targets: True)
    return replace(alert, level=step.level, rounds=step.rounds, escalate_at=step.escalate_at)


def next_step(
    policy: Policy,
    alert: Alert,
    now: datetime,
    *,
    asked: bool = False,
    reaches: Callable[[Targets], bool] = bool,
) -> Step:
    """The step that is due. After an outage only the newest of the overdue ones is taken, with one message.

    `asked`: a person wants the step now, whatever the severity. `reaches` tells whether targets lead to anybody (a rota
    may have a gap); a level that does not is left out at once.
    """
    if not policy.levels or not (asked or _may_step(policy, alert)):
        return Step(alert.level, alert.rounds)
    first, rounds = alert.level, alert.rounds
    if first >= len(policy.levels):
        if asked:
            first = len(policy.levels) - 1  # nobody is above: the last level hears of it again
        elif rounds >= policy.repeat:
            return Step(alert.level, rounds, exhausted=True)
        else:
            first, rounds = 0, rounds + 1
    newest, following = _overdue(policy, first, now if asked else (alert.escalate_at or now), now)
    good = tuple(reaches(level.targets) for level in policy.levels)
    picked, missed = _pick(good, first, newest)
    warnings = tuple(_nobody(policy, index) for index in missed)
    if picked is None:
        again = _later(policy, now, _pause(policy, alert)) if any(good) else None
        return Step(len(policy.levels), rounds, (), again, exhausted=not any(good), warnings=warnings)
    if picked > newest:
        following = _later(policy, now, _gap(policy, picked)) if picked + 1 < len(policy.levels) else None
    if following is None:
        following = _later(policy, now, _pause(policy, alert))
    if not escalates(policy, alert.severity):
        following = None  # one step each time a person asks
    return Step(max(picked, newest) + 1, rounds, policy.levels[picked].targets, following, warnings=warnings)


def people_for(
    targets: Sequence[str],
    people: Mapping[str, Person],
    rotas: Mapping[str, Rota],
    now: datetime,
    team: str = "",
    assignee: str = "",
) -> tuple[str, ...]:
    """The ids of the people behind the targets, each once, in the targets' order. Unknown names lead to nobody."""
    found: dict[str, None] = {}
    for target in targets:
        kind, _, name = target.partition(":")
        if kind == "role":
            found |= dict.fromkeys(_with_role(name, people, team))
        else:
            found |= dict.fromkeys(_single(kind, name, rotas, now, assignee))
    return tuple(person for person in found if person in people)


def destinations_of(targets: Sequence[str]) -> tuple[str, ...]:
    """The destinations named by the targets."""
    return tuple(dict.fromkeys(t.partition(":")[2] for t in targets if t.startswith("destination:")))


def _may_step(policy: Policy, alert: Alert) -> bool:
    # A snooze that ends also wakes the alert; one that is acknowledged, or not severe enough, then goes on resting.
    return alert.status is Status.OPEN and escalates(policy, alert.severity)


def _overdue(policy: Policy, level: int, at: datetime, now: datetime) -> tuple[int, datetime | None]:
    """The newest level of this round that is due by now, and when the one after it is; None after the last."""
    while level + 1 < len(policy.levels):
        following = _later(policy, at, _gap(policy, level))
        if following > now:
            return level, following
        level, at = level + 1, following
    return level, None


def _pick(good: Sequence[bool], first: int, newest: int) -> tuple[int | None, list[int]]:
    """The newest due level that reaches somebody, else the next above, at once; and the levels passed over for it."""
    order = [*range(newest, first - 1, -1), *range(newest + 1, len(good))]
    missed: list[int] = []
    for index in order:
        if good[index]:
            return index, sorted(missed)
        missed.append(index)
    return None, sorted(missed)


def _gap(policy: Policy, level: int) -> timedelta:
    """From this level to the next."""
    return policy.levels[level + 1].after - policy.levels[level].after


def _pause(policy: Policy, alert: Alert) -> timedelta:
    return policy.repeat_every_p1 if alert.severity is Severity.P1 else policy.repeat_every


def _later(policy: Policy, at: datetime, amount: timedelta) -> datetime:
    return policy.hours.add_business(at, amount) if policy.hours else at + amount


def _nobody(policy: Policy, index: int) -> str:
    targets = ", ".join(policy.levels[index].targets) or "it names nobody"
    return f"Level {index + 1} of the policy {policy.name} reaches nobody ({targets}) and was left out."


def _with_role(name: str, people: Mapping[str, Person], team: str) -> list[str]:
    return [person.id for person in people.values() if name in person.roles and in_scope(person, team)]


def _single(kind: str, name: str, rotas: Mapping[str, Rota], now: datetime, assignee: str) -> list[str]:
    if kind == "person":
        return [name]
    if kind == "assignee" and assignee:
        return [assignee]
    if kind == "rota" and name in rotas:
        person = on_duty(rotas[name], now)
        return [person] if person else []
    return []


def _minutes(count: int, *targets: str) -> Level:
    return Level(timedelta(minutes=count), targets)


DEFAULTS: Mapping[str, Policy] = {
    "dispatch": Policy(
        "dispatch",
        (
            _minutes(0, "room", "rota:dispatch"),
            _minutes(5, "room", "role:oncall"),
            _minutes(15, "room", "role:manager"),
            _minutes(30, "room", "role:manager", "role:admin"),
        ),
        repeat=3,
    ),
    "support": Policy(
        "support",
        (
            _minutes(0, "room", "assignee"),
            _minutes(15, "room", "role:oncall"),
            _minutes(45, "room", "role:manager"),
        ),
        repeat=3,
    ),
    "ourselves": Policy(
        "ourselves",
        (_minutes(0, "room", "role:admin", "role:manager"), _minutes(15, "room", "role:admin", "role:manager")),
        repeat=3,
    ),
    "accounts": Policy(
        "accounts",
        (_minutes(0, "room"), Level(timedelta(days=1), ("room", "assignee", "role:manager"))),
        hours=Calendar(days=WEEKDAYS, opens=time(9), closes=time(17)),
    ),
}
