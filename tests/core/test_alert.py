"""The alert's moves: who may make them, when, and what holds after any sequence of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.access import ACTORS, SYSTEM, Person, Role
from deskbell.core.alert import (
    MAX_SNOOZE,
    MAX_TEXT,
    MOVES,
    Alert,
    Change,
    Command,
    Refusal,
    Severity,
    Status,
    Verb,
    decide,
    end_condition,
    name_of,
)

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
MIN = timedelta(minutes=1)
ANA = Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER}))
BEN = Person("ben", "Ben Okoro", roles=frozenset({Role.ONCALL}), teams=frozenset({"north"}))
TIM = Person("tim", "Tim Vos", roles=frozenset({Role.TECHNICIAN}))
EVE = Person("eve", "Eve Lund", roles=frozenset({Role.VIEWER}))
KIT = Person("kit", "Kit Moor", roles=frozenset({Role.TECHNICIAN, Role.COMPLIANCE}))
BOB = Person("bob", "Bob Ray", roles=frozenset({Role.AGENT}), teams=frozenset({"south"}))
NOBODY = Person("zoe", "Zoe", roles=frozenset())
PEOPLE = {person.id: person for person in (ANA, BEN, TIM, EVE, KIT, BOB, NOBODY)}
OPEN = Alert(
    key="late:fs:1",
    rule="technician_late",
    source="fs",
    record_id="1",
    subject="J-1",
    title="Technician late",
    summary="late",
    severity=Severity.P2,
    opened_at=NOW,
    updated_at=NOW,
    id=12,
    team="north",
    zone="Europe/Berlin",
    level=2,
    rounds=1,
    escalate_at=NOW + 5 * MIN,
)


def do(alert, verb, actor=ANA, now=NOW, **args):
    return decide(alert, Command(verb, alert.id, actor, args), now, PEOPLE)


def done(alert, verb, actor=ANA, now=NOW, **args):
    result = do(alert, verb, actor, now, **args)
    assert isinstance(result, Change), result
    return result.after


def code(alert, verb, actor=ANA, **args):
    result = do(alert, verb, actor, **args)
    assert isinstance(result, Refusal), result
    assert result.text
    return result.code


ACKED = done(OPEN, Verb.ACK)
RESOLVED = done(ACKED, Verb.RESOLVE, reason="called back")
IN_STATE = {Status.OPEN: OPEN, Status.ACKED: ACKED, Status.RESOLVED: RESOLVED}
ARGS = {
    Verb.REASSIGN: {"person": "ben"},
    Verb.SNOOZE: {"span": 30 * MIN},
    Verb.RESOLVE: {"reason": "over"},
    Verb.NOTE: {"text": "called"},
}


# What `decide` decides; core.undo and the desk know of the other two.
DECIDED = [verb for verb in Verb if verb not in (Verb.UNDO, Verb.REVEAL, Verb.TELL, Verb.SEND)]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", DECIDED)
def test_the_table_of_moves_is_the_law(verb, status):
    result = do(IN_STATE[status], verb, **ARGS.get(verb, {}))
    if status in MOVES[verb].start and (verb, status) != (Verb.TAKE, Status.ACKED):
        assert isinstance(result, Change)
        assert result.after.status is (MOVES[verb].end or status)
    else:
        assert isinstance(result, Refusal)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verb", DECIDED)
def test_only_the_roles_of_the_table(verb, role):
    actor = Person("x", "X", roles=frozenset({role}))
    alert = next(alert for status, alert in IN_STATE.items() if status in MOVES[verb].start)
    result = do(alert, verb, actor, **ARGS.get(verb, {}))
    allowed = role in MOVES[verb].roles or role is Role.ADMIN
    assert isinstance(result, Refusal) is not allowed
    assert allowed or result.code == "role"


def test_a_person_without_any_role_may_nothing():
    assert {code(OPEN, verb, NOBODY, **ARGS.get(verb, {})) for verb in Verb} == {"role"}


class TestScope:
    def test_another_team(self):
        assert code(OPEN, Verb.ACK, BOB) == "scope"
        assert code(OPEN, Verb.REASSIGN, person="bob") == "person"

    def test_a_manager_sees_every_team(self):
        boss = Person("m", "M", roles=frozenset({Role.MANAGER}), teams=frozenset({"south"}))
        assert done(OPEN, Verb.ACK, boss).acked_by == "m"

    @pytest.mark.parametrize("technician", [TIM, KIT])
    def test_a_technician_acknowledges_what_is_nobodys_or_the_own(self, technician):
        assert done(OPEN, Verb.ACK, technician).assignee == technician.id
        assert done(replace(OPEN, assignee=technician.id), Verb.ACK, technician)
        assert code(replace(OPEN, assignee="ana"), Verb.ACK, technician) == "scope"
        assert done(replace(OPEN, assignee="ana"), Verb.ACK, BEN)

    def test_escalated_the_one_on_call_may_take_it_whoever_had_it(self):
        assert done(done(ACKED, Verb.ESCALATE), Verb.ACK, TIM).assignee == "tim"


class TestAnswers:
    def test_the_second_tap_is_told_who_was_first_and_when(self):
        assert do(ACKED, Verb.ACK, BEN, now=NOW + MIN).text == ("D-12 was already acknowledged by Ana Ruiz at 15:00.")

    def test_after_the_source_ended_it(self):
        over = end_condition(OPEN, "checked in", NOW).after
        assert "already resolved by Deskbell at 15:00" in do(over, Verb.ACK).text

    def test_a_name_that_has_left_the_house(self):
        assert name_of("gone", PEOPLE) == "gone"
        assert name_of(SYSTEM.id, PEOPLE) == "Deskbell"


class TestArguments:
    @pytest.mark.parametrize("span", [None, "30m", timedelta(), -MIN, MAX_SNOOZE + MIN, 30])
    def test_a_snooze_needs_a_span(self, span):
        assert code(OPEN, Verb.SNOOZE, span=span) == "span"

    def test_the_longest_snooze(self):
        assert done(OPEN, Verb.SNOOZE, span=MAX_SNOOZE).snoozed_until == NOW + MAX_SNOOZE

    @pytest.mark.parametrize("reason", [None, "", "  \n", "\u200b\u202e"])
    def test_resolve_needs_words(self, reason):
        args = {} if reason is None else {"reason": reason}
        assert code(OPEN, Verb.RESOLVE, **args) == "reason"

    def test_words_are_cleaned_and_cut(self):
        after = done(OPEN, Verb.RESOLVE, reason="a\u202eb\n c" + "x" * 5000)
        assert after.reason.startswith("a b cxx")
        assert len(after.reason) == MAX_TEXT

    @pytest.mark.parametrize("person", [None, "", "nobody", "eve", "zoe", "bob"])
    def test_reassign_needs_somebody_who_can(self, person):
        assert code(OPEN, Verb.REASSIGN, person=person) == "person"

    def test_what_is_so_already(self):
        assert code(ACKED, Verb.TAKE) == "already"
        assert code(ACKED, Verb.REASSIGN, person="ana") == "already"
        assert code(OPEN, Verb.UNACK) == "already"
        assert code(OPEN, Verb.REOPEN) == "already"
        assert code(OPEN, Verb.NOTE) == "text"


class TestChanges:
    def test_ack_stops_the_ladder(self):
        assert (ACKED.acked_by, ACKED.assignee, ACKED.escalate_at) == ("ana", "ana", None)

    def test_ack_leaves_the_assignee(self):
        assert done(replace(OPEN, assignee="ben"), Verb.ACK).assignee == "ben"

    def test_unack_rings_on_and_gives_back_what_was_only_ones_own(self):
        back = done(ACKED, Verb.UNACK)
        assert (back.status, back.acked_by, back.assignee, back.escalate_at) == (Status.OPEN, "", "", NOW)
        assert done(done(OPEN, Verb.REASSIGN, person="ben"), Verb.UNACK).assignee == "ben"

    def test_escalate_wants_the_next_step_now(self):
        after = done(ACKED, Verb.ESCALATE, reason="no answer")
        assert (after.status, after.escalate_at, after.assignee, after.level) == (Status.OPEN, NOW, "", 2)
        assert do(ACKED, Verb.ESCALATE, reason="no answer").sentence == "Ana Ruiz escalated it: no answer"

    def test_snooze_wakes_at_its_end(self):
        for alert in (OPEN, ACKED):
            after = done(alert, Verb.SNOOZE, span=30 * MIN)
            assert after.snoozed_until == after.escalate_at == NOW + 30 * MIN
            assert after.status is alert.status

    def test_reopen_begins_anew(self):
        after = done(RESOLVED, Verb.REOPEN)
        assert (after.level, after.rounds, after.escalate_at) == (0, 0, NOW)
        assert (after.acked_by, after.assignee, after.reason) == ("", "", "")

    def test_a_note_changes_nothing_else(self):
        after = done(RESOLVED, Verb.NOTE, BEN, now=NOW + MIN, text="hm")
        assert after == replace(RESOLVED, version=RESOLVED.version + 1, updated_at=NOW + MIN)


class TestEnd:
    def test_a_live_alert_is_resolved_by_deskbell(self):
        for alert in (OPEN, ACKED, done(OPEN, Verb.SNOOZE, span=MIN)):
            after = end_condition(alert, "checked in", NOW).after
            check(after)
            assert (after.resolved_by, after.reason, after.condition) == ("deskbell", "checked in", False)

    def test_one_resolved_by_a_person_stays_theirs(self):
        change = end_condition(RESOLVED, "checked in", NOW)
        assert (change.after.resolved_by, change.after.condition, change.said) == ("ana", False, "")
        assert change.after.version == RESOLVED.version + 1


def check(alert):
    """What holds of every alert, whatever was done to it."""
    if alert.status is Status.RESOLVED:
        assert alert.resolved_by
        assert alert.resolved_at
        assert alert.reason
        assert alert.escalate_at is None
        assert alert.snoozed_until is None
    else:
        assert (alert.resolved_by, alert.resolved_at, alert.reason) == ("", None, "")
    if alert.status is Status.ACKED:
        assert alert.acked_by
        assert alert.acked_at
        assert alert.assignee
        assert alert.escalate_at == alert.snoozed_until  # it wakes from a snooze, and never climbs
    if alert.status is Status.OPEN:
        assert (alert.acked_by, alert.acked_at) == ("", None)
        assert alert.escalate_at is not None
    assert alert.assignee in {"", SYSTEM.id, *PEOPLE}


FIXED = ("id", "key", "rule", "source", "record_id", "severity", "opened_at", "condition", "team", "policy", "mode")
commands = st.tuples(
    st.sampled_from(DECIDED),
    st.sampled_from([*PEOPLE.values(), SYSTEM]),
    st.fixed_dictionaries(
        {},
        optional={
            "person": st.sampled_from([*PEOPLE, "nobody", None]),
            "span": st.timedeltas(timedelta(days=-1), timedelta(days=8)) | st.text(max_size=3),
            "reason": st.text(max_size=8),
            "text": st.text(max_size=8) | st.none() | st.integers(),
        },
    ),
    st.integers(0, 100),
)


@given(st.lists(commands, max_size=30))
def test_any_sequence_of_commands(sequence):
    alert, now = OPEN, NOW
    for verb, actor, args, minutes in sequence:
        now += minutes * MIN
        result = do(alert, verb, actor, now, **args)
        if isinstance(result, Refusal):
            assert result.code
            assert result.text
            continue
        assert actor.roles & (MOVES[verb].roles | {Role.ADMIN})
        assert alert.status in MOVES[verb].start
        assert result.before is alert
        assert actor.name in result.said
        after = result.after
        assert (after.version, after.updated_at) == (alert.version + 1, now)
        assert all(getattr(after, name) == getattr(alert, name) for name in FIXED)
        assert after.level == (0 if verb in (Verb.REOPEN, Verb.UNACK) else alert.level)
        check(after)
        alert = after


def test_every_verb_has_its_move_and_a_manager_every_verb():
    assert set(MOVES) == set(Verb)
    assert all(MOVES[verb].roles >= ACTORS for verb in Verb)
