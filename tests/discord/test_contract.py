"""Every call that we make of Discord, judged by Discord's own description of its API; and how many those were."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.catalog import GATEWAYS
from bot.discord import DiscordGateway
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import Identity
from deskbell.sandbox import credentials
from deskbell.vendors.discord import Way

ROOM = credentials.DISCORD_ROOMS["dispatch"]
OURS = {
    "DELETE /channels/{channel_id}/messages/{message_id}",
    "GET /channels/{channel_id}",
    "GET /channels/{channel_id}/messages",
    "GET /gateway/bot",
    "GET /guilds/{guild_id}/members/{user_id}",
    "GET /guilds/{guild_id}/roles",
    "GET /users/@me",
    "PATCH /channels/{channel_id}/messages/{message_id}",
    "POST /channels/{channel_id}/messages",
    "POST /channels/{channel_id}/messages/{message_id}/threads",
    "POST /interactions/{interaction_id}/{interaction_token}/callback",
    "POST /webhooks/{webhook_id}/{webhook_token}",
    "PUT /applications/{application_id}/guilds/{guild_id}/commands",
}


@pytest.fixture
def way():
    return Way.GATEWAY


async def test_every_call_is_described(channel, gateway, desk, room, discord, oracle, capfd, wait):
    if oracle.module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    identity = Identity("card", "D-12", "dispatch", 1)
    card = await channel.post(room, desk.drawn(mentions=("ben",)), identity)
    await channel.edit(room, card.ref, desk.drawn(mentions=("ben",)), identity)
    note = Identity("note", "D-12", "dispatch", 5)
    await channel.note(room, card.ref, Note("Escalated", "D-12", ("ben",), broadcast=True), note)
    await channel.note(room, card.ref, Note("Ana noted: hello", "D-12"), replace(note, number=6))
    button = Button("ack", "Acknowledge", "TOKEN")
    direct = Note("P1 D-12", direct="ben", buttons=(button,))
    await channel.note(room, card.ref, direct, replace(note, number=7))
    await channel.find(room, identity, datetime.now(UTC) - timedelta(seconds=1), {})
    await channel.check([room])
    shown = discord.cards(ROOM)[0]
    await discord.press("ana", shown, "Snooze", "30 min")
    await discord.press("ana", shown, "Reassign", "Ben")
    await discord.press("nils", shown, "Acknowledge")
    desk.codes["x"] = "nils"
    await discord.press_private("nils", "Connect", "x")
    await discord.press("ana", shown, "Resolve", "Fixed")
    await discord.say("ana", ROOM, "show D-12")
    await discord.suggest("ana", ROOM, "desk show", "alert", "D", {})

    async def later():
        return Reply(title="Fresh", lines=tuple(f"line {n} " + "x" * 60 for n in range(40)))

    gateway._clerk.commands.later = later
    await discord.say("ana", ROOM, "case 4711")
    discord.hub.limited, discord.hub.old_edits = True, 0
    discord.clock.advance(3700)
    await channel.edit(room, card.ref, desk.drawn(), identity)
    await wait(lambda: set(oracle.checked) >= OURS)

    assert set(oracle.checked) == OURS
    with capfd.disabled():
        print(
            f"\ndiscord: {sum(oracle.checked.values())} calls checked, {dict(sorted(oracle.checked.items()))}",
            file=sys.stderr,
        )


def test_the_oracle_is_awake(oracle_module):
    if oracle_module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    request = {
        "method": "POST",
        "url": "https://discord.com/api/v10/channels/1/messages",
        "headers": {"Content-Type": "application/json", "Authorization": "Bot x"},
        "body": {"content": "x" * 2001, "colour": "red"},
        "system": "discord",
    }

    assert oracle_module.check(request, strict=True)


def test_the_catalog_loads_what_it_names():
    assert GATEWAYS["discord"].load() is DiscordGateway
