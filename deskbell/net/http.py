"""The one place that speaks HTTP to vendors: one client a vendor, kept alive, bounded in time, size and connections.

Nothing here decides what to do about trouble; an answer is a Reply, trouble is a CallFailed that knows whether the
request left. `read` and `send` put both into the words of the core.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from ssl import SSLContext
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from deskbell.core.outcome import Outcome
from deskbell.core.ports import SourceError, SourceFault
from deskbell.net import auth as auths
from deskbell.net import metrics, signing
from deskbell.net.answers import (
    PLAIN,
    CallFailed,
    Dialect,
    Gap,
    Reply,
    http_date,
    outcome_of,
    outcome_of_failure,
    source_error_of,
    source_error_of_failure,
)
from deskbell.net.auth import Auth, AwsKey, Basic, Bearer, HeaderKey, NoAuth, OAuth, PusherKey, Session
from deskbell.net.clock import wall
from deskbell.net.egress import checked_base, is_loopback, on_host, same_origin
from deskbell.net.guarded import guard
from deskbell.net.redact import basic_pair, redact
from deskbell.net.tokens import Tokens, token_of

# httpcore asks for it several times a call, and what is not installed is searched for on the disk each time.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

MAX_BYTES = 10 * 1024 * 1024
_TEXT_KEPT = 500  # of an answer that is not JSON, for the error message
_COOL = 30.0  # after a 429 that does not say how long
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"

# Nothing of the request has left when one of these is raised; after all others something may have.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `whole` bounds the call from connecting to the last byte, which httpx itself does not."""

    connect: float = 5.0
    read: float = 20.0
    write: float = 10.0
    whole: float = 45.0


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 4  # httpx walks its whole pool on every call: few are faster than many
    max_bytes: int = MAX_BYTES
    text_kept: int = _TEXT_KEPT  # characters of an answer that is not JSON


