"""Escalation on the real desk: turns, everyone, hours, ways, acknowledgements that run out."""

from datetime import date, time, timedelta

import pytest

from deskbell.core.access import Person, Role
from deskbell.core.alert import Severity, Status
from deskbell.core.calendar import Calendar
from deskbell.core.outcome import Fault, Rejected, Retry, Sent
from deskbell.core.policy import Level, Policy
from deskbell.core.ports import Destination
from deskbell.core.rota import Rota
from deskbell.desk.house import OwnRules

MIN = timedelta(minutes=1)
HOUR = 60 * MIN
TRIO = ("person:ana", "person:ben", "person:carla")


def policy(*levels, **more):
    return {"policies": {"dispatch": Policy("dispatch", levels, **more)}}


async def rung(bench, destination="room"):
    """Who got a direct message since it was last asked."""
    sent = []
    while claims := await bench.settle_all(Sent({"ts": "1"}), destination):
        sent += claims
    return {name for one in sent if (name := getattr(one.work, "payload", {}).get("direct"))}


async def raised(bench, number=1):
    words = {"title": "Compressor down", "text": "", "severity": Severity.P2, "team": "", "subject": ""}
    await bench.desk.raise_manual(caller="api", person=None, idempotency_key=str(number), **words)


async def card_of(bench, number=1):
    return await bench.desk.card(bench.alert(number))


class TestTurns:
    @pytest.fixture
    async def turning(self, bench):
        bench.sit(**policy(Level(0 * MIN, ("room", *TRIO), turns=True)))
        await bench.people()
        return bench

    async def opened(self, bench, number):
        """Whom the card of a new alert rings."""
        await raised(bench, number)
        return (await card_of(bench, number)).mentions

    async def test_each_alert_rings_the_next_one_over_restarts(self, turning):
        seen = []
        for number in range(1, 7):
            seen.append(await self.opened(turning, number))
            turning.sit(**policy(Level(0 * MIN, ("room", *TRIO), turns=True)))
        assert seen == [("ana",), ("ben",), ("carla",)] * 2

    async def test_who_cannot_be_reached_is_left_out(self, turning):
        turning.store.write_now(lambda uow: uow.forget_accounts("ben"))
        assert [await self.opened(turning, number) for number in (1, 2, 3)] == [("ana",), ("carla",), ("ana",)]


class TestEveryone:
    @pytest.fixture
    async def waiting(self, bench):
        bench.sit(
            **policy(
                Level(0 * MIN, ("room", "person:ana", "person:ben"), everyone=True), Level(5 * MIN, ("person:carla",))
            )
        )
        await bench.people()
        await bench.late()
        return bench

    async def test_it_is_acknowledged_when_each_of_them_has(self, waiting):
        first = await waiting.say("ana", "ack")
        assert first.text == "D-1 has your word. Still to come: Ben Okafor."
        assert waiting.alert(1).status is Status.OPEN
        assert ("Still to acknowledge", "Ben Okafor") in (await card_of(waiting)).facts
        again = await waiting.say("ana", "ack")
        assert (again.code, "Ben Okafor" in again.text) == ("waits", True)
        assert (await waiting.say("ben", "ack")).ok
        held = waiting.alert(1)
        assert (held.status, held.waits, held.acked_by) == (Status.ACKED, (), "ben")

    async def test_somebody_else_counts_for_nobody_but_can_take_it(self, waiting):
        assert (await waiting.say("carla", "ack")).code == "waits"
        assert (await waiting.say("carla", "take")).ok
        assert (waiting.alert(1).status, waiting.alert(1).waits) == (Status.ACKED, ())

    async def test_who_is_missing_is_told_to_the_next_level(self, waiting):
        await waiting.say("ana", "ack")
        await waiting.settle_all(Sent({"ts": "1"}))
        await waiting.passes(5 * MIN)
        assert "Not acknowledged by Ben Okafor: escalated to level 1, Carla Weiss" in waiting.rung()
        assert await rung(waiting) == {"carla"}
        assert (await waiting.say("carla", "ack")).ok

    async def test_it_can_be_undone(self, waiting):
        await waiting.say("ana", "ack")
        assert (await waiting.say("ana", "undo")).ok
        assert waiting.alert(1).waits == ("ana", "ben")


