"""/api/v1 over real HTTP: who may call, what an alert may say, and every way to get it wrong."""

import asyncio
import json

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.api import ApiToken
from bot.server import Server, ServerConf
from bot.web import BODY_LIMIT

SECRET, OLD = "s3cret-of-the-shop", "0ld-secret-of-the-shop"
READER, AUDITOR = "reader-reader-reader", "audit-audit-audit!"
TOKENS = (
    ApiToken("shop", SECRET),
    ApiToken("shop", OLD),
    ApiToken("board", READER, frozenset({"read"})),
    ApiToken("auditor", AUDITOR, frozenset({"audit", "read"})),
)
ALERTS, AUDIT = "/api/v1/alerts", "/api/v1/audit"


def bearer(secret, **more):
    return {"Authorization": f"Bearer {secret}", **more}


def trigger(key="k1", **more):
    return bearer(SECRET, **{"Idempotency-Key": key, "Content-Type": "application/json"} | more)


@pytest.fixture
async def server(desk):
    server = Server(ServerConf(port=0, tokens=TOKENS, alerts_per_hour=5), desk)
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


# ---------------------------------------------------------------- raising an alert


async def test_an_alert_is_raised_once_for_a_key(desk, call):
    body = {
        "title": " Compressor\u200b down ",
        "text": "a\nb",
        "severity": "p1",
        "subject": "J-1",
        "team": "north",
    }
    first = await call("POST", ALERTS, headers=trigger(), json=body)
    again = await call("POST", ALERTS, headers=trigger(), json=body)
    rotated = await call("POST", ALERTS, headers=trigger() | bearer(OLD), json=body)
    other = await call("POST", ALERTS, headers=trigger(), json=body | {"title": "Other"})
    assert first[:2] == (201, {"ref": "D-100", "url": "https://desk.test/a"})
    assert again[:2] == rotated[:2] == (200, first[1])
    assert other[0] == 409
    ((caller, key), (_, asked)), *more = desk.raised.items()
    assert more == []
    assert (caller, key) == ("shop", "k1")
    assert (asked["title"], asked["text"], str(asked["severity"])) == ("Compressor down", "a\nb", "P1")
    assert asked["person"] is None


async def test_least_that_raises_an_alert(desk, call):
    assert (await call("POST", ALERTS, headers=trigger(), json={"title": "x"}))[0] == 201
    assert str(next(iter(desk.raised.values()))[1]["severity"]) == "P3"


async def test_a_caller_has_a_limit_and_repeats_are_free(desk, call):
    for number in range(5):
        assert (await call("POST", ALERTS, headers=trigger(f"k{number}"), json={"title": "x"}))[0] == 201
    status, _, headers = await call("POST", ALERTS, headers=trigger("k5"), json={"title": "x"})
    assert (status, headers["Retry-After"]) == (429, "3601")
    assert (await call("POST", ALERTS, headers=trigger("k0"), json={"title": "x"}))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        bearer("wrong-wrong-wrong-wrong"),
        bearer(SECRET[:-1]),
        bearer(SECRET + "x"),
        bearer(SECRET.upper()),
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": SECRET},
        {"Authorization": f"Bearer {SECRET} {SECRET}"},
        {"Authorization": "Bearer \u00e9\u00e9"},
        {"X-Authorization": f"Bearer {SECRET}"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", ALERTS), ("GET", ALERTS), ("GET", AUDIT)])
async def test_without_the_right_token_nothing_is_told(method, path, headers, desk, call):
    status, body, answered = await call(method, path, headers=headers)
    assert (status, body) == (401, {"error": "Unauthorized."})
    assert answered["WWW-Authenticate"] == "Bearer"
    assert desk.raised == {}


async def test_a_token_opens_only_what_its_scope_says(call):
    assert (await call("POST", ALERTS, headers=trigger() | bearer(READER), json={"title": "x"}))[0] == 403
    assert (await call("GET", ALERTS, headers=bearer(SECRET)))[0] == 403
    assert (await call("GET", AUDIT, headers=bearer(READER)))[0] == 403


def test_weak_or_odd_tokens_are_refused_at_the_start():
    with pytest.raises(ValueError, match="'shop' is shorter than 16"):
        ApiToken("shop", "")
    with pytest.raises(ValueError, match="unknown scopes: root"):
        ApiToken("shop", SECRET, frozenset({"root"}))
    assert SECRET not in repr(ApiToken("shop", SECRET))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "JSON"),
        (b"\xff\xfe{}", 400, "JSON"),
        (b'{"title": "\xc3\x28"}', 400, "JSON"),
        (b'{"title": "\\ud800"}', 400, "JSON"),
        (b'{"title": NaN}', 400, "JSON"),
        (b"[" * 100_000, 400, "JSON"),
        (b"[]", 422, "object"),
        (b'"title"', 422, "object"),
        (b"null", 422, "object"),
        (b"{}", 422, "title is missing"),
        (b'{"title": ""}', 422, "title is missing"),
        (b'{"title": "\\u200b \\u202e"}', 422, "title is missing"),
        (b'{"title": null}', 422, "title must be text"),
        (b'{"title": 7}', 422, "title must be text"),
        (b'{"title": ["x"]}', 422, "title must be text"),
        (b'{"title": "x", "severity": 1}', 422, "severity must be text"),
        (b'{"title": "x", "severity": "P9"}', 422, "P1, P2, P3, P4"),
        (b'{"title": "x", "colour": "red"}', 422, "Unknown field 'colour'"),
        (b'{"title": "x", "team": "moon"}', 422, "Known: north, south"),
        (b'{"title": "' + b"x" * 121 + b'"}', 422, "title is over 120"),
        (b'{"title": "x", "text": "' + b"x" * 1001 + b'"}', 422, "text is over 1000"),
        (b'{"title": "' + b"x" * BODY_LIMIT + b'"}', 413, "256 KiB"),
    ],
)
async def test_a_bad_body_is_named(body, status, words, desk, call):
    got, answered, _ = await call("POST", ALERTS, headers=trigger(), data=body)
    assert got == status
    assert words in answered["error"]
    assert desk.raised == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Idempotency-Key": ""}, 400),
        ({"Idempotency-Key": "x" * 201}, 400),
        ({"Idempotency-Key": "a b"}, 400),
        ({"Idempotency-Key": "\u00e9"}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "br"}, 415),
    ],
)
async def test_bad_headers_are_named(headers, status, desk, call):
    got, answered, _ = await call("POST", ALERTS, headers=trigger() | headers, data=b'{"title": "x"}')
    assert got == status
    assert answered["error"]
    assert desk.raised == {}


