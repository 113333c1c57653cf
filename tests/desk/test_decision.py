"""Who else could go: offered on the card, sent with one tap."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.access import Person, Role
from deskbell.core.alert import Status
from deskbell.core.decision import DecisionConf, offers
from deskbell.core.outcome import Sent
from deskbell.core.records import Leave, LeaveStatus, Visit, VisitStatus
from tests.desk.conftest import PEOPLE

MIN = timedelta(minutes=1)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TECHNICIAN = frozenset({Role.TECHNICIAN})
LENA = Person("lena", "Lena", roles=TECHNICIAN, accounts={"fs": "2"})
OLGA = Person("olga", "Olga", roles=TECHNICIAN, accounts={"fs": "3"})
PIET = Person("piet", "Piet", roles=TECHNICIAN, accounts={"fs": "4"}, teams=frozenset({"south"}))
MARCO = Person("marco", "Marco", roles=TECHNICIAN, accounts={"fs": "1"})
CREW = {one.id: one for one in (LENA, OLGA, PIET, MARCO)}
NEAR, FAR = (52.52, 13.40), (52.52, 13.70)  # 20 km apart


def visit(number, technician="", start=NOW, at=NEAR, **more):
    ids = {"Marco": "1", "Lena": "2", "Olga": "3", "Piet": "4"}
    values = {"technician": technician, "technician_id": ids.get(technician, ""), "end": start + 60 * MIN} | more
    status = values.pop("status", VisitStatus.SCHEDULED)
    return Visit("fs", str(number), f"J-{number}", status, start=start, site_lat=at[0], site_lon=at[1], **values)


JOB = visit(1, "Marco", NOW - 20 * MIN, title="Compressor down")


class TestOffers:
    def offered(self, days=None, conf=None, job=JOB, leaves=None, people=CREW):
        return offers(job, dict.fromkeys(people, ()) | (days or {}), people, conf or DecisionConf(), NOW, leaves or {})

    def test_the_nearest_free_one_first(self):
        here = visit(2, "Lena", NOW - 30 * MIN, NEAR, arrived_at=NOW - 30 * MIN, end=NOW + 10 * MIN)
        there = visit(3, "Olga", NOW - 30 * MIN, FAR, arrived_at=NOW - 30 * MIN, end=NOW - 5 * MIN)
        lena, piet, olga = self.offered({"lena": [here], "olga": [there]})
        assert (lena.person, lena.there, round(lena.km)) == ("lena", NOW + 15 * MIN, 0)
        assert (piet.person, piet.km, piet.there) == ("piet", None, NOW + 35 * MIN)
        assert round(olga.km) == 20
        assert NOW + 30 * MIN < olga.there < NOW + 50 * MIN
        assert lena.effect == "no effect on the own day"

    def test_the_own_day_counts(self):
        soon = visit(4, "Lena", NOW + 30 * MIN)
        lena = next(one for one in self.offered({"lena": [soon]}) if one.person == "lena")
        assert lena.effect == "own day: J-4 +1 h 35 min"
        assert self.offered({"lena": [soon]})[-1].person == "lena"

    def test_not_who_has_it_is_away_or_of_another_team(self):
        away = Leave("hr", "1", "", LeaveStatus.APPROVED, start=NOW - MIN, end=NOW + MIN)
        found = self.offered(job=replace(JOB, team="north"), leaves={"lena": [away]})
        assert [one.person for one in found] == ["olga"]

    def test_skills_that_the_job_asks_for(self):
        conf = DecisionConf(skills={"compressor": ("*compressor*",)})
        able = {**CREW, "olga": replace(OLGA, skills=frozenset({"compressor"}))}
        assert [one.person for one in self.offered(conf=conf, people=able)] == ["olga"]

    def test_from_home_where_the_day_has_not_begun(self):
        people = {"lena": replace(LENA, home=FAR)}
        (lena,) = self.offered(people=people)
        assert round(lena.km) == 20

    def test_three_at_most(self):
        many = {f"t{n}": Person(f"t{n}", f"T{n}", roles=TECHNICIAN, accounts={"fs": f"t{n}"}) for n in range(9)}
        assert len(self.offered(people=many)) == 3
        assert self.offered(people=many, conf=DecisionConf(most=0)) == ()

    @pytest.mark.parametrize("wrong", [{"speed_kmh": 0.0}, {"detour": 0.5}, {"most": -1}])
    def test_nonsense_is_refused(self, wrong):
        with pytest.raises(ValueError, match="speed_kmh"):
            DecisionConf(**wrong)


class TestCard:
    @pytest.fixture
    async def late(self, bench):
        bench.sit(people={**PEOPLE, **CREW})
        await bench.people()
        for person in ("marco", "lena"):
            await bench.desk.link("slack", person.upper(), person)
        await bench.read()
        job = bench.visit(start=bench.now - 35 * MIN, site="Hansen", site_lat=NEAR[0], site_lon=NEAR[1])
        busy = visit(2, "Lena", bench.now - 30 * MIN, NEAR, arrived_at=bench.now - 30 * MIN, status=VisitStatus.ON_SITE)
        await bench.read(job, busy)
        bench.job = job
        (bench.late_id,) = (
            one.id for one in bench.store.read_now(lambda reader: reader.alerts(rule="technician_late"))
        )
        return bench

    async def card(self, bench):
        return await bench.desk.card(bench.alert(bench.late_id))

    async def test_it_offers_three_with_a_button_each(self, late):
        card = await self.card(late)
        assert [one.label for one in card.buttons if one.verb == "send"] == [
            "Send Lena, 12:35",
            "Send Olga, 12:35",
            "Send Piet, 12:35",
        ]
        facts = dict(card.facts)
        assert facts["Could go: Olga"] == "there at 12:35, distance not known; no effect on the own day"

    async def test_one_tap_sends_tells_both_and_writes_it(self, late):
        await late.settle_all(Sent({"ts": "1"}))
        card = await self.card(late)
        button = next(one for one in card.buttons if one.label.startswith("Send Lena"))
        answer = await late.tap("ana", button)
        assert answer.ok
        alert = late.alert(late.late_id)
        assert (alert.status, alert.assignee) == (Status.ACKED, "ana")
        (write,) = late.claim("source:fs")
        assert (write.work.payload["kind"], write.work.payload["assignee"]) == ("assign", "2")
        told = [one.work.payload for one in late.claim() if getattr(one.work, "payload", {}).get("direct")]
        assert {one["direct"] for one in told} >= {"lena", "marco"}
        assert any("J-1 is yours now: Hansen" in one["text"] for one in told)
        assert any("J-1 goes to Lena" in one["text"] for one in told)

    async def test_until_then_nobody_is_late(self, late):
        await late.settle_all(Sent({"ts": "1"}))
        await late.say("ana", "send", str(late.late_id), person="lena")
        await late.settle_all(Sent({"ts": "1"}), "source:fs")
        await late.passes(MIN)
        over = late.alert(late.late_id)
        assert over.status is Status.RESOLVED
        assert "Lena promised to be there" in over.reason
        await late.passes(60 * MIN)
        assert late.store.read_now(lambda reader: reader.alerts(rule="technician_late"))

    async def test_what_can_not_be_sent(self, late):
        assert (await late.say("ana", "send", str(late.late_id), person="ben")).code == "person"
        assert (await late.say("ana", "send", str(late.late_id), person="marco")).code == "already"
        assert (await late.say("ana", "send", str(late.late_id))).code == "person"
        await late.say("ana", "resolve", str(late.late_id), reason="over")
        assert (await late.say("ana", "send", str(late.late_id), person="lena")).code == "resolved"

    async def test_it_offers_nobody_once_somebody_has_it(self, late):
        await late.say("ana", "ack", str(late.late_id))
        assert [one for one in (await self.card(late)).buttons if one.verb == "send"] == []
