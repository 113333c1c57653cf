"""The webhook: only Telegram gets in, everything else has a 4xx, and nothing changes."""

import asyncio
import json
import time
from dataclasses import replace

import aiohttp
import orjson
import pytest

from bot.telegram import TelegramGateway
from deskbell.core.alert import Status
from deskbell.sandbox.telegram.updates import Waiting
from deskbell.vendors.telegram import SECRET, TelegramConf, Way, hook_path, problems

ROOM = "-1001000000001"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
HOOK_SECRET = "sandbox-webhook-secret"


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
def update(card, telegram):
    """A genuine press of Acknowledge by Ana, as Telegram would bring it."""
    chat, _ = telegram.room(card.room)
    message = chat.messages[int(card.id)]
    query = {
        "id": "4242",
        "from": telegram.who("ana").wire(),
        "message": telegram.wire(message),
        "chat_instance": "1",
        "data": message.buttons[0]["callback_data"],
    }
    return {"update_id": 77, "callback_query": query}


async def send(http, url, body, secret=HOOK_SECRET, method="POST", **headers):
    head = {"Content-Type": "application/json", **({SECRET_HEADER: secret} if secret is not None else {}), **headers}
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with http.request(method, url, data=data, headers=head) as answer:
        return answer.status, await answer.text()


async def test_a_genuine_update_is_carried_out(http, hook_url, update, desk):
    assert await send(http, hook_url, update) == (200, "")
    assert desk.alert.status is Status.ACKED


# name -> (headers and body to send instead, the status)
FORGED = {
    "no secret": (lambda u: {"secret": None}, 401),
    "empty secret": (lambda u: {"secret": ""}, 401),
    "wrong secret": (lambda u: {"secret": "sandbox-webhook-secreT"}, 401),
    "secret and more": (lambda u: {"secret": HOOK_SECRET + "x"}, 401),
    "half of the secret": (lambda u: {"secret": HOOK_SECRET[:10]}, 401),
    "a secret that is no ascii": (lambda u: {"secret": "sandbox-webhook-secr\u00e9t"}, 401),
    "the bot's token": (lambda u: {"secret": "7000000:sandbox-telegram-token"}, 401),
    "no content type": (lambda u: {"Content-Type": ""}, 400),
    "a form": (lambda u: {"Content-Type": "application/x-www-form-urlencoded"}, 400),
    "text": (lambda u: {"Content-Type": "text/plain"}, 400),
    "nothing": (lambda u: {"body": b""}, 400),
    "truncated": (lambda u: {"body": orjson.dumps(u)[:-40]}, 400),
    "not JSON": (lambda u: {"body": b"update_id=1"}, 400),
    "not UTF-8": (lambda u: {"body": b'{"update_id": 1, "x": "\xff\xfe"}'}, 400),
    "a list": (lambda u: {"body": [u]}, 400),
    "a number": (lambda u: {"body": b"7"}, 400),
    "null": (lambda u: {"body": b"null"}, 400),
    "no number": (lambda u: {"body": {"callback_query": u["callback_query"]}}, 400),
    "a number in words": (lambda u: {"body": {**u, "update_id": "77"}}, 400),
    "huge": (lambda u: {"body": orjson.dumps({**u, "x": "y" * 300_000})}, 413),
    "deep": (lambda u: {"body": b'{"update_id": 1, "a": ' + b"[" * 100_000}, 400),
}


@pytest.mark.parametrize("name", FORGED)
async def test_what_is_not_telegrams_is_turned_down(http, hook_url, update, desk, telegram, name):
    change, status = FORGED[name]
    asked = {"body": update, **change(update)}

    got, text = await send(http, hook_url, asked.pop("body"), **asked)

    assert got == status
    assert HOOK_SECRET not in text
    assert desk.acted == []
    assert desk.alert.status is Status.OPEN


async def test_another_path_and_another_method_lead_nowhere(http, hook_url, update, desk):
    base = hook_url.rsplit("/", 1)[0]
    for url in (base, f"{base}/", f"{base}/{'0' * 32}", f"{hook_url}/x", hook_url.replace("/telegram/", "/slack/")):
        assert (await send(http, url, update))[0] == 404
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await send(http, hook_url, update, method=method))[0] == 405
    assert desk.acted == []


