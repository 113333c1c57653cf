"""HTTP mode: whoever is not Slack gets nowhere, and nobody gets a five-hundred."""

import json
import time
from dataclasses import replace
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.server import Server, ServerConf
from bot.slack import EVENTS, SlackGateway
from bot.web import BODY_LIMIT
from deskbell.vendors.slack import Way, sign

SECRET = "sandbox-signing-secret"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def conf(conf):
    return replace(conf, way=Way.HTTP, signing_secrets=("the-next-secret", SECRET))


@pytest.fixture
async def gateway(conf, desk, commands, session, wait):
    gateway = SlackGateway(conf, desk, commands, session)
    await gateway.start()
    await wait(lambda: not gateway.trouble and len(desk.accounts) == 4)
    yield gateway
    await gateway.close()


@pytest.fixture
async def url(gateway, desk):
    """Through our own server, as Slack would come."""
    server = Server(ServerConf(port=0), desk, {EVENTS: gateway.handle_http})
    await server.start()
    yield f"http://127.0.0.1:{server.port}{EVENTS}"
    await server.stop()


def tap(desk, trigger="t1"):
    token = next(button.token for button in desk.drawn().buttons if button.verb == "ack")
    payload = {
        "type": "block_actions",
        "team": {"id": "T0SANDBOX"},
        "user": {"id": "U0ANA", "team_id": "T0SANDBOX"},
        "channel": {"id": "C0DISPATCH"},
        "container": {"type": "message", "message_ts": "1.5", "channel_id": "C0DISPATCH"},
        "trigger_id": trigger,
        "actions": [{"type": "button", "action_id": "desk.ack", "block_id": "b", "value": token, "action_ts": "1.7"}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body, *, secret=SECRET, at=0, stamp=None, kind=FORM):
    stamp = str(int(time.time()) + at) if stamp is None else stamp
    return {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(secret, stamp, body),
    }


async def post(url, body, headers):
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_genuine_tap_is_taken_by_either_secret(url, desk):
    bodies = [tap(desk, "t1"), tap(desk, "t2")]
    for body, secret in zip(bodies, (SECRET, "the-next-secret"), strict=True):
        assert (await post(url, body, signed(body, secret=secret)))[0] == 200

    assert len(desk.acted) == 2


async def test_a_replay_changes_nothing(url, desk):
    body = tap(desk)
    headers = signed(body)

    first, second = await post(url, body, headers), await post(url, body, headers)

    assert first[0] == second[0] == 200
    assert len(desk.acted) == 1


def without(headers, name):
    return {key: value for key, value in headers.items() if key != name}


def flipped(headers):
    signature = headers["X-Slack-Signature"]
    return headers | {"X-Slack-Signature": signature[:-1] + ("0" if signature[-1] != "0" else "1")}


# What the forger sends: a name, the body from a genuine one, the headers from the body that was signed.
FORGED = {
    "no headers at all": (lambda b: b, lambda _b: {"Content-Type": FORM}, 401),
    "no signature": (lambda b: b, lambda b: without(signed(b), "X-Slack-Signature"), 401),
    "no time stamp": (lambda b: b, lambda b: without(signed(b), "X-Slack-Request-Timestamp"), 401),
    "another key": (lambda b: b, lambda b: signed(b, secret="guess"), 401),
    "an empty key": (lambda b: b, lambda b: signed(b, secret=""), 401),
    "another body": (lambda b: b.replace(b"U0ANA", b"U0BEN"), signed, 401),
    "one byte more": (lambda b: b + b"&", signed, 401),
    "truncated": (lambda b: b[:-10], signed, 401),
    "empty body of another": (lambda _b: b"", signed, 401),
    "old": (lambda b: b, lambda b: signed(b, at=-301), 401),
    "from the future": (lambda b: b, lambda b: signed(b, at=301), 401),
    "time stamp of another": (
        lambda b: b,
        lambda b: signed(b) | {"X-Slack-Request-Timestamp": str(int(time.time()) - 1)},
        401,
    ),
    "time stamp in words": (lambda b: b, lambda b: signed(b, stamp="now"), 401),
    "time stamp with a fraction": (lambda b: b, lambda b: signed(b, stamp=f"{time.time()}"), 401),
    "time stamp beyond measure": (lambda b: b, lambda b: signed(b, stamp="9" * 300), 401),
    "signature cut off": (
        lambda b: b,
        lambda b: signed(b) | {"X-Slack-Signature": signed(b)["X-Slack-Signature"][:20]},
        401,
    ),
    "signature flipped": (lambda b: b, lambda b: flipped(signed(b)), 401),
    "another version": (
        lambda b: b,
        lambda b: signed(b) | {"X-Slack-Signature": "v1" + signed(b)["X-Slack-Signature"][2:]},
        401,
    ),
    "signature without version": (
        lambda b: b,
        lambda b: signed(b) | {"X-Slack-Signature": signed(b)["X-Slack-Signature"][3:]},
        401,
    ),
    "signature not ASCII": (lambda b: b, lambda b: signed(b) | {"X-Slack-Signature": "v0=ünïcode"}, 401),
    "too large": (lambda b: b + b"&x=" + b"y" * BODY_LIMIT, signed, 413),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forgery_is_turned_away(url, desk, name):
    change, head, status = FORGED[name]
    body = tap(desk)

    said, answer = await post(url, change(body), head(body))

    assert said == status
    assert desk.acted == []
    assert b"Traceback" not in answer


# Signed as it should be, and yet nothing that Slack would send.
BROKEN = {
    "nothing": (b"", FORM),
    "not UTF-8": (b"payload=\xff\xfe\x00", FORM),
    "not JSON": (b"payload=%7Bnot", FORM),
    "a list": (urlencode({"payload": "[1]"}).encode(), FORM),
    "a string": (urlencode({"payload": '"x"'}).encode(), FORM),
    "null": (urlencode({"payload": "null"}).encode(), FORM),
    "no type": (urlencode({"payload": "{}"}).encode(), FORM),
    "JSON that is a list": (b"[]", "application/json"),
    "broken JSON": (b'{"type":', "application/json"),
    "deep": (b"payload=" + b"%5B" * 60_000, FORM),
    "no form": (b"hello", FORM),
    "fields of another": (b"a=b&c=d", FORM),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_can_not_be_read_is_a_bad_request(url, desk, commands, name):
    body, kind = BROKEN[name]

    said, answer = await post(url, body, signed(body, kind=kind))

    assert said == 400
    assert desk.acted == commands.lines == []
    assert b"Traceback" not in answer


# Readable, genuine, and of a shape that nobody expects.
ODD = [
    {"type": "block_actions"},
    {"type": "block_actions", "user": "U0ANA", "actions": "x", "trigger_id": 5},
    {"type": "block_actions", "user": {"id": "U0ANA"}, "actions": []},
    {"type": "block_actions", "user": {"id": "U0ANA"}, "actions": [{"action_id": "desk.ack"}], "team": "T"},
    {"type": "block_actions", "user": {"id": ["U"]}, "actions": [{"action_id": "desk.ack", "value": {"a": 1}}]},
    {"type": "view_submission", "user": {"id": "U0ANA"}, "view": {"callback_id": "desk.resolve"}},
    {
        "type": "view_submission",
        "user": {"id": "U0ANA"},
        "view": {"callback_id": "desk.resolve", "private_metadata": "x"},
    },
    {"type": "block_suggestion", "user": {"id": "U0ANA"}, "action_id": "desk.people", "value": 5},
    {"type": "something_new", "user": None},
    {"type": "event_callback", "event": []},
    {"type": "view_closed", "view": {}},
]


@pytest.mark.parametrize("payload", ODD)
async def test_what_is_oddly_shaped_is_no_five_hundred(url, desk, payload):
    body = urlencode({"payload": json.dumps(payload)}).encode()

    said, answer = await post(url, body, signed(body))

    assert said < 500
    assert all(not one.token for one in desk.acted)
    assert desk.alert.version == 1
    assert b"Traceback" not in answer


async def test_the_handshake_is_answered(url):
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"}).encode()

    said, answer = await post(url, body, signed(body, kind="application/json"))

    assert said == 200
    assert b"abc" in answer


async def test_the_handshake_of_somebody_else_is_not(url):
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()

    assert (await post(url, body, signed(body, secret="guess", kind="application/json")))[0] == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_posts_come_in(url, desk, method):
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        assert answer.status == 405
    assert desk.acted == []


async def test_before_the_start_nothing_is_served(conf, desk, commands, session):
    body = tap(desk)

    status, _, _ = await SlackGateway(conf, desk, commands, session).handle_http(signed(body), body)

    assert status == 404
    assert desk.acted == []
