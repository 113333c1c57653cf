"""Covers, swaps, overrides and days off, on the real desk and database; handover; how people are rung."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from icalendar import Calendar

from deskbell.core.access import Person, Role
from deskbell.core.alert import Severity, Status
from deskbell.core.duty import COVER, HANDOVER, PROOF, Cover, Kind, Place, Swap, Vacation
from deskbell.core.outcome import Sent
from deskbell.core.policy import Level, Policy
from deskbell.core.ports import Destination, Dispatch, Interaction
from deskbell.core.prefs import Quiet, Rung, SetLadder, SetQuiet, Show, Subscribe, Trial
from deskbell.core.records import Leave, LeaveStatus
from deskbell.core.rota import Rota
from tests.desk.conftest import PEOPLE, START, Bench

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ROTA = Rota("dispatch", ("ana", "ben"), "daily", time(8), "Europe/Rome", START.date())  # Ana from 8:00 Rome = 7:00 UTC
POLICY = Policy("dispatch", (Level(timedelta(0), ("room", "rota:dispatch")),), repeat=0)


@pytest.fixture
async def desk(tmp_path):
    rooms = {
        "room": Destination("room", "slack", "C1"),
        "tele": Destination("tele", "telegram", "-1"),
        "phone": Destination("phone", "sms", ""),
    }
    more = {
        "dan": Person("dan", "Dan Novak", roles=frozenset({Role.VIEWER})),
        "eve": Person("eve", "Eve Stone", roles=frozenset({Role.TECHNICIAN}), zone="Europe/Rome"),
    }
    made = Bench(
        tmp_path, rotas={"dispatch": ROTA}, policies={"dispatch": POLICY}, people=PEOPLE | more, destinations=rooms
    )
    for who in (*PEOPLE, *more):
        await made.desk.link("slack", who.upper(), who)
    made.count = 0
    yield made
    made.close()


async def asks(desk, who, wish):
    desk.count += 1
    return await desk.desk.arrange(desk.desk.people[who], wish, f"w{desk.count}")


async def on_duty(desk, at):
    (found,) = await desk.desk.on_duty("dispatch", at)
    return found.person


def rome(day, hour, minute=0):
    return datetime(2026, 11, day, hour - 1, minute, tzinfo=UTC)


def alerts(desk, rule, *statuses):
    return desk.store.read_now(lambda reader: reader.alerts(statuses=statuses or tuple(Status), rule=rule))


def directs(desk, destination="room"):
    """What goes to one person alone, once: it is taken out of the outbox."""
    claims = desk.claim(destination)
    for claim in claims:
        shown = getattr(claim.work, "wanted", 0)
        desk.store.write_now(lambda uow, claim=claim, shown=shown: uow.settle_sent(claim, {"ts": "1"}, shown, desk.now))
    works = (claim.work for claim in claims)
    return [work for work in works if isinstance(work, Dispatch) and "direct" in work.payload]


async def test_a_cover_is_asked_accepted_and_holds_for_the_time_alone(desk):
    answer = await asks(desk, "ana", Cover("18:00-22:00"))
    assert answer.ok, answer.text
    (asked,) = alerts(desk, COVER)
    assert asked.title == "Ana Ruiz asks for cover"
    assert await on_duty(desk, rome(21, 19)) == "ana"
    assert [one.payload["direct"] for one in directs(desk)] == ["ben"]
    buttons = await desk.buttons(asked.id)
    assert {verb: one.label for verb, one in buttons.items()} == {"ack": "I take it", "resolve": "Withdraw…"}
    await desk.settle_all(Sent({"ts": "1"}))
    said = await desk.tap("ben", buttons["ack"])
    assert said.ok
    assert "covers for Ana Ruiz" in said.text
    found = [await on_duty(desk, rome(21, hour, 59)) for hour in (17, 18, 21, 22)]
    assert found == ["ana", "ben", "ben", "ana"]
    assert alerts(desk, COVER)[0].status is Status.RESOLVED


async def test_accepted_twice_has_one_winner_and_the_other_is_told_who(desk):
    await asks(desk, "ana", Cover("18:00-22:00"))
    (asked,) = alerts(desk, COVER)
    assert (await desk.say("carla", "ack", asked.ref)).ok
    late = await desk.say("ben", "ack", asked.ref)
    assert (late.ok, late.code) == (False, "already")
    assert "Carla Weiss was faster" in late.text
    assert await on_duty(desk, rome(21, 19)) == "carla"


@pytest.mark.parametrize(
    ("who", "wish", "code"),
    [
        ("ana", Cover("08:00-10:00"), "past"),
        ("ana", Cover("whenever"), "times"),
        ("ben", Cover("18:00-22:00"), "not_on_duty"),
        ("ana", Cover("18:00-22:00", "ana"), "person"),
        ("ana", Cover("18:00-22:00", "dan"), "person"),
        ("ana", Cover("2026-11-21T18:00/2027-11-21T18:00"), "long"),
        ("ana", Swap("18:00-22:00", "ben", "19:00-20:00"), "not_on_duty"),
        ("carla", Place("dispatch", "ben", "06:00-07:00"), "past"),
        ("carla", Place("nosuch", "ben", "18:00-22:00"), "rota"),
        ("ana", Vacation("2026-01-01 to 2026-01-02"), "past"),
        ("ana", Vacation("soon"), "times"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(desk, who, wish, code):
    answer = await asks(desk, who, wish)
    assert (answer.ok, answer.code) == (False, code)
    assert answer.text.endswith(".") or code == "long"
    assert not alerts(desk, COVER)


async def test_who_asked_can_not_accept_and_can_withdraw(desk):
    await asks(desk, "ana", Cover("18:00-22:00"))
    (asked,) = alerts(desk, COVER)
    assert (await desk.say("ana", "ack", asked.ref)).code == "own"
    assert (await desk.say("dan", "ack", asked.ref)).code == "role"
    assert (await desk.say("ben", "snooze", asked.ref, span="30m")).code == "verb"
    assert (await desk.say("ben", "resolve", asked.ref, reason="no")).code == "role"
    assert (await desk.say("ana", "resolve", asked.ref, reason="not needed")).ok
    assert (await desk.say("ben", "ack", asked.ref)).code == "already"
    assert await on_duty(desk, rome(21, 19)) == "ana"


async def test_only_the_part_of_a_shift_that_is_theirs_is_given_away(desk):
    """Ana's shift ends at eight in the morning; who covers her until noon has not Ben's shift as well."""
    await asks(desk, "ana", Cover("2026-11-22T06:00/2026-11-22T12:00", "carla"))
    (asked,) = alerts(desk, COVER)
    await desk.say("carla", "ack", asked.ref)
    assert [await on_duty(desk, rome(22, hour)) for hour in (5, 6, 7, 8, 11)] == ["ana", "carla", "carla", "ben", "ben"]


async def test_a_swap_moves_both_shifts_and_is_for_the_one_who_was_asked(desk):
    await asks(desk, "ana", Swap("18:00-22:00", "ben", "sun 18:00-22:00"))
    (asked,) = alerts(desk, COVER)
    assert (await desk.say("carla", "ack", asked.ref)).code == "person"
    assert (await desk.say("ben", "ack", asked.ref)).ok
    assert [await on_duty(desk, rome(day, 19)) for day in (21, 22)] == ["ben", "ana"]
    assert [await on_duty(desk, rome(day, 23)) for day in (21, 22)] == ["ana", "ben"]


async def test_a_request_nobody_took_ends_with_its_time(desk):
    await asks(desk, "ana", Cover("18:00-22:00"))
    await desk.passes(12 * HOUR)
    (asked,) = alerts(desk, COVER)
    assert asked.status is Status.RESOLVED
    assert "nobody took it" in asked.reason


async def test_an_override_holds_at_once_and_both_are_told(desk):
    answer = await asks(desk, "carla", Place("dispatch", "ben", "18:00-22:00"))
    assert answer.ok
    assert await on_duty(desk, rome(21, 19)) == "ben"
    assert sorted(one.payload["direct"] for one in directs(desk)) == ["ana", "ben"]
    assert [e for e in desk.rung() if "Ben Okafor is on duty" in e]


async def test_the_same_wish_again_is_done_once(desk):
    person, wish = desk.desk.people["ana"], Cover("18:00-22:00")
    first = await desk.desk.arrange(person, wish, "same")
    again = await desk.desk.arrange(person, wish, "same")
    assert (first.code, again.code, again.text) == ("done", "repeat", first.text)
    assert len(alerts(desk, COVER)) == 1


async def test_days_off_block_shifts_with_a_warning_and_end_with_a_word(desk):
    answer = await asks(desk, "ben", Vacation("sun to mon"))
    assert answer.ok
    assert any("nobody has it" in line for line in answer.reply.lines)
    assert await on_duty(desk, rome(22, 12)) is None
    await desk.passes(MINUTE)
    assert alerts(desk, "nobody_on_call")
    await asks(desk, "ben", Vacation(None))
    assert await on_duty(desk, rome(22, 12)) == "ben"
    await desk.passes(2 * MINUTE)
    assert not alerts(desk, "nobody_on_call", Status.OPEN)


async def test_leave_blocks_shifts_with_a_warning_until_it_is_called_off(desk):
    values = {"person": "Ben Okafor", "start": rome(22, 1), "end": rome(24, 1)}
    leave = Leave("fs", "7", "7", LeaveStatus.APPROVED, **values)
    await desk.read(leave)
    assert await on_duty(desk, rome(22, 12)) is None
    (told,) = alerts(desk, "shift_blocked")
    assert told.summary == "Ben Okafor is away during their shift in dispatch from Sun 08:00: nobody has it"
    await desk.read(replace(leave, status=LeaveStatus.CANCELLED))
    assert await on_duty(desk, rome(22, 12)) == "ben"
    assert not desk.alert(told.id).live
    await desk.read(Leave("fs", "8", "8", LeaveStatus.APPROVED, **values))
    await desk.desk.vanished("fs", ["8"])
    assert await on_duty(desk, rome(22, 12)) == "ben"
    await desk.read(Leave("fs", "9", "9", LeaveStatus.REQUESTED, **values))
    await desk.read(Leave("fs", "10", "10", LeaveStatus.APPROVED, **values | {"person": "Somebody Else"}))
    assert await on_duty(desk, rome(22, 12)) == "ben"


async def test_who_left_has_no_shift(desk):
    desk.store.write_now(lambda uow: uow.put_value("people.removed", "ben"))
    assert await on_duty(desk, rome(22, 12)) is None
    assert await on_duty(desk, rome(21, 12)) == "ana"


# ---------------------------------------------------------------- how people are rung


async def test_a_ladder_rings_one_way_after_the_other_until_somebody_answers(desk):
    await desk.desk.link("telegram", "7", "ana")
    await desk.desk.link("sms", "+390000", "ana")
    assert (await asks(desk, "ana", SetLadder(True, (Rung("telegram"), Rung("sms", 5 * MINUTE))))).ok
    await desk.late()
    await desk.settle_all(Sent({"ts": "1"}))
    assert (await desk.say("carla", "reassign", person="ana")).ok
    assert [one.payload["direct"] for one in directs(desk, "tele")] == ["ana"]
    assert not directs(desk, "phone")
    await desk.passes(6 * MINUTE)
    assert [one.payload["direct"] for one in directs(desk, "phone")] == ["ana"]


async def test_quiet_hours_hold_a_ring_back_but_no_p1(desk):
    assert (await asks(desk, "ana", SetQuiet(Quiet(time(11), time(12, 20))))).ok  # it is noon UTC, Ana's own zone
    await desk.late()
    await desk.settle_all(Sent({"ts": "1"}))
    await desk.say("carla", "reassign", person="ana")
    assert not directs(desk)
    await desk.passes(21 * MINUTE)
    assert [one.payload["direct"] for one in directs(desk)] == ["ana"]


async def test_a_p1_wakes(desk):
    await asks(desk, "ana", SetQuiet(Quiet(time(11), time(14))))
    await desk.late(start=desk.now - 70 * MINUTE)
    assert desk.alert(1).severity is Severity.P1
    await desk.settle_all(Sent({"ts": "1"}))
    await desk.say("carla", "reassign", person="ana")
    assert [one.payload["direct"] for one in directs(desk)] == ["ana"]


async def test_prefs_are_shown_as_they_are(desk):
    await desk.desk.link("sms", "+390000", "ana")
    shown = "\n".join((await asks(desk, "ana", Show())).reply.lines)
    assert "P1 and P2: slack at once, then sms after 5 min" in shown
    assert "P3 and P4: slack at once" in shown
    refused = await asks(desk, "ana", SetLadder(True, (Rung("pigeon"),)))
    assert (refused.code, "slack, sms" in refused.text) == ("way", True)


async def test_a_trial_rings_each_rung_and_proves_by_tap_and_by_code(desk):
    await desk.desk.link("sms", "+390000", "ana")
    assert (await asks(desk, "ana", Trial())).ok
    (tapped,) = directs(desk)
    (texted,) = directs(desk, "phone")
    (asked,) = alerts(desk, PROOF)
    assert tapped.alert_id == asked.id
    code = texted.payload["text"].split()[-1]
    assert (await asks(desk, "ben", Trial(code=code))).code == "code"
    assert (await asks(desk, "ana", Trial(code=code))).ok
    assert (await asks(desk, "ana", Trial(code=code))).code == "code", "a code is good once"
    button = (await desk.buttons(asked.id))["ack"]
    for who, ok in (("ben", False), ("ana", True)):
        said = Interaction(f"t{who}", "slack", who.upper(), button.verb, button.token)
        assert (await desk.desk.act(said)).ok is ok
    proofs = desk.store.read_now(lambda reader: reader.proofs("ana"))
    assert {way for way, proof in proofs.items() if proof.proven_at} == {"slack", "sms"}
    assert not desk.alert(asked.id).live


async def test_a_feed_without_a_public_address_is_refused_in_words(desk):
    assert (await asks(desk, "ana", Subscribe())).code == "no_address"


# ---------------------------------------------------------------- the change of a shift


async def shift_changes(desk):
    """Ana has an alert, and at eight in Rome Ben's shift begins."""
    await desk.passes(MINUTE)
    desk.now += 18 * HOUR + 49 * MINUTE
    await desk.late()
    await desk.settle_all(Sent({"ts": "1"}))
    await desk.say("ana", "ack")
    await desk.passes(11 * MINUTE)
    (card,) = alerts(desk, HANDOVER)
    return card


