"""Undo: for the one who did it, for a while, and only while nothing else has happened."""

from datetime import timedelta

import pytest

from deskbell.core.alert import Status
from deskbell.core.outcome import Sent
from deskbell.core.undo import WINDOW


async def ready(bench, **more):
    await bench.people()
    await bench.late(**more)
    await bench.settle_all(Sent({"channel": "C1", "ts": "1"}))


MOVES = {
    "ack": {},
    "take": {},
    "reassign": {"person": "carla"},
    "escalate": {},
    "snooze": {"span": timedelta(minutes=30)},
    "resolve": {"reason": "called back"},
}
STATE = ("status", "level", "rounds", "escalate_at", "assignee", "acked_by", "acked_at", "snoozed_until", "reason")


def state(alert):
    return {name: getattr(alert, name) for name in STATE}


@pytest.mark.parametrize("verb", MOVES)
async def test_undo_brings_back_what_was(bench, verb):
    await ready(bench)
    before = state(bench.alert(1))
    answer = await bench.say("ana", verb, **MOVES[verb])
    assert answer.ok
    assert state(bench.alert(1)) != before
    back = await bench.tap("ana", answer.undo)
    assert back.ok, back
    assert state(bench.alert(1)) == before
    assert "as it was before" in back.text
    assert back.undo is None  # a second undo would only go in circles


async def test_what_was_undone_is_told_to_the_source_and_in_the_audit(bench):
    await ready(bench)
    answer = await bench.say("ana", "ack")
    await bench.tap("ana", answer.undo)
    rows = bench.store.read_now(lambda reader: reader.audit_rows(0, 100))
    said = [row.entry.data.get("said") for row in rows if row.entry.actor == "ana"]
    assert said == ["Ana Ruiz acknowledged", "Ana Ruiz undid the acknowledgement"]
    assert [row.kind for row in bench.outbox() if row.destination == "source:fs"] == ["write", "write"]


async def test_undo_gives_it_back_in_the_source_to_whoever_had_it(bench):
    await ready(bench)
    await bench.say("carla", "take")
    answer = await bench.say("ana", "reassign", person="ben")
    await bench.tap("ana", answer.undo)
    assert bench.alert(1).assignee == "carla"


async def test_only_for_the_one_who_did_it(bench):
    await ready(bench)
    answer = await bench.say("ana", "ack")
    other = await bench.tap("ben", answer.undo)
    assert (other.ok, other.code) == (False, "scope")
    assert "Only Ana Ruiz can undo that" in other.text
    assert bench.alert(1).status is Status.ACKED


async def test_not_for_ever(bench):
    await ready(bench)
    answer = await bench.say("ana", "ack")
    bench.now += WINDOW
    late = await bench.tap("ana", answer.undo)
    assert (late.ok, late.code) == (False, "late")


async def test_not_after_something_else_happened(bench):
    await ready(bench)
    answer = await bench.say("ana", "ack")
    await bench.say("carla", "resolve", reason="done")
    gone = await bench.tap("ana", answer.undo)
    assert not gone.ok
    assert bench.alert(1).status is Status.RESOLVED


async def test_nothing_to_undo(bench):
    await ready(bench)
    assert (await bench.say("ana", "undo")).code == "nothing"


async def test_the_card_offers_it_by_name_and_no_longer_than_it_holds(bench):
    await ready(bench)
    assert (await bench.desk.card(bench.alert(1))).undo is None
    await bench.say("ana", "ack")
    card = await bench.desk.card(bench.alert(1))
    assert card.undo.label == "Undo (Ana Ruiz)"
    bench.now += WINDOW
    assert (await bench.desk.card(bench.alert(1))).undo is None


async def test_a_condition_that_ends_takes_the_undo_with_it(bench):
    await ready(bench)
    answer = await bench.say("ana", "ack")
    await bench.read(bench.visit(start=bench.now - timedelta(minutes=35), arrived_at=bench.now))
    assert bench.alert(1).status is Status.RESOLVED
    assert not (await bench.tap("ana", answer.undo)).ok
    assert bench.alert(1).status is Status.RESOLVED
