"""Each limit and rule of Discord's, broken once through discord.py: the stand-in refuses what Discord refuses."""

import asyncio

import discord as sdk
import pytest
from aiohttp import web
from discord.http import HTTPClient, Route

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.discord.stand_in import DiscordStandIn
from deskbell.sandbox.discord.world import EMBED, HISTORY, IN_THREADS, SEND, THREADS
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF

ROOM = credentials.DISCORD_ROOMS["dispatch"]
GUILD = credentials.DISCORD_GUILD
ANA, BEN = STAFF["ana"].discord, STAFF["ben"].discord
MESSAGES = "/channels/{channel_id}/messages"


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
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


@pytest.fixture
async def http(discord):
    """The SDK's own client, as it comes."""
    client = HTTPClient(asyncio.get_running_loop())
    await client.static_login(credentials.DISCORD_TOKEN)
    yield client
    await client.close()


@pytest.fixture
def say(http):
    async def say(channel=ROOM, **body):
        return await http.request(Route("POST", MESSAGES, channel_id=channel), json=body)

    return say


@pytest.fixture
def refused(say):
    async def refused(code, **body):
        with pytest.raises(sdk.HTTPException) as caught:
            await say(**body)
        assert caught.value.code == code
        return caught.value

    return refused


def embed(**parts):
    return {"embeds": [parts]}


def button(**parts):
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go"} | parts


def row(*inner):
    return {"components": [{"type": 1, "components": list(inner)}]}


def select(**parts):
    return {"type": 3, "custom_id": "pick", "options": [{"label": "One", "value": "1"}]} | parts


TOO_MUCH = {
    "content": {"content": "x" * 2001},
    "emoji count twice": {"content": "\U0001f534" * 1001},
    "embeds": {"embeds": [{"title": "x"}] * 11},
    "embed title": embed(title="x" * 257),
    "embed description": embed(description="x" * 4097),
    "embed footer": embed(title="x", footer={"text": "x" * 2049}),
    "embed author": embed(title="x", author={"name": "x" * 257}),
    "embed fields": embed(fields=[{"name": "n", "value": "v"}] * 26),
    "embed field name": embed(fields=[{"name": "x" * 257, "value": "v"}]),
    "embed field value": embed(fields=[{"name": "n", "value": "x" * 1025}]),
    "embed field without value": embed(fields=[{"name": "n", "value": ""}]),
    "embeds in all": {"embeds": [{"description": "x" * 3001}] * 2},
    "embed colour": embed(title="x", color=0x1000000),
    "embed url": embed(title="x", url="javascript:alert(1)"),
    "empty embed": embed(),
    "rows": {"components": [row(button(custom_id=str(n)))["components"][0] for n in range(6)]},
    "row of six": row(*(button(custom_id=str(n)) for n in range(6))),
    "empty row": row(),
    "no row": {"components": [button()]},
    "label": row(button(label="x" * 81)),
    "no label": row(button(label="")),
    "custom_id": row(button(custom_id="x" * 101)),
    "no custom_id": row(button(custom_id="")),
    "custom_id twice": row(button(), button()),
    "style": row(button(style=9)),
    "link with custom_id": row(button(style=5, url="https://example.org")),
    "link url": row({"type": 2, "style": 5, "label": "Go", "url": "https://example.org/" + "x" * 512}),
    "select beside a button": row(select(), button()),
    "no options": row(select(options=[])),
    "options": row(select(options=[{"label": "x", "value": str(n)} for n in range(26)])),
    "option label": row(select(options=[{"label": "x" * 101, "value": "1"}])),
    "option value": row(select(options=[{"label": "x", "value": "x" * 101}])),
    "option description": row(select(options=[{"label": "x", "value": "1", "description": "x" * 101}])),
    "option twice": row(select(options=[{"label": "x", "value": "1"}] * 2)),
    "placeholder": row(select(placeholder="x" * 151)),
    "max_values": row(select(max_values=26)),
    "nonce": {"content": "x", "nonce": "x" * 26},
    "mentions parse and list": {"content": "x", "allowed_mentions": {"parse": ["users"], "users": [ANA]}},
    "mentions unknown kind": {"content": "x", "allowed_mentions": {"parse": ["all"]}},
    "mentions 101": {"content": "x", "allowed_mentions": {"users": [str(10**17 + n) for n in range(101)]}},
    "mentions twice": {"content": "x", "allowed_mentions": {"users": [ANA, ANA]}},
    "mentions no id": {"content": "x", "allowed_mentions": {"roles": ["oncall"]}},
    "reference": {"content": "x", "message_reference": {"message_id": "1"}},
    "v2 with content": {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "x"}]},
    "v2 of 41": {"flags": 1 << 15, "components": [{"type": 10, "content": "x"}] * 41},
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_a_message_over_a_limit_is_refused(name, refused, discord):
    error = await refused(50035, **TOO_MUCH[name])

    assert error.status == 400
    assert "Invalid Form Body" in error.text
    assert discord.texts(ROOM) == []