async def test_a_handover_is_accepted_with_one_tap(desk):
    card = await shift_changes(desk)
    assert (card.assignee, dict(card.facts)["D-1"].split(" · ")[0]) == ("ben", "P2")
    assert "with Ana Ruiz" in dict(card.facts)["D-1"]
    button = (await desk.buttons(card.id))["ack"]
    assert button.label == "Accept all"
    assert (await desk.say("eve", "ack", card.ref)).code == "person"
    assert (await desk.say("ben", "ack", card.ref)).ok
    assert desk.alert(1).assignee == "ben"
    assert not desk.alert(card.id).live
    assert (await desk.say("carla", "ack", card.ref)).code == "already"


async def test_until_a_handover_is_accepted_the_outgoing_person_stays_rung(desk):
    card = await shift_changes(desk)

    def rung(book_targets=("rota:dispatch",)):
        from deskbell.desk.duty import roster

        return desk.store.read_now(lambda r: roster(r, desk.desk.house, desk.now)).on_call(book_targets, desk.now)

    assert rung() == ("ben", "ana")
    await desk.say("ben", "ack", card.ref)
    assert rung() == ("ben",)


async def test_a_handover_is_over_when_each_was_taken(desk):
    card = await shift_changes(desk)
    await desk.say("ben", "take")
    await desk.passes(MINUTE)
    assert not desk.alert(card.id).live


