"""One alert in four chats: what is done in one is seen in all; each verb works in each, by button and by command.

Everything goes through the real SDKs, over real HTTP and WebSockets, and people use only what they see.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from deskbell.core.alert import Severity, Status, Verb
from deskbell.core.card import Tone
from deskbell.core.ports import Interaction
from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Card, Heard, Refused
from deskbell.vendors.chats import CHATS
from tests.town import Town

SUPPORT = {
    "slack": "C0SUPPORT",
    "teams": credentials.TEAMS_ROOMS["support"],
    "telegram": credentials.TELEGRAM_ROOMS["support"],
    "discord": credentials.DISCORD_ROOMS["support"],
}


@dataclass(frozen=True)
class Way:
    """How people make a move: the button's words with what it then asks, or a line; and what the card then says."""

    button: str
    typed: str
    card: str
    status: Status
    answers: Sequence[str] = ()
    before: str = ""


WAYS = {
    Verb.ACK: Way("Acknowledge", "ack {ref}", "Acknowledged by Ana Ruiz", Status.ACKED),
    Verb.UNACK: Way("", "unack {ref}", "P2 act soon", Status.OPEN, before="ack {ref}"),
    Verb.TAKE: Way("Take it", "take {ref}", "Ana Ruiz took it", Status.ACKED, before="reassign {ref} carla"),
    Verb.REASSIGN: Way(
        "Reassign", "reassign {ref} carla", "Ana Ruiz gave it to Carla Weiss", Status.ACKED, answers=["Carla"]
    ),
    Verb.ESCALATE: Way("Escalate", "escalate {ref}", "escalated to level 1", Status.OPEN),
    Verb.SNOOZE: Way("Snooze", "snooze {ref} 30m", "Snoozed until", Status.OPEN, answers=["30 min"]),
    Verb.RESOLVE: Way("Resolve", "resolve {ref} Fixed", "Resolved by Ana Ruiz", Status.RESOLVED, answers=["Fixed"]),
    Verb.REOPEN: Way("Reopen", "reopen {ref}", "P2 act soon", Status.OPEN, before="resolve {ref} over"),
    Verb.NOTE: Way("", "note {ref} called the customer", "called the customer", Status.OPEN),
    Verb.UNDO: Way("Undo", "undo {ref}", "undid the acknowledgement", Status.OPEN, before="ack {ref}"),
    Verb.REVEAL: Way("", "reveal {ref}", "", Status.OPEN),  # test_reveal has its button
}
# The one needs a house that tells customers (tests/customers/test_tell.py), the other a job (test_ladders.py).
ELSEWHERE = {Verb.TELL, Verb.SEND}
CELLS = [
    (chat, verb, how)
    for chat in CHATS
    for verb, way in WAYS.items()
    for how in ("button", "command")
    if how == "command" or way.button
]


def test_no_verb_and_no_chat_is_left_out() -> None:
    assert {*WAYS, *ELSEWHERE} == set(Verb)
    assert set(SUPPORT) == set(CHATS)


async def begun(town: Town, chat: str) -> tuple[str, Card]:
    """A ticket with its card in every chat; its number, and the card in this one."""
    number = str(town.overdue_ticket().id)
    for name in CHATS:
        await town.card_in(name, number, SUPPORT[name])
    await town.until_async(town.daemon.pending, 0)
    return number, await town.card_in(chat, number, SUPPORT[chat])


@pytest.mark.parametrize(("chat", "verb", "how"), CELLS, ids=["-".join(cell) for cell in CELLS])
async def test_every_verb_in_every_chat(town: Town, chat: str, verb: Verb, how: str) -> None:
    way = WAYS[verb]
    number, card = await begun(town, chat)
    if way.before:
        await town.chats[chat].say("ana", SUPPORT[chat], way.before.format(ref=card.ref))
        await town.until_async(town.daemon.pending, 0)
        card = await town.card_in(chat, number, SUPPORT[chat])
    heard = await made(town, chat, card, verb, how)
    assert not heard.failed
    if how == "command":
        assert card.ref in heard.text
    for name in CHATS:
        await town.shows_in(name, number, way.card, SUPPORT[name])
    alert = await town.alert(number)
    assert alert.status is way.status
    entries = [row.entry for row in await town.audit() if row.entry.verb == verb]
    assert [entry.actor for entry in entries] == ["ana"]
    assert entries[0].data.get("platform", chat) == chat


async def made(town: Town, chat: str, card: Card, verb: Verb, how: str) -> Heard:
    way = WAYS[verb]
    place = town.chats[chat]
    if how == "command":
        return await place.say("ana", SUPPORT[chat], way.typed.format(ref=card.ref))
    if verb is Verb.UNDO:
        return await undo(town, chat, card)
    return await place.press("ana", card, way.button, *way.answers)


