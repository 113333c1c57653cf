"""The API, from outside: no token, no way in; whatever is sent, an answer in words and never a five-hundred."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest

from tests.town import Town

TOKEN = "made-up-token-of-the-tests"
GOOD = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k1"}
BAD_TOKENS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Bearer {TOKEN.upper()}",
    f"Basic {TOKEN}",
    TOKEN,
    f"Bearer  {TOKEN} {TOKEN}",
    "Bearer a-secret-for-the-tests-only",
    "Bearer xoxb-sandbox",
    "Bearer " + "x" * 7000,
    "Bearer \u00fc",
    "Bearer ' OR 1=1 --",
]


class Caller:
    def __init__(self, town: Town) -> None:
        self.base = f"http://127.0.0.1:{town.daemon.server.port}"

    async def __call__(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=20)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, self.base + path, headers=headers, data=body) as answer,
        ):
            assert "Server" not in answer.headers
            return answer.status, await answer.text()


@pytest.fixture
def call(town: Town) -> Caller:
    return Caller(town)


def as_json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


JSON = {"Content-Type": "application/json"}


async def acts(town: Town) -> int:
    """Entries of the audit but those of accounts that are found by and by after the start."""
    return sum(row.entry.verb != "link" for row in await town.audit())


async def test_no_token_opens_anything_but_the_right_one(town: Town, call: Caller) -> None:
    before = await acts(town)
    for path, method in (
        ("/api/v1/alerts", "POST"),
        ("/api/v1/alerts", "GET"),
        ("/api/v1/alerts/D-1/why", "GET"),
        ("/api/v1/audit", "GET"),
    ):
        for token in BAD_TOKENS:
            headers = {**JSON, "Idempotency-Key": "k"} | ({} if token is None else {"Authorization": token})
            status, said = await call(method, path, headers, as_json(title="x") if method == "POST" else None)
            assert (status, json.loads(said)) == (401, {"error": "Unauthorized."}), token
    assert await town.daemon.count_alerts() == 0
    assert await acts(town) == before
    status, said = await call("POST", "/api/v1/alerts", GOOD | JSON, as_json(title="Compressor down", severity="P2"))
    assert status == 201
    await town.card("Compressor down")
    assert (await call("GET", "/api/v1/alerts", GOOD))[0] == (await call("GET", "/api/v1/audit", GOOD))[0] == 200


BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", JSON),
    "over the limit": (as_json(title="x", text="y" * 300_000), JSON),
    "far over the limit": (b"[" * 20_000_000, JSON),
    "brackets without end": (b"[" * 200_000, JSON),
    "objects without end": (b'{"a":' * 40_000, JSON),
    "a list": (b"[]", JSON),
    "a number": (b"1" * 100_000, JSON),
    "not a number": (b'{"title": NaN}', JSON),
    "not UTF-8": (b'{"title": "\xff\xfe"}', JSON),
    "half a character": (b'{"title": "\\ud800"}', JSON),
    "a packed bomb": (gzip.compress(b" " * 50_000_000), JSON | {"Content-Encoding": "gzip"}),
    "a form": (b"title=x", {"Content-Type": "application/x-www-form-urlencoded"}),
    "no kind": (as_json(title="x"), {"Content-Type": "text/plain"}),
    "an unknown field": (as_json(title="x", assignee="ana"), JSON),
    "a wrong type": (as_json(title={"a": 1}), JSON),
    "a title of nothing": (as_json(title=" \u200b\u202e "), JSON),
    "a title too long": (as_json(title="x" * 5000), JSON),
    "a severity of its own": (as_json(title="x", severity="P0"), JSON),
}


async def test_no_body_does_harm(town: Town, call: Caller) -> None:
    for name, (body, headers) in BODIES.items():
        try:
            status, said = await call("POST", "/api/v1/alerts", GOOD | headers, body)
        except aiohttp.ClientError:
            assert name == "far over the limit"  # hung up on while still sending
            continue
        assert 400 <= status < 500, f"{name}: {status} {said}"
        assert json.loads(said)["error"], name
        assert "Traceback" not in said
    alerts = [alert for alert in (await town.daemon.desk.alerts())[0] if alert.rule == "manual_trigger"]
    assert not alerts
    status, _ = await call("GET", "/healthz", {})
    assert status == 200


async def test_what_another_program_says_is_only_text(town: Town, call: Caller) -> None:
    text = "<!channel> <@U0CARLA> {{7*7}} \u202e <https://evil.example|x>"
    status, _ = await call("POST", "/api/v1/alerts", GOOD | JSON, as_json(title=text, text=text, subject="<!here>"))
    assert status == 201
    card = await town.card("{{7*7}}")
    assert set(card.mentions) <= {"@U0ANA", "@U0BEN"}
    assert "\u202e" not in card.as_text()


async def test_a_key_sent_fifty_times_at_once_rings_once(town: Town, call: Caller) -> None:
    asks = [call("POST", "/api/v1/alerts", GOOD | JSON, as_json(title="Compressor down")) for _ in range(50)]
    statuses = sorted(status for status, _ in await asyncio.gather(*asks))
    assert statuses == [200] * 49 + [201]
    assert await town.daemon.count_alerts() == 1


@pytest.mark.parametrize(
    "path", ["/slack/events", "/api/v1/../../etc/passwd", "/api/v2/alerts", "/%00", "/" + "x" * 5000]
)
async def test_there_is_nothing_else(call: Caller, path: str) -> None:
    status, said = await call("POST", path, JSON, b"{}")
    assert status in (400, 404, 405, 414)
    assert "Traceback" not in said


async def test_metrics_and_health_give_no_secret_away(town: Town, call: Caller) -> None:
    town.late_job()
    await town.card("J-4711")
    for path in ("/metrics", "/healthz", "/readyz"):
        _, said = await call("GET", path, {})
        for secret in (TOKEN, "a-secret-for-the-tests-only", "xoxb-sandbox", "xapp-sandbox", "sandbox-freshdesk-key"):
            assert secret not in said
        assert "Northgate" not in said
