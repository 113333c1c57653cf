"""The hostile network: what each toxic does to a call, what the log says of it, and that TLS faults are refused."""

import asyncio
import random
import ssl
import time

import httpx
import pytest
from aiohttp import web

from deskbell.torture import wire
from deskbell.torture.certificates import BAD, issue
from deskbell.torture.oracle import Down, caught
from deskbell.torture.proxy import Exchange, Proxy
from deskbell.torture.toxics import BROKEN, FORMS, LOST, SHARES, Dice, Toxic, limited
from deskbell.torture.wire import Message

PATH = "/slack/api/chat.postMessage"


class Loaded(Dice):
    """Dice that fall as the test wants."""

    def load(self, toxic: Toxic, paper: str = "") -> "Loaded":
        self._toxic, self._paper = toxic, paper
        return self

    def throw(self) -> Toxic:
        return self._toxic

    def paper(self, bad):
        return self._paper


@pytest.fixture
async def vendor():
    """Counts what it accepted."""
    taken: list[str] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.text())
        return web.json_response({"ok": True, "words": "x" * 200})

    app = web.Application()
    app.router.add_post(PATH, take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], taken
    await runner.cleanup()


@pytest.fixture
async def proxy(vendor, tmp_path):
    made = Proxy(Loaded("slack", 1.0, "1").load(Toxic.NONE), lambda: asyncio.open_connection("127.0.0.1", vendor[0]))
    yield await made.start()
    await made.close()


async def call(proxy: Proxy, **more) -> httpx.Response:
    async with httpx.AsyncClient(timeout=0.5, **more) as client:
        return await client.post(f"{proxy.url}{PATH}", json={"channel": "C0DISPATCH", "text": "late"})


async def test_nothing_happens(proxy, vendor):
    assert (await call(proxy)).json()["ok"]
    [exchange] = proxy.log
    assert exchange.lane == "slack C0DISPATCH"
    assert exchange.accepted
    assert exchange.answered
    assert not exchange.lost


@pytest.mark.parametrize("toxic", sorted(LOST))
async def test_the_vendor_accepts_and_nobody_hears_of_it(proxy, vendor, toxic):
    proxy.dice.load(Toxic(toxic))
    try:
        answer = await call(proxy)
        assert toxic == Toxic.GARBLED
        with pytest.raises(ValueError):  # noqa: PT011 - whatever reads JSON
            answer.json()
    except httpx.TransportError:
        assert toxic != Toxic.GARBLED
    assert len(vendor[1]) == 1
    assert proxy.log[0].lost


@pytest.mark.parametrize("toxic", [Toxic.RESET, Toxic.DROPPED])
async def test_the_vendor_never_hears_of_it(proxy, vendor, toxic):
    proxy.dice.load(toxic)
    with pytest.raises(httpx.TransportError):
        await call(proxy)
    assert not vendor[1]
    assert not proxy.log[0].lost


async def test_a_refusal_is_no_loss(proxy, vendor):
    proxy.dice.load(Toxic.REFUSED)
    await call(proxy)
    assert not vendor[1]
    assert not proxy.log[0].lost


@pytest.mark.parametrize("toxic", [Toxic.DELAYED, Toxic.DRIBBLED])
async def test_a_nuisance_is_no_loss(proxy, vendor, toxic, monkeypatch):
    monkeypatch.setattr("deskbell.torture.toxics.DELAYS_S", (0.01, 0.02))
    monkeypatch.setattr("deskbell.torture.proxy.DRIBBLE_S", 0.0001)
    proxy.dice.load(toxic)
    assert (await call(proxy)).json()["ok"]
    assert not proxy.log[0].lost


async def test_in_a_black_hole_nothing_answers_and_nothing_comes_out_for_who_has_gone(proxy, vendor):
    proxy.clear.clear()
    with pytest.raises(httpx.TimeoutException):
        await call(proxy)
    await asyncio.sleep(0.05)  # its hanging up is noticed
    proxy.clear.set()
    assert (await call(proxy)).json()["ok"]
    assert len(vendor[1]) == 1


