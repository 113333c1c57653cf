"""On the whole house: who is rung next, over a restart too; a late technician is asked; another one is sent."""

import asyncio
import time
from pathlib import Path

import pytest

from deskbell.core.alert import Status
from deskbell.sandbox.server import Sandbox
from tests.town import MINUTE, Town, running

ROOM = "C0DISPATCH"
ASKED = "When will you be there?"
QUICK = {'after = "45s"': 'after = "2s"', 'after = "90s"': 'after = "6s"'}


async def asked(town: Town, person: str = "marco") -> str:
    """The chat in which the technician was asked."""

    def where() -> str:
        names = (name for name, chat in town.chats.items() if any(ASKED in text for text in chat.private(person)))
        return next(names, "")

    return str(await town.until(where))


async def test_answered_by_a_button(town: Town) -> None:
    job = town.late_job(by_minutes=6)
    chat = await asked(town)
    heard = await town.chats[chat].press_private("marco", "30 minutes")
    assert "Marco Bianchi says: 30 minutes, by" in heard.text
    await town.until(lambda: "30 minutes" in str(town.sandbox.fieldservice.jobs[job["id"]]))
    await town.settled()
    rows = await town.audit()
    assert not await town.daemon.store.read(lambda reader: reader.alerts(rule="technician_late"))
    assert "Marco Bianchi was asked by" in " ".join(str(row.entry.data.get("said")) for row in rows)


async def test_unanswered_and_then_answered_late(town: Town) -> None:
    town.late_job(by_minutes=14.95)
    chat = await asked(town)
    await town.until(lambda: late_card(town, "no answer yet"))
    await town.chats[chat].press_private("marco", "10 minutes")
    shown = await town.until(lambda: late_card(town, "Resolved by Deskbell"))
    assert "promised to be there" in shown


def late_card(town: Town, words: str) -> str:
    """That nobody has set out has a card of its own."""
    texts = (m.as_text() for m in town.slack.messages(ROOM) if not m.thread_ts)
    return next((text for text in texts if "Technician late" in text and words in text), "")


async def test_who_can_not_come_and_who_is_sent_instead(town: Town) -> None:
    job = town.late_job(by_minutes=6)
    chat = await asked(town)
    await town.chats[chat].press_private("marco", "I can't come")
    await town.shows("4711", "can't come")
    card = await town.card_in("slack", "4711", ROOM)
    assert any(label.startswith("Send Lena Hoffmann") for label in card.buttons)
    assert "Could go: Lena Hoffmann" in card.text
    await town.chats["slack"].press("ana", card, "Send Lena Hoffmann")
    await town.until(lambda: "2" in str(town.sandbox.fieldservice.jobs[job["id"]]["technician"]))
    for person, words in (("lena", "is yours now"), ("marco", "goes to Lena Hoffmann")):
        await town.until(lambda person=person, words=words: told(town, person, words))
    await town.shows("4711", "Resolved by Deskbell")


def told(town: Town, person: str, words: str) -> bool:
    return any(words in text for chat in town.chats.values() for text in chat.private(person))


async def test_the_third_level_over_a_restart(sandbox: Sandbox, tmp_path: Path) -> None:
    async with running(sandbox, tmp_path, **QUICK) as town:
        town.late_job(by_minutes=31)
        await town.shows("4711", "escalated to level 1")
    async with running(sandbox, tmp_path, **QUICK) as town:
        await town.shows("4711", "escalated to level 2")
        await town.until_async(town.daemon.pending, 0)
        said = [text for text in town.thread("4711") if "escalated to level" in text]
        assert [("level 1" in text, "level 2" in text) for text in said] == [(True, False), (False, True)]
        await town.until(lambda: told(town, "carla", "4711"))


@pytest.mark.parametrize("first", ["ack", "escalate", "source"])
async def test_acknowledged_escalated_and_over_at_once(town: Town, first: str) -> None:
    job = town.late_job(by_minutes=31)
    await town.card("4711")

    async def ends() -> None:
        town.sandbox.fieldservice.change(job["id"], status="on_site", checked_in_at=time.time())

    deeds = {
        "ack": lambda: town.chats["slack"].say("ana", ROOM, "ack 1"),
        "escalate": lambda: town.chats["slack"].say("ben", ROOM, "escalate 1"),
        "source": ends,
    }
    order = [first, *(name for name in deeds if name != first)]
    await asyncio.gather(*(deeds[name]() for name in order))
    await town.shows("4711", "Resolved by Deskbell")
    await town.settled()
    alert = await town.alert("J-4711")
    assert (alert.status, alert.escalate_at, alert.condition) == (Status.RESOLVED, None, False)
    verbs = [row.entry.verb for row in await town.audit() if row.entry.alert_id == alert.id]
    assert verbs.count("over") == 1
    assert len([m for m in town.slack.messages(ROOM) if not m.thread_ts and "4711" in m.as_text()]) == 1
    assert time.time() - alert.opened_at.timestamp() < 5 * MINUTE
