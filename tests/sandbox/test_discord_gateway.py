"""The stand-in's gateway, its interactions and its endpoint, through discord.py as an application would use it."""

import asyncio
import contextlib

import discord as sdk
import pytest
import yarl
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from discord.gateway import DiscordWebSocket
from discord.http import Route

from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.discord import delivery
from deskbell.sandbox.discord.stand_in import DiscordStandIn
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF

ROOM = credentials.DISCORD_ROOMS["dispatch"]
CALLBACK = "/interactions/{id}/{token}/callback"
FOLLOW_UP = "/webhooks/{application}/{token}"
CARD = {
    "content": "Marco is late",
    "embeds": [{"title": "P1", "footer": {"text": "D-12 late"}}],
    "components": [
        {
            "type": 1,
            "components": [
                {"type": 2, "style": 1, "label": "Acknowledge", "custom_id": "ack"},
                {"type": 2, "style": 2, "label": "Resolve", "custom_id": "resolve"},
            ],
        }
    ],
}
MODAL = {
    "custom_id": "why",
    "title": "Why?",
    "components": [
        {"type": 18, "label": "Reason", "component": {"type": 4, "custom_id": "answer", "style": 2, "max_length": 10}}
    ],
}


@pytest.fixture
async def discord(monkeypatch):
    clock, pulse = Clock(), Pulse()
    stand_in = DiscordStandIn(clock, Ledger(clock, pulse), pulse)
    app = web.Application()
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setattr(Route, "BASE", f"{stand_in.url}/discord/api/v10")
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(stand_in.gateway_url))
    stand_in.no_limits()
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


class App(sdk.Client):
    """Answers what it hears with what a test says."""

    def __init__(self, *, intents=None, **more):
        intents = intents or sdk.Intents(guilds=True)
        super().__init__(intents=intents, **more)
        self.got = []
        self.answer = lambda said: {"type": 6}
        self.resumes = 0

    async def before_identify_hook(self, shard_id, *, initial=False):
        """The SDK would wait five seconds before a second login, as Discord asks for."""

    async def on_interaction(self, interaction):
        self.got.append(interaction)
        body = self.answer(interaction)
        if body is not None:
            await self.say(interaction, body)

    async def on_resumed(self):
        self.resumes += 1

    async def say(self, interaction, body):
        await self.http.request(Route("POST", CALLBACK, id=interaction.id, token=interaction.token), json=body)

    async def later(self, interaction, body):
        route = Route("POST", FOLLOW_UP, application=credentials.DISCORD_APP, token=interaction.token)
        return await self.http.request(route, json=body)


async def until(condition, seconds=5):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(client):
    task = asyncio.create_task(client.start(credentials.DISCORD_TOKEN))
    try:
        yield task
    finally:
        await client.close()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def app(discord):
    client = App()
    async with running(client):
        await until(lambda: discord.sockets.ready)
        yield client


@pytest.fixture
async def card(app, discord):
    await app.http.request(Route("POST", "/channels/{channel_id}/messages", channel_id=ROOM), json=CARD)
    return discord.cards(ROOM)[0]


# ---------------------------------------------------------------- connecting


async def test_a_client_connects_and_learns_of_its_server(app, discord):
    await until(lambda: app.guilds)

    assert [channel.name for channel in app.guilds[0].text_channels] == list(credentials.DISCORD_ROOMS)
    assert app.user.name == "Deskbell"


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013])
async def test_a_fatal_code_ends_the_client(code, discord):
    discord.sockets.refuse_with = code
    with pytest.raises(sdk.ConnectionClosed) as caught:
        await App().start(credentials.DISCORD_TOKEN)
    assert caught.value.code == code


async def test_an_intent_that_was_not_granted(discord):
    with pytest.raises(sdk.PrivilegedIntentsRequired):
        await App(intents=sdk.Intents(guilds=True, message_content=True)).start(credentials.DISCORD_TOKEN)


async def test_a_drop_is_resumed(app, discord):
    discord.sockets.drop()
    await until(lambda: app.resumes)

    assert len(discord.sockets.identified) == 1


async def test_a_reconnect_is_asked_for(app, discord):
    await discord.sockets.ask_to_reconnect()
    await until(lambda: app.resumes and discord.sockets.ready == 1)


async def test_a_forgotten_session_is_begun_anew(app, discord):
    discord.sockets.sessions.clear()
    discord.sockets.drop()
    await until(lambda: len(discord.sockets.identified) == 2)


