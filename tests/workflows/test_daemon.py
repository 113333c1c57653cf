"""The whole house with nothing but a flow: an alert is posted in Teams, and answered on the page behind its button."""

import asyncio
import re
import socket
from html import unescape

import aiohttp
import pytest

from deskbell.config import load
from deskbell.core.alert import Severity, Status
from deskbell.core.ports import Interaction
from deskbell.daemon import Daemon

CONFIG = """
[deskbell]
database = "sqlite:///{folder}/desk.db"
secret = "a-secret-for-the-tests-only"
tick = "1s"

[server]
port = {port}
public_url = "http://127.0.0.1:{port}"

[[server.tokens]]
name = "test"
secret = "made-up-token-of-the-tests"

[people.ana]
name = "Ana Ruiz"
roles = ["dispatcher", "oncall", "manager"]

[[routes]]
name = "all"
destinations = ["flow"]

[destinations.flow]
platform = "workflows"
address = "env:FLOW_URL"
"""


@pytest.fixture
async def house(room, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(folder=tmp_path, port=port))
    daemon = await Daemon.start(load(file, {"FLOW_URL": room.address}))
    yield daemon
    await daemon.stop()


@pytest.fixture
async def web():
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def posted(flows, count):
    async with asyncio.timeout(10):
        while len(flows.posted) < count:
            await asyncio.sleep(0.02)
    return flows.posted[count - 1]


async def settled(house):
    async with asyncio.timeout(10):
        while await house.pending():
            await asyncio.sleep(0.02)


def hidden(page, words):
    """The hidden fields of the form with this button."""
    form = next(form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if f">{words}</button>" in form)
    return {unescape(k): unescape(v) for k, v in re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', form)}


async def test_from_a_flow_to_the_answer(house, flows, web):
    url = house.settings.server.public_url
    headers = {"Authorization": "Bearer made-up-token-of-the-tests", "Idempotency-Key": "1"}
    alert = {"title": "Cold store too warm", "severity": "P1", "subject": "J-1"}
    async with web.post(f"{url}/api/v1/alerts", json=alert, headers=headers) as reply:
        assert reply.status == 201
    card = await posted(flows, 1)
    assert "Cold store too warm" in card.text
    (link,) = card.links
    assert link.startswith(f"{url}/a/")

    async with web.get(link) as reply:
        page = await reply.text()
    ours = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    code = await house.desk.link_code("ana")
    async with web.post(link, data=hidden(page, "Connect") | {"code": code}, headers=ours) as reply:
        page = await reply.text()
    async with web.post(link, data=hidden(page, "Acknowledge"), headers=ours) as reply:
        assert "acknowledged" in await reply.text()

    found = await house.desk.find_alert("D-1")
    assert found.status is Status.ACKED
    assert found.acked_by == "ana"
    await settled(house)
    assert len(flows.posted) == 1  # nothing is edited, and the story stays on the page


async def test_what_rings_is_posted_again(house, flows, web):
    await house.desk.link("web", "a-browser", "ana")
    await house.desk.raise_manual(
        caller="test",
        person=None,
        idempotency_key="1",
        title="Cold store too warm",
        text="",
        severity=Severity.P1,
        team="",
        subject="",
    )
    await posted(flows, 1)
    await settled(house)
    said = Interaction("k1", "web", "a-browser", "escalate", ref="D-1", kind="command")
    assert (await house.desk.act(said)).ok
    ring = await posted(flows, 2)
    assert "escalated" in ring.text
    assert ring.links == flows.posted[0].links


async def test_the_address_of_a_flow_is_not_shown(house, room):
    shown = str(house.settings.redacted())
    assert "sandbox-workflows-signature" not in shown
    assert room.address not in shown
