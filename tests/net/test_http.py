"""The engine over real sockets: what an answer, and each kind of silence, is turned into."""

import asyncio
import gzip
import json

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deskbell.core.outcome import Fault, Rejected, Retry, Unknown
from deskbell.core.ports import SourceError, SourceFault
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic, Bearer, ClientCredentials, HeaderKey, RefreshToken, SignedClaim
from deskbell.net.egress import Forbidden
from deskbell.net.http import Http, Limits


def answering(status=200, body=None, **headers):
    async def handle(_request):
        return web.json_response(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handle


async def test_json_comes_parsed_with_the_vendors_clock(serve, client):
    reply = await client(await serve(answering(body={"a": [1]}))).read("/x")
    assert reply.data == {"a": [1]}
    assert reply.date is not None


async def test_half_a_character_does_not_make_the_page_unreadable(serve, client):
    async def handle(_request):
        return web.Response(body=rb'[{"subject": "broken \ud83d here"}]', content_type="application/json")

    reply = await client(await serve(handle)).read("/x")
    assert reply.data[0]["subject"].startswith("broken")


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"<html>log in</html>", "text/html", "web page instead of JSON"),
        (b"  <!DOCTYPE html><p>sleeping", "application/json", "web page instead of JSON"),
        (b'{"half": ', "application/json", "not JSON"),
        (b"[" * 200_000, "application/json", "not JSON"),
    ],
)
async def test_something_else_than_json_with_200_is_a_clear_fault(serve, client, body, kind, said):
    async def handle(_request):
        return web.Response(body=body, content_type=kind)

    http = client(await serve(handle))
    with pytest.raises(SourceError, match=said) as raised:
        await http.read("/tickets")
    assert raised.value.fault is SourceFault.ANSWER
    assert "Vendor /tickets" in str(raised.value)
    assert isinstance(await http.send("POST", "/tickets", {}), Unknown), "a write may have been done all the same"


async def test_an_answer_that_never_ends_is_cut_off(serve, client):
    packed = gzip.compress(b"[" + b"1," * 3_000_000 + b"1]")

    async def handle(_request):
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=packed, headers=headers)

    http = client(await serve(handle), limits=Limits(max_bytes=100_000))
    with pytest.raises(SourceError, match="more than 97 KiB"):
        await http.read("/x")


async def test_redirects_are_not_followed(serve, client):
    asked = []

    async def handle(request):
        asked.append(request.path)
        raise web.HTTPFound("/elsewhere")

    http = client(await serve(handle))
    with pytest.raises(SourceError, match="sends us elsewhere"):
        await http.read("/x")
    assert isinstance(await http.send("POST", "/x", {}), Retry)
    assert asked == ["/x", "/x"]


async def test_refused_connection_is_certainly_not_sent(client):
    http = client("http://127.0.0.1:9")  # discard: nobody listens there
    outcome = await http.send("POST", "/x", {"a": 1})
    assert isinstance(outcome, Retry)
    assert "can't be reached" in outcome.why
    with pytest.raises(SourceError) as raised:
        await http.read("/x")
    assert raised.value.fault is SourceFault.UNREACHABLE


async def test_unknown_host_is_certainly_not_sent():
    http = Http("Vendor", "https://no-such-host.invalid")
    assert isinstance(await http.send("POST", "/x", {}), Retry)
    await http.close()


async def test_silence_after_the_body_went_leaves_it_unknown(serve, client):
    async def handle(_request):
        await asyncio.sleep(5)

    http = client(await serve(handle))
    outcome = await http.send("POST", "/x", {"a": 1})
    assert isinstance(outcome, Unknown)
    assert "did not answer in time" in outcome.why


async def test_an_answer_that_drips_is_bounded_as_a_whole(serve, client):
    async def handle(request):
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    http = client(await serve(handle))
    started = asyncio.get_running_loop().time()
    assert isinstance(await http.send("POST", "/x", {}), Unknown)
    assert asyncio.get_running_loop().time() - started < 3


