"""What is done to the daemons, and when: the same seed gives the same plan."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

# Every named place of the program (deskbell/net/faults.py) that a running daemon passes; a test holds this complete.
POINTS = (
    "store.commit.before",
    "store.commit.after",
    "audit.append.before",
    "audit.append.after",
    "audit.head.before",
    "audit.head.after",
    "outbox.claim.before",
    "outbox.claim.after",
    "outbox.settle.before",
    "outbox.settle.after",
    "courier.claim.after",
    "courier.send.before",
    "courier.send.after",
    "courier.find.before",
    "courier.find.after",
    "source.write.before",
    "source.write.after",
    "slack.send.before",
    "slack.send.after",
    "slack.edit.before",
    "slack.edit.after",
    "slack.ack.before",
    "slack.ack.after",
    "teams.send.before",
    "teams.send.after",
    "teams.edit.before",
    "teams.edit.after",
    "teams.tap.before",
    "teams.tap.after",
    "telegram.send.before",
    "telegram.send.after",
    "telegram.edit.before",
    "telegram.edit.after",
    "telegram.answer.before",
    "telegram.answer.after",
    "telegram.offset.before",
    "telegram.offset.after",
    "discord.send.before",
    "discord.send.after",
    "discord.edit.before",
    "discord.edit.after",
    "discord.answer.before",
    "discord.answer.after",
    "clerk.act.before",
    "clerk.act.after",
    "desk.act.before",
    "desk.act.after",
    "desk.observe.before",
    "desk.observe.after",
    "desk.settle.before",
    "desk.settle.after",
    "desk.tick.before",
    "desk.tick.after",
    "poll.fetch.before",
    "poll.fetch.after",
    "poll.observe.before",
    "poll.observe.after",
)
MIGRATION = ("migration.before", "migration.step", "migration.after")  # passed by `deskbell db upgrade`
DRAIN = ("drain.before", "drain.after")  # passed by a stop
# passed where a source calls us
HOOKS = ("hook.keep.before", "hook.keep.after", "hint.fetch.before", "hint.fetch.after")
# What vendors say back: tests/crash/test_back.py kills there.
BACK = ("inbound.keep.before", "inbound.keep.after", "desk.hear.before", "desk.hear.after", "ask.before", "ask.after")
VENDOR = ("vendor.send.before", "vendor.send.after")  # passed where a record is kept, or people are told, elsewhere
ELSEWHERE = ("workflows.send.before", "workflows.send.after")  # a channel that this installation does not have


class How(StrEnum):
    KILL = "kill"  # SIGKILL at a random instant
    POINT = "point"  # SIGKILL by itself, at a named place
    STOP = "stop"  # SIGSTOP, and SIGCONT some seconds later: no death
    RESTART = "restart"  # SIGTERM, and a start: no death
    DRAIN = "drain"  # SIGTERM, and SIGKILL in the middle of the stop


@dataclass(frozen=True, slots=True)
class Strike:
    """`after`: so long the instance has lived by then. `point`: where it kills itself, the `nth` time it passes."""

    how: How
    instance: int
    after: float
    point: str = ""
    nth: int = 1

    @property
    def deadly(self) -> bool:
        return self.how in (How.KILL, How.POINT, How.DRAIN)


LIVES_S = (0.2, 1.4)  # how long a daemon lives until it is killed
NTHS = (1, 1, 2, 2, 5, 10)
STOPS_S = (0.5, 3.0)
STOP_SHARE, RESTART_SHARE, DRAIN_SHARE = 0.04, 0.05, 0.05


def plan(kills: int, instances: int, seed: int) -> list[Strike]:
    """So many deaths, half of them at named places and each place in its turn, with stops and restarts between."""
    chance = random.Random(f"plan {seed}")  # noqa: S311 - a plan, not a secret
    places = _in_turn(POINTS, chance)
    drains = _in_turn(DRAIN, chance)
    strikes: list[Strike] = []
    deaths = 0
    while deaths < kills:
        strike = _strike(chance, instances, places, drains, deaths)
        strikes.append(strike)
        deaths += strike.deadly
    return strikes


def _strike(chance: random.Random, instances: int, places: Iterator[str], drains: Iterator[str], deaths: int) -> Strike:
    instance, after, share = chance.randrange(instances), chance.uniform(*LIVES_S), chance.random()
    if share < STOP_SHARE:
        return Strike(How.STOP, instance, after)
    if share < STOP_SHARE + RESTART_SHARE:
        return Strike(How.RESTART, instance, after)
    if share < STOP_SHARE + RESTART_SHARE + DRAIN_SHARE:
        return Strike(How.DRAIN, instance, after, next(drains, ""))
    if deaths % 2:
        return Strike(How.POINT, instance, after, next(places), chance.choice(NTHS))
    return Strike(How.KILL, instance, after)


def _in_turn(names: Sequence[str], chance: random.Random) -> Iterator[str]:
    while names:
        yield from chance.sample(names, len(names))
