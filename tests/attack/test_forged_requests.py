"""HTTP mode, from outside: whoever is not Slack changes nothing, learns nothing, and gets no five-hundred."""

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from deskbell.core.alert import Status
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.slack.delivery import FORM, signed_headers
from deskbell.sandbox.slack.results import Outcome
from tests.town import Town

ROOM = "C0DISPATCH"
HTTP = {
    'way = "socket"': 'way = "http"',
    "signing_secrets = []": 'signing_secrets = ["env:SLACK_SIGNING_SECRET"]',
}
Headers = dict[str, str]


def signed(body: bytes, *, at: float = 0, secret: str = "sandbox-signing-secret", **more: str) -> Headers:
    return {**FORM, **signed_headers(body, int(time.time() + at), secret), **more}


def without(headers: Headers, name: str) -> Headers:
    return {key: value for key, value in headers.items() if key != name}


SIGNATURE, STAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
# The body that is sent, and its headers, both from the body of a genuine tap.
FORGERIES: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], Headers]]] = {
    "nothing signed": (lambda b: b, lambda _b: dict(FORM)),
    "no signature": (lambda b: b, lambda b: without(signed(b), SIGNATURE)),
    "no time stamp": (lambda b: b, lambda b: without(signed(b), STAMP)),
    "another key": (lambda b: b, lambda b: signed(b, secret="guessed")),
    "no key": (lambda b: b, lambda b: signed(b, secret="")),
    "another person in the body": (lambda b: b.replace(b"U0ANA", b"U0BEN"), signed),
    "one byte more": (lambda b: b + b"&", signed),
    "one byte less": (lambda b: b[:-1], signed),
    "nobody's body": (lambda _b: b"", signed),
    "five minutes old": (lambda b: b, lambda b: signed(b, at=-301)),
    "an hour old": (lambda b: b, lambda b: signed(b, at=-3600)),
    "from the future": (lambda b: b, lambda b: signed(b, at=301)),
    "a fresh stamp on an old signature": (lambda b: b, lambda b: signed(b, at=-301) | {STAMP: str(int(time.time()))}),
    "a stamp that is no number": (lambda b: b, lambda b: signed(b) | {STAMP: "now"}),
    "a stamp beyond measure": (lambda b: b, lambda b: signed(b) | {STAMP: "9" * 400}),
    "half a signature": (lambda b: b, lambda b: signed(b) | {SIGNATURE: signed(b)[SIGNATURE][:30]}),
    "another version": (lambda b: b, lambda b: signed(b) | {SIGNATURE: "v9" + signed(b)[SIGNATURE][2:]}),
    "a packed body": (gzip.compress, lambda b: signed(gzip.compress(b)) | {"Content-Encoding": "gzip"}),
    "too much of it": (lambda b: b + b"&x=" + b"y" * 300_000, lambda b: signed(b + b"&x=" + b"y" * 300_000)),
    "broken JSON in it": (lambda _b: b"payload=%7Bnot", lambda _b: signed(b"payload=%7Bnot")),
    "brackets without end": (
        lambda _b: b"payload=" + b"%5B" * 60_000,
        lambda _b: signed(b"payload=" + b"%5B" * 60_000),
    ),
    "not even text": (lambda _b: b"\xff\xfe\x00", lambda _b: signed(b"\xff\xfe\x00")),
}


@dataclass
class Door:
    """The daemon's own server, and a genuine tap by Ana that has not been delivered yet."""

    town: Town
    url: str
    body: bytes

    async def knock(self, body: bytes, headers: Headers) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=15)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self.url, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.read()

    async def trace(self) -> tuple[Any, int]:
        """What would differ if anything had been let in."""
        alert = await self.town.alert("J-4711")
        return (alert.version, alert.status), len([row for row in await self.town.audit() if row.entry.alert_id])


@pytest.fixture
def changes() -> dict[str, str]:
    return HTTP


@pytest.fixture
async def door(town: Town, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Door:
    town.late_job()
    card = await town.card("J-4711")
    await town.until_async(town.daemon.pending, 0)
    url = f"http://127.0.0.1:{town.daemon.server.port}/slack/events"
    caught: list[bytes] = []

    async def catch(body: bytes, headers: Headers) -> Any:
        caught.append(body)
        raise ConnectionError

    sandbox.slack.use_http(url)
    with monkeypatch.context() as patched:
        patched.setattr(sandbox.slack.line, "_post", catch)
        with pytest.raises(ConnectionError):
            await sandbox.slack.tap("U0ANA", ROOM, card.ts, "desk.ack")
    return Door(town, url, caught[0])


async def test_no_forgery_comes_through_and_the_genuine_one_does_once(door: Door) -> None:
    before = await door.trace()
    for name, (change, head) in FORGERIES.items():
        assert (change(door.body), head(door.body)) != (door.body, signed(door.body)), f"{name} is no forgery"
        status, said = await door.knock(change(door.body), head(door.body))
        assert 400 <= status < 500, f"{name}: {status}"
        assert len(said) < 200, f"{name}: {said!r}"
        assert b"Traceback" not in said, name
        assert await door.trace() == before, name
    headers = signed(door.body)
    assert (await door.knock(door.body, headers))[0] == 200
    await door.town.until_async(door.town.daemon.pending, 0)
    (version, status), entries = await door.trace()
    assert (status, version > before[0][0], entries > before[1]) == (Status.ACKED, True, True)
    for replay in (headers, signed(door.body, at=-60)):
        assert (await door.knock(door.body, replay))[0] == 200, "Slack itself repeats what it got no answer to"
    assert await door.trace() == ((version, status), entries), "and a repeat changes nothing"


async def test_taps_forms_and_commands_come_in_over_http(town: Town, sandbox: Sandbox) -> None:
    sandbox.slack.use_http(f"http://127.0.0.1:{town.daemon.server.port}/slack/events")
    town.late_job()
    card = await town.card("J-4711")
    listed = await town.slack.type("U0ANA", ROOM, "/desk list")
    assert listed.acked
    assert "J-4711" in listed.text
    tapped: Outcome = await town.slack.tap("U0ANA", ROOM, card.ts, "desk.reassign", changes=False)
    view = await tapped.wait_view()
    assert (await town.slack.submit("U0ANA", view.id, {"answer": "carla"})).closed
    await town.shows("J-4711", "Carla Weiss")


async def test_without_its_secret_the_way_in_is_refused_at_the_start(sandbox: Sandbox, tmp_path: Any) -> None:
    from deskbell.config import ConfigError, load
    from tests.town import configured, environ

    path = configured(sandbox.url, tmp_path, **{'way = "socket"': 'way = "http"'})
    with pytest.raises(ConfigError, match="signing_secrets"):
        load(path, environ(sandbox.url, tmp_path))
