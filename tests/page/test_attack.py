"""Who must not be able to act: scanners that follow links and fill in forms, other sites, forged and stale values."""

import asyncio
import base64
from datetime import timedelta

import pytest
from aiohttp import web

from bot.page import linker
from bot.page.guard import Guard, origin_of
from bot.page.shown import source_of
from deskbell.core.alert import Severity, Status, Verb
from deskbell.core.button import sign

VISITS = 500


async def visits(office, new_browser, visit, count=VISITS):
    """So many visits of one kind, a few at a time; nothing may have been done by them."""

    async def one():
        for _ in range(count // 10):
            await visit(new_browser())

    await asyncio.gather(*(one() for _ in range(10)))
    assert office.alert.status is Status.OPEN
    assert not office.entries("ack")
    assert not office.entries("refused")
    assert not office.entries("link")


async def test_a_scanner_that_asks_for_the_head(office, new_browser):
    async def visit(browser):
        await browser._ask("HEAD", office.link, headers={})
        assert browser.status == 200

    await visits(office, new_browser, visit)


async def test_a_scanner_that_reads(office, new_browser):
    async def visit(browser):
        await browser.get(office.link)
        assert browser.status == 200

    await visits(office, new_browser, visit)


async def test_a_scanner_that_follows_every_link(office, new_browser):
    async def visit(browser):
        await browser.get(office.link)
        for address in [*browser.links, office.link + "?seen=1", office.link]:
            await browser.get(address)

    await visits(office, new_browser, visit)


async def test_a_scanner_that_sends_every_form(office, new_browser):
    async def visit(browser):
        await browser.get(office.link)
        for fields in browser.forms:
            await browser.post(office.link, fields)  # as it stands
            await browser.post(office.link, {name: value or "1" for name, value in fields.items()} | {"code": ""})

    await visits(office, new_browser, visit)


async def test_a_scanner_that_knows_what_the_form_of_somebody_else_looks_like(office, new_browser, ana):
    fields = ana.button("Acknowledge")

    async def visit(browser):
        await browser.get(office.link)
        await browser.post(office.link, fields)
        await browser.post(office.link, fields | {"form": browser.forms[0]["form"]})

    for _ in range(20):
        await visit(new_browser())
    assert office.alert.status is Status.OPEN
    assert not office.entries("ack")


# ---------------------------------------------------------------- forms that no page of ours sent


def _cut(fields):
    return fields | {"form": fields["form"][:-1]}


def _other_mac(fields):
    return fields | {"form": fields["form"][:-64] + "0" * 64}


def _later(fields):
    at, rest = fields["form"].split(".", 1)
    return fields | {"form": f"{int(at, 16) + 60:x}.{rest}"}


FORGED = {
    "no form value": lambda fields: {k: v for k, v in fields.items() if k != "form"},
    "an empty one": lambda fields: fields | {"form": ""},
    "a truncated one": _cut,
    "another signature": _other_mac,
    "another moment": _later,
    "not one at all": lambda fields: fields | {"form": "\x00é" * 30},
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_form_does_nothing(how, ana, office):
    await ana.post(office.link, FORGED[how](ana.button("Acknowledge")))
    assert ana.status == 200
    assert "too old" in ana.said
    assert office.alert.status is Status.OPEN


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_of_another_site_does_nothing(headers, ana, office):
    await ana.post(office.link, ana.button("Acknowledge"), **headers)
    assert ana.status == 403
    assert office.alert.status is Status.OPEN


async def test_the_name_that_a_request_gives_itself_counts_for_nothing(ana, office):
    await ana.post(office.link, ana.button("Acknowledge"), Host="evil.example", Origin="http://evil.example")
    assert ana.status == 403
    assert office.alert.status is Status.OPEN


async def test_a_form_of_yesterday_does_nothing(ana, office):
    fields = ana.button("Acknowledge")
    office.now += timedelta(hours=13)
    await ana.post(office.link, fields)
    assert "too old" in ana.said
    assert office.alert.status is Status.OPEN


async def test_a_form_of_another_browser_does_nothing(ana, office, new_browser):
    ben = await new_browser().connect(office, "ben")
    await ben.post(office.link, ana.button("Acknowledge"))
    assert "too old" in ben.said
    assert office.alert.status is Status.OPEN


@pytest.mark.parametrize("cookie", ["", "x", "A" * 22 + "." + "0" * 64, "A" * 22, "." * 9, "A" * 22 + "." + "f" * 5000])
async def test_a_forged_cookie_is_nobody(cookie, ana, office, new_browser):
    stranger = new_browser()
    stranger.cookies = {"deskbell": cookie}
    await stranger.get(office.link)
    assert stranger.status == 200
    assert "does not know this browser" in stranger.said
    stranger.cookies = {"deskbell": cookie}
    await stranger.post(office.link, ana.button("Acknowledge"))
    assert office.alert.status is Status.OPEN


async def test_a_cookie_with_another_id_under_the_same_signature_is_nobody(ana, office, new_browser):
    stranger = new_browser()
    own = ana.cookies["deskbell"]
    stranger.cookies = {"deskbell": ("C" if own[0] == "B" else "B") + own[1:]}
    await stranger.get(office.link)
    assert "does not know this browser" in stranger.said


# ---------------------------------------------------------------- links and bodies


def _links(office):
    token = office.link.rsplit("/", 1)[1]
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[-1] ^= 1
    return {
        "another signature": base64.urlsafe_b64encode(raw).decode(),
        "truncated": token[:-4],
        "longer": token + "AAAA",
        "nothing": "x",
        "unicode": "%E2%98%83",
        "not unicode": "%ff%fe",
        "huge": "A" * 4000,
        "a path": "..%2f..%2fetc%2fpasswd",
    }


@pytest.mark.parametrize("how", list(_links(type("O", (), {"link": "/AQAAAAAAAAEAAAAAAAAAAAAAAAAA"}))))
async def test_a_forged_link_leads_nowhere(how, browser, office):
    url = f"{office.url}/a/{_links(office)[how]}"
    await browser.get(url)
    assert browser.status == 404
    await browser.post(url, {"form": "x"})
    assert browser.status == 404
    assert "D-1" not in browser.text


async def test_a_link_to_an_alert_that_there_is_not(browser, office):
    await browser.get(linker(b"s" * 32, office.url)("D-999"))
    assert browser.status == 404


async def test_a_button_of_another_alert_does_nothing(ana, office):
    fields = ana.button("Acknowledge")
    for token in (sign(b"s" * 32, Verb.ACK, 2, 0), sign(b"t" * 32, Verb.ACK, 1, 0), "", "x" * 5000):
        await ana.post(office.link, fields | {"button": token})
        assert "not genuine" in ana.said
    assert office.alert.status is Status.OPEN


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % n for n in range(100)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data; boundary=x", 415),
        (b"", "application/x-www-form-urlencoded", 200),
        (b"form=%ff%00&button=%ff", "application/x-www-form-urlencoded", 200),
        (b"a" * 300_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_body_that_is_no_form_of_ours(body, kind, status, ana, office):
    await ana.post(office.link, body, **{"Content-Type": kind})
    assert ana.status == status
    assert office.alert.status is Status.OPEN


async def test_what_the_browser_is_told(ana, office):
    await ana.get(office.link)
    headers = ana.headers
    assert headers["Cache-Control"] == "no-store"
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in ana.text
    assert "HttpOnly" in ana.set_cookie
    assert "SameSite=Strict" in ana.set_cookie
    assert "Secure" not in ana.set_cookie  # on the loopback there is no TLS


async def test_with_tls_the_cookie_is_for_this_host_alone(office, browser):
    response = web.Response()
    Guard(b"s" * 32, "https://desk.example.org").remember(response, "A" * 22)
    cookie = response.cookies["__Host-deskbell"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]


HOSTILE = (
    '<script>document.title="x"</script><img src=x onerror=alert(1)>"\'{{ 7*7 }} javascript:alert(1) \u202eabc שלום'
)


async def test_text_from_strangers_is_only_text(new_browser, office):
    ana = office.people["ana"]
    await office.desk.raise_manual(
        caller="test",
        person=ana,
        idempotency_key="1",
        title=HOSTILE,
        text=HOSTILE,
        severity=Severity.P2,
        team="",
        subject=HOSTILE,
    )
    browser = new_browser()
    link = office.linker("D-2")
    await browser.get(link)
    assert browser.status == 200
    await browser.post(link, browser.forms[0] | {"code": await office.desk.link_code("ana")})
    await browser.post(link, browser.button("Resolve", choice="", text=HOSTILE))
    assert "D-2 resolved" in browser.said
    assert "<script" not in browser.text
    assert "<img" not in browser.text
    assert "49" not in browser.said
    assert "\u202e" not in browser.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:,x", "//evil.example", "https://", "http://[", ""])
def test_only_a_web_address_becomes_a_link(url):
    assert source_of(url) is None


def test_a_link_shows_its_host():
    assert source_of("https://fs.example.org/jobs/1") == ("https://fs.example.org/jobs/1", "fs.example.org")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Desk.Example.org/", "https://desk.example.org"),
        ("https://desk.example.org:443/deskbell", "https://desk.example.org"),
        ("https://desk.example.org:8443", "https://desk.example.org:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://störung.example", "https://xn--strung-xxa.example"),
    ],
)
def test_our_origin_is_what_browsers_call_it(url, origin):
    assert origin_of(url) == origin


async def test_codes_can_not_be_guessed_with_one_form(office, new_browser):
    """Each try costs a line of the audit, whatever form it came with."""
    browser = await new_browser().get(office.link)
    form = browser.forms[0]
    for number in range(80):
        await browser.post(office.link, form | {"code": f"guess{number}"})

    assert "too many wrong codes" in browser.said
    assert len(office.entries("link_refused")) == 60


async def test_connecting_twice_with_one_tap_is_connecting(office, new_browser):
    browser = await new_browser().get(office.link)
    fields = browser.forms[0] | {"code": await office.desk.link_code("ana")}
    await browser.post(office.link, fields)
    await browser.post(office.link, fields)

    assert "You are Ana Ruiz here" in browser.said
    assert "not genuine" not in browser.said
