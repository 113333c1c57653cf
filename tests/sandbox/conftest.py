"""One sandbox a test, the real SDK in front of it, and the vendors' own descriptions where they are at hand."""

import importlib.util
import os
from pathlib import Path

import httpx
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from deskbell.sandbox import credentials
from deskbell.sandbox.server import Sandbox

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The Socket Mode client reads them, and does not spare the loopback."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def sb():
    async with Sandbox() as sandbox:
        yield sandbox


def web_client(sandbox, token=credentials.SLACK_BOT_TOKEN):
    return AsyncWebClient(
        token=token, base_url=f"{sandbox.url}/slack/api/", retry_handlers=[], trust_env_in_session=False
    )


@pytest.fixture
def web(sb):
    return web_client(sb)


class App:
    """A small app behind Socket Mode: keeps what it gets, and acknowledges with what `answer` returns."""

    def __init__(self, web):
        self.web = web
        self.got = []
        self.answer = lambda request: None
        self.acks = True
        self.then = None  # awaited after the acknowledgement
        self.socket = SocketModeClient(app_token=credentials.SLACK_APP_TOKEN, web_client=web)
        self.socket.socket_mode_request_listeners.append(self._on)

    async def _on(self, client, request):
        self.got.append(request)
        if self.acks:
            payload = self.answer(request)
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=payload))
        if self.then:
            await self.then(request)

    @property
    def last(self):
        return self.got[-1].payload


@pytest.fixture
async def app(web):
    app = App(web)
    await app.socket.connect()
    yield app
    await app.socket.close()


@pytest.fixture
async def http(sb):
    async with httpx.AsyncClient(base_url=sb.url, trust_env=False) as client:
        yield client


@pytest.fixture
def http_of():
    """A browser's way into any sandbox."""
    return lambda sandbox: httpx.AsyncClient(base_url=sandbox.url, trust_env=False)


# ------------------------------------------------------------------ the vendors' descriptions


@pytest.fixture(scope="session")
def oracle():
    """Where DESKBELL_SPECS names the folder it must be there; otherwise ../shared/specs is used if it is."""
    named = os.environ.get("DESKBELL_SPECS")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "specs"
    path = folder / "oracle.py"
    if not path.is_file():
        if named:
            pytest.fail(f"DESKBELL_SPECS names {folder}, and there is no oracle.py in it")
        pytest.skip("the vendors' descriptions are not on this machine (set DESKBELL_SPECS)")
    spec = importlib.util.spec_from_file_location("vendor_oracle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------ pieces of Block Kit


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text="words"):
    return {"type": "section", "text": mrkdwn(text)}


def button(action_id="desk.ack", text="Acknowledge", value="token"):
    return {"type": "button", "action_id": action_id, "text": plain(text), "value": value}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def option(text="one", value="1"):
    return {"text": plain(text), "value": value}


def modal(*blocks, **more):
    return {"type": "modal", "title": plain("Resolve"), "submit": plain("Send"), "blocks": list(blocks)} | more


def text_input(block_id="why", action_id="reason", **more):
    element = {"type": "plain_text_input", "action_id": action_id} | more
    return {"type": "input", "block_id": block_id, "label": plain("Why"), "element": element}


def card_metadata(alert="D-1", destination="dispatch", generation=1):
    payload = {"alert": alert, "destination": destination, "generation": generation}
    return {"event_type": "deskbell_alert", "event_payload": payload}


@pytest.fixture
def kit():
    """The pieces, for test files that are imported by path and cannot import this one."""

    class Kit:
        pass

    for piece in (plain, mrkdwn, section, button, actions, option, modal, text_input, card_metadata, web_client):
        setattr(Kit, piece.__name__, staticmethod(piece))
    Kit.App = App
    return Kit