async def test_unanswered_heartbeats_are_noticed(discord):
    discord.sockets.heartbeat_s = 0.1
    async with running(App(heartbeat_timeout=0.5)):
        await until(lambda: discord.sockets.ready)
        discord.sockets.deafen()
        await until(lambda: discord.sockets.opened == 2 and discord.sockets.ready)


async def test_one_login_too_many_costs_the_token(discord):
    discord.sockets.identified = [discord.clock.time()] * 1000
    with pytest.raises(sdk.ConnectionClosed) as caught:
        await App().start(credentials.DISCORD_TOKEN)
    assert caught.value.code == 4004
    with pytest.raises(sdk.LoginFailure):
        await App().start(credentials.DISCORD_TOKEN)


async def test_the_start_limit_is_told(app, discord):
    told = await app.http.request(Route("GET", "/gateway/bot"))

    assert told["url"] == discord.gateway_url
    assert told["session_start_limit"]["remaining"] == 999


# ---------------------------------------------------------------- answers


async def test_a_tap_is_heard_and_answered(app, card, discord):
    app.answer = lambda _: {"type": 4, "data": {"content": "Done.", "flags": 64}}
    heard = await discord.press("ana", card, "Ack")

    assert heard.private == ["Done."]
    assert heard.public == []
    assert app.got[0].user.id == int(STAFF["ana"].discord)
    assert app.got[0].data["custom_id"] == "ack"
    assert discord.private("ana") == ["Done."]
    assert discord.private("ben") == []
    assert discord.ledger.count("discord", "tap") == 1


async def test_the_message_itself_can_be_the_answer(app, card, discord):
    app.answer = lambda _: {"type": 7, "data": {"content": "Acknowledged", "components": []}}
    await discord.press("ana", card, "Ack")

    shown = discord.cards(ROOM)[0]
    assert "Acknowledged" in shown.text
    assert (shown.buttons, shown.edits) == ((), 1)
    assert len(discord.ledger.tap_to_edit_ms) == 1


