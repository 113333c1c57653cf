"""Whatever reaches our HTTP server, signed well or not at all, is answered below five hundred, and changes nothing."""

import asyncio
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.delivery import FORM, signed_headers
from deskbell.vendors.telegram import SECRET_HEADER
from tests.crash.lives import free_port
from tests.town import Town

KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(credentials.DISCORD_SEED))
HOOK_SECRET = "sandbox-webhook-secret"
Headers = dict[str, str]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def changes(port: int) -> dict[str, str]:
    """Every chat calls us, and so does a source."""
    url = f"http://127.0.0.1:{port}"
    before, first = "[sources.fieldservice.write]", "[destinations.dispatch]"
    vendor = f'[channels.twilio]\naccount_sid = "AC1"\nauth_token = "{HOOK_SECRET}"\nsender = "+15005550006"\n'
    return {
        first: f'{vendor}hook = {{ secrets = ["{HOOK_SECRET}"] }}\n\n{first}',
        before: f'[sources.fieldservice.hook]\nway = "signed"\nsecrets = ["{HOOK_SECRET}"]\n\n{before}',
        "port = 0": f"port = {port}",
        'public_url = ""': f'public_url = "{url}"',
        'way = "socket"': 'way = "http"',
        "signing_secrets = []": 'signing_secrets = ["env:SLACK_SIGNING_SECRET"]',
        'way = "poll"': f'way = "webhook"\nwebhook_url = "{url}"\nwebhook_secret = "{HOOK_SECRET}"',
        'way = "gateway"': f'way = "http"\npublic_key = "{KEY.public_key().public_bytes_raw().hex()}"',
    }


# ---------------------------------------------------------------- what is sent

# The words that the chats' own calls are made of, so that what comes is now and then nearly one.
VOCABULARY = """
type token id data custom_id component_type values member user roles guild_id channel_id message application_id
callback_query from chat text entities update_id message_id reply_to_message message_thread_id my_chat_member
name value action verb ids conversation channelData tenant tenantId serviceUrl channelId recipient aadObjectId
payload actions action_id block_id view state team trigger_id response_url command team_id user_id options
MessageSid MessageStatus From To Body OptOutType ErrorCode SmsStatus code form
event_id event challenge is_bot isGroup replyToId membersAdded attachments mention mentioned offset length focused
"""
WORDS = VOCABULARY.split()
VALUES = """
invoke message adaptiveCard/action msteams application/search installationUpdate conversationUpdate block_actions
view_submission /desk /ack private supergroup bot_command
"""
FAMILIAR = [
    *VALUES.split(),
    *(
        credentials.DISCORD_GUILD,
        credentials.DISCORD_APP,
        credentials.TEAMS_TENANT,
        credentials.TEAMS_ROOMS["dispatch"],
    ),
    *("T0SANDBOX", "ack D-1", "A" * 28, "desk:" + "A" * 28, "\ud800", "-1001000000001"),
]
NUMBERS = st.integers(-1, 6) | st.integers() | st.floats(allow_nan=False) | st.just(-1001000000001)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=20) | st.sampled_from(FAMILIAR)
# What every genuine call of a chat has, so that not everything ends at the first look.
OF_DISCORD: dict[str, Any] = {
    "id": "900000000000000777",
    "token": "t",
    "type": 3,
    "application_id": credentials.DISCORD_APP,
    "guild_id": credentials.DISCORD_GUILD,
}
OF_TELEGRAM: dict[str, Any] = {"update_id": 7}
OF_TEAMS: dict[str, Any] = {
    "type": "invoke",
    "name": "adaptiveCard/action",
    "id": "1",
    "channelId": "msteams",
    "recipient": {"id": f"28:{credentials.TEAMS_APP}"},
    "from": {"id": "29:1ana", "aadObjectId": "aad00000-0000-4000-8000-000000000001"},
    "conversation": {"id": credentials.TEAMS_ROOMS["dispatch"], "tenantId": credentials.TEAMS_TENANT},
    "channelData": {"tenant": {"id": credentials.TEAMS_TENANT}},
}
SHAPES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)
TABLES = st.dictionaries(st.sampled_from(WORDS), SHAPES, min_size=1, max_size=8)
RAW = st.binary(max_size=300) | SHAPES.map(lambda shape: json.dumps(shape).encode())


def slack(body: bytes) -> tuple[bytes, Headers]:
    body = b"payload=" + quote_plus(body).encode()
    return body, {**FORM, **signed_headers(body, int(time.time()), credentials.SLACK_SIGNING_SECRET)}


def slack_line(body: bytes) -> tuple[bytes, Headers]:
    body = b"command=%2Fdesk&text=" + quote_plus(body).encode()
    return body, {**FORM, **signed_headers(body, int(time.time()), credentials.SLACK_SIGNING_SECRET)}


