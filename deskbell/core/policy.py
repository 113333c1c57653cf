"""The escalation policy: whom an alert goes to next, and when.

A policy is a ladder of levels. `alert.level` counts the levels told in this round (0: none yet), `alert.rounds` the
rounds begun again, and `alert.escalate_at` is when the next step is due; `next_step` says what that step is.

Targets: "room" (the alert's own rooms), "assignee", "person:ana", "rota:dispatch", "role:manager", "team:north",
"destination:ops" (a room, or a system that rings). People `via` a destination, as in "role:oncall via sms", also get a
message of their own through it.
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
MOST_ROUNDS = 50
VIA = " via "


@dataclass(frozen=True, slots=True)
class Level:
    """Whom to tell `after` the alert began.

    `turns`: of the people behind the targets one alone, and another one for the next alert. `everyone`: each of them
    has to acknowledge before it counts.
    """

    after: timedelta
    targets: Targets
    turns: bool = False
    everyone: bool = False

    def __post_init__(self) -> None:
        if self.turns and self.everyone:
            raise ValueError("A level rings people in turns, or waits for everyone; not both.")


@dataclass(frozen=True, slots=True)
class Policy:
    """Levels in order; after the last one, `repeat` more rounds.

    With `hours`, times count while these are open; unless there are levels for `outside` of them, which are taken then.
    """

    name: str
    levels: tuple[Level, ...]
    repeat: int = 0
    repeat_every: timedelta = timedelta(minutes=30)
    repeat_every_p1: timedelta = timedelta(minutes=15)
    least: Severity = Severity.P2  # what is less severe shows in its rooms and escalates only when a person asks
    hours: Calendar | None = None
    outside: tuple[Level, ...] = ()

    def __post_init__(self) -> None:
        for levels in (self.levels, self.outside):
            if any(later.after <= earlier.after for earlier, later in pairwise(levels)):
                raise ValueError("Each level must come later than the one before; targets told together share a level.")
        if min(self.repeat_every, self.repeat_every_p1) <= timedelta() or self.repeat < 0:
            raise ValueError("`repeat` is a count from 0, `repeat_every` a span above 0.")
        if self.repeat > MOST_ROUNDS:
            raise ValueError(f"It would never end: `repeat` is {MOST_ROUNDS} at most. Nobody hears it ring by then.")
        if self.outside and not self.hours:
            raise ValueError("`outside` needs `hours`: outside of what?")
        if self.outside and not self.levels:
            raise ValueError("`levels` are missing: who is rung inside of the hours?")

    @property
    def every_level(self) -> tuple[Level, ...]:
        return (*self.levels, *self.outside)

    def ladder(self, at: datetime, zone: str = "UTC") -> tuple[Level, ...]:
        """The levels that count at a moment. `zone` is the site's, for hours that are kept by its clock."""
        shut = self.outside and self.hours and not self.hours.at(zone).is_open(at)
        return self.outside if shut else self.levels


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: set the alert's level, rounds and escalate_at to these, and tell the targets of the rung, once.

    `exhausted`: the policy is at its end and nobody answered. `warnings`: levels left out because they reach nobody.
    """

    level: int
    rounds: int = 0
    rung: Level | None = None
    escalate_at: datetime | None = None
    exhausted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def targets(self) -> Targets:
        return self.rung.targets if self.rung else ()


def escalates(policy: Policy, severity: Severity) -> bool:
    return bool(policy.levels) and severity <= policy.least


def start(policy: Policy, severity: Severity, now: datetime, zone: str = "UTC") -> datetime | None:
    """When the first step of a new alert, or of one that has just become more severe, is due; None: never."""
    if not escalates(policy, severity):
        return None
    return _Climb(policy, now, zone).later(now, policy.ladder(now, zone)[0].after)


def begun(policy: Policy | None, alert: Alert, now: datetime) -> Alert:
    """A new alert under its policy. Where that begins at once, the alert's card is the first step."""
    if policy is None or (at := start(policy, alert.severity, now, alert.zone)) is None:
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
    way = _Climb(policy, now, alert.zone)
    levels = way.levels
    if not levels or not (asked or _may_step(policy, alert)):
        return Step(alert.level, alert.rounds)
    first, rounds = alert.level, alert.rounds
    if first >= len(levels):
        if asked:
            first = len(levels) - 1  # nobody is above: the last level hears of it again
        elif rounds >= policy.repeat:
            return Step(alert.level, rounds, exhausted=True)
        else:
            first, rounds = 0, rounds + 1
    newest, following = way.overdue(first, now if asked else (alert.escalate_at or now))
    good = tuple(reaches(level.targets) for level in levels)
    picked, missed = _pick(good, first, newest)
    warnings = tuple(_nobody(policy, index, levels[index]) for index in missed)
    if picked is None:
        again = way.later(now, _pause(policy, alert)) if any(good) else None
        return Step(len(levels), rounds, None, again, exhausted=not any(good), warnings=warnings)
    if picked > newest:
        following = way.later(now, way.gap(picked)) if picked + 1 < len(levels) else None
    if following is None:
        following = way.later(now, _pause(policy, alert))
    if not escalates(policy, alert.severity):
        following = None  # one step each time a person asks
    return Step(max(picked, newest) + 1, rounds, levels[picked], following, warnings=warnings)


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
        kind, _, name = target.partition(VIA)[0].partition(":")
        if kind == "role":
            found |= dict.fromkeys(_with_role(name, people, team))
        elif kind == "team":
            found |= dict.fromkeys(person.id for person in people.values() if name in person.teams)
        else:
            found |= dict.fromkeys(_single(kind, name, rotas, now, assignee))
    return tuple(person for person in found if person in people)


