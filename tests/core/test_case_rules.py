"""The rules of a case: service clocks, owners, escalation, silence."""

from datetime import UTC, datetime, time, timedelta

import pytest

from deskbell.core.alert import Severity
from deskbell.core.calendar import WEEKDAYS, Calendar
from deskbell.core.records import Case, CaseStatus, Priority, Sla, changed
from deskbell.core.rules import Context, evaluate
from deskbell.core.rules.cases import (
    CaseEscalatedConf,
    CaseInactiveConf,
    CaseUnassignedConf,
    SlaApproachingConf,
)

MIN, HOUR, SECOND, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1), timedelta(days=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
CASE = Case(
    source="fd",
    id="811",
    number="FD-811",
    status=CaseStatus.OPEN,
    subject="Compressor down",
    assignee="Ana Ruiz",
    assignee_id="3",
    created_at=NOON,
    last_activity_at=NOON,
    updated_at=NOON,
)
OFFICE = Calendar("UTC", WEEKDAYS, time(9), time(17))
P1, P2, P3, P4 = Severity
STOPPED = (CaseStatus.WAITING, CaseStatus.PAUSED, CaseStatus.RESOLVED, CaseStatus.CLOSED)


def seen(case, now, rule, previous=None, conf=None, *, baseline=False, calendar=None):
    context = Context(now, baseline=baseline, **({"calendar": calendar} if calendar else {}))
    verdict = evaluate(case, previous, {rule: conf} if conf else {}, context)
    assert not verdict.errors
    return [found for found in verdict.found if found.rule == rule]


def one(*args, **kwargs):
    found = seen(*args, **kwargs)
    assert len(found) == 1
    return found[0]


def with_sla(metric="first_response", **values):
    return changed(CASE, slas=(Sla(metric, NOON, **values),))


class TestSlaApproaching:
    RULE = "sla_approaching"

    @pytest.mark.parametrize(
        ("left", "severity", "stage"),
        [
            (60 * MIN, P3, "1 h"),
            (30 * MIN + SECOND, P3, "1 h"),
            (30 * MIN, P3, "30 min"),
            (15 * MIN + SECOND, P3, "30 min"),
            (15 * MIN, P2, "15 min"),
            (SECOND, P2, "15 min"),
        ],
    )
    def test_stages_share_one_key(self, left, severity, stage):
        found = one(with_sla(), NOON - left, self.RULE)
        assert (found.severity, found.stage) == (severity, stage)
        assert found.key == "sla:fd:811:first_response:2026-11-20T12:00:00Z"

    def test_not_before_and_not_after(self):
        assert not seen(with_sla(), NOON - HOUR - SECOND, self.RULE)
        assert not seen(with_sla(), NOON, self.RULE)

    def test_first_line(self):
        assert one(with_sla(), NOON - HOUR, self.RULE).summary == (
            "First response due 12:00: FD-811 Compressor down, Ana Ruiz"
        )
        assert one(with_sla(), NOON - MIN, self.RULE).summary == (
            "First response due 12:00, under 15 min: FD-811 Compressor down, Ana Ruiz"
        )

    def test_the_first_stage_is_a_quarter_of_a_known_length(self):
        long = with_sla(started_at=NOON - 8 * HOUR)
        assert not seen(long, NOON - 2 * HOUR - SECOND, self.RULE)
        assert one(long, NOON - 2 * HOUR, self.RULE).severity is P3

    def test_a_short_clock_does_not_ring_as_it_starts(self):
        short = with_sla(started_at=NOON - 20 * MIN)
        assert not seen(short, NOON - 5 * MIN - SECOND, self.RULE)
        assert one(short, NOON - 5 * MIN, self.RULE).severity is P2

    def test_share_0_leaves_the_stages_alone(self):
        found = seen(with_sla(started_at=NOON - 8 * HOUR), NOON - HOUR, self.RULE, conf=SlaApproachingConf(share=0))
        assert found[0].since == NOON - HOUR

    @pytest.mark.parametrize("share", [-0.1, 1, 25])
    def test_a_share_is_a_part(self, share):
        with pytest.raises(ValueError, match="part of the time"):
            SlaApproachingConf(share=share)

    def test_opening_hours(self):
        monday = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
        case = changed(CASE, slas=(Sla("resolution", monday),))
        friday = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
        conf = SlaApproachingConf(business=True)
        assert seen(case, friday, self.RULE, conf=conf, calendar=OFFICE)
        assert not seen(case, friday - SECOND, self.RULE, conf=conf, calendar=OFFICE)
        assert not seen(case, friday, self.RULE, calendar=OFFICE)

    def test_each_metric_has_its_own(self):
        case = changed(CASE, slas=(Sla("first_response", NOON), Sla("resolution", NOON + 20 * MIN)))
        assert len(seen(case, NOON - MIN, self.RULE)) == 2


class TestSlaBreached:
    RULE = "sla_breached"

    @pytest.mark.parametrize(
        ("over", "severity", "stage"),
        [
            (0 * MIN, P2, "due"),
            (30 * MIN - SECOND, P2, "due"),
            (30 * MIN, P1, "30 min"),
            (120 * MIN - SECOND, P1, "30 min"),
            (120 * MIN, P1, "2 h"),
        ],
    )
    def test_stages(self, over, severity, stage):
        found = one(with_sla("resolution"), NOON + over, self.RULE)
        assert (found.severity, found.stage) == (severity, stage)
        assert found.key == "slab:fd:811:resolution:2026-11-20T12:00:00Z"

    def test_first_line(self):
        assert one(with_sla(), NOON + HOUR, self.RULE).summary == (
            "First response 30+ min overdue, due 12:00: FD-811 Compressor down, Ana Ruiz"
        )

    def test_breached_and_approaching_never_together(self):
        for seconds in range(-2, 3):
            now = NOON + seconds * SECOND
            rules = [rule for rule in ("sla_approaching", "sla_breached") if seen(with_sla(), now, rule)]
            assert rules == (["sla_approaching"] if seconds < 0 else ["sla_breached"])


@pytest.mark.parametrize("rule", ["sla_approaching", "sla_breached"])
@pytest.mark.parametrize("offset", [-MIN, 3 * HOUR])
class TestClocks:
    def test_met_or_paused(self, rule, offset):
        assert not seen(with_sla(met=True), NOON + offset, rule)
        assert not seen(with_sla(paused=True), NOON + offset, rule)

    @pytest.mark.parametrize("status", STOPPED)
    def test_a_stopped_clock(self, rule, offset, status):
        assert not seen(changed(with_sla(), status=status), NOON + offset, rule)

    def test_no_due_time_is_not_known_yet(self, rule, offset):
        assert not seen(CASE, NOON + offset, rule)


class TestCaseUnassigned:
    RULE = "case_unassigned"
    EMPTY = changed(CASE, assignee="", assignee_id="")

    @pytest.mark.parametrize(
        ("priority", "wait", "severity"),
        [
            (Priority.URGENT, 5 * MIN, P2),
            (Priority.HIGH, 15 * MIN, P2),
            (Priority.NORMAL, 60 * MIN, P3),
            (Priority.LOW, 60 * MIN, P3),
        ],
    )
    def test_by_priority(self, priority, wait, severity):
        case = changed(self.EMPTY, priority=priority)
        assert not seen(case, NOON + wait - SECOND, self.RULE)
        found = one(case, NOON + wait, self.RULE)
        assert (found.severity, found.key) == (severity, "unas:fd:811:2026-11-20T12:00:00Z")
        assert found.summary == f"Nobody has taken FD-811 Compressor down, {priority}, since 12:00"

    def test_the_calm_ones_count_opening_hours(self):
        friday = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
        monday = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
        case = changed(self.EMPTY, created_at=friday)
        assert not seen(case, monday - SECOND, self.RULE, calendar=OFFICE)
        assert seen(case, monday, self.RULE, calendar=OFFICE)
        urgent = changed(case, priority=Priority.URGENT, created_at=friday + HOUR)
        assert seen(urgent, friday + HOUR + 5 * MIN, self.RULE, calendar=OFFICE)

    def test_a_priority_not_named_is_never_told(self):
        conf = CaseUnassignedConf(after={"urgent": MIN})
        assert not seen(self.EMPTY, NOON + DAY, self.RULE, conf=conf)

    @pytest.mark.parametrize(
        "values", [{"assignee": "Ben"}, {"assignee_id": "9"}, {"created_at": None, "updated_at": None}]
    )
    def test_silent(self, values):
        assert not seen(changed(self.EMPTY, **values), NOON + DAY, self.RULE)

    @pytest.mark.parametrize("status", STOPPED)
    def test_silent_when_stopped(self, status):
        assert not seen(changed(self.EMPTY, status=status), NOON + DAY, self.RULE)


class TestCaseInactive:
    RULE = "case_inactive"

    @pytest.mark.parametrize(
        ("priority", "wait", "severity"),
        [
            (Priority.URGENT, 4 * HOUR, P2),
            (Priority.HIGH, 1 * DAY, P3),
            (Priority.NORMAL, 2 * DAY, P3),
            (Priority.LOW, 5 * DAY, P4),
        ],
    )
    def test_by_priority(self, priority, wait, severity):
        case = changed(CASE, priority=priority)
        assert not seen(case, NOON + wait - SECOND, self.RULE)
        found = one(case, NOON + wait, self.RULE)
        assert (found.severity, found.key) == (severity, "idle:fd:811:2026-11-20T12:00:00Z")

    def test_business_days(self):
        monday = datetime(2026, 11, 23, 12, tzinfo=UTC)
        case = changed(CASE, priority=Priority.HIGH)
        assert not seen(case, monday - SECOND, self.RULE, calendar=OFFICE)
        found = one(case, monday, self.RULE, calendar=OFFICE)
        assert found.summary == "Nothing has happened since Fri 12:00: FD-811 Compressor down, Ana Ruiz"
        plain = CaseInactiveConf(business=())
        assert seen(case, NOON + DAY, self.RULE, conf=plain, calendar=OFFICE)

    @pytest.mark.parametrize("status", STOPPED)
    def test_silent_when_stopped(self, status):
        assert not seen(changed(CASE, status=status), NOON + 30 * DAY, self.RULE)

    def test_falls_back_on_the_last_change(self):
        assert seen(changed(CASE, last_activity_at=None), NOON + 2 * DAY, self.RULE)
        assert not seen(changed(CASE, last_activity_at=None, updated_at=None), NOON + 2 * DAY, self.RULE)


class TestCaseEscalated:
    RULE = "case_escalated"
    RAISED = changed(CASE, escalated=True)

    @pytest.mark.parametrize(
        ("before", "after", "severity"),
        [
            ({}, {"escalated": True}, P2),
            ({}, {"escalation_level": 1}, P2),
            ({"escalation_level": 1}, {"escalation_level": 2}, P2),
            ({"escalated": True}, {"escalated": True, "escalation_level": 1}, P2),
            ({"escalation_level": 1}, {"escalation_level": 3}, P1),
        ],
    )
    def test_a_rise(self, before, after, severity):
        found = one(changed(CASE, **after), NOON, self.RULE, changed(CASE, **before))
        level = after.get("escalation_level", 0)
        assert (found.severity, found.key) == (severity, f"esc:fd:811:{level}:2026-11-20T12:00:00Z")

    def test_first_line(self):
        assert one(self.RAISED, NOON, self.RULE, CASE).summary == "Escalated: FD-811 Compressor down, Ana Ruiz"
        level = changed(CASE, escalation_level=2)
        assert one(level, NOON, self.RULE, CASE).summary.startswith("Escalated to level 2: FD-811")

    def test_no_rise(self):
        for before in ({"escalation_level": 3}, {"escalation_level": 2}):
            assert not seen(changed(CASE, escalation_level=2), NOON, self.RULE, changed(CASE, **before))

    def test_holds_until_it_is_taken_back_or_done(self):
        holds = evaluate(self.RAISED, self.RAISED, {}, Context(NOON)).holds
        assert self.RULE in holds
        assert self.RULE not in evaluate(CASE, self.RAISED, {}, Context(NOON)).holds
        done = changed(self.RAISED, status=CaseStatus.RESOLVED)
        assert self.RULE not in evaluate(done, self.RAISED, {}, Context(NOON)).holds

    def test_first_sight(self):
        assert seen(self.RAISED, NOON + 2 * HOUR, self.RULE)
        assert not seen(self.RAISED, NOON + 2 * HOUR + SECOND, self.RULE)
        assert not seen(self.RAISED, NOON, self.RULE, baseline=True)

    def test_levels_that_do_not_count(self):
        conf = CaseEscalatedConf(from_level=2)
        assert not seen(changed(CASE, escalation_level=1), NOON, self.RULE, CASE, conf)
