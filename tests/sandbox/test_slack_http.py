"""HTTP mode: signed requests to a request URL."""

import json
from urllib.parse import parse_qs

import pytest
from aiohttp import web as aioweb
from slack_sdk.signature import SignatureVerifier

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.delivery import signed_headers


class Receiver:
    def __init__(self):
        self.got, self.status, self.body = [], 200, None

    async def receive(self, request):
        raw = await request.read()
        self.got.append((raw, dict(request.headers)))
        if request.content_type == "application/json" and json.loads(raw).get("challenge"):
            return aioweb.json_response({"challenge": json.loads(raw)["challenge"]})
        return aioweb.json_response(self.body, status=self.status) if self.body else aioweb.Response(status=self.status)


@pytest.fixture
async def receiver(sb):
    receiver = Receiver()
    app = aioweb.Application()
    app.router.add_post("/slack/events", receiver.receive)
    runner = aioweb.AppRunner(app)
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    sb.slack.use_http(receiver.url)
    yield receiver
    await runner.cleanup()


async def test_a_tap_is_a_signed_form(sb, receiver, web, kit):
    ts = (await web.chat_postMessage(channel="C0DISPATCH", text="x", blocks=[kit.actions(kit.button())]))["ts"]
    assert (await sb.slack.tap("ana", "dispatch", ts, "desk.ack")).acked
    raw, headers = receiver.got[-1]
    verifier = SignatureVerifier(credentials.SLACK_SIGNING_SECRET)
    assert verifier.is_valid_request(raw, headers)
    assert json.loads(parse_qs(raw.decode())["payload"][0])["type"] == "block_actions"


async def test_a_command_is_answered_in_the_body(sb, receiver):
    receiver.body = {"text": "answered"}
    typed = await sb.slack.type("ana", "dispatch", "/desk list")
    assert typed.text == "answered"
    assert parse_qs(receiver.got[-1][0].decode())["command"] == ["/desk"]


async def test_anything_but_200_has_failed(sb, receiver):
    receiver.status = 401
    typed = await sb.slack.type("ana", "dispatch", "/desk list")
    assert (typed.acked, typed.ack.error) == (False, "http_status_401")


async def test_events_are_retried_with_a_number(sb, receiver):
    receiver.status = 500
    assert not (await sb.slack.event({"type": "app_uninstalled"})).acked
    assert [headers.get("X-Slack-Retry-Num") for _, headers in receiver.got] == [None, "1"]


async def test_a_new_address_is_verified(sb, receiver):
    assert await sb.slack.line.verify_url(receiver.url)


def test_a_wrong_secret_gives_another_signature():
    right, wrong = signed_headers(b"x", 1), signed_headers(b"x", 1, "other")
    assert right["X-Slack-Signature"] != wrong["X-Slack-Signature"]
