"""Whatever stands where Discord should be: nothing is raised, and nothing is sent to where an answer points."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web

from channels.discord import DiscordChannel
from deskbell.core.card import Note
from deskbell.core.outcome import Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox import credentials

ROOM = credentials.DISCORD_ROOMS["dispatch"]
NOTE = Identity("note", "D-12", "dispatch", 7)
CARD = {"channel": ROOM, "message": "1300000000000000001"}
BODIES = [{}, [], [[]], [1, "x", None], [{}], {"id": "17", "roles": 3}, "text", 7, None, [{"id": "x", "embeds": [3]}]]


@pytest.fixture
async def odd(conf, desk, session):
    """Our channel, and a server that gives each request the same answer."""
    runners = []

    async def make(answer):
        async def handle(request):
            if isinstance(answer, int):
                return web.Response(status=answer, headers={"Location": "/elsewhere"})
            return web.Response(body=json.dumps(answer[0]), content_type="application/json")

        async def elsewhere(request):
            heard.append(await request.text())
            return web.json_response({"id": "1"})

        heard = []
        app = web.Application()
        app.router.add_route("*", "/elsewhere", elsewhere)
        app.router.add_route("*", "/{rest:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
        return DiscordChannel(replace(conf, base_url=base), desk.account_of, {}, session), heard

    yield make
    for runner in runners:
        await runner.cleanup()


async def everything(channel, desk):
    """Each method once."""
    room, identity = Destination("dispatch", "discord", ROOM), Identity("card", "D-12", "dispatch", 1)
    yield await channel.post(room, desk.drawn(), identity)
    yield await channel.edit(room, CARD, desk.drawn(), identity)
    yield await channel.note(room, CARD, Note("a line"), NOTE)
    yield await channel.note(room, CARD, Note("a ring", mentions=("ana",), broadcast=True), NOTE)
    yield await channel.note(room, CARD, Note("a word", direct="ana"), NOTE)
    yield await channel.find(room, identity, datetime.now(UTC), {})
    yield await channel.check([room])


@pytest.mark.parametrize("body", BODIES, ids=repr)
async def test_a_body_of_another_shape_is_an_outcome(body, odd, desk):
    channel, _ = await odd([body])

    async for outcome in everything(channel, desk):
        assert outcome is None or isinstance(outcome, Sent | Retry | Rejected | Unknown | list | dict)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_leads_us_elsewhere(status, odd, desk):
    channel, heard = await odd(status)

    async for outcome in everything(channel, desk):
        assert not isinstance(outcome, Sent)
    assert heard == []