async def test_a_missing_key_is_named(call):
    headers = bearer(SECRET)
    assert "Idempotency-Key" in (await call("POST", ALERTS, headers=headers, json={"title": "x"}))[1]["error"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["title", "text", "team", "severity", "x"]), inner, max_size=4)
            ),
        ).map(lambda data: json.dumps(data).encode()),
    )
)
def test_no_body_makes_it_stumble(body, build):
    async def once():
        server = Server(ServerConf(port=0, tokens=TOKENS), build["usual"]())
        await server.start()
        async with aiohttp.ClientSession() as session:
            response = await session.post(f"http://127.0.0.1:{server.port}{ALERTS}", data=body, headers=trigger())
            status = response.status
        await server.stop()
        return status

    assert asyncio.run(once()) in {201, 400, 422}


# ---------------------------------------------------------------- looking


async def test_alerts_are_listed(call):
    status, body, _ = await call("GET", ALERTS, headers=bearer(READER), params={"limit": "2"})
    assert status == 200
    assert body["count"] == 3
    assert [(a["ref"], a["severity"]) for a in body["alerts"]] == [("D-13", "P1"), ("D-12", "P2")]
    filtered = await call("GET", ALERTS, headers=bearer(READER), params={"assignee": "tom", "status": "open"})
    assert [a["ref"] for a in filtered[1]["alerts"]] == ["D-14"]


async def test_the_audit_is_served(call):
    status, body, _ = await call("GET", AUDIT, headers=bearer(AUDITOR), params={"after": "6", "limit": "10"})
    assert (status, body["count"], body["verified"]) == (200, 1, True)
    assert body["entries"][0]["seq"] == 7
    assert set(body["entries"][0]) == {"seq", "at", "actor", "verb", "alert", "text"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{AUDIT}?limit=0", "limit must be"),
        (f"{AUDIT}?limit=1001", "limit must be"),
        (f"{AUDIT}?limit=x", "limit must be"),
        (f"{AUDIT}?limit=%D9%A1", "limit must be"),
        (f"{AUDIT}?after=-1", "after must be"),
        (f"{AUDIT}?after=" + "9" * 5000, "after must be"),
        (f"{AUDIT}?limit=1&limit=2", "once"),
        (f"{AUDIT}?colour=red", "Unknown parameter 'colour'"),
        (f"{ALERTS}?status=gone", "status must be"),
        (f"{ALERTS}?limit=201", "limit must be"),
    ],
)
async def test_bad_parameters_are_named(path, words, call):
    status, body, _ = await call("GET", path, headers=bearer(AUDITOR))
    assert status == 422
    assert words in body["error"]
