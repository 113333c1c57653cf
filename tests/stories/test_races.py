"""Fifty people tap the same button at once, in four chats: one is first, and everybody else is told who that was."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.core.alert import Severity, Status
from deskbell.sandbox.chat import Card, Heard, Refused
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.staff import STAFF
from deskbell.vendors.chats import CHATS
from tests.town import ROOMS, Town, running

# The vendors' limits are another test's; here they would only make it long.
UNLIMITED = {
    "posts_per_second = 1 ": "posts_per_second = 1000 ",
    "edits_per_minute = 50 ": "edits_per_minute = 100000 ",
    "per_second_in_conversation = 2 ": "per_half_minute_in_conversation = 100000\nper_hour_in_conversation = 100000\n"
    "per_second_in_conversation = 1000 ",
    "per_minute_in_chat = 18 ": "per_second_in_chat = 1000\nper_minute_in_chat = 100000 ",
    'way = "gateway" ': 'posts_per_second = 1000\nway = "gateway" ',
}
ROUNDS = 200
CROWD = [one for one in STAFF.values() if one.ours and one.id != "dan"]  # Dan may only look
ROOM = {chat: rooms["dispatch"] for chat, rooms in ROOMS.items()}
TAPS = [(chat, one.id) for one in CROWD for chat in CHATS][:50]
# The three ways in which somebody is told who has it: the first one, the later ones, and technicians.
FIRST = re.compile(r"acknowledged(?: by|\. It is with) ([^.\n]+?)(?: at [0-9:]+)?\.|is with (.+?), not with you\.")


@pytest.fixture
async def crowd(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    """The town with everybody on the desk."""
    known = Path(__file__).parents[2].joinpath("config.toml").read_text()
    more = [
        f'[people.{one.id}]\nname = "{one.name}"\nemail = "{one.email}"\nroles = ["dispatcher"]\n'
        f'entra = "{one.teams}"\ntelegram = "{one.telegram}"\ndiscord = "{one.discord}"\n'
        for one in CROWD
        if f"[people.{one.id}]" not in known
    ]
    changes = {"[people.marco]": "\n".join([*more, "[people.marco]"]), **UNLIMITED}
    async with running(sandbox, tmp_path, **changes) as made:
        yield made


@pytest.mark.timeout(600)
async def test_one_winner_a_round_and_every_loser_is_told_who(crowd: Town) -> None:
    assert len(TAPS) == 50
    for turn in range(ROUNDS):
        subject = f"race {turn:03}"
        await rings(crowd, subject)
        cards = {chat: await crowd.card_in(chat, subject, ROOM[chat]) for chat in CHATS}
        heard = await asyncio.gather(*(tap(crowd, chat, who, cards[chat]) for chat, who in TAPS))
        number = int(cards["slack"].ref.removeprefix("D-"))
        alert, story = await crowd.daemon.store.read(lambda r, n=number: (r.alert(n), r.story(n, 200)))
        assert alert is not None
        assert alert.status is Status.ACKED
        assert [row.entry.actor for row in story if row.entry.verb == "ack"] == [alert.acked_by]
        name = STAFF[alert.acked_by].name
        told = [who_was_first(one) for one in heard]
        assert set(told) == {name}, (turn, name, [one for one in told if one != name])
        for chat in CHATS:
            await crowd.shows_in(chat, subject, f"Acknowledged by {name}", ROOM[chat])
        await crowd.chats["slack"].say("ana", ROOM["slack"], f"resolve {alert.ref} over")
        for chat in CHATS:
            # Swept away, so that the last round looks through as little as the first.
            await crowd.shows_in(chat, subject, "Resolved", ROOM[chat])
            crowd.chats[chat].delete_by_hand(cards[chat])


async def tap(town: Town, chat: str, who: str, card: Card) -> Heard:
    """On a machine this busy a platform may give up waiting; people then tap again, or type when the button is gone."""
    try:
        for _ in range(3):
            heard = await town.chats[chat].press(who, card, "Acknowledge")
            if heard.text:
                return heard
    except Refused:
        heard = await town.chats[chat].say(who, ROOM[chat], f"ack {card.ref}")
    return heard


async def rings(town: Town, subject: str) -> None:
    """As from another program: with a source, each round would wait for the next poll."""
    words = {"title": subject, "text": "", "team": "", "subject": subject}
    answer = await town.daemon.desk.raise_manual(
        caller="races", person=None, idempotency_key=subject, severity=Severity.P2, **words
    )
    assert answer.ok


def who_was_first(heard: Heard) -> str:
    found = FIRST.search(heard.text)
    return found[1] or found[2] if found else f"nobody told: {heard}"
