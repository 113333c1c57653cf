"""The words for why a record is quiet, and when it would ring."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deskbell.core.alert import Alert, Severity
from deskbell.core.calendar import ALWAYS, Calendar
from deskbell.core.records import Visit, VisitStatus
from deskbell.core.rules import RULES, Context
from deskbell.core.rules.explain import stands, why
from deskbell.core.rules.timing import TechnicianLateConf

MIN = timedelta(minutes=1)
START = datetime(2026, 11, 21, 14, tzinfo=UTC)
VISIT = Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, technician="Marco", start=START, updated_at=START)


def told(visit, now, confs=None):
    return {one.rule: one for one in stands(visit, confs or {}, Context(now))}


def test_every_rule_of_the_kind_has_its_say_those_that_ring_first():
    found = stands(VISIT, {}, Context(START + 20 * MIN))
    assert {one.rule for one in found} == {name for name, rule in RULES.items() if rule.kind == "visit"}
    assert (found[0].rule, found[0].rings) == ("technician_late", True)
    assert found[0].words.startswith("rings as P3 since 14:15: Marco 15+ min late")


def test_when_it_would_ring():
    late = told(VISIT, START)["technician_late"]
    assert (late.rings, late.at, late.words) == (False, START + 15 * MIN, "would ring 14:15 as P3")


def test_what_keeps_it_quiet():
    there = replace(VISIT, status=VisitStatus.ON_SITE, arrived_at=START + 3 * MIN)
    found = told(there, START + 20 * MIN)
    assert found["technician_late"].words == "Marco checked in at 14:03"
    assert found["checkin_far_from_site"].words == "switched off in the configuration"
    assert found["status_no_show"].words == "rings on a change, and there was none"


def test_why_names_rule_inputs_thresholds_and_clock():
    alert = Alert(
        "late:fs:1:x", "technician_late", "fs", "1", "J-1", "t", "s", Severity.P3, START, START, facts=(("Site", "A"),)
    )
    lines = dict(why(alert, RULES["technician_late"], TechnicianLateConf(), ALWAYS))
    assert lines["Rule"] == "technician_late: Not there so long after the promised time, and no newer promise."
    assert lines["Saw"] == "Site: A"
    assert lines["Thresholds"] == "anchor start, ask 5 min, stages 15 min P3, 30 min P2, 1 h P1"
    assert lines["Clock"] == "around the clock, times in UTC"
    assert lines["Key"] == "late:fs:1:x"
    office = Calendar("Europe/Berlin", frozenset(range(5)), START.time().replace(hour=9), START.time().replace(hour=17))
    assert dict(why(alert, None, None, office))["Clock"] == "business hours 09:00 to 17:00 on MTWTF in Europe/Berlin"