async def test_nothing_to_say_is_refused(refused):
    await refused(50006, content=" ")


async def test_where_it_may_not_speak(discord, refused, say, http):
    discord.hub.limited = False
    await refused(10003, channel="900000000000009999", content="x")
    discord.world.forbid(ROOM, SEND)
    await refused(50013, content="x")
    discord.remove_bot(ROOM)
    await refused(50001, content="x")
    discord.world.in_guild = False
    await refused(50001, channel=credentials.DISCORD_ROOMS["support"], content="x")


async def test_without_the_right_to_embeds_they_are_left_out(discord, say):
    discord.world.forbid(ROOM, EMBED)

    assert (await say(content="x", embeds=[{"title": "y"}]))["embeds"] == []


async def test_without_the_right_to_read_nothing_is_listed(discord, http, say):
    await say(content="x")
    discord.world.forbid(ROOM, HISTORY)

    assert await http.request(Route("GET", MESSAGES, channel_id=ROOM)) == []


async def test_direct_messages_can_be_closed(discord, http, refused):
    opened = await http.start_private_message(ANA)
    discord.world.no_dms.add(ANA)

    await refused(50007, channel=opened["id"], content="x")
    for account, code in (("1", 10013), (STAFF["mallory"].discord, 50278)):
        with pytest.raises(sdk.HTTPException) as caught:
            await http.start_private_message(account)
        assert caught.value.code == code


async def test_messages_that_are_gone_or_of_others(discord, http, say):
    sent = await say(content="x")
    edit = Route("PATCH", MESSAGES + "/{message_id}", channel_id=ROOM, message_id=sent["id"])
    discord.world.channels[ROOM].messages[sent["id"]].author = ANA
    with pytest.raises(sdk.Forbidden) as caught:
        await http.request(edit, json={"content": "y"})
    assert caught.value.code == 50005
    discord.world.channels[ROOM].messages[sent["id"]].deleted = True
    with pytest.raises(sdk.NotFound) as caught:
        await http.request(edit, json={"content": "y"})
    assert caught.value.code == 10008


async def test_an_old_message_takes_few_edits(discord, http, say):
    discord.hub.old_edits = 2
    sent = await say(content="x")
    edit = Route("PATCH", MESSAGES + "/{message_id}", channel_id=ROOM, message_id=sent["id"])
    discord.clock.advance(3601)
    for _ in range(2):
        await http.request(edit, json={"content": "y"})
    http.max_ratelimit_timeout = 30.0
    with pytest.raises(sdk.RateLimited):  # what the SDK makes of it: 30046 comes as a 429
        await http.request(edit, json={"content": "z"})
    assert discord.ledger.of("discord", "rejected")[0].what["error"] == 30046