def discord(body: bytes) -> tuple[bytes, Headers]:
    stamp = str(int(time.time()))
    signature = KEY.sign(stamp.encode() + body).hex()
    return body, JSON | {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": stamp}


def telegram(body: bytes) -> tuple[bytes, Headers]:
    return body, JSON | {SECRET_HEADER: HOOK_SECRET}


def source(body: bytes) -> tuple[bytes, Headers]:
    stamp = str(int(time.time()))
    signature = hmac.new(HOOK_SECRET.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return body, JSON | {"X-Deskbell-Timestamp": stamp, "X-Deskbell-Signature": signature}


def vendor(body: bytes) -> tuple[bytes, Headers]:
    """As Twilio signs a form, whatever stands in it."""
    fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    body = urlencode(fields).encode()
    signed = "".join(name + value for name, value in sorted(set(fields)))
    mac = hmac.new(HOOK_SECRET.encode(), (vendor_url[0] + signed).encode(), "sha1").digest()
    return body, {**FORM, "X-Twilio-Signature": b64encode(mac).decode()}


vendor_url: list[str] = []  # as the configuration has it
Signed = Callable[[bytes], tuple[bytes, Headers]]
Door = tuple[str, Signed, dict[str, Any]]
# A call of each hook that is let in as it is: what is refused below is refused for its body, not for its signature.
GENUINE: dict[Signed, bytes] = {
    slack: b'{"type": "block_actions", "team": {"id": "T0SANDBOX"}, "user": {"id": "U1"}, '
    b'"actions": [{"type": "button", "block_id": "b", "action_id": "desk.ack", "value": "x"}]}',
    slack_line: b"help",
    vendor: b"MessageSid=SM1&MessageStatus=sent",
    discord: b'{"type": 1}',
}


def ways(town: Town) -> Iterator[Door]:
    """Each hook, what makes a call genuine there, and what every call holds."""
    service = town.sandbox.teams.service_url

    def teams(body: bytes) -> tuple[bytes, Headers]:
        """The token is for one service address, which the body must name as well."""
        if body.startswith(b'{"type"'):
            body = b'{"serviceUrl": ' + json.dumps(service).encode() + b", " + body[1:]
        return body, JSON | {"Authorization": town.sandbox.teams.bearer()}

    hooks = {path for gateway in town.daemon.gateways.values() for path in gateway.hooks}
    hook = next(path for path in hooks if path.startswith("/telegram/"))
    known: list[Door] = [
        ("/slack/events", slack, {}),
        ("/slack/events", slack_line, {}),
        ("/discord/interactions", discord, OF_DISCORD),
        ("/api/messages", teams, OF_TEAMS),
        (hook, telegram, OF_TELEGRAM),
    ]
    assert {path for path, *_ in known} == hooks, "a hook that nobody attacks"
    yield from known
    pushed = [f"/hooks/{name}" for name in town.daemon.settings.doors]
    assert pushed == ["/hooks/fieldservice"]
    yield pushed[0], source, {}
    (told,) = [f"/inbound/{name}" for name, one in town.daemon.settings.channels.items() if one.ear]
    vendor_url[:] = [town.daemon.settings.server.public_url + told]
    yield told, vendor, {}
    for path in (
        *sorted(hooks),
        *pushed,
        "/hooks/none",
        "/duty/none.ics",
        "/hooks/fieldservice/x",
        "/a/",
        "/a/link",
        "/a/D-1",
        "/a/" + "A" * 28,
        told,
        "/inbound/none",
        f"{told}/x",
        "/p/",
        "/p/x",
        "/p/" + "A" * 22,
        "/c/",
        "/c/x",
        "/c/1.AAAAAAAAAAAAAAAA." + "A" * 22,
    ):
        yield path, unsigned, {}


def unsigned(body: bytes) -> tuple[bytes, Headers]:
    return body, dict(JSON)


async def test_no_request_is_a_five_hundred(town: Town) -> None:
    town.late_job()
    await town.card("J-4711")
    await town.until_async(town.daemon.pending, 0)
    before, loop = await town.alert("J-4711"), asyncio.get_running_loop()
    base, doors = f"http://127.0.0.1:{town.daemon.server.port}", list(ways(town))

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:

        async def knock(method: str, path: str, body: bytes, headers: Headers) -> tuple[int, str]:
            async with session.request(method, base + path, data=body, headers=headers) as answer:
                return answer.status, await answer.text(errors="replace")

        @settings(max_examples=500, deadline=None, database=None, derandomize=True)
        @given(st.sampled_from(range(len(doors))), RAW | TABLES, st.sampled_from(["POST"] * 5 + ["GET", "PUT"]))
        def attack(number: int, drawn: bytes | dict[str, Any], method: str) -> None:
            path, sign, base = doors[number]
            sent, headers = sign(drawn if isinstance(drawn, bytes) else json.dumps(base | drawn).encode())
            asked: Any = asyncio.run_coroutine_threadsafe(knock(method, path, sent, headers), loop)
            status, said = asked.result(20)
            assert status < 500, (method, path, sent)
            assert "Traceback" not in said

        for path, sign, held in doors[: len(GENUINE) + 3]:
            sent, headers = sign(GENUINE.get(sign, json.dumps(held).encode()))
            assert (await knock("POST", path, sent, headers))[0] == 200, (path, sent)
        await asyncio.to_thread(attack)
        assert (await knock("GET", "/healthz", b"", {}))[0] == 200
    assert await town.alert("J-4711") == before
    assert not any(gateway.trouble for gateway in town.daemon.gateways.values())