async def test_nothing_open_is_no_handover_but_a_word(desk):
    await desk.passes(MINUTE)
    await desk.passes(19 * HOUR)
    assert not alerts(desk, HANDOVER)
    assert [one.payload["text"].split(" until")[0] for one in directs(desk)] == ["You are on duty in dispatch"]


def test_kinds_are_what_the_database_knows():
    assert {str(kind) for kind in Kind} == {
        "imported", "override", "cover", "swap", "handover", "vacation", "leave",
    }  # fmt: skip


# ---------------------------------------------------------------- before a shift


async def test_before_a_shift_each_way_is_proven_or_a_manager_hears(desk):
    await desk.desk.link("sms", "+390000", "ben")
    await desk.passes(HOUR)
    assert not alerts(desk, PROOF), "Ben's shift is still far off"
    desk.now += 7 * HOUR
    await desk.passes(MINUTE)
    assert [one.payload["direct"] for one in directs(desk)] == ["ben"]
    (texted,) = directs(desk, "phone")
    await desk.passes(MINUTE)
    assert not directs(desk), "asked once"
    (asked,) = alerts(desk, PROOF)
    assert (await desk.say("ben", "ack", asked.ref)).ok
    desk.now += 8 * HOUR + 30 * MINUTE
    await desk.passes(MINUTE)
    (told,) = alerts(desk, "oncall_unreachable")
    assert "Ben Okafor has not answered by sms" in told.summary
    assert (await asks(desk, "ben", Trial(code=texted.payload["text"].split()[-1]))).ok
    await desk.passes(MINUTE)
    assert not desk.alert(told.id).live


