"""The endpoint: what is not Discord's own, fresh and readable changes nothing, and is told nothing."""

import asyncio
import json
import random
import secrets
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.discord_http import genuine
from bot.web import BODY_LIMIT
from deskbell.core.alert import Status
from deskbell.sandbox import credentials
from deskbell.sandbox.discord import delivery
from deskbell.sandbox.discord.delivery import sign
from deskbell.sandbox.discord.interactions import COMPONENT
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.web import dumps
from deskbell.vendors.discord import HOOK, Way

ROOM = credentials.DISCORD_ROOMS["dispatch"]
KEYS = ("X-Signature-Ed25519", "X-Signature-Timestamp")
TYPE = {"Content-Type": "application/json"}


@pytest.fixture
async def gateway(start, discord, wait):
    gateway = await start(Way.HTTP)
    await wait(lambda: not gateway.trouble)
    return gateway


@pytest.fixture
async def tap(channel, gateway, desk, room, identity, discord):
    """The bytes of a genuine tap on Acknowledge."""
    await channel.post(room, desk.drawn(), identity)
    message = next(iter(discord.world.channels[ROOM].messages.values()))
    data = {"custom_id": message.buttons()[0]["custom_id"], "component_type": 2, "id": 2}
    live = discord.interactions.new(COMPONENT, STAFF["ana"], discord.world.channels[ROOM], data, message)
    return dumps(live.payload)


def signed(body, *, at=None, key=delivery.KEY):
    timestamp = str(int(time.time()) if at is None else at)
    return dict(zip(KEYS, (sign(body, timestamp, key), timestamp), strict=True))


def without(headers, *names):
    return {name: value for name, value in headers.items() if name not in names}


def vectors(tap):
    """name -> (headers, body). Each is wrong in one way."""
    now, good = int(time.time()), signed(tap)
    other = tap.replace(b'"dispatch"', b'"dispatcH"', 1)
    bare = dict(good)
    return {
        "no signature": (without(good, KEYS[0]), tap),
        "no timestamp": (without(good, KEYS[1]), tap),
        "neither": ({}, tap),
        "another key": (signed(tap, key=Ed25519PrivateKey.generate()), tap),
        "another body": (good, other + b" "),
        "a byte more": (good, tap + b" "),
        "a byte less": (good, tap[:-1]),
        "another interaction's signature": (signed(b'{"type":1}'), tap),
        "another timestamp": (good | {KEYS[1]: str(now - 1)}, tap),
        "old": (signed(tap, at=now - 301), tap),
        "future": (signed(tap, at=now + 301), tap),
        "signed without its timestamp": (good | {KEYS[0]: delivery.KEY.sign(tap).hex()}, tap),
        "truncated": (good | {KEYS[0]: good[KEYS[0]][:-2]}, tap),
        "longer": (good | {KEYS[0]: good[KEYS[0]] + "00"}, tap),
        "empty": (good | {KEYS[0]: ""}, tap),
        "zeros": (good | {KEYS[0]: "0" * 128}, tap),
        "no hex": (good | {KEYS[0]: "z" * 128}, tap),
        "random": (good | {KEYS[0]: secrets.token_hex(64)}, tap),
        "wrong algorithm": (good | {KEYS[0]: "v0=" + secrets.token_hex(32)}, tap),
        "timestamp no number": (good | {KEYS[1]: "now"}, tap),
        "timestamp negative": (signed(tap, at=-now), tap),
        "timestamp of other digits": (good | {KEYS[1]: "\u0661\u0662"}, tap),
        "timestamp endless": (good | {KEYS[1]: "9" * 5000}, tap),
        "unsigned ping": ({}, b'{"type":1}'),
        "bytes that are no text, unsigned": (bare, b"\xff\xfe"),
    }


NAMES = list(vectors(b'{"name":"dispatch"}'))


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_not_genuine_is_refused(name, gateway, desk, tap):
    headers, body = vectors(tap)[name]
    status, _, said = await gateway.handle_http(headers | TYPE, body)

    assert status == 401
    assert said == b"unauthorized"
    assert (desk.acted, desk.turned) == ([], [])
    assert desk.alert.status is Status.OPEN


