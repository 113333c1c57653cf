"""Text from strangers, in Teams, Telegram and Discord: nothing of it comes alive, is refused, or stops the desk."""

import pytest

from deskbell.sandbox.chat import Heard, Refused
from deskbell.vendors.chats import CHATS
from tests.attack.judges import judge
from tests.attack.test_hostile_text import HOSTILE, TYPED, jobs, quiet, tickets
from tests.town import Town

ELSEWHERE = tuple(name for name in CHATS if name != "slack")
COMMANDS = {"ack", "reassign", "snooze", "resolve", "case", "show", "list", "new", "help", "note"}


async def test_the_judge_sees_what_is_alive(town: Town) -> None:
    ref = (await _late(town)).ref
    for name, place in (("teams", town.sandbox.teams.tenant), ("telegram", town.sandbox.telegram)):
        room = town.rooms(name)["dispatch"]
        messages = place.conversations[room].messages if name == "teams" else place.room(room)[0].messages
        card = next(one for one in messages.values() if ref in one.text)
        judge(town)
        if name == "teams":
            (attachment,) = card.activity["attachments"]
            shown = attachment["content"]
            for bad in (
                {"type": "TextBlock", "text": "[click](https://evil.example)"},
                {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "url": "https://evil.example"}]},
            ):
                shown["body"].append(bad)
                with pytest.raises(AssertionError, match="Teams"):
                    judge(town)
                shown["body"].pop()
        else:
            from deskbell.sandbox.telegram.entities import read

            kept = card.text, card.entities
            for html in ("https://evil.example", "@somebody", "/etc", '<a href="https://evil.example">x</a>', "#tag"):
                card.text, card.entities = read(html, "HTML")
                with pytest.raises(AssertionError, match="Telegram"):
                    judge(town)
            card.text, card.entities = kept
    card = next(one for one in town.sandbox.discord.world.all_messages() if one.embeds and ref in one.text())
    kept = card.embeds[0].get("description")
    for words in ("<@900000000000000003>", "@everyone", "https://evil.example", "[x](https://evil.example)"):
        card.embeds[0]["description"] = words
        with pytest.raises(AssertionError, match="Discord"):
            judge(town)
    card.embeds[0]["description"] = kept
    judge(town)


async def _late(town: Town):
    town.late_job()
    for chat in CHATS:
        await town.card_in(chat, "J-4711")
    await quiet(town)
    return await town.card_in("slack", "J-4711")


async def test_hostile_text_in_every_field_of_tickets_and_jobs(town: Town) -> None:
    rows, works = tickets(town), jobs(town)
    subjects = [*(str(ticket.id) for ticket in rows.values()), *(work["number"] for work in works.values())]
    for chat in ELSEWHERE:
        for subject in subjects:
            await town.card_in(chat, subject, seconds=30)
    await quiet(town)
    judge(town)
    for number, ticket in enumerate(rows.values()):
        chat = ELSEWHERE[number % len(ELSEWHERE)]
        place, card = town.chats[chat], await town.card_in(chat, str(ticket.id))
        for line in (f"case {ticket.id}", f"show {card.ref}"):
            heard = await place.say("ana", card.room, line)
            assert str(ticket.id) in heard.text, f"{chat}: {line}: {heard}"
        await place.press("ana", card, "Acknowledge")
        for other in CHATS:
            await town.shows_in(other, str(ticket.id), "Acknowledged by Ana Ruiz")
    for chat in ELSEWHERE:
        for line in ("list", "list open 2", "job 4711", "list source fieldservice"):
            assert (await town.chats[chat].say("ana", town.rooms(chat)["dispatch"], line)).text, f"{chat}: {line}"
    await quiet(town)
    judge(town)


@pytest.mark.parametrize("chat", ELSEWHERE)
async def test_hostile_reasons_typed_into_what_asks_for_one(town: Town, chat: str) -> None:
    typeable = {name: text for name, text in HOSTILE.items() if name not in ("surrogates", "spaces")}
    rows = {name: town.overdue_ticket(f"Dryer {number}") for number, name in enumerate(typeable)}
    cards = {name: await town.card_in(chat, str(ticket.id)) for name, ticket in rows.items()}
    await quiet(town)
    place = town.chats[chat]
    for name, text in typeable.items():
        subject = str(rows[name].id)
        words = "x" + text.replace("\n", " ").replace("\x00", "")[:900]
        heard = await place.press("ana", await town.card_in(chat, subject), "Resolve", words)
        assert not heard.failed, f"{name}: {heard.failed}"
        for other in CHATS:
            await town.shows_in(other, subject, "Resolved by Ana Ruiz")
    assert len(cards) == len(typeable)
    await quiet(town)
    judge(town)
    assert (await town.daemon.verify_audit())[0]


@pytest.mark.parametrize("chat", ELSEWHERE)
async def test_hostile_words_typed_are_answered_in_words(town: Town, chat: str) -> None:
    await _late(town)
    before = await town.alert("J-4711")
    place, room = town.chats[chat], town.rooms(chat)["dispatch"]
    for typed in TYPED:
        line = typed.replace("{ref}", before.ref)
        if line.partition(" ")[0] not in COMMANDS:
            continue  # no command: in a room, nobody speaks to the bot
        try:
            heard = await place.say("ana", room, line[:1900])
        except Refused:
            continue  # the client itself sends no such thing
        assert isinstance(heard, Heard)
        assert heard.text, repr(line[:50])
        assert not heard.failed, repr(line[:50])
        assert "Traceback" not in heard.text
    await quiet(town)
    judge(town)
    after = await town.alert("J-4711")
    assert (after.status, after.assignee, after.snoozed_until) == (before.status, "", None)