async def undo(town: Town, chat: str, card: Card, who: str = "ana") -> Heard:
    """Where a chat has private answers, Undo is there; else on the card, for everybody to see whose it is."""
    if any(label.startswith("Undo") for label in card.buttons):
        return await town.chats[chat].press(who, card, "Undo")
    return await town.chats[chat].press_private(who, "Undo")


# ------------------------------------------------------------------ one desk


@pytest.mark.parametrize("chat", CHATS)
async def test_a_tap_in_one_is_seen_in_all(town: Town, chat: str) -> None:
    number, card = await begun(town, chat)
    await town.chats[chat].press("ben", card, "Acknowledge")
    for name in CHATS:
        shown = await town.shows_in(name, number, "Acknowledged by Ben Okafor", SUPPORT[name])
        assert card.ref in shown
    assert not town.sandbox.ledger.overdue(0)


async def test_the_same_buttons_in_the_same_order_with_the_same_words(town: Town) -> None:
    number, _ = await begun(town, "slack")
    shown = {}
    for name in CHATS:
        card = await town.card_in(name, number, SUPPORT[name])
        # A link is no button of ours; one chat shows it as one.
        shown[name] = [label for label in card.buttons if not label.startswith("Open ")]
    assert shown["slack"][:1] == ["Acknowledge"]
    assert all(labels == shown["slack"] for labels in shown.values()), shown


@pytest.mark.parametrize("chat", CHATS)
async def test_of_two_at_once_the_second_is_told_in_private_who_was_first(town: Town, chat: str) -> None:
    number, card = await begun(town, chat)
    other = next(name for name in CHATS if name != chat)
    there = await town.card_in(other, number, SUPPORT[other])
    ana, ben = await asyncio.gather(
        town.chats[chat].press("ana", card, "Acknowledge"), town.chats[other].press("ben", there, "Acknowledge")
    )
    first = (await town.alert(number)).acked_by
    name, loser = ("Ana Ruiz", ben) if first == "ana" else ("Ben Okafor", ana)
    assert f"already acknowledged by {name}" in "\n".join(loser.private)
    for each in (chat, other):
        assert "already" not in "\n".join(town.chats[each].texts(SUPPORT[each]))


@pytest.mark.parametrize("chat", CHATS)
async def test_who_may_not_is_told_so_in_private(town: Town, chat: str) -> None:
    _, card = await begun(town, chat)
    heard = await town.chats[chat].press("dan", card, "Acknowledge", changes=False)
    assert "Your role does not allow ack" in "\n".join(heard.private)
    assert "role" not in "\n".join(town.chats[chat].texts(SUPPORT[chat]))


# ------------------------------------------------------------------ who is who


@pytest.mark.parametrize("chat", CHATS)
async def test_somebody_new_connects_and_what_they_tapped_is_done(town: Town, chat: str) -> None:
    number, card = await begun(town, chat)
    place = town.chats[chat]
    heard = await place.press("nils", card, "Acknowledge", changes=False)
    assert "link" in "\n".join(heard.private)
    assert (await town.alert(number)).status is Status.OPEN
    code = await town.daemon.desk.link_code("ben")
    said = await connect(town, chat, code)
    assert "you are Ben Okafor here now" in said.text
    await town.shows_in(chat, number, "Acknowledged by Ben Okafor", SUPPORT[chat])


async def connect(town: Town, chat: str, code: str) -> Heard:
    """In private where the chat has that; else by the command in the room, whose answer is private."""
    try:
        return await town.chats[chat].say("nils", "", f"link {code}")
    except Refused:
        return await town.chats[chat].say("nils", SUPPORT[chat], f"link {code}")


@pytest.mark.parametrize("chat", CHATS)
async def test_an_outsider_changes_nothing_and_learns_nothing(town: Town, chat: str) -> None:
    number, card = await begun(town, chat)
    place = town.chats[chat]
    try:
        heard = await place.press("mallory", card, "Acknowledge", changes=False)
    except Refused:
        return  # the chat itself keeps outsiders out
    assert card.text not in heard.text
    assert (await town.alert(number)).status is Status.OPEN


@pytest.mark.parametrize("chat", CHATS)
async def test_reveal_is_for_one_pair_of_eyes(veiled: Town, chat: str) -> None:
    town = veiled
    customer = "Vera Hansen"
    job = town.late_job()
    town.sandbox.fieldservice.change(job["id"], customer={"name": customer, "phone": "+49 40 1234567"})
    room = town.rooms(chat)["dispatch"]
    await town.settled()
    card = await town.card_in(chat, "4711", room)
    assert not any(customer in text for text in town.chats[chat].texts(room))
    heard = await town.chats[chat].press("ana", card, "Reveal", changes=False)
    seen = await town.until(lambda: "\n".join([*heard.private, *town.chats[chat].private("ana")]))
    seen = seen.replace("\u2060", "")  # what keeps a number from becoming a link
    assert customer in seen
    assert "+49 40 1234567" in seen
    assert not any(customer in text for text in town.chats[chat].texts(room))
    entries = [row.entry for row in await town.audit() if row.entry.verb == "reveal"]
    assert [entry.actor for entry in entries] == ["ana"]