async def test_the_same_nonce_gives_the_same_message_for_some_minutes(discord, say, refused):
    first = await say(content="x", nonce="n1", enforce_nonce=True)
    again = await say(content="y", nonce="n1", enforce_nonce=True)
    without = await say(content="x", nonce="n1")
    discord.clock.advance(301)
    later = await say(content="x", nonce="n1", enforce_nonce=True)

    assert first["id"] == again["id"]
    assert again["content"] == "x"
    assert len({first["id"], without["id"], later["id"]}) == 3
    discord.world.channels[ROOM].messages[later["id"]].deleted = True
    await refused(10008, content="x", nonce="n1", enforce_nonce=True)


async def test_threads(discord, http, say, refused):
    sent = await say(content="x")
    start = Route("POST", MESSAGES + "/{message_id}/threads", channel_id=ROOM, message_id=sent["id"])

    async def fails(code, **body):
        with pytest.raises(sdk.HTTPException) as caught:
            await http.request(start, json=body)
        assert caught.value.code == code

    await fails(50035, name="x" * 101)
    await fails(50035, name="x", auto_archive_duration=61)
    discord.world.forbid(ROOM, THREADS)
    await fails(50013, name="x")
    discord.world.channels[ROOM].overwrites.clear()
    opened = await http.request(start, json={"name": "x", "auto_archive_duration": 60})
    assert opened["id"] == sent["id"]
    await fails(160004, name="x")
    thread = discord.world.channels[opened["id"]]
    thread.archived = True
    await say(channel=opened["id"], content="back")
    assert not thread.archived
    thread.locked = True
    await refused(50083, channel=opened["id"], content="x")
    thread.locked = False
    discord.world.forbid(ROOM, IN_THREADS)
    await refused(50013, channel=opened["id"], content="x")


# ---------------------------------------------------------------- who is notified


@pytest.mark.parametrize(
    ("content", "allowed", "users", "roles"),
    [
        (f"<@{ANA}> <@!{BEN}>", None, [ANA, BEN], []),
        (f"\\<@{ANA}>", None, [ANA], []),  # a backslash hides the sign and not the mention
        (f"`<@{ANA}>`", None, [], []),
        (f"<@{ANA}>", {"parse": []}, [], []),
        (f"<@{ANA}> <@{BEN}>", {"parse": [], "users": [BEN]}, [BEN], []),
        (f"<@{ANA}>", {"parse": [], "users": [BEN]}, [], []),
        (f"<@&{credentials.DISCORD_ONCALL_ROLE}>", None, [], [credentials.DISCORD_ONCALL_ROLE]),
        (f"<@&{credentials.DISCORD_ONCALL_ROLE}>", {"parse": ["users"]}, [], []),
    ],
)
async def test_mentions_are_read_as_discord_does(content, allowed, users, roles, say):
    sent = await say(content=content, allowed_mentions=allowed)

    assert [one["id"] for one in sent["mentions"]] == users
    assert sent["mention_roles"] == roles


async def test_everyone_is_called_only_with_the_right_to(discord, say):
    assert not (await say(content="@everyone"))["mention_everyone"]
    discord.world.roles[GUILD]["permissions"] = str(int(discord.world.roles[GUILD]["permissions"]) | 1 << 17)

    assert (await say(content="@here now"))["mention_everyone"]
    assert not (await say(content="@everyone", allowed_mentions={"parse": []}))["mention_everyone"]


# ---------------------------------------------------------------- limits of time


async def test_the_sixth_message_in_five_seconds_waits(discord, http):
    route = Route("POST", MESSAGES, channel_id=ROOM)
    async with asyncio.timeout(10):
        raw = [await _raw(http, route, {"content": str(n)}) for n in range(6)]

    assert [answer.status for answer in raw] == [200] * 5 + [429]
    assert raw[0].headers["X-RateLimit-Remaining"] == "4"
    assert raw[0].headers["Content-Type"] == "application/json"
    over = raw[5]
    assert over.headers["Via"]
    assert over.headers["X-RateLimit-Scope"] == "user"
    assert discord.ledger.count("discord", "ratelimited") == 1
    discord.clock.advance(5)
    assert (await _raw(http, route, {"content": "later"})).status == 200


