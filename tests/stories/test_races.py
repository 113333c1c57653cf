"""Fifty people tap the same button at once, in four chats: one is first, and everybody else is told who that was."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.core.alert import Status
from deskbell.sandbox.chat import Heard
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.staff import STAFF
from deskbell.vendors.chats import CHATS
from tests.stories.test_four_chats import SUPPORT
from tests.town import Town, running

# The vendors' limits are another test's; here they would only make it long.
UNLIMITED = {
    "posts_per_second = 1 ": "posts_per_second = 1000 ",
    "edits_per_minute = 50 ": "edits_per_minute = 100000 ",
    "per_second_in_conversation = 2 ": "per_half_minute_in_conversation = 100000\nper_hour_in_conversation = 100000\n"
    "per_second_in_conversation = 1000 ",
    "per_minute_in_chat = 18 ": "per_second_in_chat = 1000\nper_minute_in_chat = 100000 ",
    'way = "gateway" ': 'posts_per_second = 1000\nway = "gateway" ',
}
ROUNDS = int(os.environ.get("DESKBELL_RACES", "20"))  # 200 for a long look
CROWD = [one for one in STAFF.values() if one.ours and one.id != "dan"]  # Dan may only look
TAPS = [(chat, one.id) for one in CROWD for chat in CHATS][:50]
# "... acknowledged. It is with Ana.", "... already acknowledged by Ana at 14:02.", "... is with Ana, not with you."
FIRST = re.compile(r"acknowledged(?: by|\. It is with) ([^.\n]+?)(?: at [0-9:]+)?\.|D-\d+ is with (.+?), not with you\.")


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


@pytest.mark.timeout(900)
async def test_one_winner_a_round_and_every_loser_is_told_who(crowd: Town) -> None:
    assert len(TAPS) == 50
    winners = 0
    for number_of_round in range(ROUNDS):
        number = str(crowd.overdue_ticket().id)
        cards = {chat: await crowd.card_in(chat, number, SUPPORT[chat]) for chat in CHATS}
        heard = await asyncio.gather(*(crowd.chats[chat].press(who, cards[chat], "Acknowledge") for chat, who in TAPS))
        alert = await crowd.alert(number)
        assert alert.status is Status.ACKED
        entries = [row.entry for row in await crowd.audit() if row.entry.alert_id == alert.id]
        assert [entry.actor for entry in entries if entry.verb == "ack"] == [alert.acked_by]
        winners += 1
        name = STAFF[alert.acked_by].name
        told = [who_was_first(one) for one in heard]
        assert set(told) == {name}, (number_of_round, name, [one for one in told if one != name])
        for chat in CHATS:
            await crowd.shows_in(chat, number, f"Acknowledged by {name}", SUPPORT[chat])
        await crowd.chats["slack"].say("ana", SUPPORT["slack"], f"resolve {alert.ref} over")
    assert winners == ROUNDS


def who_was_first(heard: Heard) -> str:
    found = FIRST.search(heard.text)
    return found[1] or found[2] if found else f"nobody told: {heard}"
