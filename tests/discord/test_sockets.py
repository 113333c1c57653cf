"""The gateway connection: drops, deafness, crashes of the SDK, and the codes after which nobody may try again."""

import asyncio
import time

import pytest

from bot import discord_socket
from deskbell.sandbox import credentials

ROOM = credentials.DISCORD_ROOMS["dispatch"]
FATAL = {
    4004: "the bot token is not valid",
    4010: "the shard is not valid",
    4011: "must be sharded",
    4012: "the version of the gateway",
    4013: "the intents are not valid",
    4014: "an intent is asked for",
}


async def at_once(self, shard_id, *, initial=False):
    """The SDK would wait five seconds before a second login of one life, as Discord asks for."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The pauses of days, in parts of a second."""
    monkeypatch.setattr(discord_socket, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(discord_socket, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(discord_socket._Client, "before_identify_hook", at_once, raising=False)


@pytest.fixture
async def gateway(start, discord, wait):
    gateway = await start()
    await wait(lambda: not gateway.trouble and discord.sockets.ready)
    return gateway


@pytest.fixture
async def card(channel, gateway, desk, room, identity, discord):
    await channel.post(room, desk.drawn(), identity)
    return discord.cards(ROOM)[0]


async def works(discord, card):
    heard = await discord.press("ana", card, "Acknowledge")
    return heard.failed == "" and bool(heard.private)


async def test_only_guilds_are_asked_for(gateway, discord):
    session = next(iter(discord.sockets.sessions.values()))

    assert session.intents == 1


async def test_before_it_is_connected_it_says_so(start, discord, wait):
    discord.faults.set("502", where="GET gateway", times=3)
    gateway = await start()

    await wait(lambda: "no connection to Discord: without a word (HTTP 502)" in gateway.trouble)
    await wait(lambda: not gateway.trouble)


async def test_a_drop_is_resumed_and_nobody_is_alarmed(gateway, card, discord, wait):
    discord.sockets.drop()
    assert gateway.trouble == ""
    await wait(lambda: discord.sockets.resumed == 1 and discord.sockets.ready == 1)

    assert await works(discord, card)
    assert len(discord.sockets.identified) == 1


async def test_a_reconnect_that_is_asked_for_is_resumed(gateway, card, discord, wait):
    await discord.sockets.ask_to_reconnect()
    await wait(lambda: discord.sockets.resumed == 1 and discord.sockets.ready == 1)

    assert await works(discord, card)


async def test_a_code_that_can_be_mended_is(gateway, card, discord, wait):
    await discord.sockets.kick(4009)
    await wait(lambda: discord.sockets.opened > 1 and discord.sockets.ready == 1)

    assert await works(discord, card)


async def test_deafness_is_noticed(start, channel, desk, room, identity, discord, monkeypatch, wait):
    monkeypatch.setattr(discord_socket, "HEARTBEAT_TIMEOUT_S", 0.4)
    discord.sockets.heartbeat_s = 0.1
    gateway = await start()
    await wait(lambda: not gateway.trouble and discord.sockets.ready)
    discord.sockets.deafen()
    await wait(lambda: discord.sockets.opened > 1 and discord.sockets.ready == 1)
    await channel.post(room, desk.drawn(), identity)

    assert await works(discord, discord.cards(ROOM)[0])


async def test_while_it_is_away_it_says_so_and_comes_back(gateway, card, discord, monkeypatch, wait):
    monkeypatch.setattr(discord_socket, "GRACE_S", 0.1)
    discord.faults.set("502", where="GET gateway")
    discord.sockets.sessions.clear()
    discord.sockets.refuse_with = 4000
    discord.sockets.drop()
    await wait(lambda: "no connection to Discord" in gateway.trouble)
    discord.faults.heal()
    discord.sockets.refuse_with = 0
    await wait(lambda: not gateway.trouble and discord.sockets.ready)

    assert await works(discord, card)


async def test_a_crash_of_the_sdk_is_survived(start, channel, desk, room, identity, discord, wait):
    """READY without a user is what the SDK can't read: its client ends, and another takes its place."""
    discord.sockets.greeting = {"user": None}
    gateway = await start()
    await wait(lambda: gateway._connection.lives > 2)
    assert "no connection to Discord" in gateway.trouble
    discord.sockets.greeting = {}
    await wait(lambda: not gateway.trouble and discord.sockets.ready)
    await channel.post(room, desk.drawn(), identity)

    assert await works(discord, discord.cards(ROOM)[0])


async def test_an_interaction_the_sdk_could_not_read_is_no_crash(gateway, card, discord):
    await discord.sockets.dispatch("INTERACTION_CREATE", {"type": 3})
    await discord.sockets.dispatch("INTERACTION_CREATE", {"id": "1", "token": "x", "type": 2, "data": {"name": "x"}})
    await discord.sockets.dispatch("MESSAGE_CREATE", {"content": '"INTERACTION_CREATE"'})

    assert await works(discord, card)
    assert gateway._connection.lives == 1


@pytest.mark.parametrize("code", FATAL)
async def test_after_a_fatal_code_nobody_tries_again(code, start, discord, wait):
    discord.sockets.refuse_with = code
    gateway = await start()
    await wait(lambda: FATAL[code] in gateway.trouble)
    opened = discord.sockets.opened
    await asyncio.sleep(0.3)

    assert discord.sockets.opened == opened == 1


async def test_a_token_that_is_taken_away_ends_it(gateway, discord, wait):
    discord.hub.reset_token()
    await discord.sockets.kick(4004)
    await wait(lambda: "the bot token is not valid" in gateway.trouble)
    calls = discord.ledger.count("discord", "rejected", "call")
    await asyncio.sleep(0.3)

    assert discord.ledger.count("discord", "rejected", "call") == calls


async def test_a_wrong_token_is_tried_once(start, discord, wait):
    discord.hub.reset_token()
    gateway = await start()
    await wait(lambda: "the bot token is not valid" in gateway.trouble)
    await asyncio.sleep(0.3)

    assert discord.sockets.opened == 0
    assert discord.ledger.count("discord", "rejected") <= 2  # the gateway's address, and the commands


async def test_a_token_that_goes_bad_between_two_calls(start, discord, wait):
    discord.faults.set("401", where="GET me", times=1)
    gateway = await start()

    await wait(lambda: "the bot token is not valid" in gateway.trouble)
    assert discord.sockets.opened == 0


async def test_the_last_logins_of_a_day_are_spared(start, discord, wait):
    discord.sockets.identified = [discord.clock.time()] * 980
    gateway = await start()

    await wait(lambda: "nearly all logins of the day are used up" in gateway.trouble)
    await asyncio.sleep(0.2)
    assert len(discord.sockets.identified) == 980


async def test_pauses_grow(start, discord, wait):
    discord.sockets.greeting = {"user": None}
    gateway = await start()
    started = time.monotonic()
    await wait(lambda: gateway._connection.lives >= 4)

    assert time.monotonic() - started > 0.02


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1])
async def test_closing_is_quick_whatever_is_under_way(after, start, discord):
    gateway = await start()
    await asyncio.sleep(after)
    started = time.monotonic()
    await gateway.close()

    assert time.monotonic() - started < 2.0


async def test_closing_is_quick_when_the_other_side_is_deaf(gateway, discord):
    discord.sockets.deafen()
    started = time.monotonic()
    await gateway.close()

    assert time.monotonic() - started < 5.0