async def test_connection_dropped_after_the_body_leaves_it_unknown_and_a_read_is_repeated_once(raw_server, client):
    asked = []

    async def talk(reader, writer):
        asked.append((await reader.readuntil(b"\r\n")).split()[0])

    http = client(await raw_server(talk))
    assert isinstance(await http.send("POST", "/x", {"a": 1}), Unknown)
    with pytest.raises(SourceError, match="broke off"):
        await http.read("/x")
    assert asked == [b"POST", b"GET", b"GET"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Rejected(Fault.PAYLOAD, "")),
        (401, Rejected(Fault.AUTH, "")),
        (403, Rejected(Fault.CONFIG, "")),
        (404, Rejected(Fault.TARGET, "")),
        (409, Unknown("")),
        (422, Rejected(Fault.PAYLOAD, "")),
        (429, Retry("", limited=True)),
        (500, Unknown("")),
        (502, Unknown("")),
        (503, Retry("")),
        (504, Unknown("")),
    ],
)
async def test_each_status_has_its_outcome(serve, client, status, outcome):
    got = await client(await serve(answering(status, {"m": "no"}))).send("POST", "/x", {})
    assert type(got) is type(outcome)
    assert getattr(got, "fault", None) == getattr(outcome, "fault", None)
    assert getattr(got, "limited", False) == getattr(outcome, "limited", False)
    assert str(status) in got.why


async def test_after_a_429_the_vendor_is_left_alone_until_it_allows_more(serve, client):
    asked = []

    async def handle(_request):
        asked.append(1)
        return web.json_response({}, status=429, headers={"Retry-After": "30"})

    http = client(await serve(handle))
    first = await http.send("POST", "/x", {})
    assert first.after.total_seconds() == 30
    second = await http.send("POST", "/x", {})
    assert isinstance(second, Retry)
    assert second.limited
    assert 29 < second.after.total_seconds() <= 30
    with pytest.raises(SourceError) as raised:
        await http.read("/x")
    assert raised.value.fault is SourceFault.LIMITED
    assert len(asked) == 1


async def test_a_next_page_on_another_host_is_not_followed(serve, client):
    asked = []

    async def handle(request):
        asked.append(request.path_qs)
        return web.json_response([])

    url = await serve(handle)
    http = client(url, Bearer("very-secret-token"))
    with pytest.raises(SourceError, match="another host"):
        await http.follow("https://evil.example/next?page=2")
    with pytest.raises(SourceError, match="another host"):
        await http.follow(url.replace("127.0.0.1", "127.0.0.1.evil.example"))
    await http.follow(f"{url}/next?page=2")
    assert asked == ["/next?page=2"]


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (Basic("Aladdin", "open sesame"), "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (Bearer("tok-123"), "Authorization", "Bearer tok-123"),
        (HeaderKey("x-sn-apikey", "key-123"), "x-sn-apikey", "key-123"),
    ],
)
async def test_who_we_are_goes_with_each_request(serve, client, auth, header, value):
    seen = []

    async def handle(request):
        seen.append(request.headers.get(header))
        return web.json_response({})

    await client(await serve(handle), auth).read("/x")
    assert seen == [value]


class Tokens:
    """An OAuth server and an API in one: tokens are `token-1`, `token-2` ..., of which only the last is good."""

    def __init__(self):
        self.given = 0
        self.asked = 0
        self.forms = []
        self.broken = False

    async def handle(self, request):
        if request.path == "/token":
            self.forms.append(dict(await request.post()))
            if self.broken:
                return web.json_response({"error": "invalid_client"}, status=401)
            self.given += 1
            return web.json_response({"access_token": f"token-{self.given}", "expires_in": 1799})
        self.asked += 1
        good = request.headers["Authorization"] == f"Bearer token-{self.given}"
        return web.json_response({"ok": good}, status=200 if good else 401)


async def oauth(serve, client, tokens):
    url = await serve(tokens.handle)
    return client(url, ClientCredentials(f"{url}/token", "us", "client-secret-1"))


async def test_one_token_is_fetched_however_many_calls_need_it(serve, client):
    tokens = Tokens()
    http = await oauth(serve, client, tokens)
    replies = await asyncio.gather(*[http.read("/x") for _ in range(10)])
    assert all(reply.data["ok"] for reply in replies)
    assert tokens.given == 1
    assert tokens.forms[0]["grant_type"] == "client_credentials"