class Http:
    """A client for one vendor's address. `name` is what errors call it; `headers` go with every request."""

    def __init__(  # noqa: PLR0913 - one setting a line, and all but three have their usual value
        self,
        name: str,
        base_url: str,
        auth: Auth | None = None,
        *,
        dialect: Dialect = PLAIN,
        allow_http: bool = False,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.base_url = checked_base(base_url, allow_http=allow_http)
        self.dialect = dialect
        self._auth = auth or NoAuth()
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        self._allow_http = allow_http
        self._client = self._new_client(transport, headers or {})
        self._tokens = Tokens(auth, self._ask_token) if isinstance(auth, OAuth) else None
        self._renewing = asyncio.Lock()
        self._cool_until = 0.0
        auths.learn(self._auth)

    async def close(self) -> None:
        await self._client.aclose()

    # ------------------------------------------------------------ in the core's words

    async def read(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        missing_ok: bool = False,
        method: str = "GET",
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """A success (a 404 where that is an answer too, a 304 where `headers` may have it); else a SourceError."""
        try:
            reply = await self._read_twice(method, path, params=params, json=json, headers=headers)
        except CallFailed as failed:
            raise source_error_of_failure(failed) from failed
        if reply.ok or (missing_ok and reply.status in (404, 410)) or (headers and reply.status == 304):
            return reply
        raise source_error_of(reply, self._where(path), self.dialect)

    async def send(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expect_json: bool = True,
    ) -> Reply | Outcome:
        """The Reply of a success, or what became of it otherwise."""
        try:
            reply = await self.call(method, path, params=params, json=json, headers=headers, expect_json=expect_json)
        except CallFailed as failed:
            return outcome_of_failure(failed)
        return reply if reply.ok else outcome_of(reply, self._where(path), self.dialect)

    async def follow(self, url: str, *, missing_ok: bool = False) -> Reply:
        """Reads an address that the vendor's last answer named: only on its own host."""
        if not same_origin(self.base_url, url):
            raise SourceError(
                SourceFault.ANSWER, redact(f"{self.name}: its next page is on another host, which is not followed")
            )
        return await self.read(url, missing_ok=missing_ok)

    # ------------------------------------------------------------ one call

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect_json: bool = True,
    ) -> Reply:
        """Any answer, whatever its status. CallFailed when there is none, or none that can be used."""
        self._check_cool(path)
        request = self._build(method, await self._place(path), params, json, form, headers)
        await self._sign(request)
        reply = await self._exchange(request, path, expect_json=expect_json)
        if reply.status == 401 and self._tokens is not None:
            self._tokens.forget()  # it ran out early, or was taken back: 401 means that nothing was done
            await self._sign(request)
            reply = await self._exchange(request, path, expect_json=expect_json)
        self._note_limit(reply)
        return reply

    async def _place(self, path: str) -> str:
        """The whole address: below where the vendor's login sent us, if it did, or else where it was configured."""
        if "://" in path:
            return path
        if self._tokens is None or not isinstance(self._auth, Session):
            return self.base_url + path
        async with self._renewing:
            await self._tokens.valid()
        base = self._tokens.base
        if base and not (same_origin(self.base_url, base) or on_host(base, self._auth.hosts)):
            raise CallFailed(Gap.NOT_SENT, f"{self.name}: its login sends us to a host that is not its own")
        return (base or self.base_url) + path

    def _build(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        json: Any,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        body, sent = None, dict(headers or {})
        if form is not None:
            body = urlencode({name: _sound(text) for name, text in form.items()}).encode()
            sent["Content-Type"] = _FORM
        elif json is not None:
            body = _encoded(json)
            sent.setdefault("Content-Type", _JSON)
        try:
            return self._client.build_request(method, url, params=params, content=body, headers=sent)
        except (httpx.InvalidURL, ValueError) as error:
            raise CallFailed(Gap.NOT_SENT, f"{self._where('')}: a part of the address is not fit for one") from error

    async def _read_twice(self, method: str, path: str, **sent: Any) -> Reply:
        """A kept-alive connection may be closed by the peer just as we use it; reading again at once does no harm."""
        try:
            return await self.call(method, path, **sent)
        except CallFailed as failed:
            if not isinstance(failed.__cause__, httpx.RemoteProtocolError | httpx.ReadError):
                raise
        return await self.call(method, path, **sent)

    async def _exchange(self, request: httpx.Request, path: str, *, expect_json: bool) -> Reply:
        where = self._where(path)
        metrics.requested(self.name)
        try:
            async with asyncio.timeout(self._timeouts.whole):
                response = await self._client.send(request, stream=True)
                try:
                    body = await self._bounded(response, where)
                finally:
                    await response.aclose()
        except _NOT_SENT as error:
            raise CallFailed(Gap.NOT_SENT, f"{where} can't be reached ({_short(error)})") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise CallFailed(Gap.NO_ANSWER, f"{where} did not answer in time") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise CallFailed(Gap.NO_ANSWER, f"{where} broke off ({_short(error)})") from error
        return _reply(response, body, where, expect_json=expect_json, kept=self._limits.text_kept)

    async def _bounded(self, response: httpx.Response, where: str) -> bytes:
        """The body, counted after unpacking, so that a few packed bytes can't fill the memory."""
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise CallFailed(Gap.BAD_ANSWER, f"{where} sent more than {self._limits.max_bytes // 1024} KiB")
        return bytes(body)

    # ------------------------------------------------------------ who we are

    async def _sign(self, request: httpx.Request) -> None:
        match self._auth:
            case Basic(user, password):
                request.headers["Authorization"] = f"Basic {basic_pair(user, password)}"
            case Bearer(token):
                request.headers["Authorization"] = f"Bearer {token}"
            case HeaderKey(header, value):
                request.headers[header] = value
            case AwsKey() as key:
                asked = signing.Asked(request.method, str(request.url), request.headers, request.content)
                request.headers.update(signing.aws(key, asked, wall()))
            case PusherKey() as key:
                asked = signing.Asked(request.method, str(request.url), request.headers, request.content)
                request.url = request.url.copy_merge_params(signing.pusher(key, asked, wall()))
        if self._tokens is not None:
            async with self._renewing:  # however many calls need a new one, one of them fetches it
                request.headers["Authorization"] = await self._tokens.header()

    async def _ask_token(self, address: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        url = checked_base(address, allow_http=self._allow_http)
        request = self._client.build_request("POST", url, data=dict(form))
        path = urlsplit(url).path
        try:
            reply = await self._exchange(request, path, expect_json=True)
        except CallFailed as failed:  # the call that needed the token has not been sent
            raise CallFailed(Gap.NOT_SENT, f"no token: {failed}", failed.after) from failed
        place = token_of(self._auth) if isinstance(self._auth, OAuth) else ""
        token = reply.data.get(place) if reply.ok and isinstance(reply.data, dict) else None
        if isinstance(token, str) and token:
            return dict(reply.data)
        why = f"{self._where(path)} gave no token (answered {reply.status}); check client_id and client_secret"
        refused = reply.ok or reply.status in (400, 401, 403)
        raise CallFailed(Gap.NOT_SENT, why, refused=refused)

    # ------------------------------------------------------------ the vendor's patience

    def _check_cool(self, path: str) -> None:
        left = self._cool_until - time.monotonic()
        if left > 0:
            why = f"{self._where(path)} is left alone until its limit allows more"
            raise CallFailed(Gap.NOT_SENT, why, timedelta(seconds=left), limited=True)

    def _note_limit(self, reply: Reply) -> None:
        """After a 429 every call to this vendor waits: asking on only makes the ban longer."""
        if self.dialect.limited(reply):
            error = source_error_of(reply, self.name, self.dialect)
            wait = error.after.total_seconds() if error.after is not None else _COOL
            self._cool_until = time.monotonic() + wait

    # ------------------------------------------------------------ small parts

    def _where(self, path: str) -> str:
        return f"{self.name} {urlsplit(path).path or '/'}"

    def _new_client(self, transport: httpx.AsyncBaseTransport | None, headers: Mapping[str, str]) -> httpx.AsyncClient:
        limit = self._limits.connections
        limits = httpx.Limits(max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=20)
        times = self._timeouts
        client = httpx.AsyncClient(
            timeout=httpx.Timeout(times.read, connect=times.connect, write=times.write, pool=times.whole),
            limits=limits,
            follow_redirects=False,
            trust_env=not is_loopback(urlsplit(self.base_url).hostname or ""),  # a proxy can't reach this machine
            headers={"Accept": _JSON, "User-Agent": "Deskbell", **headers},
            verify=tls(),
            transport=transport,
        )
        return guard(client)


@cache
def tls() -> SSLContext:
    """Loading the certificates takes 20 ms; all clients share one context."""
    return httpx.create_ssl_context()


def _encoded(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half a character, which nobody could read
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _sound(text: str) -> str:
    """Without half characters, which a form can't carry."""
    return text.encode("utf-8", "replace").decode()


def _reply(response: httpx.Response, body: bytes, where: str, *, expect_json: bool, kept: int) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    data, problem = _parsed(headers.get("content-type", ""), body)
    reply = Reply(
        status=response.status_code,
        headers=headers,
        data=data,
        date=http_date(headers.get("date", "")),
        text="" if data is not None else body[:kept].decode("utf-8", "replace"),
    )
    if reply.ok and expect_json and problem:
        raise CallFailed(Gap.BAD_ANSWER, f"{where} answered {reply.status} with {problem}")
    return reply


def _parsed(content_type: str, body: bytes) -> tuple[Any, str]:
    """The JSON of a body, or what else it is."""
    if not body.strip():
        return None, ""
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        return None, "a web page instead of JSON; a login page, a sleeping instance or a wrong base_url look like this"
    try:
        return orjson.loads(body), ""
    except orjson.JSONDecodeError:
        return _parsed_leniently(body)


def _parsed_leniently(body: bytes) -> tuple[Any, str]:
    """Half a character (a lone surrogate) in one ticket must not make the whole page unreadable, as orjson has it."""
    try:
        return json.loads(body.decode("utf-8", "replace")), ""
    except (ValueError, RecursionError):
        return None, "something that is not JSON"


def _short(error: Exception) -> str:
    return redact(str(error))[:150] or type(error).__name__
