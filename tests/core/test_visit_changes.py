"""The rules of a visit that fire on a change: no-show, cancelled, moved at short notice."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.alert import Severity
from deskbell.core.records import Visit, VisitStatus, changed
from deskbell.core.rules import Context, evaluate
from deskbell.core.rules.changes import CancelledByCustomerConf, RescheduleShortNoticeConf, StatusNoShowConf

MIN, HOUR, SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
START = datetime(2026, 11, 21, 14, tzinfo=UTC)
VISIT = Visit(
    source="fs",
    id="4711",
    number="J-4711",
    status=VisitStatus.SCHEDULED,
    customer="Hansen Bakery",
    site="Bremen",
    technician="Marco Silva",
    technician_id="7",
    start=START,
    end=START + 2 * HOUR,
    updated_at=START - 48 * HOUR,
)
P1, P2, P3, P4 = Severity


def seen(visit, now, rule, previous=None, conf=None, *, baseline=False):
    verdict = evaluate(visit, previous, {rule: conf} if conf else {}, Context(now, baseline=baseline))
    assert not verdict.errors
    return [found for found in verdict.found if found.rule == rule]


def one(*args, **kwargs):
    found = seen(*args, **kwargs)
    assert len(found) == 1
    return found[0]


class TestStatusNoShow:
    RULE = "status_no_show"

    @pytest.mark.parametrize(
        ("absent", "severity", "words"),
        [
            ("technician", P1, "No-show, Marco Silva did not come: J-4711 Hansen Bakery, was 14:00"),
            ("customer", P2, "No-show, customer not there: J-4711 Hansen Bakery, was 14:00"),
            ("", P1, "No-show: J-4711 Hansen Bakery, was 14:00"),
        ],
    )
    def test_who_was_absent(self, absent, severity, words):
        visit = changed(VISIT, status=VisitStatus.NO_SHOW, absent=absent)
        found = one(visit, START + HOUR, self.RULE, VISIT)
        assert (found.severity, found.summary) == (severity, words)
        assert found.key == "noshow:fs:4711:2026-11-21T14:00:00Z"

    def test_a_correction_of_who_is_told_under_the_same_key(self):
        before = changed(VISIT, status=VisitStatus.NO_SHOW)
        found = one(changed(before, absent="customer"), START + HOUR, self.RULE, before)
        assert (found.severity, found.key) == (P2, "noshow:fs:4711:2026-11-21T14:00:00Z")

    def test_how_long_the_technician_waited(self):
        visit = changed(
            VISIT,
            status=VisitStatus.NO_SHOW,
            absent="customer",
            arrived_at=START,
            completed_at=START + 5 * MIN,
        )
        assert ("Waited", "5 min, less than 15 min") in one(visit, START + HOUR, self.RULE, VISIT).facts
        patient = one(visit, START + HOUR, self.RULE, VISIT, StatusNoShowConf(wait=5 * MIN))
        assert ("Waited", "5 min") in patient.facts


CANCELLED = changed(VISIT, status=VisitStatus.CANCELLED, cancelled_by="customer")


class TestCancelledByCustomer:
    RULE = "cancelled_by_customer"

    @pytest.mark.parametrize(
        ("notice", "severity"),
        [
            (24 * HOUR, P4),
            (24 * HOUR - SECOND, P2),
            (3 * HOUR, P2),
            (3 * HOUR - SECOND, P1),
            (0 * HOUR, P1),
            (-2 * HOUR, P1),
            (-12 * HOUR - SECOND, P4),
        ],
    )
    def test_by_notice(self, notice, severity):
        visit = changed(CANCELLED, cancelled_at=START - notice)
        assert one(visit, START + 20 * HOUR, self.RULE, VISIT).severity is severity

    def test_first_line_and_key(self):
        found = one(changed(CANCELLED, cancelled_at=START - 2 * HOUR), START, self.RULE, VISIT)
        assert found.summary == "Cancelled by customer 2 h before start: J-4711 Hansen Bakery, was 14:00"
        assert found.key == "cancel:fs:4711:2026-11-21T12:00:00Z"
        assert found.since == START - 2 * HOUR

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"status": VisitStatus.EN_ROUTE}, {}),
            ({"status": VisitStatus.ON_SITE}, {}),
            ({}, {"travel_started_at": START - 30 * HOUR}),
        ],
    )
    def test_under_way_is_the_worst(self, before, after):
        visit = changed(CANCELLED, cancelled_at=START - 30 * HOUR, **after)
        found = one(visit, START - 29 * HOUR, self.RULE, changed(VISIT, **before))
        assert found.severity is P1
        assert found.summary.startswith("Cancelled by customer, Marco Silva under way: J-4711")

    def test_by_nobody_named(self):
        visit = changed(CANCELLED, cancelled_by="", cancelled_at=START - HOUR)
        assert one(visit, START, self.RULE, VISIT).title == "Job cancelled"
        assert not seen(visit, START, self.RULE, VISIT, CancelledByCustomerConf(unnamed=False))

    def test_by_the_company_is_another_rule(self):
        assert not seen(changed(CANCELLED, cancelled_by="company"), START, self.RULE, VISIT)

    def test_without_a_start_or_after_the_end_it_is_no_hurry(self):
        assert one(changed(CANCELLED, start=None), START, self.RULE, VISIT).severity is P4
        done = changed(VISIT, status=VisitStatus.COMPLETED, arrived_at=START)
        assert one(changed(CANCELLED, cancelled_at=START, arrived_at=START), START, self.RULE, done).severity is P4


class TestRescheduleShortNotice:
    RULE = "reschedule_short_notice"
    MOVED = changed(VISIT, start=START + 44 * HOUR)

    @pytest.mark.parametrize(
        ("notice", "severity"),
        [(24 * HOUR - SECOND, P3), (3 * HOUR, P3), (3 * HOUR - SECOND, P2), (-1 * HOUR, P2), (-12 * HOUR, P2)],
    )
    def test_by_notice(self, notice, severity):
        found = one(self.MOVED, START - notice, self.RULE, VISIT)
        assert found.severity is severity
        assert found.key == "resched:fs:4711:2026-11-21T14:00:00Z->2026-11-23T10:00:00Z"

    @pytest.mark.parametrize("notice", [24 * HOUR, 100 * HOUR, -12 * HOUR - SECOND])
    def test_with_notice_or_long_after_it_is_not_told(self, notice):
        assert not seen(self.MOVED, START - notice, self.RULE, VISIT)

    def test_first_line(self):
        found = one(self.MOVED, START - 2 * HOUR, self.RULE, VISIT)
        assert found.summary == "Moved 2 h before start: J-4711 Hansen Bakery, 14:00 to Mon 10:00"
        assert ("Was", "Sat 21 Nov 14:00") in found.facts

    def test_the_sources_stamp_says_when(self):
        visit = changed(self.MOVED, updated_at=START - 2 * HOUR)
        assert one(visit, START + HOUR, self.RULE, VISIT).since == START - 2 * HOUR
        future = changed(self.MOVED, updated_at=START + 99 * HOUR)
        assert one(future, START - HOUR, self.RULE, VISIT).since == START - HOUR

    def test_moved_nearer(self):
        visit = changed(VISIT, start=START - 40 * HOUR)
        found = one(visit, START - 42 * HOUR, self.RULE, VISIT)
        assert found.severity is P2

    @pytest.mark.parametrize(
        ("values", "before"),
        [
            ({"start": START + 30 * SECOND}, {}),
            ({"start": None}, {}),
            ({"status": VisitStatus.CANCELLED}, {}),
            ({"arrived_at": START}, {}),
            ({}, {"start": None}),
            ({}, {"status": VisitStatus.COMPLETED}),
        ],
    )
    def test_silent(self, values, before):
        assert not seen(changed(self.MOVED, **values), START - HOUR, self.RULE, changed(VISIT, **before))

    def test_first_sight_can_not_know(self):
        assert not seen(self.MOVED, START, self.RULE)

    def test_another_move_takes_the_place_of_the_first(self):
        again = changed(self.MOVED, start=START + 45 * HOUR)
        verdict = evaluate(again, self.MOVED, {}, Context(START + 43 * HOUR))
        assert self.RULE not in verdict.holds
        assert [f.key for f in verdict.found if f.rule == self.RULE] == [
            "resched:fs:4711:2026-11-23T10:00:00Z->2026-11-23T11:00:00Z"
        ]

    def test_a_larger_least_shift(self):
        visit = changed(VISIT, start=START + 20 * MIN)
        assert not seen(visit, START - HOUR, self.RULE, VISIT, RescheduleShortNoticeConf(least=30 * MIN))


EDGES = [
    ("cancelled_by_customer", changed(CANCELLED, cancelled_at=START)),
    ("status_no_show", changed(VISIT, status=VisitStatus.NO_SHOW, updated_at=START)),
]


@pytest.mark.parametrize(("rule", "visit"), EDGES)
class TestEdges:
    def test_fires_on_the_change_only_and_then_holds(self, rule, visit):
        assert seen(visit, START, rule, VISIT)
        verdict = evaluate(visit, visit, {}, Context(START))
        assert not verdict.found
        assert rule in verdict.holds

    def test_at_the_change_itself_it_does_not_hold_so_that_an_older_alert_gives_way(self, rule, visit):
        assert rule not in evaluate(visit, VISIT, {}, Context(START)).holds

    def test_taken_back_it_ends(self, rule, visit):
        assert rule not in evaluate(VISIT, visit, {}, Context(START)).holds

    def test_history_does_not_ring(self, rule, visit):
        assert not seen(visit, START + MIN, rule, baseline=True)

    def test_new_since_the_baseline_rings_if_recent(self, rule, visit):
        assert seen(visit, START + 2 * HOUR, rule)
        assert not seen(visit, START + 2 * HOUR + SECOND, rule)

    def test_new_without_any_stamp_does_not(self, rule, visit):
        assert not seen(changed(visit, cancelled_at=None, updated_at=None), START, rule)