async def test_an_address_of_shifts_is_a_calendar_until_it_is_closed(desk):
    desk.desk.house = replace(desk.desk.house, public_url="https://desk.example.org")
    answer = await asks(desk, "ana", Subscribe())
    secret = answer.reply.lines[1].rpartition("/")[2].removesuffix(".ics")
    assert answer.reply.lines[1].startswith("https://desk.example.org/duty/")
    text = await desk.desk.shifts_feed(secret)
    events = Calendar.from_ical(text).walk("VEVENT")
    assert {str(event["summary"]) for event in events} == {"On duty: dispatch"}
    assert rome(21, 8) in {event["dtstart"].dt for event in events}
    assert await desk.desk.shifts_feed("x" * 32) is None
    await asks(desk, "ana", Subscribe(on=False))
    assert await desk.desk.shifts_feed(secret) is None
    assert secret not in str(desk.rung())


async def test_nobody_is_asked_in_their_quiet_hours_whether_they_can_be_reached(desk):
    await asks(desk, "ben", SetQuiet(Quiet(time(20), time(6, 30))))  # his shift begins at seven by UTC
    desk.now += 8 * HOUR + 30 * MINUTE
    await desk.passes(MINUTE)
    assert not directs(desk)
    desk.now += 8 * HOUR
    await desk.passes(MINUTE)
    assert not alerts(desk, "oncall_unreachable"), "what was not asked can't be missed"
    desk.now += 2 * HOUR
    await desk.passes(MINUTE)
    assert [one.payload["direct"] for one in directs(desk)] == ["ben"]
    await desk.passes(20 * MINUTE)
    assert "has not answered by slack" in alerts(desk, "oncall_unreachable")[0].summary


async def test_a_policy_that_names_a_way_minds_quiet_hours_too(desk):
    via = Policy("dispatch", (Level(timedelta(0), ("room",)), Level(MINUTE, ("person:ana via phone",))))
    desk.sit(**{**vars_of(desk), "policies": {"dispatch": via}})
    await desk.desk.link("sms", "+390000", "ana")
    await asks(desk, "ana", SetQuiet(Quiet(time(11), time(12, 20))))
    await desk.late()
    await desk.settle_all(Sent({"ts": "1"}))
    await desk.passes(2 * MINUTE)
    assert not directs(desk, "phone")
    await desk.passes(19 * MINUTE)
    assert {one.payload["direct"] for one in directs(desk, "phone")} == {"ana"}


def vars_of(desk):
    house = desk.desk.house
    return {name: getattr(house, name) for name in ("rotas", "people", "destinations", "policies")}
