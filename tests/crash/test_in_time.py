"""Time passes: snoozes end, levels climb, an observer keeps quiet, and a restart in the middle sends nothing twice."""

import asyncio
import random
import re

import pytest

from deskbell.core.alert import Status
from tests.crash.lives import QUICK, Lives
from tests.crash.lives import Town as Street
from tests.town import CONFIG, Town

ROOM = "C0DISPATCH"
FAST = {'after = "45s"': 'after = "1s"', 'after = "90s"': 'after = "2s"', 'after = "30m"': 'after = "3s"'}


def test_the_words_that_are_replaced_are_there() -> None:
    """Else the tests below and beside this one would run at another pace than they think."""
    assert [old for old in {**QUICK, **FAST} if old not in CONFIG.read_text()] == []


async def quiet(town: Town) -> None:
    await town.until_async(town.daemon.pending, 0, 30)


def direct(town: Town, account: str) -> list[str]:
    room = town.slack.workspace.direct(account).id
    return [message.as_text() for message in town.slack.messages(room)]


# ---------------------------------------------------------------- escalation


@pytest.mark.parametrize("changes", [FAST])
async def test_nobody_answers_and_it_climbs_level_by_level(city: Town) -> None:
    city.late_job(by_minutes=31)
    await city.card("J-4711")
    await city.until(lambda: city.sandbox.pager.calls)
    await quiet(city)
    story = city.thread("J-4711")
    levels = [
        int(found[1]) for line in story if (found := re.search(r"Not acknowledged: escalated to level (\d)", line))
    ]
    assert levels == [1, 2, 3]
    rung = [call["body"] for call in city.sandbox.pager.calls]
    assert [body["kind"] for body in rung if "J-4711" in body["text"]].count("card") == 1
    assert all("level 3" in body["text"] for body in rung if body["kind"] == "note"), "the last level alone rings it"
    assert any("J-4711" in text for text in direct(city, "U0BEN")), "on call"
    assert any("J-4711" in text for text in direct(city, "U0CARLA")), "manager"
    first = {
        account: city.slack.messages(city.slack.workspace.direct(account).id)[0].at for account in ("U0BEN", "U0CARLA")
    }
    assert first["U0BEN"] < first["U0CARLA"]
    assert not direct(city, "U0DAN")


@pytest.mark.parametrize("changes", [FAST])
async def test_an_acknowledgement_ends_the_climb(city: Town) -> None:
    city.late_job(by_minutes=31)
    card = await city.card("J-4711")
    assert (await city.slack.tap("U0ANA", ROOM, card.ts, "desk.ack")).acked
    await city.shows("J-4711", "Acknowledged by Ana Ruiz")
    await asyncio.sleep(3.5)
    await quiet(city)
    alert = await city.alert("J-4711")
    assert alert.status is Status.ACKED
    assert not any("Not acknowledged: escalated to level 3" in line for line in city.thread("J-4711"))
    assert not city.sandbox.pager.calls


@pytest.mark.parametrize("changes", [{'least = "P2"': 'least = "P3"', **FAST}])
async def test_a_snooze_ends_by_itself(city: Town) -> None:
    city.late_job()
    await city.card("J-4711")
    alert = await city.alert("J-4711")
    said = await city.slack.type("U0ANA", ROOM, f"/desk snooze {alert.ref} 3s")
    assert "is quiet for 3 s" in (said.text or str(said.payload))
    await city.shows("J-4711", "Snoozed until")
    await city.until(lambda: any("snoozed it" in line for line in city.thread("J-4711")))
    told = len(city.thread("J-4711"))
    await city.until(lambda: any("The snooze is over" in line for line in city.thread("J-4711")))
    story = city.thread("J-4711")
    over = next(number for number, line in enumerate(story) if "The snooze is over" in line)
    assert over == told, "nothing was said while it was snoozed"
    await city.until(lambda: "Snoozed until" not in city.find_card("J-4711").as_text())


# ---------------------------------------------------------------- only looking


@pytest.mark.parametrize(
    "changes", [{"observe = false": "observe = true", 'summary_at = "08:00"': 'summary_at = "00:00"'}]
)
async def test_an_observer_posts_nothing_but_the_daily_summary(city: Town) -> None:
    ticket = city.overdue_ticket()
    city.late_job()

    async def seen() -> bool:
        return await city.daemon.count_alerts() >= 2

    await city.until_async(seen, True)
    await quiet(city)
    sweeps = city.sandbox.fieldservice.sweeps
    await city.until(lambda: city.sandbox.fieldservice.sweeps >= sweeps + 3)
    await quiet(city)
    said = [
        message.as_text() for room in ("C0DISPATCH", "C0SUPPORT") for message in city.slack.messages(room, replies=True)
    ]
    assert all(text.startswith("Observe only") for text in said), said
    assert 1 <= len(said) <= 2, "once a day and room"
    assert not city.slack.cards()
    assert not ticket.conversations
    listed = await city.slack.type("U0ANA", ROOM, "/desk list")
    assert "J-4711" in (listed.text or str(listed.payload)), "and yet it was seen"


# ---------------------------------------------------------------- restarts


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("way", ["asked to stop", "killed"])
async def test_ended_in_the_middle_of_everything(lives: Lives, town: Street, way: str, seed: int) -> None:
    chance, people = random.Random(seed), []
    for _ in range(4):
        job, ticket = town.late_job(), town.urgent_ticket()
        people += [asyncio.create_task(work) for work in town.people(job, ticket)]
        await town.begin()
        await asyncio.sleep(chance.uniform(0, 0.6))
        if way == "killed":
            await lives.bury()
        else:
            assert await lives.stop() == 0
    await town.begin()
    await asyncio.gather(*people)
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()
