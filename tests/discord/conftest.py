"""A stand-in of Discord over real HTTP and WebSocket, our side of it through the real SDK, and a desk in memory."""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.discord import DiscordGateway
from channels.discord import DiscordChannel
from deskbell.core.access import Role
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.discord.stand_in import DiscordStandIn
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF
from deskbell.vendors.discord import HOOK, DiscordConf, Way
from tests.tiny import TinyCommands, TinyDesk, begin, overheard, person, staff

ROOM = credentials.DISCORD_ROOMS["dispatch"]
GUILD = credentials.DISCORD_GUILD


# ---------------------------------------------------------------- the oracle: Discord's own description of its API

# What the document does not describe, and why.
UNDESCRIBED = {
    "/oauth2/applications/@me": "not among the paths that the document kept",
    "/users/@me/channels": "the same",
}
_API = "/api/v10"
JUDGED = set()  # the commands are the same in every test, and long


@dataclass
class Oracle:
    """Every request that went out and every answer that came, and what the document has against them."""

    module: object = None
    checked: Counter = field(default_factory=Counter)
    passed_over: Counter = field(default_factory=Counter)
    complaints: list = field(default_factory=list)

    def look(self, method, url, headers, body):
        path = url.partition(_API)[2].partition("?")[0]
        if self.module is None or path in UNDESCRIBED:
            self.passed_over[path] += 1
            return
        asked = {
            "method": method,
            "url": f"https://discord.com{_API}{url.partition(_API)[2]}",
            "headers": dict(headers),
        }
        self.checked[f"{method} {template_of(path)}"] += 1
        if (method, path, body) in JUDGED:
            return
        found = self.module.check(asked | {"body": body or None, "system": "discord"}, strict=True)
        if not found and "/commands" in path:
            JUDGED.add((method, path, body))
        self.complaints += [f"{method} {path}: {complaint}" for complaint in found]

    def look_back(self, method, path, status, value):
        path = path.partition(_API)[2]
        if self.module is None or path in UNDESCRIBED or (method, path) in JUDGED:
            return
        if "/commands" in path:
            JUDGED.add((method, path))
        template = template_of(path)
        found = self.module.check_response("discord", method, template, status, value)
        self.complaints += [f"answer of {method} {template}: {complaint}" for complaint in found]


def template_of(path):
    """The path with its ids named as in the document."""
    path = re.sub(r"/interactions/\d+/[^/]+", "/interactions/{interaction_id}/{interaction_token}", path)
    path = re.sub(r"/webhooks/\d+/[^/]+", "/webhooks/{webhook_id}/{webhook_token}", path)
    names = {"channels": "channel_id", "messages": "message_id", "guilds": "guild_id", "members": "user_id"}
    names |= {"applications": "application_id"}
    return re.sub(r"/(\w+)/(\d+)(?=/|$)", lambda match: f"/{match[1]}/{{{names[match[1]]}}}", path)


@pytest.fixture
def oracle(oracle_module):
    """Watches every request of a test; whoever sends or answers what the document does not allow, fails."""
    found = Oracle(oracle_module)
    yield found
    assert found.complaints == []


@pytest.fixture
async def session(oracle):
    """The one session that all share, with an ear on it."""
    async with overheard(oracle, _API) as session:
        yield session


# ---------------------------------------------------------------- the desk


PEOPLE = staff(person("nils", "Nils Lund", Role.AGENT))
LINKED = ("ana", "ben", "carla", "dan")


@pytest.fixture
def desk():
    return TinyDesk(PEOPLE, {STAFF[short].discord: short for short in LINKED})


@pytest.fixture
def commands(desk):
    return TinyCommands(desk)


# ---------------------------------------------------------------- Discord


@pytest.fixture(autouse=True)
def _globals(monkeypatch):
    """The SDK keeps its addresses in globals."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)


@pytest.fixture
async def discord(oracle):
    """The stand-in, listening. Its rates are off unless a test wants them."""
    clock, pulse = Clock(), Pulse()
    stand_in = DiscordStandIn(clock, Ledger(clock, pulse), pulse)
    stand_in.no_limits()

    @web.middleware
    async def listen(request, handler):
        answer = await handler(request)
        body = getattr(answer, "body", None)
        if body and answer.status in (200, 201) and request.path.startswith("/discord/api"):
            oracle.look_back(request.method, request.path, answer.status, json.loads(body))
        return answer

    app = web.Application(middlewares=[listen])
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


@pytest.fixture
def conf(discord):
    return DiscordConf(
        token=credentials.DISCORD_TOKEN,
        application_id=credentials.DISCORD_APP,
        guilds=(GUILD,),
        public_key=discord.delivery.public_key,
        base_url=f"{discord.url}/discord{_API}",
        timeout_s=5,
    )


@pytest.fixture
def room():
    return Destination("dispatch", "discord", ROOM)


@pytest.fixture
def identity():
    return Identity("card", "D-12", "dispatch", 1)


@pytest.fixture
async def channel(conf, desk, session):
    channel = DiscordChannel(conf, desk.account_of, {p.id: p.name for p in PEOPLE.values()}, session)
    yield channel
    await channel.close()


@pytest.fixture(params=["gateway", "http"])
def way(request):
    """The same stories, whichever way Discord reaches us."""
    return Way(request.param)


@pytest.fixture
async def start(conf, desk, commands, session, discord):
    """Makes gateways, and closes them."""
    made, servers = [], []

    async def make(way=Way.GATEWAY, **changes):
        gateway = DiscordGateway(replace(conf, way=way, **changes), desk, commands, session, desk)
        made.append(gateway)
        await begin(gateway)
        if gateway.hooks:
            servers.append(await serve(gateway))
            complaint = await discord.delivery.register(f"http://127.0.0.1:{servers[-1].addresses[0][1]}{HOOK}")
            assert complaint == ""
        return gateway

    yield make
    for gateway in made:
        await gateway.close()
    for server in servers:
        await server.cleanup()


async def serve(gateway):
    async def answer(request):
        status, headers, body = await gateway.hooks[request.path](request.headers, await request.read())
        return web.Response(status=status, headers=headers, body=body)

    app = web.Application()
    for path in gateway.hooks:
        app.router.add_post(path, answer)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@pytest.fixture
async def gateway(start, way, discord):
    """Connected, and its commands registered."""
    gateway = await start(way)
    await until(lambda: not gateway.trouble and discord.hub.commands)
    return gateway


@pytest.fixture
async def card(channel, gateway, desk, room, identity, discord):
    """A card in the room, as people see it."""
    await channel.post(room, desk.drawn(), identity)
    return discord.cards(ROOM)[0]


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def wait():
    return until
