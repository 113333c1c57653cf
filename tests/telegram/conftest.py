"""A stand-in of Telegram over real HTTP, our side of it through the real SDK, and a desk in memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from aiohttp import web

from bot.ports import Spoken
from bot.telegram import TelegramGateway
from channels.telegram import TelegramChannel
from deskbell.core import button
from deskbell.core.access import Role
from deskbell.core.alert import Change, Command, Verb, decide
from deskbell.core.card import Button, Reply
from deskbell.core.ports import Answer, Destination, Identity
from deskbell.core.present import View, card_of
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.telegram.stand_in import TelegramStandIn
from deskbell.vendors.telegram import TelegramConf, Way, hook_path
from tests.tiny import an_alert, begin, overheard, person

SECRET = b"a secret of the tests"
ROOM = credentials.TELEGRAM_ROOMS["dispatch"]
TOPIC = credentials.TELEGRAM_ROOMS["support"]
HOOK_SECRET = "sandbox-webhook-secret"
ACCOUNTS = {"ana": "700000001", "ben": "700000002", "carla": "700000003", "dan": "700000004"}


# ---------------------------------------------------------------- the oracle: Telegram's own description of its API

# Of methods without parameters the document describes an empty form; there is nothing to send.
NO_FORM = "body: missing (described, though not marked required)"


@dataclass
class Oracle:
    """Every request that went out and every answer that came, and what the document has against them."""

    module: object = None
    checked: Counter = field(default_factory=Counter)
    complaints: list = field(default_factory=list)

    def look(self, method, url, headers, body):
        if self.module is None:
            return
        name = url.rsplit("/", 1)[-1].split("?")[0]
        url = f"https://api.telegram.org/{url.partition('/telegram/')[2]}"
        request = {"method": method, "url": url, "headers": dict(headers), "body": body or None, "system": "telegram"}
        self.checked[name] += 1
        found = self.module.check(request, strict=True)
        self.complaints += [f"{name}: {one}" for one in found if body or one != NO_FORM]

    def look_back(self, name, status, value):
        if self.module is not None and status == 200:
            found = self.module.check_response("telegram", "POST", f"/bot{{token}}/{name}", status, value)
            self.complaints += [f"answer of {name}: {complaint}" for complaint in found]


@pytest.fixture
def oracle(oracle_module):
    """Watches every request of a test; whoever sends or answers what the document does not allow, fails."""
    found = Oracle(oracle_module)
    yield found
    assert found.complaints == []


@pytest.fixture
async def session(oracle):
    """The one session that all share, with an ear on it."""
    async with overheard(oracle, "/telegram/bot") as session:
        yield session


# ---------------------------------------------------------------- the desk


PEOPLE = {
    one.id: one
    for one in (
        person("ana", "Ana Ruiz", Role.DISPATCHER),
        person("ben", "Ben Okafor", Role.ONCALL),
        person("carla", "Carla Weiss", Role.MANAGER),
        person("dan", "Dan Novak", Role.VIEWER),
        person("nils", "Nils Lund", Role.AGENT),
    )
}


class TinyDesk:
    """Decides with the real domain, keeps everything in memory, answers a repeat as the real desk does."""

    command = "/desk"
    sources = ("fieldservice",)

    def __init__(self):
        self.people = dict(PEOPLE)
        self.accounts = {account: person_id for person_id, account in ACCOUNTS.items()}
        self.alert = an_alert(datetime.now(UTC))
        self.answers = {}
        self.acted = []
        self.turned = []
        self.codes = {}
        self.waiting = {}
        self.memory = {}
        self.slow = 0.0
        self.broken = False
        self.team = None
        self.revealed = None
        self.aged = 0.0

    def now(self):
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.aged, UTC)

    async def recall(self, name):
        return self.memory.get(name)

    async def remember(self, name, value, _guard=None):
        self.memory[name] = value

    async def person(self, platform, account):
        return self.people.get(self.accounts.get(account, ""))

    async def account_of(self, person_id):
        return next((account for account, one in self.accounts.items() if one == person_id), None)

    def press(self, token):
        return button.read(SECRET, token)

    async def colleagues(self, alert_id):
        return self.team if self.team is not None else [(p.id, p.name, "on duty") for p in self.people.values()]

    async def turned_away(self, interaction, code, text):
        self.turned.append((interaction, code))

    async def find_alert(self, text):
        return self.alert if text == self.alert.ref else None

    async def card(self, alert, *, buttons=True):
        return card_of(alert, View(self.now(), self.people, self.sign, buttons=buttons))

    async def redeem(self, said, code):
        person_id = self.codes.pop(code, None)
        if person_id is None:
            return Reply(lines=("That code is not good any more.",))
        self.accounts[said.account] = person_id
        kept = self.waiting.pop(said.account, None)
        done = (await self.act(replace(kept, key=f"{kept.key}:linked"))).text if kept else ""
        return Reply(title=f"Connected as {self.people[person_id].name}", lines=(done,) if done else ())

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
            self.waiting[said.account] = said
            return Answer(False, "unknown_person", "Who are you?")
        press = self.press(said.token)
        if press is None or press.verb != said.verb:
            return Answer(False, "token", "This button is not genuine or too old.")
        if self.revealed is not None:
            return Answer(True, "done", "Shown to you alone.", self.alert, reply=self.revealed)
        result = decide(self.alert, Command(Verb(said.verb), press.alert_id, who, said.args), self.now(), self.people)
        if not isinstance(result, Change):
            return Answer(False, result.code, result.text, self.alert)
        self.alert = result.after
        undo = Button("unack", "Undo", self.sign(Verb.UNACK, 12, 0))
        return Answer(True, "done", f"{self.alert.ref}: {result.said}", self.alert, undo=undo)

    @staticmethod
    def sign(verb, alert_id, mark):
        return button.sign(SECRET, verb, alert_id, mark)

    def a_card(self):
        return card_of(self.alert, View(self.now(), self.people, self.sign))


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
            return Spoken(Reply(card=self.desk.a_card()))
        return Spoken(Reply(title="Heard", lines=(line or "help",), footer="as of 14:02"), self.later)


@pytest.fixture
def desk():
    return TinyDesk()


@pytest.fixture
def commands(desk):
    return TinyCommands(desk)


# ---------------------------------------------------------------- Telegram


@pytest.fixture
async def telegram(oracle):
    """The stand-in, listening. Its rates are off unless a test wants them."""
    clock, pulse = Clock(), Pulse()
    stand_in = TelegramStandIn(clock, Ledger(clock, pulse), pulse)
    stand_in.no_limits()

    @web.middleware
    async def listen(request, handler):
        answer = await handler(request)
        if answer.content_type == "application/json" and answer.status == 200:
            import json

            oracle.look_back(request.match_info["method"], answer.status, json.loads(answer.body))
        return answer

    app = web.Application(middlewares=[listen])
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


@pytest.fixture
def conf(telegram):
    return TelegramConf(
        token=credentials.TELEGRAM_TOKEN, base_url=f"{telegram.url}/telegram", timeout_s=5, poll_s=5, menu_s=30
    )


@pytest.fixture
def room():
    return Destination("dispatch", "telegram", ROOM)


@pytest.fixture
def topic():
    return Destination("support", "telegram", TOPIC)


@pytest.fixture
def rooms(room, topic):
    return {room.name: room, topic.name: topic}


@pytest.fixture
def identity():
    return Identity("card", "D-12", "dispatch", 1)


@pytest.fixture
async def channel(conf, desk, session):
    channel = TelegramChannel(conf, desk.account_of, {p.id: p.name for p in PEOPLE.values()}, session, desk)
    yield channel
    await channel.close()


@dataclass
class Served:
    """Our HTTP server, as far as the webhook needs it."""

    runner: web.AppRunner
    url: str

    @classmethod
    async def start(cls, gateway_of):
        async def handle(request):
            hook = gateway_of().hooks.get(request.path)
            if hook is None:
                return web.Response(status=404)
            status, headers, body = await hook(request.headers, await request.read())
            return web.Response(status=status, headers=headers, body=body)

        app = web.Application(client_max_size=4 * 1024**2)
        app.router.add_post("/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return cls(runner, f"http://127.0.0.1:{runner.addresses[0][1]}")


@pytest.fixture
async def make_gateway(conf, desk, commands, session, telegram, rooms):
    """Makes a gateway that is connected, either way."""
    made, served = [], []

    async def make(way=Way.POLL, **more):
        settings = replace(conf, way=way)
        if way is Way.WEBHOOK:
            served.append(await Served.start(lambda: made[-1]))
            settings = replace(settings, webhook_url=served[-1].url, webhook_secret=HOOK_SECRET)
        settings = replace(settings, **more)
        gateway = TelegramGateway(settings, desk, commands, session, desk, rooms)
        made.append(gateway)
        await begin(gateway)
        await until(lambda: not gateway.trouble)
        return gateway

    yield make
    for gateway in made:
        await gateway.close()
    for server in served:
        await server.runner.cleanup()


@pytest.fixture(params=["poll", "webhook"])
async def gateway(request, make_gateway):
    """The same stories, whichever way Telegram reaches us."""
    return await make_gateway(Way(request.param))


@pytest.fixture
async def polling(make_gateway):
    return await make_gateway(Way.POLL)


@pytest.fixture
async def hooked(make_gateway):
    return await make_gateway(Way.WEBHOOK)


@pytest.fixture
def hook_url(hooked):
    return hooked.conf.webhook_url + hook_path(hooked.conf)


@pytest.fixture
async def card(channel, desk, room, identity, telegram):
    """A card in the room, as people see it."""
    await channel.post(room, desk.a_card(), identity)
    return telegram.cards(ROOM)[0]


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def wait():
    return until
