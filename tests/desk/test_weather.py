"""Storms and flapping: one cause, one card; routine and what is tried out make none."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Mode, Severity, Status
from deskbell.core.ports import Page
from deskbell.core.records import Case, CaseStatus, Happening, HappeningKind, VisitStatus
from deskbell.core.rules.timing import TechnicianLateConf
from deskbell.desk.house import OwnRules, SourceFacts
from tests.desk.conftest import PEOPLE

MIN = timedelta(minutes=1)


def visits(bench, count, **more):
    return [replace(bench.visit(**more), id=str(n), number=f"J-{n}", technician_id=str(n)) for n in range(count)]


def alerts(bench, rule):
    every = tuple(Status)
    return bench.store.read_now(lambda reader: reader.alerts(statuses=every, rule=rule, limit=200))


async def test_a_storm_is_one_card(bench):
    bench.sit(own=OwnRules(storm=5))
    await bench.read()
    late = visits(bench, 12, team="north")
    await bench.read(*late)
    (storm,) = alerts(bench, "storm")
    assert storm.severity is Severity.P2
    assert storm.team == "north"
    assert storm.key.startswith("storm:technician_late:north:2026-11-21T12:00:00Z")
    modes = [alert.mode for alert in alerts(bench, "technician_late")]
    assert (modes.count(Mode.CARD), modes.count(Mode.LISTED)) == (4, 8)
    child = next(alert for alert in alerts(bench, "technician_late") if alert.mode is Mode.LISTED)
    assert ("Part of", storm.ref) in child.facts
    await bench.passes(MIN)
    assert ("Now", "12 alerts") in bench.alert(storm.id).facts

    # it is over when few are left; what is left then gets its card
    bench.now += 6 * MIN
    await bench.read(*(replace(one, status=VisitStatus.ON_SITE) for one in late[:-1]))
    await bench.passes(MIN)
    assert not bench.alert(storm.id).live
    last = next(alert for alert in alerts(bench, "technician_late") if alert.live)
    assert last.mode is Mode.CARD


async def test_another_team_has_no_storm(bench):
    bench.sit(own=OwnRules(storm=5))
    await bench.read()
    await bench.read(*visits(bench, 4, team="north"))
    south = [replace(one, id=f"s{one.id}", team="south") for one in visits(bench, 4)]
    await bench.read(*south)
    assert not alerts(bench, "storm")
    assert {alert.mode for alert in alerts(bench, "technician_late")} == {Mode.CARD}


async def test_what_comes_and_goes_is_held_and_told_once(bench):
    await bench.read()
    late = bench.visit()
    for _ in range(5):
        await bench.read(late)
        bench.now += MIN
        await bench.read(replace(late, status=VisitStatus.ON_SITE, arrived_at=bench.now))
        bench.now += MIN
    modes = [alert.mode for alert in sorted(alerts(bench, "technician_late"), key=lambda one: one.id)]
    assert modes == [Mode.CARD] * 3 + [Mode.LISTED] * 2
    (told,) = alerts(bench, "flapping")
    assert told.key == "flap:technician_late:fs:1"
    await bench.passes(90 * MIN)
    assert not bench.alert(told.id).live


async def test_a_rule_in_shadow_is_recorded_and_told_to_nobody(bench):
    bench.sit(rules={"technician_late": TechnicianLateConf(shadow=True)})
    alert = await bench.late()
    assert alert.mode is Mode.HELD
    await bench.passes(40 * MIN)  # a rise in severity shows it as little
    assert bench.alert(1).severity is Severity.P1
    assert bench.alert(1).mode is Mode.HELD
    assert not [claim for claim in bench.claim() if claim.alert and claim.alert.rule == "technician_late"]


async def test_routine_is_listed_and_told_to_whoever_has_the_case(bench):
    ana = replace(PEOPLE["ana"], accounts={"fd": "3"})
    bench.sit(people={**PEOPLE, "ana": ana}, sources={"fd": SourceFacts("Freshdesk", MIN)})
    await bench.people()
    case = Case("fd", "8", "FD-8", CaseStatus.OPEN, assignee="Ana", assignee_id="3", updated_at=bench.now)
    await bench.desk.observe(Page("fd", (), {"at": "0"}, complete=True))
    await bench.desk.observe(Page("fd", (case,), {"at": "1"}, complete=True))
    for ident, text in (("n1", "done"), ("n2", "@ana please look")):
        note = Happening(HappeningKind.NOTE, ident, bench.now, text_hint=text)
        case = replace(case, happenings=(*case.happenings, note))
        await bench.desk.observe(Page("fd", (case,), {"at": ident}, complete=True))
        bench.now += MIN
    routine, asked = sorted(alerts(bench, "note_added"), key=lambda one: one.id)
    assert (routine.mode, routine.severity, asked.mode, asked.severity) == (
        Mode.LISTED,
        Severity.P4,
        Mode.LISTED,
        Severity.P3,
    )
    sent = [claim.work.payload for claim in bench.claim()]
    assert [one["direct"] for one in sent] == ["ana"]
    assert asked.ref in sent[0]["text"]
