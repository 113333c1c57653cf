"""Other values for some records; business time by a calendar with a name, in the site's own zone."""

from datetime import UTC, date, datetime, time

import pytest

from deskbell.core.calendar import SITE, WEEKDAYS, Calendar
from deskbell.core.records import Case, CaseStatus, Priority, Visit, VisitStatus, changed
from deskbell.core.rules import Context, Matcher, Override, evaluate
from deskbell.core.rules.cases import CaseInactiveConf
from deskbell.core.rules.timing import TechnicianLateConf
from tests.core.asked import DAY, HOUR, MIN, NOON, P1, P2, P3, SECOND, found, severity

VISIT = Visit(
    "fs", "1", "J-1", VisitStatus.SCHEDULED, customer="Hansen Bakery", site="Bremen", team="north",
    technician="Marco", start=NOON, priority=Priority.HIGH,
)  # fmt: skip


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        ({"customers": ("hansen*",)}, True),
        ({"customers": ("Olsen",)}, False),
        ({"sites": ("Bremen", "Kiel")}, True),
        ({"teams": ("north",), "priorities": ("high", "urgent")}, True),
        ({"teams": ("north",), "priorities": ("low",)}, False),
        ({"sources": ("f?",)}, True),
    ],
)
def test_who_is_meant(matcher, fits):
    assert Matcher(**matcher).fits(VISIT) is fits


def test_the_first_override_that_fits_counts_and_others_keep_the_rule():
    soon = TechnicianLateConf(stages=((5 * MIN, P1),))
    never = TechnicianLateConf(enabled=False)
    conf = TechnicianLateConf(
        overrides=(Override(Matcher(customers=("Hansen*",)), soon), Override(Matcher(teams=("north",)), never))
    )
    rule = "technician_late"
    assert severity(VISIT, NOON + 5 * MIN, rule, conf=conf) == P1
    assert severity(changed(VISIT, customer="Olsen"), NOON + HOUR, rule, conf=conf) is None
    assert severity(changed(VISIT, customer="Olsen", team="south"), NOON + 15 * MIN, rule, conf=conf) == P3
    due = evaluate(VISIT, VISIT, {rule: conf}, Context(NOON + 4 * MIN)).due_at
    assert due == NOON + 5 * MIN


CASE = Case("fd", "8", "8", CaseStatus.OPEN, assignee="Ana", last_activity_at=NOON)  # Friday noon
OFFICE = Calendar(SITE, WEEKDAYS, time(9), time(17), frozenset({date(2026, 11, 23)}))


class TestCalendars:
    RULE = "case_inactive"

    def quiet_until(self, zone, **context):
        """The moment at which a case of normal priority, two business days, has gone quiet there."""
        case = changed(CASE, zone=zone)
        conf = CaseInactiveConf(calendar="office")
        due = evaluate(case, case, {self.RULE: conf}, Context(NOON, calendars={"office": OFFICE}, **context)).due_at
        assert not found(case, due - SECOND, self.RULE, conf=conf, calendars={"office": OFFICE})
        assert found(case, due, self.RULE, conf=conf, calendars={"office": OFFICE})
        return due

    def test_in_the_sites_zone_holidays_left_out(self):
        """Friday noon in London leaves five hours, Monday is free, then eight of Tuesday and three of Wednesday."""
        assert self.quiet_until("Europe/London") == datetime(2026, 11, 25, 12, tzinfo=UTC)
        assert self.quiet_until("Asia/Tokyo") == datetime(2026, 11, 25, 8, tzinfo=UTC)

    def test_a_zone_that_there_is_not_counts_as_utc(self):
        assert self.quiet_until("No/Where") == datetime(2026, 11, 25, 12, tzinfo=UTC)

    def test_without_a_name_the_general_calendar_counts(self):
        due = evaluate(CASE, CASE, {}, Context(NOON, calendars={"office": OFFICE})).due_at
        assert due == NOON + 2 * DAY

    def test_over_a_change_of_the_clocks(self):
        """In Berlin the clocks went back on Sunday 25 October 2026: eight hours of Monday are eight hours."""
        friday = datetime(2026, 10, 23, 15, tzinfo=UTC)  # 17:00 in Berlin, when the day ends
        case = changed(CASE, zone="Europe/Berlin", last_activity_at=friday, priority=Priority.HIGH)
        conf, office = CaseInactiveConf(calendar="office"), {"office": OFFICE}
        assert severity(case, datetime(2026, 10, 26, 16, tzinfo=UTC), self.RULE, conf=conf, calendars=office) == P3
        assert not found(case, datetime(2026, 10, 26, 15, 59, tzinfo=UTC), self.RULE, conf=conf, calendars=office)


def test_the_severity_of_an_override():
    conf = CaseInactiveConf(
        overrides=(Override(Matcher(priorities=("normal",)), CaseInactiveConf(severity={"normal": P2})),)
    )
    assert severity(CASE, NOON + 9 * DAY, "case_inactive", conf=conf) == P2
