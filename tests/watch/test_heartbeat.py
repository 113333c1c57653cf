"""The heart beats while all is well, says why when not, and its own trouble is told once."""

import asyncio

import pytest
import structlog
from aiohttp import web

from deskbell.watch.conf import WatchConf
from deskbell.watch.heartbeat import Heartbeat
from deskbell.watch.pulse import STILL_S, Pulse


class Service:
    """What stands behind the address."""

    def __init__(self):
        self.calls = []
        self.status = 200

    async def answer(self, request):
        body = await request.json() if request.can_read_body else None
        self.calls.append((request.method, request.path_qs, body))
        return web.Response(text="OK", status=self.status)


@pytest.fixture
async def service():
    made, app = Service(), web.Application()
    app.router.add_route("*", "/{rest:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def heart(service):
    made = []

    def build(reasons=(), path="/ping/5e0c", **conf):
        async def unwell():
            return list(reasons)

        heart = Heartbeat(WatchConf(heartbeat_url=service.url + path, **conf), unwell)
        made.append(heart)
        return heart

    yield build
    for one in made:
        await one.close()


async def test_it_beats_while_all_is_well(heart, service):
    await heart().beat()
    await heart(heartbeat_method="GET").beat()
    assert service.calls == [("POST", "/ping/5e0c", None), ("GET", "/ping/5e0c", None)]


async def test_it_says_what_is_wrong(heart, service):
    await heart(["the database can't be written"]).beat()
    await heart(["it"], heartbeat_method="GET").beat()
    await heart(["it"], path="/push?token=abcdef", heartbeat_fail="/down").beat()
    assert service.calls == [
        ("POST", "/ping/5e0c/fail", {"reasons": ["the database can't be written"]}),
        ("GET", "/ping/5e0c/fail", None),
        ("POST", "/push/down?token=abcdef", {"reasons": ["it"]}),
    ]


async def test_it_can_be_silent_instead(heart, service):
    await heart(["it"], heartbeat_fail="").beat()
    assert service.calls == []


async def test_its_own_trouble_is_told_once(heart, service):
    with structlog.testing.capture_logs() as logs:
        one = heart()
        for service.status in (200, 503, 503, 404, 200):
            await one.beat()
    assert [line["event"] for line in logs] == ["heartbeat_failed", "over"]


async def test_a_service_that_is_not_there_ends_nothing(heart, service):
    one = heart(path="")
    one._conf = WatchConf(heartbeat_url="http://127.0.0.1:9/x")
    with structlog.testing.capture_logs() as logs:
        await one.beat()
    assert [line["event"] for line in logs] == ["heartbeat_failed"]


async def test_it_goes_on_beating(heart, service):
    task = asyncio.create_task(heart(heartbeat_every=WatchConf().stalled_after / 10).run())
    while len(service.calls) < 3:
        await asyncio.sleep(0.01)
    task.cancel()


# ---------------------------------------------------------------- what being well means


class Poll:
    name = "freshdesk"
    hangs_s = 0.0


def pulse(poll, due=(), carried=lambda: 0):
    async def asked():
        if isinstance(due, Exception):
            raise due
        return list(due)

    return Pulse([poll], asked, carried)


async def test_all_is_well():
    assert await pulse(Poll()).reasons() == []


async def test_a_poll_that_hangs_is_not_well():
    poll = Poll()
    poll.hangs_s = 301
    assert await pulse(poll).reasons() == ["the poll of freshdesk has hung for 301 s"]


async def test_a_database_that_cannot_be_read_is_not_well():
    assert await pulse(Poll(), OSError("gone")).reasons() == ["the database can't be read: gone"]


async def test_work_that_is_due_must_be_carried():
    counts = [0]
    one = pulse(Poll(), ["ops", "desk"], lambda: counts[0])
    assert await one.reasons() == []
    one._moved_at -= STILL_S + 1
    assert await one.reasons() == [f"nothing was carried for {STILL_S + 1:.0f} s though work is due: desk, ops"]
    counts[0] += 1
    assert await one.reasons() == []