class TestHours:
    @pytest.mark.parametrize(("opens", "whom"), [("00:00", "ben"), ("20:00", "carla")])
    async def test_other_levels_outside(self, bench, opens, whom):
        hours = Calendar("Europe/Berlin", opens=time.fromisoformat(opens), closes=time(23))
        inside = (Level(0 * MIN, ("room",)), Level(5 * MIN, ("person:ben",)))
        outside = (Level(0 * MIN, ("room",)), Level(1 * MIN, ("person:carla",)))
        bench.sit(**policy(*inside, hours=hours, outside=outside))
        await bench.people()
        await bench.late()
        await bench.settle_all(Sent({"ts": "1"}))
        await bench.passes(5 * MIN)
        assert await rung(bench) == {whom}


class TestWays:
    @pytest.fixture
    async def phoning(self, bench):
        sms = Destination("sms", "phone", "")
        room = Destination("room", "slack", "C1")
        bench.sit(
            **policy(Level(0 * MIN, ("room",)), Level(5 * MIN, ("room", "person:ben via sms"))),
            destinations={"room": room, "sms": sms},
        )
        await bench.people()
        await bench.desk.link("phone", "+49301", "ben")
        return bench

    async def test_a_message_of_its_own_besides_the_chat(self, phoning):
        await phoning.late()
        await phoning.settle_all(Sent({"ts": "1"}))
        await phoning.passes(5 * MIN)
        assert (await rung(phoning), await rung(phoning, "sms")) == ({"ben"}, {"ben"})

    async def test_who_is_known_there_alone_is_reached(self, phoning):
        phoning.store.write_now(lambda uow: uow.forget_accounts("ben"))
        await phoning.desk.link("phone", "+49301", "ben")
        await phoning.late()
        await phoning.settle_all(Sent({"ts": "1"}))
        await phoning.passes(5 * MIN)
        assert await rung(phoning, "sms") == {"ben"}


async def test_a_level_of_people_who_are_known_nowhere_is_left_out_at_once(bench):
    await bench.desk.link("slack", "CARLA", "carla")
    await bench.late()
    await bench.settle_all(Sent({"ts": "1"}))
    await bench.passes(5 * MIN)
    assert any("Level 2 of the policy dispatch reaches nobody (room, person:ben)" in said for said in bench.rung())
    assert await rung(bench) == {"carla"}


async def test_a_person_who_cannot_be_told_keeps_nobody_else_from_hearing_it(bench):
    bench.sit(**policy(Level(0 * MIN, ("room",)), Level(5 * MIN, TRIO)))
    await bench.people()
    await bench.late()
    await bench.settle_all(Sent({"ts": "1"}))
    await bench.passes(5 * MIN)
    told = set()

    def outcome(claim):
        person = getattr(claim.work, "payload", {}).get("direct")
        if person == "ana":
            return Retry("try later", HOUR)
        if person == "ben":
            return Rejected(Fault.TARGET, "no such user")
        told.add(person)
        return Sent({"ts": "1"})

    for _ in range(5):
        await bench.settle_all(outcome)
    assert "carla" in told


async def test_overdue_steps_after_three_days_are_one(bench):
    await bench.people()
    await raised(bench)
    await bench.settle_all(Sent({"ts": "1"}))
    await bench.passes(timedelta(days=3))
    climbs = [said for said in bench.rung() if "escalated to level" in said]
    assert climbs == ["Not acknowledged: escalated to level 2, Carla Weiss"]
    assert await rung(bench) == {"carla"}


