"""The rules of a visit that the clock decides: when each begins, to the second; its key; what silences it."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.alert import Severity
from deskbell.core.records import Visit, VisitStatus, changed
from deskbell.core.rules import Context, evaluate
from deskbell.core.rules.timing import NotEnRouteConf, TechnicianLateConf

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


def due(visit, now):
    return evaluate(visit, visit, {}, Context(now)).due_at


class TestTechnicianLate:
    RULE = "technician_late"

    @pytest.mark.parametrize(
        ("late", "severity", "stage"),
        [
            (15 * MIN, P3, "15 min"),
            (30 * MIN - SECOND, P3, "15 min"),
            (30 * MIN, P2, "30 min"),
            (60 * MIN - SECOND, P2, "30 min"),
            (60 * MIN, P1, "1 h"),
            (400 * HOUR, P1, "1 h"),
        ],
    )
    def test_stages(self, late, severity, stage):
        found = one(VISIT, START + late, self.RULE)
        assert (found.severity, found.stage) == (severity, stage)
        assert found.key == "late:fs:4711:2026-11-21T14:00:00Z"

    def test_not_before_the_first_stage(self):
        assert not seen(VISIT, START + 15 * MIN - SECOND, self.RULE)

    def test_the_first_line_says_who_what_and_how_late(self):
        found = one(VISIT, START + 16 * MIN, self.RULE)
        assert found.summary == "Marco Silva 15+ min late: J-4711 Hansen Bakery, due 14:00"
        assert ("Start", "Sat 21 Nov 14:00") in found.facts
        worst = one(VISIT, START + HOUR, self.RULE)
        assert worst.title == "Suspected no-show"
        assert worst.summary == "Suspected no-show: Marco Silva 60+ min late: J-4711 Hansen Bakery, due 14:00"

    def test_times_are_the_sites(self):
        found = one(changed(VISIT, zone="Asia/Kathmandu"), START + 16 * MIN, self.RULE)
        assert found.summary.endswith("due 19:45")

    @pytest.mark.parametrize(
        "values",
        [
            *({"status": s} for s in (VisitStatus.COMPLETED, VisitStatus.CANCELLED, VisitStatus.NO_SHOW)),
            {"status": VisitStatus.CANNOT_COMPLETE},
            {"status": VisitStatus.PAUSED},
            {"status": VisitStatus.UNSCHEDULED},
            {"status": VisitStatus.ON_SITE},
            {"arrived_at": START + MIN},
            {"start": None},
            {"eta": START + 3 * HOUR},
            {"technician": "", "technician_id": ""},
        ],
    )
    def test_silent(self, values):
        assert not seen(changed(VISIT, **values), START + 2 * HOUR, self.RULE)

    @pytest.mark.parametrize("status", [VisitStatus.DISPATCHED, VisitStatus.EN_ROUTE, VisitStatus.UNKNOWN])
    def test_a_technician_on_the_way_or_an_unknown_word_is_late_too(self, status):
        assert seen(changed(VISIT, status=status), START + HOUR, self.RULE)

    def test_a_promise_rests_it_until_the_promise_is_broken(self):
        eta = START + 40 * MIN
        promised = changed(VISIT, eta=eta)
        assert not seen(promised, eta - SECOND, self.RULE)
        assert one(promised, eta, self.RULE).severity is P2

    def test_a_promise_for_an_early_hour_leaves_the_grace(self):
        promised = changed(VISIT, eta=START + 5 * MIN)
        assert due(promised, START + 4 * MIN) == START + 5 * MIN  # when the technician is asked
        assert due(promised, START + 5 * MIN) == START + 15 * MIN
        assert not seen(promised, START + 14 * MIN, self.RULE)

    def test_the_anchor_may_be_the_end_of_the_window(self):
        conf, window_end = TechnicianLateConf(anchor="window_end"), START + 2 * HOUR
        visit = changed(VISIT, window_end=window_end)
        assert not seen(visit, window_end + 14 * MIN, self.RULE, conf=conf)
        found = one(visit, window_end + 15 * MIN, self.RULE, conf=conf)
        assert found.summary.endswith("due 16:00")
        assert found.key.endswith("2026-11-21T14:00:00Z")
        assert seen(VISIT, START + 15 * MIN, self.RULE, conf=conf)  # no window known: the start counts

    def test_without_technician_if_asked_for(self):
        visit = changed(VISIT, technician="", technician_id="")
        found = one(visit, START + HOUR, self.RULE, conf=TechnicianLateConf(without_technician=True))
        assert "The technician 60+ min late" in found.summary

    def test_stages_of_seconds_for_a_demo(self):
        conf = TechnicianLateConf(stages=((20 * SECOND, P3), (0 * SECOND, P4)))
        assert one(VISIT, START, self.RULE, conf=conf).severity is P4
        assert "20+ s late" in one(VISIT, START + 20 * SECOND, self.RULE, conf=conf).summary

    def test_off(self):
        assert not seen(VISIT, START + HOUR, self.RULE, conf=TechnicianLateConf(enabled=False))

    def test_since_is_when_the_stage_began(self):
        """What history is at the first read: a stage just reached is news, however old the visit."""
        for late, began in ((29 * MIN, 15 * MIN), (59 * MIN, 30 * MIN), (400 * HOUR, HOUR)):
            assert one(VISIT, START + late, self.RULE, baseline=True).since == START + began


class TestNotEnRoute:
    RULE = "not_en_route"

    def test_from_travel_and_margin_before_the_start(self):
        assert not seen(VISIT, START - 40 * MIN - SECOND, self.RULE)
        found = one(VISIT, START - 40 * MIN, self.RULE)
        assert (found.severity, found.key) == (P3, "enroute:fs:4711:2026-11-21T14:00:00Z")
        assert found.summary == "Marco Silva has not set out: J-4711 Hansen Bakery, due 14:00"

    def test_hands_over_to_technician_late(self):
        assert seen(VISIT, START + 15 * MIN - SECOND, self.RULE)
        assert not seen(VISIT, START + 15 * MIN, self.RULE)
        assert seen(VISIT, START + 15 * MIN, "technician_late")

    @pytest.mark.parametrize(
        "values",
        [
            {"status": VisitStatus.EN_ROUTE},
            {"status": VisitStatus.ON_SITE},
            {"status": VisitStatus.PAUSED},
            {"status": VisitStatus.CANCELLED},
            {"travel_started_at": START - HOUR},
            {"arrived_at": START - MIN},
            {"technician": "", "technician_id": ""},
            {"eta": START + 2 * HOUR},
        ],
    )
    def test_silent(self, values):
        assert not seen(changed(VISIT, **values), START - MIN, self.RULE)

    def test_off_where_the_source_never_tells(self):
        assert not seen(VISIT, START, self.RULE, conf=NotEnRouteConf(blind=("fs",)))
        assert seen(VISIT, START, self.RULE, conf=NotEnRouteConf(blind=("other",)))


class TestRunningOver:
    RULE = "running_over"
    ON_SITE = changed(VISIT, status=VisitStatus.ON_SITE, arrived_at=START)
    END = START + 2 * HOUR

    @pytest.mark.parametrize(
        ("over", "severity"), [(15 * MIN, P3), (60 * MIN - SECOND, P3), (60 * MIN, P2), (9 * HOUR, P2)]
    )
    def test_stages(self, over, severity):
        found = one(self.ON_SITE, self.END + over, self.RULE)
        assert (found.severity, found.key) == (severity, "over:fs:4711:2026-11-21T14:00:00Z")

    def test_first_line(self):
        found = one(self.ON_SITE, self.END + 15 * MIN, self.RULE)
        assert found.summary == "Marco Silva 15+ min over: J-4711 Hansen Bakery, end was 16:00"

    @pytest.mark.parametrize(
        "values",
        [
            {"end": None},
            {"status": VisitStatus.PAUSED},
            {"status": VisitStatus.COMPLETED},
            {"completed_at": END},
            {"status": VisitStatus.SCHEDULED, "arrived_at": None},
        ],
    )
    def test_silent(self, values):
        assert not seen(changed(self.ON_SITE, **values), self.END + 2 * HOUR, self.RULE)

    def test_not_before(self):
        assert not seen(self.ON_SITE, self.END + 15 * MIN - SECOND, self.RULE)


class TestUnassignedNearStart:
    RULE = "unassigned_near_start"
    EMPTY = changed(VISIT, technician="", technician_id="")

    @pytest.mark.parametrize(
        ("before", "severity"),
        [(24 * HOUR, P3), (2 * HOUR + SECOND, P3), (2 * HOUR, P1), (0 * HOUR, P1), (-3 * HOUR, P1)],
    )
    def test_stages(self, before, severity):
        found = one(self.EMPTY, START - before, self.RULE)
        assert (found.severity, found.key) == (severity, "unassigned:fs:4711:2026-11-21T14:00:00Z")

    def test_first_line(self):
        found = one(self.EMPTY, START - HOUR, self.RULE)
        assert found.summary == "No technician, under 2 h to start: J-4711 Hansen Bakery, start 14:00"

    def test_not_before(self):
        assert not seen(self.EMPTY, START - 24 * HOUR - SECOND, self.RULE)

    @pytest.mark.parametrize(
        "values",
        [
            {"technician": "Ana"},
            {"technician_id": "9"},
            {"technician_email": "a@example.org"},
            {"status": VisitStatus.CANCELLED},
            {"status": VisitStatus.PAUSED},
            {"status": VisitStatus.EN_ROUTE},
            {"arrived_at": START},
            {"start": None},
        ],
    )
    def test_silent(self, values):
        assert not seen(changed(self.EMPTY, **values), START - HOUR, self.RULE)


def test_a_finished_visit_has_no_more_findings_by_the_clock():
    for status in (VisitStatus.COMPLETED, VisitStatus.CANNOT_COMPLETE, VisitStatus.CANCELLED, VisitStatus.NO_SHOW):
        visit = changed(VISIT, status=status)
        verdict = evaluate(visit, visit, {}, Context(START + 9 * HOUR))
        assert not verdict.found
        assert verdict.due_at is None


def test_a_year_of_one_or_9999_means_not_known():
    for year in (1, 9999):
        never = datetime(year, 1, 1, tzinfo=UTC)
        verdict = evaluate(changed(VISIT, start=never, end=never, eta=never), VISIT, {}, Context(START))
        assert verdict.due_at is None
        assert not verdict.errors


@pytest.mark.parametrize(
    ("eta", "ask_after", "asked_at"),
    [
        (None, 5 * MIN, 5 * MIN),
        (1 * MIN, 5 * MIN, 5 * MIN),
        (9 * MIN, 5 * MIN, 9 * MIN),  # the promise holds until then
        (None, 20 * MIN, 20 * MIN),  # after the first card
    ],
)
def test_the_clock_says_when_the_technician_is_to_be_asked(eta, ask_after, asked_at):
    job = changed(VISIT, eta=eta and START + eta)
    conf = {"technician_late": TechnicianLateConf(ask=ask_after)}
    at, asked = START, []
    for _ in range(6):
        verdict = evaluate(job, job, conf, Context(at))
        asked += [at - START] if verdict.asks else []
        if verdict.due_at is None:
            break
        at = verdict.due_at
    assert asked[0] == asked_at
