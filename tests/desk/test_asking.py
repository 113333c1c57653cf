"""A late technician is asked first: answered, unanswered, answered late, answered by somebody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.short import read_short
from deskbell.core.access import Person, Role
from deskbell.core.alert import Severity, Status
from deskbell.core.asking import RULE
from deskbell.core.heard import Words
from deskbell.core.outcome import Sent
from deskbell.core.ports import Destination, Interaction
from deskbell.core.records import VisitStatus
from deskbell.core.rules.timing import TechnicianLateConf
from tests.desk.conftest import PEOPLE

MIN = timedelta(minutes=1)
MARCO = Person("marco", "Marco", roles=frozenset({Role.TECHNICIAN}), accounts={"fs": "1"})
ROOMS = {"room": Destination("room", "slack", "C1"), "sms": Destination("sms", "phone", "")}


@pytest.fixture
async def asking(bench):
    """A job that begins now, and Marco, who is known in the chat."""
    bench.sit(people={**PEOPLE, "marco": MARCO}, destinations=ROOMS)
    await bench.people()
    await bench.desk.link("slack", "MARCO", "marco")
    bench.job = bench.visit(start=bench.now, site="Hansen")  # that nobody has set out is D-1
    await bench.read(bench.job)
    return bench


def alerts(bench, rule, *statuses):
    return bench.store.read_now(lambda reader: reader.alerts(rule=rule, statuses=statuses or tuple(Status)))


def live(bench, rule):
    return alerts(bench, rule, Status.OPEN, Status.ACKED)


async def sent(bench, destination="room"):
    """What went out directly, by person."""
    found = {}
    while claims := await bench.settle_all(Sent({"ts": "1"}), destination):
        notes = [claim.work.payload for claim in claims if hasattr(claim.work, "payload")]
        found |= {note["direct"]: note["text"] for note in notes if note.get("direct")}
    return found


async def tap(bench, words, who="marco"):
    """A button of the question, as it stands under the direct message: there is no room to it."""
    (question,) = alerts(bench, RULE)
    card = await bench.desk.card(question)
    button = next(one for one in card.buttons if one.label == words)
    bench.taps = getattr(bench, "taps", 0) + 1
    said = Interaction(f"t{bench.taps}", "slack", who.upper(), button.verb, button.token)
    answer = await bench.desk.act(said)
    await bench.desk.tick()
    return answer


async def test_after_five_minutes_and_not_before(asking):
    await asking.passes(5 * MIN - timedelta(seconds=1))
    assert alerts(asking, RULE) == []
    await asking.passes(timedelta(seconds=1))
    told = await sent(asking)
    assert told == {
        "marco": "J-1, Hansen: you were due there at 12:00. When will you be there? "
        "1 = 10 minutes, 2 = 30 minutes, 3 = I can't come, 4 = I am on site"
    }
    assert live(asking, "technician_late") == []
    await asking.passes(MIN)
    assert await sent(asking) == {}, "asked once"


async def test_a_promise_is_kept_in_mind_and_told_to_the_source(asking):
    await asking.passes(5 * MIN)
    answer = await tap(asking, "30 minutes")
    assert (answer.ok, answer.text) == (True, "D-2: Marco says: 30 minutes, by 12:35.")
    writes = asking.claim("source:fs")
    assert "Marco says: 30 minutes, by 12:35 (asked about J-1)" in writes[0].work.payload["text"]
    await asking.passes(29 * MIN)
    assert live(asking, "technician_late") == []
    await asking.passes(MIN)
    (late,) = live(asking, "technician_late")
    assert late.severity is Severity.P2
    assert ("Asked", "Marco at 12:05, who promised 12:35") in late.facts


async def test_only_silence_goes_on(asking):
    await asking.passes(5 * MIN)
    await asking.passes(10 * MIN)
    (late,) = live(asking, "technician_late")
    assert late.severity is Severity.P3
    assert ("Asked", "Marco at 12:05, no answer yet") in late.facts


async def test_an_answer_that_comes_late_works_too(asking):
    await asking.passes(5 * MIN)
    await asking.passes(12 * MIN)
    (late,) = live(asking, "technician_late")
    await tap(asking, "10 minutes")
    over = asking.alert(late.id)
    assert (over.status, over.reason) == (Status.RESOLVED, "Marco promised to be there at 12:27")
    assert "Marco says: 10 minutes, by 12:27" in asking.rung()
    await asking.passes(10 * MIN)
    assert [one.id for one in live(asking, "technician_late")] != [late.id]
    assert len(live(asking, "technician_late")) == 1


async def test_who_can_not_come_rings_at_once_until_somebody_else_is_sent(asking):
    await asking.passes(5 * MIN)
    await tap(asking, "I can't come")
    (alert,) = live(asking, "technician_cannot_come")
    assert (alert.severity, alert.summary) == (Severity.P1, "Marco can't come: J-1 Hansen, due 12:00")
    await asking.passes(20 * MIN)
    assert live(asking, "technician_late") == []
    await asking.read(replace(asking.job, technician="Lena", technician_id="2"))
    over = asking.alert(alert.id)
    assert (over.status, over.reason) == (Status.RESOLVED, "Lena is sent now")
    assert live(asking, RULE) == []
    assert len(live(asking, "technician_late")) == 1, "and Lena is late"


async def test_on_site_without_the_app(asking):
    await asking.passes(5 * MIN)
    await tap(asking, "I am on site")
    await asking.passes(60 * MIN)
    assert live(asking, "technician_late") == []


async def test_second_thoughts(asking):
    await asking.passes(5 * MIN)
    await tap(asking, "10 minutes")
    await asking.passes(MIN)
    await tap(asking, "I can't come")
    assert len(live(asking, "technician_cannot_come")) == 1
    await tap(asking, "30 minutes")
    assert live(asking, "technician_cannot_come") == []


async def test_nobody_else_answers_for_them(asking):
    await asking.passes(5 * MIN)
    answer = await tap(asking, "I am on site", who="ana")
    assert (answer.code, answer.text) == ("person", "That was asked of Marco.")
    assert (await asking.say("marco", "ack", "2")).code == "choice"


async def test_the_question_settles_itself_when_they_check_in(asking):
    await asking.passes(5 * MIN)
    await asking.read(replace(asking.job, status=VisitStatus.ON_SITE, arrived_at=asking.now))
    assert live(asking, RULE) == []
    assert (await asking.say("marco", "ack", "2")).code == "already"


async def test_by_sms_with_a_digit(asking):
    asking.store.write_now(lambda uow: uow.forget_accounts("marco"))
    await asking.desk.link("phone", "+49301", "marco")
    await asking.passes(5 * MIN)
    assert list(await sent(asking, "sms")) == ["marco"]
    text = await asking.desk.wrote("phone", Words("+49301", "2", "sm1", at=asking.now), read_short("2"))
    assert text == "D-2: Marco says: 30 minutes, by 12:35."


@pytest.mark.parametrize("conf", [TechnicianLateConf(ask=timedelta()), TechnicianLateConf(enabled=False)])
async def test_nobody_is_asked_where_it_is_not_wanted(asking, conf):
    asking.sit(people={**PEOPLE, "marco": MARCO}, destinations=ROOMS, rules={"technician_late": conf})
    await asking.read(replace(asking.job, id="2", number="J-2"))
    await asking.passes(6 * MIN)
    assert [one for one in alerts(asking, RULE) if one.record_id == "2"] == []


async def test_after_an_outage_of_three_days_nobody_is_asked(asking):
    await asking.passes(timedelta(days=3))
    assert alerts(asking, RULE) == []


async def test_a_technician_whom_nobody_knows_is_not_asked(asking):
    await asking.read(asking.job, replace(asking.job, id="2", number="J-2", technician="Zoe", technician_id="9"))
    await asking.passes(5 * MIN)
    assert {one.record_id for one in alerts(asking, RULE)} == {"1"}
