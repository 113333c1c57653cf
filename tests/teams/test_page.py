"""The page's Teams in a real browser, where there is one: what people see of the cards, and that data stays text."""

import asyncio
import re
import shutil
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from deskbell.core.card import Note
from deskbell.core.ports import Identity
from deskbell.sandbox import credentials, teams

ROOM = credentials.TEAMS_ROOMS["dispatch"]
HERE = Path(teams.__file__).parent
FOLDERS = (HERE / "page", HERE.parent / "page")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<img src=x onerror=alert(1)> <b>bold</b> **md** <at>Everyone</at>"
PAGE = """<!doctype html><meta charset="utf-8"><body><div id="toast"></div><div class="teams" id="root"></div>
<script type="module">
const wrong = [];
addEventListener("error", (event) => wrong.push(event.message));
try {
  const { draw } = await import("/page/teams.js");
  const state = await (await fetch("/state")).json();
  const calls = [];
  draw(document.getElementById("root"), state, async (verb, args) => { calls.push([verb, args]); return {}; }, "WHO");
  for (const words of ["Snooze", "30 min", "Acknowledge"])
    [...document.querySelectorAll("button")].find((one) => one.textContent.startsWith(words))?.click();
  await new Promise((done) => setTimeout(done, 50));
  document.body.dataset.calls = JSON.stringify(calls);
} catch (error) { wrong.push(String(error)); }
document.body.dataset.wrong = JSON.stringify(wrong);
</script></body>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@pytest.fixture
async def seen(teams, serve_page, tmp_path):
    """The page's document as one person's browser has it."""

    async def look(who):
        url = await serve_page(who)
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=4000"]
        command = [CHROMIUM, *flags, f"--user-data-dir={tmp_path}/{who}", "--dump-dom", url]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=quiet)
        async with asyncio.timeout(40):
            out, _ = await process.communicate()
        return out.decode()

    return look


@pytest.fixture
async def serve_page(teams):
    async def file(request):
        found = next(one for one in (folder / request.match_info["name"] for folder in FOLDERS) if one.is_file())
        kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        return web.Response(body=found.read_bytes(), content_type=kinds[found.suffix])

    async def state(_request):
        return web.Response(body=orjson.dumps(teams.state()), content_type="application/json")

    runners = []

    async def serve(who):
        async def index(_request):
            return web.Response(text=PAGE.replace("WHO", who), content_type="text/html")

        app = web.Application()
        app.add_routes([web.get("/", index), web.get("/page/{name}", file), web.get("/state", state)])
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}/"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_cards_are_drawn_pressed_and_only_text(card, channel, desk, room, teams, seen):
    ref = {"conversation": f"{ROOM};messageid={card.id}", "activity": card.id}
    await channel.edit(
        room, ref, replace(desk.drawn(), title=HOSTILE, trail=(HOSTILE,)), Identity("card", "D-12", "d", 1)
    )
    await channel.note(room, ref, Note(HOSTILE, mentions=("ben",)), Identity("note", "D-12", "d", 2))
    await teams.press("ben", teams.cards(ROOM)[-1], "Reassign")

    dom = await seen("ana")

    assert 'data-wrong="[]"' in dom
    text = re.sub(r"<[^>]*>", "", dom.partition("<script")[0])
    for words in (
        "P1 act now",
        "Northgate Dairy",
        "Acknowledge",
        "Reassign",
        "&lt;b&gt;bold&lt;/b&gt; **md**",
        "fieldservice",
    ):
        assert words in text
    assert "<img src" not in dom.replace('src="/page/bell.svg"', "")
    assert "<b>bold" not in dom
    assert "Who takes it?" not in text, "that is Ben's own view"
    calls = orjson.loads(dom.partition('data-calls="')[2].partition('"')[0].replace("&quot;", '"'))
    assert [(verb, args["path"]) for verb, args in calls] == [("press", [3, 1]), ("press", [0])]
    assert calls[0][1]["who"] == "ana"
    assert "Who takes it?" in await seen("ben")
