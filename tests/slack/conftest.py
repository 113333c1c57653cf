"""A stand-in of Slack over real HTTP and WebSocket, our side of it, and a desk in memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.slack import SlackGateway
from channels.slack import SlackChannel
from deskbell.core.access import Role
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox.server import Sandbox
from deskbell.vendors.slack import SlackConf
from tests.tiny import TinyCommands, TinyDesk, overheard, person, staff

ROOM = "C0DISPATCH"
NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


# ---------------------------------------------------------------- the oracle: Slack's own description of its API

# What the document does not describe, and why.
UNDESCRIBED = {"apps.connections.open": "not among the methods that the document kept; the SDK makes the call"}


@dataclass
class Oracle:
    """Every request that went out, and what the document has against it."""

    module: object = None
    checked: Counter = field(default_factory=Counter)
    passed_over: Counter = field(default_factory=Counter)
    complaints: list = field(default_factory=list)

    def look(self, method, url, headers, body):
        name = url.rsplit("/", 1)[-1].split("?")[0]
        if self.module is None:
            return
        if name in UNDESCRIBED:
            self.passed_over[name] += 1
            return
        path = url.partition("/slack/")[2] or url.partition("127.0.0.1")[2].partition("/")[2]
        url = f"https://slack.com/{path}" if path.startswith("api/") else f"https://hooks.slack.com/{path}"
        request = {"method": method, "url": url, "headers": dict(headers), "body": body or None, "system": "slack"}
        self.checked[name if "/api/" in url else "response_url"] += 1
        self.complaints += [f"{name}: {complaint}" for complaint in self.module.check(request, strict=True)]


@pytest.fixture
def oracle(oracle_module):
    """Watches every request of a test; whoever sends what the document does not allow, fails."""
    found = Oracle(oracle_module)
    yield found
    assert found.complaints == []


@pytest.fixture
async def session(oracle):
    """The one session that all share, with an ear on it."""
    async with overheard(oracle) as session:
        yield session


# ---------------------------------------------------------------- the desk


PEOPLE = staff(
    person("carla", "Carla Weiss", Role.MANAGER, accounts={"slack": "U0CARLA"}),
    person("nobody", "No Slack", Role.AGENT),
)


@pytest.fixture
def desk():
    return TinyDesk(PEOPLE, {}, now=lambda: NOW, undo=None)


@pytest.fixture
def commands(desk):
    return TinyCommands(desk)


# ---------------------------------------------------------------- Slack


@pytest.fixture
async def sandbox():
    async with Sandbox(port=0, scenario="empty") as sandbox:
        yield sandbox


@pytest.fixture
def slack(sandbox):
    return sandbox.slack


@pytest.fixture
def conf(sandbox):
    return SlackConf(
        bot_token="xoxb-sandbox",
        app_token="xapp-sandbox",
        signing_secrets=("sandbox-signing-secret",),
        base_url=f"{sandbox.url}/slack/api/",
        timeout_s=5,
    )


@pytest.fixture
def room():
    return Destination("dispatch", "slack", ROOM)


@pytest.fixture
def identity():
    return Identity("card", "D-12", "dispatch", 1)


@pytest.fixture
async def channel(conf, desk, session):
    channel = SlackChannel(conf, desk.account_of, {p.id: p.name for p in PEOPLE.values()}, session)
    yield channel
    await channel.close()


@pytest.fixture
async def gateway(conf, desk, commands, session, slack):
    """Connected, and everybody with an e-mail address linked."""
    gateway = SlackGateway(conf, desk, commands, session)
    await gateway.start()
    await until(lambda: not gateway.trouble and gateway._sockets.alive == conf.sockets and len(desk.accounts) == 4)
    yield gateway
    await gateway.close()


@pytest.fixture
async def card(channel, gateway, desk, room, identity, slack):
    """A card in the room, and the way to look at it again."""
    sent = await channel.post(room, desk.drawn(), identity)
    return slack.workspace.message(sent.ref["channel"], sent.ref["ts"])


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def wait():
    return until