async def test_no_answer_in_three_seconds_fails(app, card, discord, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.discord.interactions.FIRST_SECONDS", 0.2)
    app.answer = lambda _: None
    heard = await discord.press("ana", card, "Ack")

    assert heard.failed == "This interaction failed"
    discord.clock.advance(3)
    with pytest.raises(sdk.NotFound) as caught:
        await app.say(app.got[0], {"type": 6})
    assert caught.value.code == 10062
    with pytest.raises(sdk.NotFound) as caught:
        await app.later(app.got[0], {"content": "late"})
    assert caught.value.code == 10015


async def test_nobody_there_fails(discord):
    person = STAFF["ana"]
    message = discord.hub.post(ROOM, CARD)
    heard = await discord.press(person.id, discord.card(message), "Ack")

    assert heard.failed
    assert discord.ledger.count("discord", "failed") == 1


async def test_only_one_first_answer(app, card, discord):
    await discord.tap("ana", discord.world.channels[ROOM].messages[card.id], "ack")
    with pytest.raises(sdk.HTTPException) as caught:
        await app.say(app.got[0], {"type": 6})
    assert caught.value.code == 40060


async def test_later_answers_have_a_quarter_of_an_hour(app, card, discord):
    await discord.tap("ana", discord.world.channels[ROOM].messages[card.id], "ack")
    sent = await app.later(app.got[0], {"content": "More.", "flags": 64})
    path = FOLLOW_UP + "/messages/{message}"
    ids = {"application": credentials.DISCORD_APP, "token": app.got[0].token}
    await app.http.request(Route("PATCH", path, message=sent["id"], **ids), json={"content": "Most."})
    await app.http.request(Route("PATCH", path, message="@original", **ids), json={"content": "Edited card"})
    assert discord.private("ana") == ["Most."]
    assert "Edited card" in discord.cards(ROOM)[0].text
    await app.http.request(Route("DELETE", path, message=sent["id"], **ids))
    assert discord.private("ana") == []
    discord.clock.advance(900)
    with pytest.raises(sdk.HTTPException) as caught:
        await app.later(app.got[0], {"content": "x"})
    assert caught.value.code == 50027


WRONG = {
    "pong": {"type": 1},
    "choices": {"type": 8, "data": {"choices": []}},
    "no such type": {"type": 99},
    "too long": {"type": 4, "data": {"content": "x" * 2001}},
    "modal title": {"type": 9, "data": MODAL | {"title": "x" * 46}},
    "modal custom_id": {"type": 9, "data": MODAL | {"custom_id": ""}},
    "modal parts": {"type": 9, "data": MODAL | {"components": []}},
    "modal label": {"type": 9, "data": MODAL | {"components": [MODAL["components"][0] | {"label": "x" * 46}]}},
    "modal hint": {"type": 9, "data": MODAL | {"components": [MODAL["components"][0] | {"description": "x" * 101}]}},
    "modal button": {
        "type": 9,
        "data": MODAL
        | {"components": [{"type": 18, "label": "x", "component": {"type": 2, "label": "x", "custom_id": "y"}}]},
    },
    "input length": {
        "type": 9,
        "data": MODAL
        | {
            "components": [
                {
                    "type": 18,
                    "label": "x",
                    "component": {"type": 4, "custom_id": "y", "style": 1, "max_length": 4001},
                }
            ]
        },
    },
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_answer_over_a_limit_is_refused(name, app, card, discord, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.discord.interactions.FIRST_SECONDS", 0.3)
    app.answer = lambda _: WRONG[name]
    heard = await discord.press("ana", card, "Ack")

    assert heard.failed
    assert discord.ledger.of("discord", "rejected")[0].what["error"] == 50035


async def test_a_form_is_filled_in_and_sent(app, card, discord):
    app.answer = lambda said: (
        {"type": 9, "data": MODAL} if said.type.value == 3 else {"type": 4, "data": {"content": "Ok"}}
    )
    heard = await discord.press("ana", card, "Resolve", "Fixed")

    assert heard.public == ["Ok"]
    sent = app.got[1].data
    assert sent["custom_id"] == "why"
    assert sent["components"][0]["component"]["value"] == "Fixed"


async def test_a_form_is_no_answer_to_a_form(app, card, discord, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.discord.interactions.FIRST_SECONDS", 0.3)
    app.answer = lambda _: {"type": 9, "data": MODAL}

    assert (await discord.press("ana", card, "Resolve", "Fixed")).failed


async def test_the_client_sends_no_form_that_is_not_filled_in(app, card, discord):
    app.answer = lambda _: {"type": 9, "data": MODAL}
    for typed in ("", "x" * 11):
        with pytest.raises(Refused):
            await discord.press("ana", card, "Resolve", typed)


async def test_nobody_presses_what_is_not_there(app, card, discord):
    with pytest.raises(Refused):
        await discord.press("ana", card, "Nothing")
    with pytest.raises(Refused):
        await discord.tap("ana", discord.world.channels[ROOM].messages[card.id], "forged")
    discord.delete_by_hand(card)
    with pytest.raises(Refused):
        await discord.press("ana", card, "Ack")


async def test_a_typed_line_becomes_a_command(app, discord):
    text = {"type": 3, "description": "x"}
    sub = {
        "type": 1,
        "name": "snooze",
        "description": "x",
        "options": [
            {**text, "name": "alert", "required": True, "max_length": 100},
            {**text, "name": "time", "required": True, "max_length": 100},
            {**text, "name": "reason", "max_length": 2000},
        ],
    }
    commands = [{"name": "desk", "description": "x", "options": [sub]}]
    await app.http.bulk_upsert_guild_commands(credentials.DISCORD_APP, credentials.DISCORD_GUILD, commands)
    app.answer = lambda _: {"type": 4, "data": {"content": "Asleep", "flags": 64}}
    heard = await discord.say("ana", ROOM, "snooze D-12 30m waiting for parts")

    assert heard.private == ["Asleep"]
    told = app.got[0].data["options"][0]["options"]
    assert [one["value"] for one in told] == ["D-12", "30m", "waiting for parts"]
    for line in ("snooze D-12", "nosuch D-12"):
        with pytest.raises(Refused):
            await discord.say("ana", ROOM, line)
    with pytest.raises(Refused):
        await discord.say("ana", "", "snooze D-12 30m")


# ---------------------------------------------------------------- the endpoint


async def serve(answer):
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


async def test_an_endpoint_must_refuse_forgeries(discord):
    async def trusting(request):
        return web.json_response({"type": 1})

    async def deaf(request):
        return web.Response(status=401)

    for answer in (trusting, deaf):
        runner, url = await serve(answer)
        assert await discord.delivery.register(url)
        assert discord.hub.endpoint == ""
        await runner.cleanup()
    assert "reached" in await discord.delivery.register("http://127.0.0.1:9/")


def test_signatures_are_of_the_published_key():
    signed = delivery.sign(b"{}", "123")

    Ed25519PublicKey.from_public_bytes(bytes.fromhex(delivery.PUBLIC_KEY)).verify(bytes.fromhex(signed), b"123{}")
