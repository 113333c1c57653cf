"""Two people and one card, cards overtaken, alerts only listed, and what is typed."""

from datetime import timedelta

from deskbell.core.alert import Mode, Severity, Status
from deskbell.core.outcome import Sent


async def ready(bench, **more):
    await bench.people()
    await bench.late(**more)
    await bench.settle_all(Sent({"channel": "C1", "ts": "1"}))


async def test_two_taps_on_one_card_have_one_winner(bench):
    await ready(bench)
    buttons = await bench.buttons()
    first, second = await bench.tap("ana", buttons["escalate"]), await bench.tap("carla", buttons["escalate"])
    assert (first.code, second.code) == ("done", "stale")
    assert "escalated to level 1" in second.text
    assert bench.alert(1).step == 1


async def test_an_old_card_does_not_undo_what_was_done_since(bench):
    await ready(bench)
    old = await bench.buttons()
    await bench.tap("ben", old["ack"])
    answer = await bench.tap("carla", old["escalate"])
    assert answer.code == "stale"
    assert "Ben Okafor" in answer.text
    assert bench.alert(1).status is Status.ACKED


async def test_unack_begins_the_policy_anew(bench):
    await ready(bench)
    await bench.say("ana", "ack")
    await bench.say("ana", "unack")
    alert = bench.alert(1)
    assert (alert.level, alert.step) == (1, 0)
    await bench.passes(timedelta(minutes=5, seconds=1))
    assert any("level 1, Ben Okafor" in said for said in bench.rung())


async def test_acting_on_what_was_only_listed_gives_it_a_card(bench):
    await bench.people()
    await bench.read(bench.visit(start=bench.now - timedelta(hours=9)))
    assert bench.alert(1).mode is Mode.LISTED
    assert not [row for row in bench.outbox() if row.kind == "post"]
    assert (await bench.say("ana", "escalate")).ok
    assert bench.alert(1).mode is Mode.CARD
    assert [row.destination for row in bench.outbox() if row.kind == "post"] == ["room"]


async def test_what_is_typed_stands_apart_from_the_chain(bench):
    await ready(bench)
    await bench.say("ana", "escalate", reason="customer\nis angry")
    rows = bench.store.read_now(lambda reader: reader.audit_rows(0, 100))
    entry = next(row.entry for row in rows if row.entry.verb == "escalate")
    assert "angry" not in str(entry.data)
    assert entry.personal == {"text": "customer is angry"}
    card = await bench.desk.card(bench.alert(1))
    assert card.trail[-1].count("angry") == 1


async def test_somebody_who_answers_ends_the_cry_that_nobody_does(bench):
    await ready(bench)
    for _ in range(30):
        await bench.passes(timedelta(minutes=16))
    assert bench.alert(1).status is Status.OPEN
    cry = bench.store.read_now(lambda reader: reader.newest_by_key("exh:1"))
    assert cry.live
    await bench.say("ana", "ack")
    assert not bench.alert(cry.id).live
    await bench.say("ana", "unack")
    for _ in range(30):
        await bench.passes(timedelta(minutes=16))
    again = bench.store.read_now(lambda reader: reader.newest_by_key("exh:1"))
    assert (again.id != cry.id, again.live) == (True, True)


async def test_by_hand_ten_an_hour_resolved_or_not(bench):
    await bench.people()
    codes = []
    for number in range(12):
        answer = await bench.desk.raise_manual(
            caller="slack:ANA",
            person=bench.desk.people["ana"],
            idempotency_key=str(number),
            title=f"Pump {number}",
            text="",
            severity=Severity.P4,
            team="",
            subject="",
        )
        codes.append(answer.code)
        if answer.ok:
            await bench.say("ana", "resolve", answer.alert.ref, reason="done")
    assert codes == ["done"] * 10 + ["limit"] * 2
