"""What the desk makes of answers and of silence: nothing doubled, nothing given up quietly."""

from datetime import timedelta

from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown

REF = {"channel": "C1", "ts": "1"}


async def test_what_may_have_arrived_is_looked_up_until_it_is_known(bench):
    await bench.late()
    await bench.settle_all(Unknown("no answer"))
    for _ in range(3):
        bench.now += timedelta(minutes=6)
        (claim,) = await bench.settle_all(Retry("Slack is away", limited=True))
        assert claim.work.unsure_since is not None
    bench.now += timedelta(minutes=6)
    assert bench.claim()[0].work.unsure_since is not None


async def test_a_card_is_never_given_up_and_its_room_is_told_elsewhere(bench):
    await bench.late()
    await bench.settle_all(Sent(REF))
    await bench.people()
    await bench.say("ana", "ack")
    for _ in range(40):
        bench.now += timedelta(minutes=6)
        await bench.settle_all(Retry("Slack is away"))
    assert "post" not in {row.kind for row in bench.outbox() if row.state == "dead"}
    alarms = [a for a in bench.store.read_now(lambda reader: reader.alerts()) if a.rule == "channel_unreachable"]
    assert [a.subject for a in alarms] == ["room"]
    assert {row.destination for row in bench.outbox() if row.alert_ref == alarms[0].ref} == {"spare"}


async def test_a_room_that_comes_back_gets_the_cards_it_missed(bench):
    await bench.late()
    await bench.settle_all(Rejected(Fault.TARGET, "not_in_channel"))
    assert [row.state for row in bench.outbox() if row.destination == "room"] == ["dead"]
    bench.now += timedelta(minutes=1)
    await bench.read(bench.visit(), bench.visit(start=bench.now - timedelta(minutes=31)))
    await bench.settle_all(Sent(REF))
    assert "dead" not in {row.state for row in bench.outbox() if row.destination == "room"}


async def test_what_was_skipped_proves_nothing_about_the_room(bench):
    await bench.late()
    await bench.settle_all(Rejected(Fault.AUTH, "token_revoked"))
    trouble = bench.store.read_now(lambda reader: reader.newest_by_key("chat:slack"))
    bench.now += timedelta(minutes=1)
    await bench.settle_all(Sent(skipped=True))
    assert bench.alert(trouble.id).live


async def test_a_source_that_refuses_our_login_keeps_its_write_backs(bench):
    await bench.late()
    await bench.people()
    await bench.say("ana", "ack")
    await bench.settle_all(Rejected(Fault.AUTH, "401"), "source:fs")
    assert {row.state for row in bench.outbox() if row.destination == "source:fs"} == {"waiting"}
    assert bench.store.read_now(lambda reader: reader.newest_by_key("auth:fs")).live


async def test_live_alerts_follow_the_rooms_of_the_configuration(bench):
    from deskbell.core.ports import Destination
    from deskbell.core.route import Route

    await bench.late()
    other = Destination("other", "slack", "C2")
    bench.sit(destinations={"other": other}, routes=(Route(("other",)),))
    await bench.desk.adopt()
    assert {row.destination for row in bench.outbox() if row.kind == "post"} == {"other"}