async def test_exhausted_is_told_to_every_manager(bench):
    more = {"dora": Person("dora", "Dora Lind", roles=frozenset({Role.MANAGER}), teams=frozenset({"north"}))}
    bench.sit(
        people={**bench.desk.house.people, **more},
        policies={
            "dispatch": Policy("dispatch", (Level(0 * MIN, ("room", "person:ana")),)),
            "ourselves": Policy("ourselves", (Level(0 * MIN, ("room", "role:manager")),)),
        },
    )
    await bench.people()
    await bench.late()
    await bench.passes(31 * MIN)
    (exhausted,) = bench.store.read_now(lambda reader: reader.alerts(rule="escalation_exhausted"))
    assert (await card_of(bench, exhausted.id)).mentions == ("carla", "dora")


class TestAcknowledgement:
    @pytest.fixture
    async def acked(self, bench):
        """A P1, which grows no worse, with Ana."""
        bench.sit(own=OwnRules(ack_stale_p1=HOUR))
        await bench.people()
        await bench.late(start=bench.now - 70 * MIN)
        await bench.say("ana", "ack")
        await rung(bench)
        return bench

    async def test_a_reminder_at_three_quarters_and_then_it_is_open_again(self, acked):
        await acked.passes(44 * MIN)
        assert await rung(acked) == set()
        await acked.passes(MIN)
        reminder = "Nothing has happened for 45 min since Ana Ruiz acknowledged; it rings again at 13:00"
        assert reminder in acked.rung()
        assert await rung(acked) == {"ana"}
        await acked.passes(14 * MIN)
        assert acked.alert(1).status is Status.ACKED
        await acked.passes(MIN)
        open_again = "Nothing has happened for 1 h since Ana Ruiz acknowledged: it is open again, Ben Okafor"
        assert open_again in acked.rung()
        held = acked.alert(1)
        assert (held.status, held.assignee, held.acked_at, held.severity) == (Status.OPEN, "", None, Severity.P1)
        assert await rung(acked) == {"ana", "ben"}

    async def test_a_note_counts_as_something(self, acked):
        await acked.passes(40 * MIN)
        await acked.say("ana", "note", text="on it")
        await acked.passes(44 * MIN)
        assert not any("Nothing has happened" in said for said in acked.rung())
        await acked.passes(MIN)
        assert any("Nothing has happened" in said for said in acked.rung())

    async def test_after_three_days_without_us_it_is_told_once(self, acked):
        await acked.passes(timedelta(days=3))
        told = [said for said in acked.rung() if "Nothing has happened" in said]
        assert len(told) == 1
        assert "open again" in told[0]

    async def test_a_snooze_is_no_silence(self, acked):
        await acked.say("ana", "snooze", span=3 * HOUR)
        await acked.passes(2 * HOUR)
        assert not any("Nothing has happened" in said for said in acked.rung())
        await acked.passes(HOUR)
        assert "The snooze is over" in acked.rung()
        await acked.passes(HOUR)
        assert acked.alert(1).status is Status.OPEN


async def test_a_snooze_over_the_end_of_the_shift_rings_whoever_is_on_duty_then(bench):
    """Ana has it until 13:00, when Ben comes."""
    rota = Rota("dispatch", ("ana", "ben"), every="daily", handover=time(13), start=date(2026, 11, 20))
    levels = (Level(0 * MIN, ("room", "rota:dispatch")), Level(5 * MIN, ("room", "rota:dispatch")))
    bench.sit(**policy(*levels), rotas={"dispatch": rota})
    await bench.people()
    await bench.desk.tick()
    await raised(bench)
    (alert,) = bench.store.read_now(lambda reader: reader.alerts(rule="manual_trigger"))
    assert (await card_of(bench, alert.id)).mentions == ("ana",)
    await bench.say("ana", "snooze", str(alert.id), span=2 * HOUR)
    await rung(bench)
    await bench.passes(HOUR + MIN)
    handover = bench.store.read_now(lambda reader: reader.alerts(rule="handover"))
    assert [one.assignee for one in handover] == ["ben"]
    await bench.say("ben", "ack", str(handover[0].id))
    await rung(bench)
    await bench.passes(HOUR)
    assert "The snooze is over, nobody has it: escalated to level 1, Ben Okafor" in bench.rung()
    assert await rung(bench) == {"ben"}
