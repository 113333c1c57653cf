"""Lanes: several pieces on their way, each alert's in order, the most severe first, one instance a lane."""

import asyncio
from datetime import timedelta

import pytest

from deskbell.core.alert import Severity
from deskbell.core.outcome import Retry, Sent
from deskbell.core.ports import Lane, Limit, Settlement
from deskbell.courier.lanes import SLOTS

POSTGRES = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


async def test_many_cards_are_on_their_way_at_a_time_and_never_more_than_the_slots(found):
    office = found()
    chat = office.chats["chat"]
    await office.raised(*range(1, 3 * SLOTS))
    chat.open.clear()
    office.go()
    await office.until(lambda: chat.under_way == SLOTS)
    await asyncio.sleep(0.05)
    chat.open.set()
    await office.until_idle()
    assert chat.most == SLOTS
    assert sorted(int(ref[2:]) for _, _, ref in chat.said) == list(range(1, 3 * SLOTS))
    assert set(chat.shown) == {f"alert {number}" for number in range(1, 3 * SLOTS)}


async def test_the_notes_of_an_alert_wait_for_its_card_and_for_one_another(found):
    office = found()
    chat = office.chats["chat"]
    await office.raised(1, 2)
    for alert_id in (1, 2):
        await office.told(alert_id, *(f"note {alert_id} {number}" for number in range(3)))
    office.go()
    await office.until_idle()
    for ref in ("D-1", "D-2"):
        assert [what for what, _, about in chat.said if about == ref] == ["post", "note", "note", "note"]


async def test_an_edit_and_a_note_of_one_alert_are_not_on_their_way_together(found):
    office = found()
    chat = office.chats["chat"]
    await office.raised(1)
    office.go()
    await office.until_idle()
    chat.most = 0
    await office.store.write(lambda uow: uow.bump_posts(1, office.desk.now()))
    await office.told(1, "note")
    await office.until_idle()
    assert [what for what, _, _ in chat.said] == ["post", "edit", "note"]
    assert chat.most == 1


async def test_what_is_more_severe_waits_for_what_is_on_its_way_and_for_nothing_else(found):
    office = found()
    chat = office.chats["chat"]
    await office.raised(*range(1, 4 * SLOTS))
    chat.open.clear()
    office.go()
    await office.until(lambda: chat.under_way == SLOTS)
    await office.raised(1000, severity=Severity.P1)
    before = len(chat.said)
    chat.open.set()
    await office.until_idle()
    assert chat.shown.index("alert 1000") == before


async def test_no_more_is_claimed_than_the_limit_lets_go(found):
    limit = Limit("post", "destination", 3, timedelta(minutes=1))
    office = found(chat=[limit])
    chat = office.chats["chat"]
    await office.raised(*range(1, 10))
    office.go()
    await office.until(lambda: len(chat.said) == 3)
    await asyncio.sleep(0.1)
    assert len(chat.said) == 3
    counts = await office.store.read(lambda reader: reader.count_outbox())
    assert counts == {"waiting": 6, "claimed": 0, "dead": 0}


async def test_an_edit_does_not_wait_for_the_limit_of_posts(found):
    office = found(chat=[Limit("post", "destination", 1, timedelta(minutes=1))])
    chat = office.chats["chat"]
    await office.raised(1, 2)
    office.go()
    await office.until(lambda: len(chat.said) == 1)
    await office.store.write(lambda uow: uow.bump_posts(1, office.desk.now(), Lane.EDIT))
    await office.until(lambda: len(chat.said) == 2)
    assert chat.said[1] == ("edit", "chat", "D-1")


async def test_a_room_that_does_not_answer_holds_up_no_other(found):
    office = found()
    office.chats["chat"].open.clear()
    await office.raised(*range(1, 3 * SLOTS), rooms=("chat", "radio"))
    office.go()
    radio = office.chats["radio"]
    await office.until(lambda: len(radio.said) == 3 * SLOTS - 1)


async def test_what_fails_once_comes_again_and_a_bug_costs_one_try(found):
    office = found()
    chat = office.chats["chat"]

    def answer(_what, _room, ref):
        if ref == "D-1" and len([said for said in chat.said if said[2] == ref]) == 1:
            raise RuntimeError("a bug")
        if ref == "D-2" and len([said for said in chat.said if said[2] == ref]) == 1:
            return Retry("busy", timedelta(milliseconds=20))
        return Sent({"id": ref})

    chat.answer = answer
    await office.raised(1, 2, 3)
    office.go()
    await office.until_idle()
    assert sorted(ref for _, _, ref in chat.said) == ["D-1", "D-1", "D-2", "D-2", "D-3"]


async def test_a_drain_lets_what_is_on_its_way_arrive_and_takes_nothing_new(found):
    office = found()
    chat = office.chats["chat"]
    await office.raised(*range(1, 2 * SLOTS))
    chat.open.clear()
    office.go()
    await office.until(lambda: chat.under_way == SLOTS)
    draining = asyncio.create_task(office.courier.drain(5.0))
    await asyncio.sleep(0.02)
    chat.open.set()
    await draining
    counts = await office.store.read(lambda reader: reader.count_outbox())
    assert (len(chat.said), counts["waiting"], counts["claimed"]) == (SLOTS, SLOTS - 1, 0)


# ---------------------------------------------------------------- several instances


@POSTGRES
async def test_a_lane_is_one_instances_alone_until_it_lets_go(found):
    one, two = found("one"), found("two")
    one.chats["chat"].open.clear()
    await one.raised(*range(1, 4 * SLOTS))
    one.go()
    await one.until(lambda: one.chats["chat"].under_way == SLOTS)
    two.go()
    await asyncio.sleep(0.3)
    assert two.chats["chat"].said == []
    one.chats["chat"].open.set()
    await one.courier.drain(5.0)
    await two.until_idle()
    sent = [ref for office in (one, two) for _, _, ref in office.chats["chat"].said]
    assert len(sent) == len(set(sent)) == 4 * SLOTS - 1


@POSTGRES
async def test_the_lane_of_one_that_stands_still_is_taken_over_with_what_it_had_claimed(found):
    ttl = timedelta(seconds=0.3)
    office = found("two", ttl)
    chat = office.chats["chat"]
    await office.raised(1, 2)

    def stands_still(uow):
        now = office.desk.now()
        uow.hold_lane("chat", "one", 0, now, ttl)
        return uow.claim("chat", now, timedelta(minutes=1), 9)

    claims = await office.store.write(stands_still)
    office.go()
    await asyncio.sleep(0.1)
    assert chat.said == []
    await office.until_idle()
    assert sorted(ref for _, _, ref in chat.said) == ["D-1", "D-2"]
    assert sorted(chat.looked_for) == ["D-1", "D-2"], "nobody knows whether the other one sent them"
    late = [Settlement(claim, Sent({"id": "late"}), 1) for claim in claims]
    assert await office.desk.settle_all(late) == [False, False]


@POSTGRES
async def test_who_was_not_prolonged_but_not_replaced_goes_on(found):
    office = found("one", timedelta(seconds=0.05))
    await office.raised(1)
    office.go()
    await office.until_idle()
    await asyncio.sleep(0.1)
    await office.raised(2)
    await office.until_idle()
    assert [ref for _, _, ref in office.chats["chat"].said] == ["D-1", "D-2"]
    assert office.chats["chat"].looked_for == []
