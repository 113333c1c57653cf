"""A stand-in of Teams over real HTTP, our side of it behind a real server, and a desk in memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from aiohttp import web

from bot.teams import TeamsGateway
from channels.teams import TeamsChannel
from deskbell.core.access import Role
from deskbell.core.alert import Verb
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.stand_in import TeamsStandIn
from deskbell.vendors.teams import TeamsConf
from tests.tiny import TinyCommands, TinyDesk, overheard, person, staff

ROOM = credentials.TEAMS_ROOMS["dispatch"]
NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


# ---------------------------------------------------------------- the oracle: the description of the connector's API

# What the core schema does not know and Teams documents: mentions in cards, choices that are searched.
# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
EXTENSIONS = (
    ".msteams: unknown field",
    "'filtered' is not one of",
    ".choices.data: unknown field",
    ".entities[",  # the document names no kind of entity, a mention among them
)
# Calls that the document does not describe, and why.
UNDESCRIBED = {
    "member": "of later date than the document: GET .../members/{id}",
    "login": "another vendor's",
    "keys": "",
}


@dataclass
class Oracle:
    """Every request that went out, and what the document has against it."""

    check: object = None
    checked: Counter = field(default_factory=Counter)
    passed_over: Counter = field(default_factory=Counter)
    complaints: list = field(default_factory=list)

    def look(self, method, url, headers, body):
        path = url.partition("/teams/")[2].partition("?")[0]
        name = named(method, path)
        if self.check is None or name in UNDESCRIBED:
            self.passed_over[name] += 1
            return
        query = f"?{url.partition('?')[2]}" if "?" in url else ""
        request = {
            "method": method,
            "url": f"https://smba.trafficmanager.net/teams/{path}{query}",
            "headers": dict(headers),
            "body": body or None,
            "system": "teams",
        }
        self.checked[name] += 1
        found = [one for one in self.check(request, strict=True) if not any(known in one for known in EXTENSIONS)]
        self.complaints += [f"{name}: {complaint}" for complaint in found]


def named(method, path):
    parts = unquote(path).split("/")
    if parts[0] in ("login", "openid", "keys"):
        return "login" if parts[0] == "login" else "keys"
    if "members" in parts:
        return "member"
    if "pagedmembers" in parts:
        return "pagedmembers"
    return {"POST": "send" if "activities" in parts else "create", "PUT": "update", "DELETE": "delete"}[method]


@pytest.fixture
def oracle(oracle_module):
    """Watches every request of a test; whoever sends what the document does not allow, fails."""
    found = Oracle(oracle_module.check if oracle_module else None)
    yield found
    assert found.complaints == []


@pytest.fixture
async def session(oracle):
    """The one session that all share, with an ear on it."""
    async with overheard(oracle, unanswered=False) as session:
        yield session


# ---------------------------------------------------------------- the desk


PEOPLE = staff(person("nobody", "No Teams", Role.AGENT))
LINKED = ("ana", "ben", "carla", "dan")


class TinyMemory:
    def __init__(self):
        self.words = {}
        self.writes = 0

    async def recall(self, name):
        return self.words.get(name)

    async def remember(self, name, value):
        self.writes += 1
        self.words[name] = value


@pytest.fixture
def desk():
    linked = {STAFF[short].teams: short for short in LINKED}
    made = TinyDesk(PEOPLE, linked, now=lambda: NOW, undo=Verb.UNDO)
    made.codes["GOOD"] = "ben"
    return made


@pytest.fixture
def commands(desk):
    return TinyCommands(desk)


@pytest.fixture
def memory():
    return TinyMemory()


# ---------------------------------------------------------------- Teams


async def serve(routes):
    """A real server on any free port; its runner, and its address."""
    app = web.Application(client_max_size=8 * 1024**2)
    routes(app.router)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def teams():
    clock, pulse = Clock(), Pulse()
    ledger = Ledger(clock, pulse)
    teams = TeamsStandIn(clock, ledger, pulse)
    ledger.cards_of = lambda ref: {("teams", one.room, one.id) for one in teams.cards() if one.ref == ref}
    runner, teams.url = await serve(teams.add_routes)
    yield teams
    await teams.close()
    await runner.cleanup()


@pytest.fixture
def conf(teams):
    return TeamsConf(
        app_id=credentials.TEAMS_APP,
        app_password=credentials.TEAMS_SECRET,
        tenant=credentials.TEAMS_TENANT,
        service_url=f"{teams.url}/teams/",
        login_url=f"{teams.url}/teams/login",
        openid_url=f"{teams.url}/teams/openid",
        timeout_s=5,
    )


@pytest.fixture
def room():
    return Destination("dispatch", "teams", ROOM)


@pytest.fixture
def identity():
    return Identity("card", "D-12", "dispatch", 1)


@pytest.fixture
async def channel(conf, desk, session, memory):
    channel = TeamsChannel(conf, desk.account_of, {p.id: p.name for p in PEOPLE.values()}, session, memory)
    yield channel
    await channel.close()


def hooked(gateway):
    """Our HTTP server, as far as a hook needs it."""

    def routes(router):
        for path, hook in gateway.hooks.items():

            async def handle(request, hook=hook):
                status, headers, body = await hook(request.headers, await request.read())
                return web.Response(status=status, headers=headers, body=body)

            router.add_post(path, handle)

    return routes


@pytest.fixture
async def gateway(conf, desk, commands, session, memory, teams, room, wait):
    """Listening, and everybody of the configuration linked."""
    gateway = TeamsGateway(conf, desk, commands, session, memory, {room.name: room})
    await gateway.start()
    runner, teams.desk_url = await serve(hooked(gateway))
    await wait(lambda: gateway._keys._keys)
    yield gateway
    await gateway.close()
    await runner.cleanup()


@pytest.fixture
async def card(channel, gateway, desk, room, identity, teams):
    """A card in the room, and the way to look at it again."""
    sent = await channel.post(room, desk.drawn(), identity)
    return teams.tenant.message(ROOM, sent.ref["activity"])


@pytest.fixture
def seen(teams):
    """The newest card of the room, as people see it."""
    return lambda: teams.cards(ROOM)[-1]


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def wait():
    return until