def in_turn(people: Sequence[str], last: str) -> tuple[str, ...]:
    """Whose turn it is after `last`, alone; the first one's where `last` is none of them."""
    return tuple(people[(people.index(last) + 1) % len(people) :][:1] if last in people else people[:1])


def destinations_of(targets: Sequence[str]) -> tuple[str, ...]:
    """The destinations named by the targets."""
    return tuple(dict.fromkeys(t.partition(":")[2] for t in targets if t.startswith("destination:")))


def ways_of(targets: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Through which destination people are told as well: (destination, target)."""
    found = ((way.strip(), whom.strip()) for whom, _, way in (target.partition(VIA) for target in targets))
    return tuple((way, whom) for way, whom in found if way)


def _may_step(policy: Policy, alert: Alert) -> bool:
    # A snooze that ends also wakes the alert; one that is acknowledged, or not severe enough, then goes on resting.
    return alert.status is Status.OPEN and escalates(policy, alert.severity)


@dataclass(frozen=True, slots=True)
class _Climb:
    """The ladder that counts now, and how time passes on it."""

    policy: Policy
    now: datetime
    zone: str

    @property
    def levels(self) -> tuple[Level, ...]:
        return self.policy.ladder(self.now, self.zone)

    def later(self, at: datetime, amount: timedelta) -> datetime:
        hours = None if self.policy.outside else self.policy.hours
        return hours.at(self.zone).add_business(at, amount) if hours else at + amount

    def gap(self, level: int) -> timedelta:
        """From this level to the next."""
        return self.levels[level + 1].after - self.levels[level].after

    def overdue(self, level: int, at: datetime) -> tuple[int, datetime | None]:
        """The newest level of this round that is due by now, and when the one after it is; None after the last."""
        while level + 1 < len(self.levels):
            following = self.later(at, self.gap(level))
            if following > self.now:
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


def _pause(policy: Policy, alert: Alert) -> timedelta:
    return policy.repeat_every_p1 if alert.severity is Severity.P1 else policy.repeat_every


def _nobody(policy: Policy, index: int, level: Level) -> str:
    targets = ", ".join(level.targets) or "it names nobody"
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
