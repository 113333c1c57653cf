"""A stand-in of Slack over real HTTP and WebSocket, our side of it, and a desk in memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bot.ports import Spoken
from bot.slack import SlackGateway
from channels.slack import SlackChannel
from deskbell.core import button
from deskbell.core.access import Role
from deskbell.core.alert import Change, Command, Verb, decide
from deskbell.core.card import Reply
from deskbell.core.ports import Answer, Destination, Identity
from deskbell.core.present import View, card_of
from deskbell.sandbox.server import Sandbox
from deskbell.vendors.slack import SlackConf
from tests.tiny import an_alert, overheard, person

SECRET = b"a secret of the tests"
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


PEOPLE = {
    one.id: one
    for one in (
        person("ana", "Ana Ruiz", Role.DISPATCHER),
        person("ben", "Ben Okafor", Role.ONCALL),
        person("carla", "Carla Weiss", Role.MANAGER, accounts={"slack": "U0CARLA"}),
        person("dan", "Dan Novak", Role.VIEWER),
        person("nobody", "No Slack", Role.AGENT),
    )
}


class TinyDesk:
    """Decides with the real domain, keeps everything in memory, answers a repeat as the real desk does."""

    command = "/desk"
    sources = ("fieldservice",)

    def __init__(self):
        self.people = dict(PEOPLE)
        self.accounts = {}
        self.alert = an_alert(NOW)
        self.answers = {}
        self.acted = []
        self.slow = 0.0
        self.broken = False
        self.team = None

    def now(self):
        return NOW

    async def person(self, platform, account):
        return self.people.get(self.accounts.get((platform, account), ""))

    async def account_of(self, person_id):
        return next((account for (_, account), one in self.accounts.items() if one == person_id), None)

    async def link(self, platform, account, person_id):
        self.accounts[platform, account] = person_id

    def press(self, token):
        return button.read(SECRET, token)

    async def colleagues(self, alert_id):
        return self.team if self.team is not None else [(p.id, p.name, "on duty") for p in self.people.values()]

    async def turned_away(self, interaction, code, text):
        pass

    async def act(self, interaction):
        if self.broken:
            raise RuntimeError("no disk")
        await asyncio.sleep(self.slow)
        if interaction.key in self.answers:
            return replace(self.answers[interaction.key], code="repeat")
        self.acted.append(interaction)
        answer = self._decide(interaction, await self.person(interaction.platform, interaction.account))
        self.answers[interaction.key] = answer
        return answer

    def _decide(self, said, who):
        if who is None:
            return Answer(False, "unknown_person", "Who are you?")
        press = self.press(said.token)
        if press is None or press.verb != said.verb:
            return Answer(False, "token", "This button is not genuine or too old.")
        result = decide(self.alert, Command(Verb(said.verb), press.alert_id, who, said.args), NOW, self.people)
        if not isinstance(result, Change):
            return Answer(False, result.code, result.text, self.alert)
        self.alert = result.after
        return Answer(True, "done", f"{self.alert.ref}: {result.said}", self.alert)

    def card(self):
        def sign(verb, alert_id, version):
            return button.sign(SECRET, verb, alert_id, version)

        return card_of(self.alert, View(NOW, self.people, sign))


class TinyCommands:
    """Says back what it was asked; the real commands have tests of their own."""

    def __init__(self, desk):
        self.desk = desk
        self.lines = []
        self.slow = 0.0
        self.later = None

    async def run(self, line, said):
        await asyncio.sleep(self.slow)
        self.lines.append((line, said))
        if line == "show D-12":
            return Spoken(Reply(card=self.desk.card()))
        return Spoken(Reply(title="Heard", lines=(line or "help",), footer="as of 14:02"), self.later)


@pytest.fixture
def desk():
    return TinyDesk()


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
    sent = await channel.post(room, desk.card(), identity)
    return slack.workspace.message(sent.ref["channel"], sent.ref["ts"])


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def wait():
    return until