# Genuine as far as the secret goes, and still nothing to act upon: answered with a 200, so that it is not sent again.
HARMLESS = {
    "another body under the same secret": lambda q: q | {"data": "A" * 28},
    "a token that was tampered with": lambda q: q | {"data": q["data"][:-1] + ("A" if q["data"][-1] != "A" else "B")},
    "no data": lambda q: {k: v for k, v in q.items() if k != "data"},
    "no message": lambda q: {k: v for k, v in q.items() if k != "message"},
    "no sender": lambda q: {k: v for k, v in q.items() if k != "from"},
    "a sender by name": lambda q: q | {"from": {"id": "ana", "username": "ana_n"}},
    "a bot": lambda q: q | {"from": q["from"] | {"is_bot": True}},
    "a forwarded card": lambda q: q | {"message": q["message"] | {"forward_origin": {"type": "hidden_user"}}},
    "a chat that is not ours": lambda q: q | {"message": q["message"] | {"chat": {"id": -5, "type": "group"}}},
    "a chat of a strange kind": lambda q: q | {"message": q["message"] | {"chat": {"id": [], "type": "group"}}},
    "an unknown person": lambda q: q | {"from": {"id": 5, "is_bot": False, "first_name": "X"}},
    "a viewer": lambda q: q | {"from": {"id": 700000004, "is_bot": False, "first_name": "Dan"}},
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_makes_no_sense_changes_nothing(http, hook_url, update, desk, name):
    status, _ = await send(http, hook_url, {**update, "callback_query": HARMLESS[name](update["callback_query"])})

    assert status == 200
    assert desk.alert.status is Status.OPEN


async def test_a_replay_changes_nothing(http, hook_url, update, desk):
    for number in (77, 77, 78, 5):
        assert (await send(http, hook_url, {**update, "update_id": number}))[0] == 200

    assert len(desk.acted) == 1


async def test_an_old_line_and_a_replayed_one_are_not_carried_out(http, hook_url, commands, telegram):
    def line(at, number):
        chat = telegram.private_chat(telegram.who("ana")).wire()
        message = {
            "message_id": number,
            "date": int(at),
            "chat": chat,
            "from": telegram.who("ana").wire(),
            "text": "list",
        }
        return {"update_id": number, "message": message}

    await send(http, hook_url, line(time.time() - 7200, 1))
    for _ in range(3):
        await send(http, hook_url, line(time.time(), 2))

    assert [text for text, _ in commands.lines] == ["list"]


async def test_what_we_can_not_take_now_comes_again(card, hooked, desk, telegram, monkeypatch, wait):
    real, tries = hooked._taps.take, []

    async def broken(tap, room):
        tries.append(tap)
        if len(tries) < 2:
            raise RuntimeError("no disk")
        await real(tap, room)

    hooked._taps.take = broken
    monkeypatch.setattr("deskbell.sandbox.telegram.updates.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("bot.telegram_hook.LATER", (503, {}, b""))
    heard = await telegram.press("ana", card, "Acknowledge")

    assert heard.failed == ""
    assert len(tries) == 2
    assert desk.alert.status is Status.ACKED


async def test_the_webhook_is_set_and_set_again(make_gateway, desk, telegram, monkeypatch, wait):
    monkeypatch.setattr("bot.telegram_hook.LOOK_S", 0.05)
    gateway = await make_gateway(Way.WEBHOOK)
    wanted = gateway.conf.webhook_url + hook_path(gateway.conf)
    assert telegram.updates.hook.url == wanted
    assert telegram.updates.hook.secret == HOOK_SECRET
    assert telegram.updates.allowed == ["message", "callback_query", "my_chat_member"]

    telegram.updates.set_hook("", "", 40, None, drop=False)
    await wait(lambda: telegram.updates.hook.url == wanted)


async def test_a_webhook_that_is_not_reached_is_trouble(make_gateway, telegram, monkeypatch, wait):
    monkeypatch.setattr("bot.telegram_hook.LOOK_S", 0.05)
    gateway = await make_gateway(Way.WEBHOOK)
    telegram.updates.hook.last_error = "Connection refused"
    telegram.updates.queue[1] = Waiting("message", {"update_id": 1}, telegram.clock.time())
    await wait(lambda: "can't reach our webhook: Connection refused" in gateway.trouble)


async def test_while_telegram_does_not_say_who_we_are_nothing_is_lost(
    conf, desk, commands, session, rooms, telegram, monkeypatch, update
):
    telegram.faults.set("500", where="getMe")
    settings = replace(conf, way=Way.WEBHOOK, webhook_url="https://desk.example.org", webhook_secret=HOOK_SECRET)
    gateway = TelegramGateway(settings, desk, commands, session, desk, rooms)
    (hook,) = gateway.hooks.values()
    headers = {SECRET_HEADER: HOOK_SECRET, "Content-Type": "application/json"}
    assert (await hook(headers, orjson.dumps(update)))[0] == 503
    telegram.faults.heal()
    assert (await hook(headers, orjson.dumps(update)))[0] == 200
    await gateway.close()

    assert desk.alert.status is Status.ACKED


def test_the_path_can_not_be_guessed_and_stays():
    one, other = (TelegramConf(token="t", way=Way.WEBHOOK, webhook_secret=secret * 20) for secret in "ab")

    assert hook_path(one) == hook_path(one)
    assert hook_path(one) != hook_path(other)
    assert len(hook_path(one)) > 40
    assert "aaaa" not in hook_path(one)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "webhook_secret"),
        ({"webhook_secret": "short"}, "webhook_secret"),
        ({"webhook_secret": "x" * 16 + "é"}, "webhook_secret"),
        ({"webhook_secret": "x" * 20}, "webhook_url"),
        ({"webhook_secret": "x" * 20, "webhook_url": "http://desk.example.org"}, "webhook_url"),
        ({"webhook_secret": "x" * 20, "webhook_url": "https://desk.example.org:9000"}, "webhook_url"),
        ({"webhook_secret": "x" * 20, "webhook_url": "https://desk.example.org:x"}, "webhook_url"),
        ({"webhook_secret": "x" * 20, "webhook_url": "https://d.example.org", "poll_s": 0}, "poll_s"),
    ],
)
def test_wrong_settings_are_named(values, key):
    assert key in [name for name, _ in problems(TelegramConf(token="t", way=Way.WEBHOOK, **values))]


def test_right_settings_are_quiet():
    good = {"webhook_secret": "x" * 20, "webhook_url": "https://desk.example.org:8443"}
    assert list(problems(TelegramConf(token="t", way=Way.WEBHOOK, **good))) == []
    assert list(problems(TelegramConf(token="t"))) == []
    assert SECRET.fullmatch("x" * 16)
    assert json.dumps(repr(TelegramConf(token="secret-token", webhook_secret="also"))).count("secret-token") == 0


async def test_nothing_listens_when_we_poll(polling):
    assert dict(polling.hooks) == {}
    await asyncio.sleep(0)