async def _raw(http, route, body):
    session = http._HTTPClient__session
    async with session.request(
        route.method, route.url, json=body, headers={"Authorization": f"Bot {credentials.DISCORD_TOKEN}"}
    ) as answer:
        await answer.read()
        return answer


async def test_the_sdk_sits_a_limit_out(discord, say):
    discord.faults.set("429", where="POST message", times=1, retry_after=0)

    assert (await say(content="x"))["content"] == "x"


async def test_a_ban_for_too_many_refusals(discord, http):
    discord.hub.invalid_limit = 3
    for _ in range(3):
        with pytest.raises(sdk.Forbidden):
            await http.request(Route("PUT", "/applications/1/commands"), json=[])
    with pytest.raises(sdk.HTTPException) as caught:
        await http.request(Route("GET", "/users/@me"))
    assert caught.value.status == 429


# ---------------------------------------------------------------- commands


def command(**parts):
    return {"name": "desk", "description": "x"} | parts


def option(**parts):
    return {"type": 3, "name": "a", "description": "x"} | parts


WRONG_COMMANDS = {
    "too many": [command(name=f"c{n}") for n in range(101)],
    "twice": [command(), command()],
    "name": [command(name="Desk")],
    "no description": [command(description="")],
    "description": [command(description="x" * 101)],
    "options": [command(options=[option(name=f"o{n}") for n in range(26)])],
    "required last": [command(options=[option(), option(name="b", required=True)])],
    "option twice": [command(options=[option(), option()])],
    "mixed": [command(options=[option(), option(name="b", type=1)])],
    "choices": [command(options=[option(choices=[{"name": str(n), "value": str(n)} for n in range(26)])])],
    "choice": [command(options=[option(choices=[{"name": "x" * 101, "value": "x"}])])],
    "choices and autocomplete": [command(options=[option(autocomplete=True, choices=[{"name": "x", "value": "x"}])])],
    "size": [command(options=[option(name=f"o{n}", description="x" * 100, choices=CHOICES) for n in range(2)])]
    if (CHOICES := [{"name": f"{n} " + "x" * 97, "value": f"{n} " + "y" * 97} for n in range(25)])
    else [],
}


@pytest.mark.parametrize("name", WRONG_COMMANDS)
async def test_commands_over_a_limit_are_refused(name, discord, http):
    with pytest.raises(sdk.HTTPException) as caught:
        await http.bulk_upsert_guild_commands(credentials.DISCORD_APP, GUILD, WRONG_COMMANDS[name])
    assert caught.value.code == 50035


async def test_commands_of_a_strange_server(http):
    with pytest.raises(sdk.NotFound) as caught:
        await http.bulk_upsert_guild_commands(credentials.DISCORD_APP, "900000000000009999", [command()])
    assert caught.value.code == 10004


# ---------------------------------------------------------------- the token and trouble


async def test_a_wrong_token(discord):
    client = HTTPClient(asyncio.get_running_loop())
    with pytest.raises(sdk.LoginFailure):
        await client.static_login("nobody")
    await client.close()


async def test_an_unknown_path(http):
    with pytest.raises(sdk.NotFound) as caught:
        await http.request(Route("GET", "/nowhere"))
    assert caught.value.code == 0


@pytest.mark.parametrize("code", ["10003", "200000", "20016"])
async def test_any_number_can_be_had_on_demand(code, discord, http, refused):
    http.max_ratelimit_timeout = 30.0
    discord.faults.set(code, where=ROOM)
    with pytest.raises((sdk.HTTPException, KeyError)):
        await http.request(Route("POST", MESSAGES, channel_id=ROOM), json={"content": "x"})
    assert discord.ledger.of("discord", "rejected")[0].what["error"] == int(code)


async def test_what_automod_does_not_like(discord, refused):
    discord.hub.automod.add("leak")

    await refused(200000, content="gas leak")