@pytest.mark.parametrize("paper", ["", *BAD])
async def test_a_bad_certificate_is_refused(vendor, tmp_path, paper):
    papers = issue(tmp_path)
    dice = Loaded("slack", 1.0, "1").load(Toxic.NONE, paper)
    proxy = await Proxy(dice, lambda: asyncio.open_connection("127.0.0.1", vendor[0]), papers).start()
    trust = ssl.create_default_context(cafile=str(papers.authority))
    try:
        if paper:
            with pytest.raises(httpx.ConnectError):
                await call(proxy, verify=trust)
        else:
            assert (await call(proxy, verify=trust)).json()["ok"]
    finally:
        await proxy.close()
    assert len(vendor[1]) == (not paper)


def test_the_same_seed_throws_the_same():
    one, two, other = (Dice("slack", 0.5, seed) for seed in ("1", "1", "2"))
    thrown = [[dice.throw() for _ in range(200)] for dice in (one, two, other)]
    assert thrown[0] == thrown[1] != thrown[2]
    assert set(SHARES) & set(thrown[0])
    assert sum(SHARES.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("vendor", ["slack", "teams", "telegram", "discord", "freshdesk"])
def test_what_vendors_refuse_with_is_http(vendor):
    from datetime import UTC, datetime

    answers = [limited(vendor, form, datetime.now(UTC)) for form in FORMS] + [broken(vendor) for broken in BROKEN]
    for data in answers:
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 ")
        assert f"Content-Length: {len(body)}".encode() in head


@pytest.mark.parametrize(
    ("vendor", "line", "body", "lane"),
    [
        ("slack", "POST /slack/api/chat.postMessage", b"channel=C1&text=x", "slack C1"),
        ("slack", "POST /slack/api/chat.update", b"channel=C1&text=x", ""),
        ("teams", "POST /teams/v3/conversations", b'{"channelData":{"channel":{"id":"19:a@b"}}}', "teams 19:a@b"),
        ("teams", "POST /teams/v3/conversations/19%3Aa%40b%3Bmessageid%3D1/activities", b"{}", "teams 19:a@b"),
        ("telegram", "POST /telegram/botX/sendMessage", b"chat_id=-100&text=x", "telegram -100"),
        ("telegram", "POST /telegram/botX/editMessageText", b"chat_id=-100&text=x", ""),
        ("discord", "POST /discord/api/v10/channels/9/messages", b"{}", "discord 9"),
        ("freshdesk", "POST /freshdesk/api/v2/tickets/1/notes", b"{}", "freshdesk"),
        ("fieldservice", "GET /fieldservice/api/jobs", b"", ""),
    ],
)
def test_which_room_a_message_goes_to(vendor, line, body, lane):
    assert wire.lane_of(vendor, Message(f"{line} HTTP/1.1\r\n\r\n".encode(), body)) == lane


class Gone:
    def __init__(self, gone):
        self.gone = gone


def answered(at, gone, lane="slack C1"):
    return Exchange("slack", lane, "", at - 0.1, Toxic.NONE, Gone(gone), accepted=True, answered=at)


def test_what_a_kill_catches_was_answered_just_before_it():
    now = time.time()
    kill = Down(now, "desk1", "kill")
    just, long_ago = answered(now - 0.1, now + 0.01), answered(now - 10, now + 0.01)
    of_another, after = answered(now - 0.1, None), answered(now + 1, now + 2)
    assert caught([just, long_ago, of_another, after], kill) == [just]
    assert caught([of_another], Down(now, "desk1", "stop")) == [of_another]


async def test_a_message_in_any_pieces_is_read_whole():
    chance = random.Random(7)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    sized = b"HTTP/1.1 201 Made\r\nContent-Length: 4\r\n\r\nabcd"
    for data in (chunked, sized):
        reader = asyncio.StreamReader()
        rest = data
        while rest:
            cut = chance.randint(1, 5)
            reader.feed_data(rest[:cut])
            rest = rest[cut:]
        reader.feed_eof()
        message = await wire.read(reader)
        assert message.data == data
        assert await wire.read(reader) is None