UNREADABLE = {
    "malformed": b'{"type": 3,',
    "no json": b"type=3",
    "no object": b"[1]",
    "no text": b"\xff\xfe",
    "null": b"null",
    "no type": b"{}",
    "type a text": b'{"type": "3"}',
    "nothing": b"",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_can_not_be_read_is_refused(name, gateway, desk):
    body = UNREADABLE[name]
    status, _, _ = await gateway.handle_http(signed(body), body)

    assert status == 400
    assert desk.acted == []


async def test_what_is_huge_is_not_even_verified(gateway, desk):
    body = b'{"type":1}' + b" " * BODY_LIMIT
    status, _, _ = await gateway.handle_http(signed(body), body)

    assert status == 413


JUNK = (None, 0, -1, 1e308, True, "", "x" * 3000, [], {}, [None], {"a": 1}, "<@1>", 10**30)


def paths(value, at=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from paths(inner, (*at, key))


async def test_genuine_and_broken_anywhere_is_no_error_of_ours(gateway, desk, tap):
    """Somebody at Discord may change anything some day: nothing is a 500, and nothing a bug of ours."""
    chance = random.Random(5)
    for _ in range(600):
        body = json.loads(tap)
        *way, last = chance.choice(list(paths(body)))
        spot = body
        for key in way:
            spot = spot[key]
        spot[last] = chance.choice(JUNK)
        raw = json.dumps(body).encode()  # orjson does not write 10**30
        status, _, said = await gateway.handle_http(signed(raw), raw)
        assert status in (200, 400)
        assert b"went wrong on my side" not in said


async def test_a_replay_is_answered_as_before_and_done_once(gateway, desk, tap):
    headers = signed(tap)
    first = await gateway.handle_http(headers, tap)
    again = await gateway.handle_http(headers, tap)

    assert first[0] == again[0] == 200
    assert b"acknowledged" in first[2]
    assert len(desk.acted) == 1


async def test_another_server_is_turned_away(gateway, desk, tap):
    body = tap.replace(credentials.DISCORD_GUILD.encode(), b"900000000000009666")
    status, _, said = await gateway.handle_http(signed(body), body)

    assert status == 200
    assert b"Only people of the server" in said
    assert desk.acted == []
    assert len(desk.turned) == 1


async def test_a_ping_is_answered(gateway):
    status, headers, body = await gateway.handle_http(signed(b'{"type":1}'), b'{"type":1}')

    assert (status, body) == (200, b'{"type":1}')
    assert headers["content-type"] == "application/json"


async def test_header_names_are_of_any_case(gateway):
    headers = {name.upper(): value for name, value in signed(b'{"type":1}').items()}

    assert (await gateway.handle_http(headers, b'{"type":1}'))[0] == 200


async def test_a_slow_clock_of_ours_is_borne(gateway):
    for seconds in (-290, 290):
        headers = signed(b'{"type":1}', at=int(time.time()) + seconds)
        assert (await gateway.handle_http(headers, b'{"type":1}'))[0] == 200


def test_a_key_that_is_none_lets_nobody_in():
    for key in ("", "00", "z" * 64, "f" * 64):
        assert not genuine(key, "1", "0" * 128, b"", 1.0)


async def test_the_gateway_has_no_hook(start):
    gateway = await start(Way.GATEWAY)

    assert dict(gateway.hooks) == {}


async def test_the_hook_has_its_path(gateway):
    assert list(gateway.hooks) == [HOOK]


async def test_a_token_that_is_no_longer_good_is_told(start, discord, monkeypatch, wait):
    monkeypatch.setattr("bot.discord.ECHO_S", 0.1)
    gateway = await start(Way.HTTP)
    await wait(lambda: not gateway.trouble)
    discord.hub.reset_token()

    await wait(lambda: "the bot token is not valid" in gateway.trouble)
    refused = discord.ledger.count("discord", "rejected")
    await asyncio.sleep(0.3)
    assert discord.ledger.count("discord", "rejected") == refused  # and not asked again and again


async def test_a_short_silence_is_no_trouble(start, discord, monkeypatch, wait):
    monkeypatch.setattr("bot.discord.ECHO_S", 0.1)
    gateway = await start(Way.HTTP)
    await wait(lambda: not gateway.trouble)
    discord.faults.set("502", where="GET me")
    await wait(lambda: discord.ledger.count("discord", "failed_call") > 1)

    assert gateway.trouble == ""
    monkeypatch.setattr("bot.discord.ECHO_LOST_S", 0.0)
    assert "does not answer" in gateway.trouble
