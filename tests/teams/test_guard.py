"""Whoever would like to be Teams: each way in which a call can be wrong, none let in, none a 500, nothing done."""

import asyncio
import base64
import json
import time
from dataclasses import replace

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization

from bot.teams import TeamsGateway
from bot.teams_guard import Guard, Keys, TurnedAway, is_shaped, read_keys
from bot.web import BODY_LIMIT
from deskbell.core.alert import Status
from deskbell.sandbox import credentials
from deskbell.sandbox.teams.cards import shown_actions
from deskbell.sandbox.teams.tokens import private_key

ROOM = credentials.TEAMS_ROOMS["dispatch"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def tap(card, teams):
    """A genuine tap as it would come in; `more` lays something over the activity."""

    def make(**more):
        button = next(one for one in shown_actions(card.card) if one["title"] == "Acknowledge")
        value = {"action": {key: button[key] for key in ("type", "verb", "data")}, "trigger": "manual"}
        place = teams.tenant.conversations[ROOM]
        named = {"name": "adaptiveCard/action", "value": value, "replyToId": card.id}
        return teams.activity("ana", place, "invoke", card.id, **named) | more

    return make


def b64(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hs256(teams):
    """Signed with the public key as if it were a shared secret; PyJWT refuses to make one, so it is made by hand."""
    import hashlib
    import hmac

    pem = (
        private_key(0)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    head = b64({"alg": "HS256", "typ": "JWT", "kid": teams.signer.kid})
    body = b64(teams.signer.claims(teams.service_url))
    mac = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{b64(mac)}"


def unsigned(teams):
    head = b64({"alg": "none", "typ": "JWT", "kid": teams.signer.kid})
    return f"{head}.{b64(teams.signer.claims(teams.service_url))}."


def signed(teams, number=0, header=None, **claims):
    return teams.signer.sign(teams.signer.claims(teams.service_url, **claims), number, **(header or {}))


def other_body(teams):
    """Somebody else's claims under a genuine signature."""
    head, _, mac = signed(teams).split(".")
    return f"{head}.{b64(teams.signer.claims('https://evil.example/'))}.{mac}"


PADDED = "A" * 20_000
TOKENS = {
    "missing": lambda teams: None,
    "empty": lambda teams: "",
    "another scheme": lambda teams: "Basic dXNlcjpwYXNz",
    "garbage": lambda teams: "Bearer garbage",
    "three dots": lambda teams: "Bearer a.b.c",
    "header that is no object": lambda teams: f"Bearer {b64([1])}.{b64({})}.{b64(b'x')}",
    "not ASCII": lambda teams: "Bearer " + "\u00fc" * 40,
    "huge": lambda teams: f"Bearer {PADDED}",
    "wrong key": lambda teams: f"Bearer {signed(teams, 7, {'kid': teams.signer.kid})}",
    "other body": lambda teams: f"Bearer {other_body(teams)}",
    "truncated": lambda teams: f"Bearer {signed(teams)[:-20]}",
    "old": lambda teams: f"Bearer {signed(teams, exp=int(time.time()) - 400, nbf=int(time.time()) - 4000)}",
    "future": lambda teams: f"Bearer {signed(teams, nbf=int(time.time()) + 900)}",
    "issued in the future": lambda teams: f"Bearer {signed(teams, iat=int(time.time()) + 900)}",
    "alg none": lambda teams: f"Bearer {unsigned(teams)}",
    "HS256 with the public key": lambda teams: f"Bearer {hs256(teams)}",
    "wrong audience": lambda teams: f"Bearer {signed(teams, aud='another-app')}",
    "a list of audiences": lambda teams: f"Bearer {signed(teams, aud=[credentials.TEAMS_APP, 'another-app'])}",
    "no audience": lambda teams: f"Bearer {signed(teams, aud=None)}",
    "wrong issuer": lambda teams: f"Bearer {signed(teams, iss='https://sts.windows.net/7e/')}",
    "no issuer": lambda teams: f"Bearer {signed(teams, iss=None)}",
    "wrong serviceUrl": lambda teams: f"Bearer {signed(teams, serviceurl='https://smba.trafficmanager.net/teams/')}",
    "no serviceUrl": lambda teams: f"Bearer {signed(teams, serviceurl=None)}",
    "no exp": lambda teams: f"Bearer {signed(teams, exp=None)}",
    "exp that is no number": lambda teams: f"Bearer {signed(teams, exp='tomorrow')}",
    "no kid": lambda teams: f"Bearer {signed(teams, header={'kid': None})}",
    "unknown kid": lambda teams: f"Bearer {signed(teams, header={'kid': 'nobody-knows'})}",
    "kid that is a path": lambda teams: f"Bearer {signed(teams, header={'kid': '../../etc/passwd'})}",
    "another's keys named": lambda teams: f"Bearer {signed(teams, 7, {'jku': 'https://evil.example/keys'})}",
}


@pytest.mark.parametrize("name", TOKENS)
async def test_a_call_that_is_not_genuine(desk, teams, memory, tap, name):
    before = dict(memory.words)
    token = TOKENS[name](teams)
    headers = dict(JSON) if token is None else {**JSON, "Authorization": token}

    answered = await teams.post(orjson.dumps(tap()), headers)

    assert answered.status in (400, 401)
    assert not answered.body
    assert desk.alert.status is Status.OPEN
    assert desk.acted == []
    assert memory.words == before


BODIES = {
    "empty": b"",
    "a list": b"[]",
    "a string": b'"activity"',
    "null": b"null",
    "a number": b"5",
    "no JSON": b"{type: message}",
    "half of it": b'{"type": "invoke", "name": "adaptiveC',
    "no type": b"{}",
    "a type that is no text": b'{"type": 5}',
    "deep": b'{"type":"message","value":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a lone surrogate": b'{"type":"message","text":"\\ud800"}',
    "not UTF-8": b'{"type":"message","text":"\xff\xfe"}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_no_activity(gateway, desk, commands, teams, name):
    answered = await teams.post(BODIES[name], {**JSON, "Authorization": teams.bearer()})

    assert answered.status in (400, 401)
    assert desk.acted == commands.lines == []


STRANGE = [
    {"from": []},
    {"from": "ana"},
    {"conversation": None},
    {"conversation": {"id": {"a": 1}}},
    {"conversation": {"id": ["x"], "conversationType": "personal"}},
    {"channelData": []},
    {"channelData": {"tenant": "x"}},
    {"channelData": {"tenant": {"id": 5}}},
    {"recipient": 5},
    {"entities": {}},
    {"entities": ["x"]},
    {"text": 5},
    {"text": {"a": 1}},
    {"timestamp": "yesterday"},
    {"timestamp": 5},
    {"attachments": "x"},
    {"membersAdded": [5]},
    {"deliveryMode": "expectReplies"},
    {"value": []},
    {"value": "x"},
    {"value": {"action": []}},
    {"value": {"action": {"type": "Action.Execute", "data": "x"}}},
    {"name": {"a": 1}},
    {"id": None},
    {"replyToId": []},
    {"locale": 5},
    {"type": "x" * 5000},
    {"type": "installationUpdate", "action": []},
    {"type": "installationUpdate", "action": "dance"},
    {"type": "conversationUpdate", "membersAdded": []},
]


@pytest.mark.parametrize("more", STRANGE, ids=str)
async def test_a_genuine_activity_of_a_strange_shape(desk, teams, tap, more):
    answered = await teams.deliver(tap(**more))

    assert answered.status in (200, 400, 501)
    assert answered.status < 500 or answered.status == 501
    if not set(more) & {"timestamp", "deliveryMode", "id"}:
        assert len(desk.acted) <= 1


async def test_a_huge_body(gateway, teams):
    answered = await teams.post(b'{"x":"' + b"a" * BODY_LIMIT + b'"}', {**JSON, "Authorization": teams.bearer()})
    assert answered.status == 413


async def test_another_channel_and_another_service_are_not_let_in(desk, teams, tap):
    for more in ({"channelId": "slack"}, {"channelId": None}, {"serviceUrl": "https://evil.example/"}):
        assert (await teams.deliver(tap(**more))).status == 401
    stolen = teams.bearer(serviceurl="https://evil.example/")
    assert (await teams.deliver(tap(serviceUrl="https://evil.example/"), stolen)).status == 401
    assert desk.acted == []


async def test_another_path_is_not_there(desk, teams, tap):
    import aiohttp

    headers = {**JSON, "Authorization": teams.bearer()}
    async with aiohttp.ClientSession() as session:
        for path in ("/api/messages/", "/api/message", "/slack/events", "/"):
            async with session.post(teams.desk_url + path, data=orjson.dumps(tap()), headers=headers) as answer:
                assert answer.status == 404
    assert desk.acted == []


async def test_a_key_without_endorsement_speaks_for_nobody(desk, teams, tap, gateway):
    teams.signer.endorsements = ["webchat"]
    await gateway._keys.warm()
    assert (await teams.deliver(tap())).status == 401
    assert desk.acted == []


async def test_a_replayed_tap_changes_nothing_more(desk, teams, tap):
    activity, token = tap(), teams.bearer()
    first = await teams.deliver(activity, token)
    again = await teams.deliver(activity, token)

    assert (first.status, again.status) == (200, 200)
    assert len(desk.acted) == 1


async def test_a_token_a_little_too_old_is_within_the_clocks_tolerance(desk, teams, tap):
    answered = await teams.deliver(tap(), f"Bearer {signed(teams, exp=int(time.time()) - 60)}")
    assert answered.status == 200
    assert desk.alert.status is Status.ACKED


# ---------------------------------------------------------------- keys


async def test_a_new_key_is_fetched_when_it_is_first_seen(desk, teams, tap, gateway, monkeypatch):
    teams.signer.rotate()
    assert (await teams.deliver(tap())).status == 401, "asked for a moment ago"

    gateway._keys._tried_at -= 400
    assert (await teams.deliver(tap(id="f:2"))).status == 200
    assert (await teams.deliver(tap(id="f:3"), f"Bearer {signed(teams)}")).status == 200, "the old one is still good"


async def test_unknown_keys_make_us_ask_only_now_and_then(desk, teams, tap):
    asked = teams.ledger.count("teams", "call")
    for number in range(20):
        await teams.deliver(tap(), f"Bearer {signed(teams, header={'kid': f'k{number}'})}")
    assert teams.ledger.count("teams", "call") == asked


async def test_the_loop_goes_on_while_the_key_server_takes_three_seconds(conf, desk, commands, session, teams, tap):
    teams.faults.set("slow", where="keys", delay=3.0, times=1)
    keys = Keys(conf, session)
    guard = Guard(conf, keys)
    body = orjson.dumps(tap())
    headers = {"authorization": teams.bearer()}
    begun, longest = time.monotonic(), 0.0

    waiting = [asyncio.create_task(guard.admit(headers, body)) for _ in range(5)]
    while not all(task.done() for task in waiting):
        before = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - before)

    assert 2.5 < time.monotonic() - begun < 6
    assert longest < 0.5
    assert all(task.result()["type"] == "invoke" for task in waiting)
    assert len([one for one in teams.ledger.of("teams", "call") if one.what["what"] == "keys"]) == 2
    await keys.close()


@pytest.mark.parametrize("fault", ["500", "html", "drop"])
async def test_without_keys_nobody_is_let_in_and_it_is_told(conf, desk, commands, session, teams, tap, wait, fault):
    teams.faults.set(fault, where="keys")
    gateway = TeamsGateway(conf, desk, commands, session)
    await gateway.start()
    await wait(lambda: gateway.trouble)

    status, _, _ = await gateway.handle({"authorization": teams.bearer()}, orjson.dumps(tap()))

    assert status == 401
    assert "keys can't be fetched" in gateway.trouble
    teams.faults.heal()
    gateway._keys._tried_at -= 20
    assert (await gateway.handle({"authorization": teams.bearer()}, orjson.dumps(tap())))[0] == 200
    assert gateway.trouble == ""
    await gateway.close()


async def test_old_keys_go_on_being_good_when_new_ones_cant_be_fetched(desk, teams, tap, gateway):
    teams.faults.set("500", where="openid")
    await gateway._keys.warm()

    assert gateway._keys.failure
    assert gateway.trouble == ""
    assert (await teams.deliver(tap())).status == 200


def test_keys_that_cant_be_read_are_left_out(teams):
    good = teams.signer.jwks()["keys"][0]
    rows = [good, 5, {}, {"kty": "RSA", "kid": "x"}, {"kty": "oct", "kid": "y", "k": "AA"}, {**good, "kid": 5}]
    assert set(read_keys({"keys": rows})) == {good["kid"]}
    assert read_keys({"keys": "x"}) == {}


async def test_the_keys_come_from_where_the_document_is_or_by_https(conf, session, teams):
    teams.connector.teams.url, url = "http://elsewhere.example", teams.url
    keys = Keys(conf, session)
    await keys.warm()
    teams.connector.teams.url = url
    assert "names no address of keys" in keys.trouble


# ---------------------------------------------------------------- a test client on this machine


@pytest.mark.parametrize(
    ("allowed", "headers", "service", "status"),
    [
        (True, {"host": "127.0.0.1:8780"}, "http://localhost:56150", 200),
        (True, {"Host": "localhost"}, "http://127.0.0.1:56150", 200),
        (False, {"host": "127.0.0.1:8780"}, "http://localhost:56150", 401),
        (True, {"host": "bot.example.org"}, "http://localhost:56150", 401),
        (True, {"host": "localhost"}, "https://smba.trafficmanager.net/teams/", 401),
        (True, {"host": "localhost", "X-Forwarded-For": "203.0.113.5"}, "http://localhost:1", 401),
        (True, {}, "http://localhost:1", 401),
        (True, {"host": "["}, "http://localhost:1", 401),
        (True, {"host": "localhost", "authorization": "Bearer x"}, "http://localhost:1", 401),
    ],
)
async def test_anonymous_calls_only_on_this_machine_and_only_when_wanted(
    conf, session, tap, allowed, headers, service, status
):
    guard = Guard(replace(conf, allow_anonymous=allowed), Keys(conf, session))
    body = orjson.dumps(tap(serviceUrl=service))
    if status == 200:
        assert (await guard.admit(headers, body))["type"] == "invoke"
        return
    with pytest.raises(TurnedAway) as caught:
        await guard.admit(headers, body)
    assert caught.value.status == status


def test_shapes():
    assert is_shaped({"type": "message", "from": {"id": "x"}, "entities": [{}], "text": "x", "value": 5})
    assert not is_shaped({"entities": [5]})


def test_a_token_is_made_as_the_tests_believe(teams):
    claims = jwt.decode(
        signed(teams), private_key(0).public_key(), algorithms=["RS256"], audience=credentials.TEAMS_APP
    )
    assert claims["serviceurl"] == teams.service_url
