"""Silences, planned work, and what takes two people."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Mode, Severity, Status
from deskbell.core.records import VisitStatus
from deskbell.core.silence import Window
from deskbell.desk.house import OwnRules
from tests.desk.conftest import PEOPLE, START
from tests.desk.test_weather import alerts, storm

MIN, HOUR = timedelta(minutes=1), timedelta(hours=1)
NORTH = {"team": ("north",)}


async def hush(bench, matchers=NORTH, span=HOUR, reason="road closed", who="ana", key=""):
    return await bench.desk.silence(PEOPLE[who], matchers, span, reason, key)


def late(bench, number=1, **more):
    visit = bench.visit(**({"team": "north", "technician_id": str(number)} | more))
    return replace(visit, id=str(number), number=f"J-{number}")


async def test_what_is_silenced_is_listed_says_why_and_rings_afterwards(bench):
    await bench.people()
    await bench.read()
    said = await hush(bench)
    assert said.text.startswith("S-1 holds team=north until 13:00")
    await bench.read(late(bench), late(bench, 2, team="south"))
    north, south = sorted(alerts(bench, "technician_late"), key=lambda one: one.subject)
    assert (north.mode, south.mode) == (Mode.LISTED, Mode.CARD)
    assert dict(north.facts)["Silenced"].startswith("S-1 until 13:00")
    why = dict(await bench.desk.why(north))
    assert why["Told"].startswith("no room: silenced by S-1 until 13:00")
    assert why["Told"].endswith("road closed")
    await bench.passes(61 * MIN)  # it has become a P1 meanwhile, and rang at once; the silence is over now
    assert bench.alert(north.id).mode is Mode.CARD
    assert not await bench.desk.silences()


async def test_a_silence_that_is_ended_lets_go_what_still_holds(bench):
    await bench.people()
    await bench.read()
    await hush(bench)
    await bench.read(late(bench, 1), late(bench, 2))
    await bench.read(replace(late(bench, 2), status=VisitStatus.ON_SITE, arrived_at=bench.now))
    (held,) = await bench.desk.silences()
    said = await bench.desk.unsilence(PEOPLE["ben"], held.id)
    assert said.text == "S-1 is over. Still so, with a card now: 1 alert."
    modes = {one.subject: one.mode for one in alerts(bench, "technician_late")}
    assert modes == {"J-1": Mode.CARD, "J-2": Mode.LISTED}
    assert (await bench.desk.unsilence(PEOPLE["ben"], 1)).code == "already"
    assert (await bench.desk.unsilence(PEOPLE["ben"], 77)).code == "none"
    entries = [row.entry for row in bench.store.read_now(lambda reader: reader.audit_rows(0, 1000))]
    assert [(one.actor, one.personal.get("text")) for one in entries if one.verb == "silence" and not one.alert_id] == [
        ("ana", "road closed")
    ]
    assert [one.actor for one in entries if one.verb == "unsilence"] == ["ben"]


async def test_a_p1_rings_through_a_silence_that_does_not_name_it(bench):
    await bench.read()
    await hush(bench)
    await bench.read(late(bench, start=bench.now - 70 * MIN))
    assert {one.mode for one in alerts(bench, "technician_late")} == {Mode.CARD}
    await hush(bench, {"severity": ("P1",), "team": ("north",)}, key="2")
    await bench.read(late(bench, 2, start=bench.now - 70 * MIN))
    assert [one.mode for one in alerts(bench, "technician_late") if one.subject == "J-2"] == [Mode.LISTED]


async def test_what_rings_already_rings_no_more_while_it_is_silenced(bench):
    await bench.people()
    await bench.late(team="north")
    await hush(bench)
    held = bench.alert(1)
    assert held.snoozed_until == held.escalate_at == bench.now + HOUR


async def test_before_it_is_done_it_tells_what_would_have_been_held(bench):
    await bench.read()
    await bench.read(*(late(bench, n, site="Plant 4") for n in range(1, 8)), late(bench, 9, site="Plant 5"))
    said = await hush(bench, {"site": ("plant 4",)}, None, "")
    assert said.code == "preview"
    assert said.text.startswith("7 alerts of last week would have matched: D-")
    assert said.text.endswith(" and 2 more.")
    assert (await hush(bench, {"rule": ("nothing",)}, None)).text == "None of last week's alerts would have matched."
    bench.now += timedelta(days=8)
    assert (await hush(bench, {"site": ("plant 4",)}, None)).text == "None of last week's alerts would have matched."
    assert not await bench.desk.silences()


async def test_a_silence_needs_a_reason_and_a_sensible_time_and_is_made_once(bench):
    assert (await hush(bench, reason="")).code == "reason"
    assert (await hush(bench, span=timedelta(days=40))).code == "span"
    assert (await hush(bench, key="m1")).code == "done"
    assert (await hush(bench, key="m1")).code == "repeat"
    assert len(await bench.desk.silences()) == 1


async def test_a_long_silence_takes_two(bench):
    await bench.people()
    said = await hush(bench, span=6 * HOUR, who="ana")
    assert said.code == "asked"
    (wish,) = alerts(bench, "second_person")
    assert wish.summary == "Ana Ruiz wants to silence team=north for 6 h: somebody else has to agree"
    assert {verb: one.label for verb, one in (await bench.buttons(wish.id)).items()} == {
        "ack": "Agree",
        "resolve": "Refuse\u2026",
    }
    assert (await bench.say("ana", "ack", str(wish.id))).code == "self"
    assert not await bench.desk.silences()
    said = await bench.say("carla", "ack", str(wish.id))
    assert said.text.startswith("You agreed. S-1 holds team=north until 18:00, as Ana Ruiz asked.")
    (held,) = await bench.desk.silences()
    assert (held.person, held.approved_by) == ("ana", "carla")
    assert bench.alert(wish.id).status is Status.RESOLVED
    assert (await bench.say("ben", "ack", str(wish.id))).code == "over"


async def test_a_wish_that_nobody_agreed_to_expires(bench):
    await bench.people()
    await hush(bench, span=6 * HOUR)
    (wish,) = alerts(bench, "second_person")
    bench.now += 16 * MIN
    assert (await bench.say("carla", "ack", str(wish.id))).code == "expired"
    await bench.passes(MIN)
    assert bench.alert(wish.id).reason == "nobody agreed in time"
    assert not await bench.desk.silences()


async def test_all_of_a_storm_is_resolved_by_two(bench):
    _, parent = await storm(bench)
    said = await bench.say("ana", "resolve", str(parent.id), reason="snow is cleared")
    assert said.code == "asked"
    assert bench.alert(parent.id).live
    again = await bench.say("ana", "resolve", str(parent.id), reason="snow is cleared")
    (wish,) = alerts(bench, "second_person")
    assert again.text.endswith(f"{wish.ref}.")
    assert (await bench.say("ana", "ack", str(wish.id))).code == "self"
    said = await bench.say("ben", "ack", str(wish.id))
    assert "So are 12 alerts of it." in said.text
    done = alerts(bench, "technician_late")
    assert {(one.status, one.resolved_by, one.reason) for one in done} == {(Status.RESOLVED, "ana", "snow is cleared")}
    await bench.passes(timedelta(seconds=6))
    assert {one.mode for one in alerts(bench, "technician_late")} == {Mode.LISTED}


async def test_one_alone_may_resolve_a_storm_where_the_house_says_so(bench):
    _, parent = await storm(bench)
    bench.sit(own=OwnRules(storm=5, second_person=False))
    assert (await bench.say("ana", "resolve", str(parent.id), reason="over")).code == "done"


async def test_planned_work_holds_what_it_touches_and_replays_it(bench):
    work = Window("boiler", START - HOUR, START + HOUR, "boiler works", teams=("north",))
    bench.sit(maintenance=(work,))
    await bench.people()
    await bench.read()
    await bench.read(late(bench, start=bench.now - 16 * MIN))
    (held,) = alerts(bench, "technician_late")
    assert (held.mode, held.severity) == (Mode.LISTED, Severity.P3)
    assert dict(held.facts)["Silenced"] == "boiler until 13:00: boiler works"
    await bench.passes(62 * MIN)
    assert bench.alert(held.id).mode is Mode.CARD
    assert not await bench.desk.silences()