# ------------------------------------------------------------------ trouble


@pytest.mark.parametrize("chat", CHATS)
async def test_a_card_that_was_deleted_is_posted_anew(town: Town, chat: str) -> None:
    number, card = await begun(town, chat)
    town.chats[chat].delete_by_hand(card)
    other = next(name for name in CHATS if name != chat)
    elsewhere = await town.card_in(other, number, SUPPORT[other])
    await town.chats[other].press("ana", elsewhere, "Acknowledge")
    await town.shows_in(chat, number, "Acknowledged by Ana Ruiz", SUPPORT[chat])
    again = await town.card_in(chat, number, SUPPORT[chat])
    assert again.id != card.id
    assert not town.chats[chat].duplicates()


@pytest.mark.parametrize("chat", CHATS)
async def test_a_chat_that_was_down_catches_up(town: Town, chat: str) -> None:
    number, _ = await begun(town, chat)
    other = next(name for name in CHATS if name != chat)
    card = await town.card_in(other, number, SUPPORT[other])
    town.chats[chat].faults.set("500")
    await town.chats[other].press("ana", card, "Acknowledge")
    for name in CHATS:
        if name != chat:
            await town.shows_in(name, number, "Acknowledged by Ana Ruiz", SUPPORT[name])
    town.chats[chat].faults.heal()
    await town.shows_in(chat, number, "Acknowledged by Ana Ruiz", SUPPORT[chat], seconds=40)
    assert not town.chats[chat].duplicates()


@pytest.mark.parametrize("chat", CHATS)
async def test_a_lost_answer_doubles_no_card_that_can_be_looked_up(town: Town, chat: str) -> None:
    town.chats[chat].faults.set("lost", times=1)
    number = str(town.overdue_ticket().id)
    for name in CHATS:
        await town.card_in(name, number, SUPPORT[name])
    await town.until_async(town.daemon.pending, 0)
    cards = [card for card in town.chats[chat].cards(SUPPORT[chat]) if number in card.text]
    # Telegram and Teams can't be asked, nor know a repeat: silence would be worse than the same card twice.
    assert len(cards) <= (2 if chat in ("teams", "telegram") else 1)


@pytest.mark.parametrize("chat", CHATS)
async def test_removed_from_a_room_is_told_in_another_chat_once(town: Town, chat: str) -> None:
    await begun(town, chat)
    if chat == "slack":
        town.slack.archive(SUPPORT[chat])  # merely removed, it would join again
    else:
        town.chats[chat].remove_bot(SUPPORT[chat])
    number = str(town.overdue_ticket("Another compressor trips").id)
    other = next(name for name in CHATS if name != chat)
    await town.card_in(other, number, SUPPORT[other])

    def told() -> list[Any]:
        return [card for name in CHATS for card in town.chats[name].cards() if "can't reach the room" in card.text]

    await town.until(told)
    await town.settled()
    assert {card.ref for card in told()} == {told()[0].ref}


def test_every_tone_has_an_icon_in_every_chat() -> None:
    from deskbell.faces.shared import ICONS

    assert set(ICONS) == set(Tone)


@pytest.mark.parametrize("chat", CHATS)
async def test_ten_quick_changes_make_one_edit(town: Town, chat: str) -> None:
    """While an edit is under way, whatever comes is gathered into the next."""
    desk, room = town.daemon.desk, town.rooms(chat)["dispatch"]
    words = {"title": "Gas smell in hall 3", "text": "", "team": "", "subject": "hall 3"}
    rung = await desk.raise_manual(caller="tests", person=None, idempotency_key="1", severity=Severity.P3, **words)
    before = await town.card_in(chat, "hall 3", room)
    await town.until_async(town.daemon.pending, 0)
    town.chats[chat].faults.set("slow", times=1, delay=1.0)
    for count in range(10):
        note = Interaction(f"slack:{count}", "slack", "U0ANA", "note", ref=before.ref, args={"text": f"remark {count}"})
        assert (await desk.act(note)).ok
    shown = await town.shows_in(chat, "hall 3", "remark 9", room)
    assert "remark 8" in shown
    await town.until_async(town.daemon.pending, 0)
    after = await town.card_in(chat, "hall 3", room)
    assert after.id == before.id
    assert 1 <= after.edits - before.edits <= 3
    assert rung.alert is not None
