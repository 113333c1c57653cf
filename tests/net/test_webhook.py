"""The way out that rings when the chats can't."""

from datetime import UTC, datetime

import pytest
from aiohttp import web

from channels.webhook import WebhookChannel, WebhookConf
from deskbell.core.card import Card, Note, Tone
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity

CARD = Card("D-12", Tone.CRITICAL, "P1 act now", "Technician late", "J-4711 Marco 25 min late", (("Job", "J-4711"),))
IDENTITY = Identity("card", "D-12", "pager", 1)


@pytest.fixture
async def channel():
    made = WebhookChannel(WebhookConf(secret="hook-secret-4711"))
    yield made
    await made.close()


@pytest.fixture
async def pager(serve):
    calls = []

    async def handle(request):
        calls.append((dict(request.headers), await request.json()))
        return web.Response(text="<p>thanks</p>", content_type="text/html", status=calls and pager_status[0])

    pager_status = [202]
    url = await serve(handle)
    return Destination("pager", "webhook", f"{url}/duty"), calls, pager_status


async def test_a_card_is_posted_with_its_key_and_secret(channel, pager):
    to, calls, _ = pager
    outcome = await channel.post(to, CARD, IDENTITY)
    assert outcome == Sent({"key": "deskbell-pager-D-12-card-1"})
    headers, body = calls[0]
    assert headers["Idempotency-Key"] == "deskbell-pager-D-12-card-1"
    assert headers["Authorization"] == "Bearer hook-secret-4711"
    assert body["ref"] == "D-12"
    assert body["severity"] == "P1"
    assert "J-4711" in body["text"]


async def test_a_note_is_posted(channel, pager):
    to, calls, _ = pager
    assert isinstance(await channel.note(to, {}, Note("look", "D-12", mentions=("ana",)), IDENTITY), Sent)
    assert calls[0][1] == {"kind": "note", "text": "look", "ref": "D-12", "rings": True}


@pytest.mark.parametrize(("status", "kind"), [(404, Rejected), (429, Retry), (500, Unknown), (503, Retry)])
async def test_a_receiver_in_trouble(channel, pager, status, kind):
    to, _, pager_status = pager
    pager_status[0] = status
    assert isinstance(await channel.post(to, CARD, IDENTITY), kind)


async def test_what_it_can_not_do_it_says(channel, pager):
    to, _, _ = pager
    assert not channel.edits
    assert isinstance(await channel.edit(to, {}, CARD, IDENTITY), Rejected)
    assert isinstance(await channel.find(to, IDENTITY, datetime.now(UTC), {}), Rejected)


async def test_an_unencrypted_address_is_refused(channel):
    to = Destination("pager", "webhook", "http://pager.example.com/secret-path")
    outcome = await channel.post(to, CARD, IDENTITY)
    assert isinstance(outcome, Rejected)
    assert outcome.fault is Fault.CONFIG
    (finding,) = await channel.check([to])
    assert not finding.ok


async def test_check_shows_no_path_because_it_may_be_the_secret(channel):
    (finding,) = await channel.check([Destination("pager", "webhook", "https://pager.example.com/secret-path")])
    assert finding.ok
    assert "secret-path" not in finding.detail
