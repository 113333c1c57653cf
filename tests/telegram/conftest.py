"""A stand-in of Telegram over real HTTP, our side of it through the real SDK, and a desk in memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from bot.telegram import TelegramGateway
from channels.telegram import TelegramChannel
from deskbell.core.access import Role
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.telegram.stand_in import TelegramStandIn
from deskbell.vendors.telegram import TelegramConf, Way, hook_path
from tests.tiny import TinyCommands, TinyDesk, begin, overheard, person, staff

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


PEOPLE = staff(person("nils", "Nils Lund", Role.AGENT))


@pytest.fixture
def desk():
    return TinyDesk(PEOPLE, {account: short for short, account in ACCOUNTS.items()})


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
    await channel.post(room, desk.drawn(), identity)
    return telegram.cards(ROOM)[0]


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def wait():
    return until
