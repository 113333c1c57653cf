"""A whole daemon that is watched: by systemd, by a service that waits for its heartbeat, by people who stop it."""

import asyncio
import socket
from itertools import pairwise

import pytest
from aiohttp import web

from tests.crash.conftest import lives, nursery, sandbox, town
from tests.crash.lives import Lives, Town

__all__ = ["lives", "nursery", "sandbox", "town"]
PATIENCE_S = 0.8  # systemd's


class Outside:
    """What sees the daemon from outside: systemd's socket, and a heartbeat's service."""

    def __init__(self, ear: socket.socket) -> None:
        self._ear, self.beats = ear, []
        self.heard: list[tuple[float, str]] = []

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            said = (await loop.sock_recv(self._ear, 4096)).decode()
            self.heard.append((loop.time(), said))

    async def beat(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else {}
        self.beats.append((request.path, body.get("reasons", [])))
        return web.Response()

    def times(self, word: str) -> list[float]:
        return [at for at, said in self.heard if word in said]

    def said(self, word: str) -> str:
        return next((said for _, said in self.heard if word in said), "")


@pytest.fixture
async def outside(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.setblocking(False)
        ear.bind(str(tmp_path / "notify"))
        made, app = Outside(ear), web.Application()
        app.router.add_post("/{rest:.*}", made.beat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping"
        listening = asyncio.create_task(made.listen())
        yield made
        listening.cancel()
        await runner.cleanup()


@pytest.fixture
def changes(outside):
    return {
        'heartbeat_url = ""': f'heartbeat_url = "{outside.url}"',
        'heartbeat_every = "60s"': 'heartbeat_every = "1s"',
        'restart_after = "60s"': 'restart_after = "2s"',
    }


@pytest.fixture
def watched(lives: Lives, tmp_path):
    lives.environ |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(int(PATIENCE_S * 1e6))}
    return lives


async def test_a_life_as_systemd_hears_it(watched: Lives, town: Town, outside: Outside):
    await watched.start("clerk.act.before@1:sleep=4")
    await town.until(lambda: outside.times("READY=1"), "that it is ready")
    assert "sources" in outside.said("READY=1")
    await town.until(lambda: len(outside.times("WATCHDOG=1")) > 2, "that it lives")
    await town.until(lambda: outside.beats, "a heartbeat")

    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "a card to tap")
    began = asyncio.get_running_loop().time()
    await town.acknowledge(job, "slack")  # the tap holds the loop up for four seconds
    over = asyncio.get_running_loop().time()
    fed = [began, *(at for at in outside.times("WATCHDOG=1") if began < at < over), over]
    assert max(after - before for before, after in pairwise(fed)) > PATIENCE_S, "systemd would start it anew"
    log = watched.log.read_text()
    assert log.count('"loop_stalled"') == log.count('"loop_stalled_for_long"') == 1
    assert "bot/clerk.py" in log
    assert {path for path, _ in outside.beats} == {"/ping"}, outside.beats

    await town.until(lambda: not watched.left(), "an empty outbox")
    assert await watched.stop() == 0
    await town.until(lambda: "stopped; 0 pieces" in outside.said("stopped;"), "that nothing is left")
    assert outside.said("STOPPING=1")


async def test_a_stop_lets_what_is_under_way_arrive_and_tells_what_is_left(
    watched: Lives, town: Town, outside: Outside
):
    slack, telegram = (watched.sandbox.chats[name].faults for name in ("slack", "telegram"))
    await watched.start()
    await town.until(lambda: outside.times("READY=1"), "that it is ready")
    slack.set("slow", where="chat.postMessage", delay=1.5)
    telegram.set("500")
    job = town.late_job()
    await town.until(lambda: town.cards(job, "teams"), "the card in another chat")
    assert await watched.stop() == 0
    assert len(town.cards(job, "slack")) == 1, "it was under way"
    await town.until(lambda: outside.said("stopped;"), "what is left")
    left = watched.left()
    assert left >= 1
    assert f"stopped; {left} pieces of work wait for the next start" in outside.said("stopped;")
    assert f'"left_in_the_outbox": {left}' in watched.log.read_text()
    slack.heal()
    telegram.heal()
    await watched.start()
    await town.quiet()
    assert [len(town.cards(job, chat)) for chat in watched.sandbox.chats] == [1] * len(watched.sandbox.chats)
