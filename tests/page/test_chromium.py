"""The page in a real browser, where there is one: cookies and forms are what browsers make of them."""

import asyncio
import json
import shutil
import socket

import aiohttp
import pytest
from aiohttp import web

from deskbell.core.alert import Status

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


class Tab:
    """One tab, steered over the DevTools protocol."""

    def __init__(self, socket):
        self.socket, self.count, self.sites = socket, 0, []

    async def ask(self, method, **params):
        self.count += 1
        await self.socket.send_json({"id": self.count, "method": method, "params": params})
        async with asyncio.timeout(10):
            while True:
                heard = json.loads((await self.socket.receive()).data)
                if heard.get("method") == "Network.requestWillBeSentExtraInfo":
                    self.sites.append(heard["params"]["headers"].get("Sec-Fetch-Site"))
                if heard.get("id") == self.count:
                    return heard.get("result", {})

    async def run(self, script):
        found = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True)
        return found.get("result", {}).get("value")

    async def reads(self, words):
        """Waits until the page says so."""
        async with asyncio.timeout(10):
            while words not in (await self.run("document.body ? document.body.innerText : ''") or ""):
                await asyncio.sleep(0.05)

    async def open(self, url):
        await self.ask("Page.navigate", url=url)

    async def press(self, words):
        await self.run(f"[...document.querySelectorAll('button')].find(b => b.innerText == {words!r}).click()")


@pytest.fixture
async def tab(tmp_path):
    port = _free_port()
    flags = (*FLAGS, f"--remote-debugging-port={port}", f"--user-data-dir={tmp_path}/chromium", "about:blank")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(CHROMIUM, *flags, stdout=quiet, stderr=quiet)
    async with aiohttp.ClientSession() as session:
        address = await _debugger(session, port)
        async with session.ws_connect(address, max_msg_size=0) as socket:
            tab = Tab(socket)
            await tab.ask("Network.enable")
            yield tab
    process.terminate()
    await process.wait()


async def _debugger(session, port):
    async with asyncio.timeout(20):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                    tabs = await reply.json()
                return next(one["webSocketDebuggerUrl"] for one in tabs if one["type"] == "page")
            except (aiohttp.ClientError, StopIteration):
                await asyncio.sleep(0.1)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
async def elsewhere(office):
    """Another site (localhost is not 127.0.0.1 to a browser) with a link to the page, as a chat in a browser has it."""

    async def handle(_request):
        return web.Response(text=f'<a href="{office.link}">Answer this</a>', content_type="text/html")

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://localhost:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_person_comes_from_a_chat_in_the_same_browser(tab, office, elsewhere):
    await tab.open(office.link)
    await tab.reads("does not know this browser")
    code = await office.desk.link_code("ana")
    await tab.run(f"document.querySelector('[name=code]').value = {code!r}")
    await tab.press("Connect")
    await tab.reads("you are Ana Ruiz")
    await tab.open(elsewhere)
    await tab.reads("Answer this")
    tab.sites.clear()
    await tab.run("document.querySelector('a').click()")
    await tab.reads("Acknowledge")  # known at once, although SameSite=Strict keeps the cookie from the first request
    assert "cross-site" in tab.sites
    assert tab.sites[-1] == "same-origin"
    assert len(tab.sites) <= 4  # the icon of either site may be among them; nothing goes round in circles
    assert await tab.run("getComputedStyle(document.querySelector('main')).maxWidth") == "544px"  # the style is let in
    await tab.press("Acknowledge")
    await tab.reads("D-1 acknowledged.")
    assert office.alert.acked_by == "ana"


async def test_a_scanner_that_runs_scripts_and_sends_every_form(tab, office):
    for _ in range(10):
        await tab.open(office.link)
        await tab.reads("does not know this browser")
        await tab.run("document.querySelectorAll('form').forEach(form => form.submit())")
        await tab.reads("Type the code first.")
    assert office.alert.status is Status.OPEN
    assert not office.entries("ack")
