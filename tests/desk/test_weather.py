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
    assert modes == [Mode.LISTED] * 12  # the first four were not posted yet
    assert [claim.alert.rule for claim in bench.claim()] == ["storm"]
    child = next(alert for alert in alerts(bench, "technician_late") if alert.mode is Mode.LISTED)
    assert ("Part of", storm.ref) in child.facts
    await bench.passes(MIN)
    facts = dict(bench.alert(storm.id).facts)
    assert facts["Now"] == "12 alerts: 12 open"
    assert facts["Most urgent"].startswith("D-1 J-0, D-2 J-1")
    assert facts["Most urgent"].endswith(" and 4 more")
    assert "12 alerts" in bench.alert(storm.id).summary

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


def cards(bench):
    """The alerts of that one rule whose cards may be posted now."""
    return [claim.alert for claim in bench.claim() if claim.alert and claim.alert.rule == "technician_late"]


async def storm(bench, count=12, **more):
    """A storm in the north that is on, and its alerts."""
    bench.sit(own=OwnRules(storm=5), **more)
    await bench.people()
    await bench.read()
    late = visits(bench, count, team="north")
    await bench.read(*late)
    return late, alerts(bench, "storm")[0]


async def test_the_first_goes_at_once_and_the_next_wait_for_others_of_their_kind(bench):
    await bench.read()
    await bench.read(*visits(bench, 3))
    assert [claim.alert.subject for claim in bench.claim()] == ["J-0"]
    bench.now += timedelta(seconds=20)
    assert [claim.alert.subject for claim in bench.claim()] == ["J-1", "J-2"]


async def test_a_p1_waits_for_nobody(bench):
    await bench.read()
    await bench.read(*visits(bench, 2), replace(bench.visit(start=bench.now - 70 * MIN), id="9", number="J-9"))
    assert [one.subject for one in cards(bench)] == ["J-9", "J-0"]


async def test_what_waits_and_becomes_a_p1_waits_no_longer(bench):
    bench.sit(own=OwnRules(group_wait=10 * MIN))
    await bench.read()
    two = visits(bench, 2, start=bench.now - 59 * MIN)
    await bench.read(*two)
    assert [claim.alert.subject for claim in bench.claim()] == ["J-0"]
    await bench.passes(2 * MIN)
    assert "J-1" in [claim.alert.subject for claim in bench.claim()]


async def test_a_p1_of_a_storm_has_its_own_card_at_once(bench):
    _late, parent = await storm(bench)
    bench.claim()
    worst = replace(bench.visit(start=bench.now - 70 * MIN, team="north"), id="99", number="J-99")
    await bench.read(worst)
    (own,) = [alert for alert in alerts(bench, "technician_late") if alert.subject == "J-99"]
    assert (own.mode, own.parent) == (Mode.CARD, parent.id)
    assert [one.subject for one in cards(bench)] == ["J-99"]
    # and so has one that becomes a P1 while the storm goes on; a rise to P2 makes no card
    await bench.passes(26 * MIN)
    await bench.passes(timedelta(seconds=6))
    assert {alert.mode for alert in alerts(bench, "technician_late")} == {Mode.CARD}
    assert dict(bench.alert(parent.id).facts)["P1"].startswith("13 with a card of their own: ")


async def test_what_is_done_to_a_storm_is_done_to_all_of_it_but_p1(bench):
    _, parent = await storm(bench)
    await bench.read(replace(bench.visit(start=bench.now - 70 * MIN, team="north"), id="99", number="J-99"))
    said = await bench.say("ana", "ack", str(parent.id))
    assert said.text.endswith("So are 12 alerts of it. 1 alert of P1 with a card of its own: look at each.")
    standing = {alert.subject: alert.status for alert in alerts(bench, "technician_late")}
    assert standing.pop("J-99") is Status.OPEN
    assert set(standing.values()) == {Status.ACKED}
    assert {alert.mode for alert in alerts(bench, "technician_late") if alert.subject != "J-99"} == {Mode.LISTED}
    await bench.say("ana", "reassign", str(parent.id), person="ben")
    given = {alert.assignee for alert in alerts(bench, "technician_late") if alert.subject != "J-99"}
    assert given == {"ben"}
    rings = [one for one in bench.claim() if getattr(one.work, "payload", {}).get("direct") == "ben"]
    assert len(rings) == 1, "one ring, not one for each"
    undone = await bench.say("ana", "undo", str(parent.id))
    assert undone.ok
    assert {alert.assignee for alert in alerts(bench, "technician_late") if alert.subject != "J-99"} == {"ana"}


async def test_one_of_a_storm_is_answered_alone_without_a_card(bench):
    _, _parent = await storm(bench)
    bench.claim()
    (child, *_) = alerts(bench, "technician_late")
    assert (await bench.say("ana", "ack", str(child.id))).ok
    assert bench.alert(child.id).mode is Mode.LISTED
    assert not [claim for claim in bench.claim() if claim.alert and claim.alert.id == child.id]


async def test_cards_on_their_way_when_a_storm_begins_stay_and_those_to_come_are_listed(bench):
    bench.sit(own=OwnRules(storm=5))
    await bench.read()
    late = visits(bench, 8, team="north")
    await bench.read(late[0])
    (out,) = bench.claim()
    await bench.read(*late[1:])
    modes = {alert.subject: alert.mode for alert in alerts(bench, "technician_late")}
    assert modes.pop("J-0") is Mode.CARD
    assert set(modes.values()) == {Mode.LISTED}
    assert out.alert.subject == "J-0"


async def test_a_silent_source_is_one_storm_whatever_its_rules_and_teams(bench):
    bench.sit(own=OwnRules(storm=5))
    await bench.read()
    teams = ["north", "south", "east"] * 3
    soon = [
        replace(bench.visit(start=bench.now + 30 * MIN, team=team), id=str(n), number=f"J-{n}", technician_id=str(n))
        for n, team in enumerate(teams)
    ]
    await bench.read(*soon)
    await bench.passes(20 * MIN)
    assert alerts(bench, "source_stale")
    for _ in range(30):
        await bench.passes(2 * MIN)
    (parent,) = alerts(bench, "storm")
    assert parent.summary.startswith("Field service is silent: ")
    waits = [one for one in alerts(bench, "technician_late") if one.severity is not Severity.P1]
    assert {one.mode for one in waits} <= {Mode.LISTED}
    assert all(one.parent == parent.id for one in alerts(bench, "technician_late"))
    # read again, with everybody on site: nothing is left of it
    await bench.desk.source_read("fs")
    await bench.read(*(replace(one, status=VisitStatus.ON_SITE, arrived_at=bench.now) for one in soon))
    await bench.passes(6 * MIN)
    await bench.desk.source_read("fs")
    await bench.passes(timedelta(seconds=1))
    assert not bench.alert(parent.id).live


async def test_what_a_person_left_open_of_a_storm_that_is_over_gets_its_card(bench):
    _, parent = await storm(bench)
    bench.claim()
    bench.store.write_now(lambda uow: uow.save_alert(ended(uow.alert(parent.id)), uow.alert(parent.id).version))
    await bench.passes(timedelta(seconds=6))
    assert {alert.mode for alert in alerts(bench, "technician_late")} == {Mode.CARD}


def ended(alert):
    return replace(alert, status=Status.RESOLVED, version=alert.version + 1)


async def test_a_storm_lists_what_belongs_to_it(bench):
    _, parent = await storm(bench)
    found, total = await bench.desk.alerts(parent=parent.id, limit=5)
    assert (len(found), total) == (5, 12)
