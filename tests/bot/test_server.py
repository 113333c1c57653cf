"""The HTTP server over real HTTP: what it serves, and what it turns down without a stumble."""

import asyncio
import gzip
import json
import logging

import aiohttp
import pytest

from bot.server import Server, ServerConf
from bot.slack import EVENTS
from bot.web import BODY_LIMIT
from deskbell.net import metrics

ALERTS = "/api/v1/alerts"


class Hook:
    """Stands where Slack's HTTP mode will."""

    def __init__(self):
        self.got = []
        self.failing = None

    async def __call__(self, headers, body):
        if self.failing:
            raise self.failing
        self.got.append((headers["x-slack-signature"], body))
        return 202, {"Content-Type": "text/plain", "X-Own": "1"}, b"taken"


@pytest.fixture
def hook():
    return Hook()


@pytest.fixture
async def server(desk, hook):
    server = Server(ServerConf(port=0), desk, {EVENTS: hook})
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def call(server):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def call(method, path, **options):
            async with session.request(method, path, **options) as response:
                body = await response.read()
                is_json = response.content_type == "application/json" and body
                return response.status, json.loads(body) if is_json else body, response.headers

        yield call


# ---------------------------------------------------------------- health


async def test_healthz_says_it_lives(call):
    status, body, headers = await call("GET", "/healthz")
    assert (status, body["alive"]) == (200, True)
    assert "Server" not in headers
    assert headers["Cache-Control"] == "no-store"
    assert (await call("HEAD", "/healthz"))[0] == 200


async def test_readyz_gives_its_reasons(desk, call):
    assert (await call("GET", "/readyz"))[:2] == (200, {"ready": True, "reasons": []})
    reasons = ["Freshdesk can't be read: no answer"]
    desk.is_ready = (False, reasons)
    assert (await call("GET", "/readyz"))[:2] == (
        503,
        {"ready": False, "reasons": reasons},
    )
    desk.is_ready = RuntimeError("secret detail")
    status, body, _ = await call("GET", "/readyz")
    assert (status, body["reasons"]) == (503, ["the check itself failed: RuntimeError"])


async def test_readyz_answers_when_the_check_hangs(desk, call, monkeypatch):
    monkeypatch.setattr("bot.server._READY_SECONDS", 0.05)
    monkeypatch.setattr(desk, "ready", asyncio.Event().wait)
    assert (await call("GET", "/readyz"))[0] == 503


async def test_metrics_are_served(call):
    metrics.opened("technician_late", "P2")
    metrics.outbox({"waiting": 3})
    metrics.answered("button", "ack", "done", 0.02)
    metrics.delivered("room", "Sent")
    metrics.polled("freshdesk", "ok", 0.3)
    metrics.lagging("freshdesk", 4)
    metrics.committed(12, 0.003)
    metrics.detected("freshdesk", -1)
    metrics.live({"open": 2})
    status, body, headers = await call("GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    for line in (
        'deskbell_alerts_opened_total{rule="technician_late",severity="P2"}',
        'deskbell_outbox_rows{state="waiting"} 3.0',
        'deskbell_outbox_rows{state="dead"} 0.0',
        'deskbell_answer_seconds_bucket{code="done",kind="button",le="3.0",verb="ack"}',
        'deskbell_deliveries_total{destination="room",outcome="sent"}',
        'deskbell_source_lag_seconds{source="freshdesk"} 4.0',
        "deskbell_changes_total",
        "process_resident_memory_bytes",
    ):
        assert line in body.decode()


async def test_the_server_listens_on_loopback_unless_told_otherwise():
    assert ServerConf().host == "127.0.0.1"


async def test_a_taken_port_is_an_error_at_the_start(server, desk):
    second = Server(ServerConf(port=server.port), desk)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()


# ---------------------------------------------------------------- the vendors' hooks


async def test_a_hook_gets_the_raw_bytes_and_its_answer_is_passed_on(hook, call):
    raw = b"payload=%7B%22a%22%3A1%7D&x=\xff\x00"
    status, body, headers = await call("POST", EVENTS, data=raw, headers={"X-SLACK-Signature": "v0=1"})
    assert (status, body, headers["X-Own"]) == (202, b"taken", "1")
    assert hook.got == [("v0=1", raw)]


async def test_a_hook_is_not_called_with_too_much_or_with_a_packed_body(hook, call):
    assert (await call("POST", EVENTS, data=b"x" * (BODY_LIMIT + 1)))[0] == 413
    assert (await call("POST", EVENTS, data=gzip.compress(b"x"), headers={"Content-Encoding": "gzip"}))[0] == 415
    assert (await call("GET", EVENTS))[0] == 405
    assert hook.got == []


async def test_a_hook_that_breaks_tells_nothing(hook, call, caplog):
    hook.failing = RuntimeError("secret detail")
    with caplog.at_level(logging.CRITICAL, "deskbell.server"):
        status, body, _ = await call("POST", EVENTS, data=b"{}")
    assert status == 500
    assert "secret detail" not in body["error"]


async def test_without_slack_there_is_no_hook(desk):
    server = Server(ServerConf(port=0), desk)
    await server.start()
    async with aiohttp.ClientSession() as session:
        response = await session.post(f"http://127.0.0.1:{server.port}{EVENTS}", data=b"{}")
        assert response.status == 404
    await server.stop()


# ---------------------------------------------------------------- the rest


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/api/v1/alerts/../../healthz/%00", 404),
        ("DELETE", ALERTS, 405),
        ("PUT", "/healthz", 405),
        ("POST", "/metrics", 405),
        ("OPTIONS", ALERTS, 405),
    ],
)
async def test_what_is_not_there_is_said_in_json(method, path, status, call):
    got, body, headers = await call(method, path)
    assert got == status
    assert set(body) == {"error"}
    assert "Server" not in headers
    assert ("Allow" in headers) is (status == 405)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_no_500_and_the_server_lives_on(raw, server, hook, call, caplog):
    with caplog.at_level(logging.CRITICAL):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw)
        first = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
    assert first.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")) or first == b""
    assert hook.got == []
    assert (await call("GET", "/healthz"))[0] == 200


async def test_a_body_that_does_not_arrive_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr("bot.web.BODY_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408")
    writer.close()