async def test_token_expiry_in_mid_sweep_renews_it_and_repeats_the_call(serve, client):
    tokens = Tokens()
    http = await oauth(serve, client, tokens)
    await http.read("/x")
    tokens.given += 1  # the vendor took ours back
    assert (await http.read("/x")).ok
    reply = await http.send("POST", "/x", {"a": 1})
    assert isinstance(reply, Reply)
    assert reply.ok


async def test_without_a_token_nothing_was_sent(serve, client):
    tokens = Tokens()
    tokens.broken = True
    http = await oauth(serve, client, tokens)
    outcome = await http.send("POST", "/x", {})
    assert isinstance(outcome, Rejected)
    assert outcome.fault is Fault.AUTH
    assert "client_secret" in outcome.why
    assert "client-secret-1" not in outcome.why
    assert tokens.asked == 0


async def test_a_refresh_token_that_changes_with_each_use_is_kept(serve, client, tmp_path):
    used = []

    async def handle(request):
        if request.path == "/x":
            return web.json_response({}, status=200 if request.headers["Authorization"] == "Own t2" else 401)
        used.append((await request.post())["refresh_token"])
        return web.json_response({"access_token": f"t{len(used)}", "refresh_token": f"refresh-{len(used)}"})

    url = await serve(handle)
    kept = tmp_path / "token"
    http = client(url, RefreshToken(f"{url}/token", "us", "s3cret", "refresh-0", "Own", str(kept)))
    assert (await http.read("/x")).ok
    assert used == ["refresh-0", "refresh-1"]
    assert kept.read_text() == "refresh-2"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_a_claim_is_signed_with_our_key(serve, client):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    forms = []

    async def handle(request):
        if request.path == "/token":
            forms.append(dict(await request.post()))
            return web.json_response({"access_token": "t"})
        return web.json_response({})

    url = await serve(handle)
    http = client(url, SignedClaim(f"{url}/token", "us@x", pem, "ana@x", "calendar.readonly"))
    assert (await http.read("/x")).ok
    said = jwt.decode(forms[0]["assertion"], key.public_key(), ["RS256"], audience=f"{url}/token")
    assert (said["iss"], said["sub"], said["scope"]) == ("us@x", "ana@x", "calendar.readonly")


async def test_no_secret_gets_into_an_error_however_the_vendor_quotes_it(serve, client):
    async def handle(request):
        said = f"bad credentials {request.headers['Authorization']} for key-sesame-4711"
        return web.json_response({"message": said}, status=401)

    from deskbell.vendors.freshdesk import DIALECT

    http = client(await serve(handle), Basic("key-sesame-4711", "X"), dialect=DIALECT)
    with pytest.raises(SourceError) as raised:
        await http.read("/x")
    text = str(raised.value)
    assert "key-sesame-4711" not in text
    assert "a2V5LXNlc2FtZS00NzExOlg=" not in text
    assert "bad credentials" in text


async def test_hostile_text_is_sent_as_json_whatever_it_holds(serve, client):
    got = []

    async def handle(request):
        got.append(json.loads(await request.read()))
        return web.json_response({})

    http = client(await serve(handle))
    assert isinstance(await http.send("POST", "/x", {"text": "half \ud83d"}), Reply)
    assert got[0]["text"].startswith("half")


@pytest.mark.parametrize("url", ["http://desk.example.com", "ftp://x", "https://", "https://user:pw@x.example", "x y"])
async def test_addresses_that_may_not_be_called(url):
    with pytest.raises(Forbidden):
        Http("Vendor", url)


async def test_plain_http_is_allowed_when_it_is_meant():
    await Http("Vendor", "http://desk.intranet", allow_http=True).close()


async def test_nothing_new_is_an_answer_where_it_was_asked_for(serve, client):
    seen = []

    async def handle(request):
        seen.append(request.headers.get("If-Modified-Since"))
        return web.Response(status=304)

    http = client(await serve(handle))
    reply = await http.read("/x", headers={"If-Modified-Since": "2026-11-20T08:00:00+00:00"})
    assert (reply.status, reply.data, seen) == (304, None, ["2026-11-20T08:00:00+00:00"])
    with pytest.raises(SourceError):
        await http.read("/x")
