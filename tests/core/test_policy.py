"""Escalation: the next step, when it is due, and whom it reaches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.policy import (
    DEFAULTS,
    Level,
    Policy,
    Step,
    destinations_of,
    escalates,
    next_step,
    people_for,
    start,
)
from deskbell.core.rota import Rota

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
MIN = timedelta(minutes=1)
DISPATCH = DEFAULTS["dispatch"]
P1, P2, P3, P4 = Severity
ALERT = Alert(
    key="late:fs:1",
    rule="technician_late",
    source="fs",
    record_id="1",
    subject="J-1",
    title="Technician late",
    summary="late",
    severity=P2,
    opened_at=NOW,
    updated_at=NOW,
    escalate_at=NOW,
)


def after(alert, step):
    return replace(alert, level=step.level, rounds=step.rounds, escalate_at=step.escalate_at)


def climb(policy, alert, now=None, **kwargs):
    step = next_step(policy, alert, now or alert.escalate_at, **kwargs)
    return after(alert, step), step


def ladder(*minutes, repeat=0, targets="person:{}"):
    levels = (Level(m * MIN, (targets.format(n),)) for n, m in enumerate(minutes))
    return Policy("p", tuple(levels), repeat)


@pytest.mark.parametrize(("severity", "at"), [(P1, NOW), (P2, NOW), (P3, None), (P4, None)])
def test_only_the_severe_escalate(severity, at):
    assert start(DISPATCH, severity, NOW) == at
    assert escalates(DISPATCH, severity) is (at is not None)


def test_a_policy_without_levels_never_begins():
    empty = Policy("none", ())
    assert start(empty, P1, NOW) is None
    assert next_step(empty, ALERT, NOW) == Step(0)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="later than the one before"):
        ladder(0, 5, 5)
    with pytest.raises(ValueError, match="above 0"):
        Policy("p", (), repeat_every=timedelta())


def test_the_whole_ladder_on_time():
    policy, alert, told = ladder(0, 5, 15, repeat=1), ALERT, []
    while alert.escalate_at:
        at = alert.escalate_at
        alert, step = climb(policy, alert)
        told.append(((at - NOW) // MIN, step.level, step.rounds, step.targets, step.exhausted))
    assert told == [
        (0, 1, 0, ("person:0",), False),
        (5, 2, 0, ("person:1",), False),
        (15, 3, 0, ("person:2",), False),
        (45, 1, 1, ("person:0",), False),
        (50, 2, 1, ("person:1",), False),
        (60, 3, 1, ("person:2",), False),
        (90, 3, 1, (), True),
    ]


def test_p1_is_repeated_sooner():
    policy = ladder(0)
    assert climb(policy, ALERT)[1].escalate_at == NOW + 30 * MIN
    assert climb(policy, replace(ALERT, severity=P1))[1].escalate_at == NOW + 15 * MIN


def test_after_an_outage_the_newest_step_only():
    policy = ladder(0, 5, 15, 30, repeat=3)
    alert, _ = climb(policy, ALERT)
    step = next_step(policy, alert, NOW + 20 * MIN)
    assert (step.level, step.targets) == (3, ("person:2",))
    assert step.escalate_at == NOW + 30 * MIN  # back on time


def test_after_a_long_outage_the_rounds_are_not_used_up():
    policy = ladder(0, 5, 15, repeat=3)
    alert, _ = climb(policy, ALERT)
    now = NOW + timedelta(days=2)
    step = next_step(policy, alert, now)
    assert (step.level, step.rounds, step.escalate_at, step.exhausted) == (3, 0, now + 30 * MIN, False)


def test_an_empty_level_is_left_out_at_once_with_a_warning():
    levels = (Level(0 * MIN, ("room",)), Level(5 * MIN, ()), Level(15 * MIN, ("person:b",)), Level(30 * MIN, ("room",)))
    policy = Policy("p", levels)
    alert, _ = climb(policy, ALERT)
    now = alert.escalate_at
    step = next_step(policy, alert, now)
    assert (step.level, step.targets) == (3, ("person:b",))
    assert step.escalate_at == now + 15 * MIN
    assert step.warnings == ("Level 2 of the policy p reaches nobody (it names nobody) and was left out.",)


def test_a_level_that_reaches_nobody_now():
    policy = ladder(0, 5, 15)
    step = next_step(policy, ALERT, NOW, reaches=lambda targets: targets != ("person:0",))
    assert (step.level, step.targets) == (2, ("person:1",))
    assert "person:0" in step.warnings[0]


def test_an_overdue_level_below_is_told_when_the_newest_reaches_nobody():
    policy = ladder(0, 5, 15)
    step = next_step(policy, ALERT, NOW + 6 * MIN, reaches=lambda targets: targets == ("person:0",))
    assert (step.level, step.targets, len(step.warnings)) == (2, ("person:0",), 1)
    assert step.escalate_at == NOW + 15 * MIN


def test_when_nobody_at_all_is_reached_it_is_exhausted_at_once():
    step = next_step(ladder(0, 5, repeat=3), ALERT, NOW, reaches=lambda _: False)
    assert step.exhausted
    assert step.escalate_at is None
    assert len(step.warnings) == 2


def test_when_the_rest_reaches_nobody_the_next_round_may():
    policy = ladder(0, 5, repeat=1)
    alert, _ = climb(policy, ALERT)
    alert, step = climb(policy, alert, reaches=lambda targets: targets == ("person:0",))
    assert (step.targets, step.exhausted) == ((), False)
    _, step = climb(policy, alert)
    assert (step.level, step.rounds, step.targets) == (1, 1, ("person:0",))


@pytest.mark.parametrize("status", [Status.ACKED, Status.RESOLVED])
def test_answered_alerts_rest(status):
    alert = replace(ALERT, status=status, level=2, rounds=1)
    assert next_step(DISPATCH, alert, NOW) == Step(2, 1)


def test_the_end_of_a_snooze_does_not_escalate_what_is_not_severe():
    assert next_step(DISPATCH, replace(ALERT, severity=P3), NOW) == Step(0)


class TestAsked:
    def test_the_next_level_at_once(self):
        alert, _ = climb(DISPATCH, ALERT)
        step = next_step(DISPATCH, alert, NOW + MIN, asked=True)
        assert (step.level, step.escalate_at) == (2, NOW + 11 * MIN)

    def test_whatever_the_severity_but_then_no_further_by_itself(self):
        step = next_step(DISPATCH, replace(ALERT, severity=P3, escalate_at=None), NOW, asked=True)
        assert (step.level, step.escalate_at) == (1, None)

    def test_at_the_top_the_last_level_hears_of_it_again(self):
        alert = replace(ALERT, level=4, rounds=3, escalate_at=NOW + MIN)
        step = next_step(DISPATCH, alert, NOW, asked=True)
        assert (step.level, step.rounds, step.targets) == (4, 3, DISPATCH.levels[3].targets)
        assert not step.exhausted


def test_opening_hours_of_accounts():
    policy = DEFAULTS["accounts"]
    friday = datetime(2026, 11, 20, 16, tzinfo=UTC)
    alert, _ = climb(policy, replace(ALERT, escalate_at=start(policy, P2, friday)))
    assert alert.escalate_at == datetime(2026, 11, 23, 16, tzinfo=UTC)


@given(
    st.lists(st.integers(0, 90), max_size=5, unique=True).map(sorted),
    st.integers(0, 3),
    st.lists(st.integers(0, 400), max_size=40),
    st.sets(st.integers(0, 4)),
    st.sampled_from(Severity),
)
def test_it_always_comes_to_an_end_and_never_repeats_in_the_past(minutes, repeat, delays, nobody, severity):
    policy = ladder(*minutes, repeat=repeat)
    alert = replace(ALERT, severity=severity, escalate_at=start(policy, severity, NOW))
    reaches = lambda targets: int(targets[0][-1]) not in nobody  # noqa: E731
    exhausted = False
    for delay in [*delays, *[0] * 100]:
        if alert.escalate_at is None:
            break
        now = alert.escalate_at + delay * MIN
        before = (alert.rounds, alert.level)
        alert, step = climb(policy, alert, now, reaches=reaches)
        exhausted = step.exhausted
        assert alert.escalate_at is None or alert.escalate_at > now
        assert exhausted or (alert.rounds, alert.level) > before
        assert not (exhausted and step.targets)
    assert alert.escalate_at is None
    assert alert.rounds <= repeat
    assert exhausted is escalates(policy, severity)


ANA = Person("ana", "Ana", roles=frozenset({Role.MANAGER}))
BEN = Person("ben", "Ben", roles=frozenset({Role.ONCALL, Role.AGENT}), teams=frozenset({"north"}))
CLEO = Person("cleo", "Cleo", roles=frozenset({Role.ONCALL}))
DORA = Person("dora", "Dora", roles=frozenset({Role.ADMIN}))
PEOPLE = {p.id: p for p in (ANA, BEN, CLEO, DORA)}
ROTAS = {"dispatch": Rota("dispatch", ("ben", "cleo"), "daily"), "empty": Rota("empty", ()), "ghost": Rota("g", ("x",))}


@pytest.mark.parametrize(
    ("targets", "team", "expected"),
    [
        (("role:oncall",), "", ("ben", "cleo")),
        (("role:oncall",), "south", ("cleo",)),
        (("role:manager", "person:ana"), "south", ("ana",)),
        (("person:dora", "person:nobody", "person:ana"), "", ("dora", "ana")),
        (("rota:empty", "rota:unknown", "rota:ghost"), "", ()),
        (("room", "destination:ops", "nonsense", ""), "", ()),
        (("assignee",), "", ("cleo",)),
        (("role:admin",), "north", ("dora",)),
    ],
)
def test_people_for(targets, team, expected):
    assert people_for(targets, PEOPLE, ROTAS, NOW, team, "cleo") == expected


def test_people_on_duty():
    seen = {people_for(("rota:dispatch",), PEOPLE, ROTAS, NOW + timedelta(days=n)) for n in range(2)}
    assert seen == {("ben",), ("cleo",)}


def test_destinations_and_rooms():
    targets = ("room", "destination:ops", "person:ana", "destination:pager", "destination:ops")
    assert destinations_of(targets) == ("ops", "pager")


@pytest.mark.parametrize("policy", DEFAULTS.values(), ids=lambda p: p.name)
def test_defaults_climb_in_order(policy):
    times = [level.after for level in policy.levels]
    assert times == sorted(set(times))
    assert times[0] == timedelta()
    assert all(level.targets for level in policy.levels)
