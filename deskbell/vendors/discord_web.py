"""Calls to Discord's REST API through its SDK: a session that others share, no waiting and no second try inside.

Every failure is a `Trouble` with its Outcome. The SDK would sleep through a rate limit and send again after a 5xx, with
nobody knowing; here both are answers, and the outbox decides.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import orjson
from discord.http import HTTPClient, Ratelimit, Route

from deskbell.core.outcome import Retry, Unknown
from deskbell.net.session import LOST, SharedSession, Trouble, unanswered, words_of
from deskbell.vendors.discord import DiscordConf, outcome

SWEEP = 256  # new buckets until those that are over are cleared away

# The SDK writes whole requests to its log at DEBUG, and a traceback for every second that Discord is away.
logging.getLogger("discord").setLevel(logging.CRITICAL)


class DiscordWeb:
    """The REST API as one bot. Takes a session that others share, or makes one of its own at the first call."""

    def __init__(self, conf: DiscordConf, session: aiohttp.ClientSession | None = None) -> None:
        self.conf = conf
        self._session = SharedSession(session)
        self._http: _Http | None = None
        self._route = type("Route", (Route,), {"BASE": conf.base_url.rstrip("/")})
        self._shut_until = 0.0  # by the loop's clock: all that the bot asks would be refused, and counted against it

    async def call(self, method: str, path: str, *, json: Any = None, query: Any = None, **ids: str) -> Any:
        """The answer's body. `ids` fill the path in: those that limits are counted by have the SDK's names.

        Raises Trouble, whatever happened.
        """
        self._not_shut_out(path)
        more: dict[str, Any] = {"allow_redirects": False}  # what is said goes nowhere that an answer names
        more |= ({"json": json} if json is not None else {}) | ({"params": query} if query else {})
        route = self._route(method, path, **ids)
        try:
            async with asyncio.timeout(self.conf.timeout_s):
                return await self._client().request(route, raise_for_status=self._tell, **more)
        except LOST as error:
            raise Trouble(unanswered("Discord", error)) from error
        except ValueError as error:
            raise Trouble(Unknown(f"Discord's answer can't be read: {words_of(error)}")) from error

    async def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The same where an object is the only answer; a page of somebody between us is none."""
        answer = await self.call(method, path, **more)
        if not isinstance(answer, dict):
            raise Trouble(Unknown("Discord's answer can't be read: it is no JSON object"))
        return answer

    def _client(self) -> "_Http":
        if self._http is None:
            self._http = _Http(self.conf, self._session.get())
        return self._http

    def _not_shut_out(self, path: str) -> None:
        """Answers to people are not counted with the bot's own calls."""
        left = self._shut_until - asyncio.get_running_loop().time()
        if left > 0 and not path.startswith(("/interactions/", "/webhooks/")):
            raise Trouble(Retry("Discord: the bot's own limit is used up", timedelta(seconds=left), limited=True))

    async def _tell(self, response: aiohttp.ClientResponse) -> None:
        """Before the SDK sees the answer, and would try again: a no is a no."""
        if response.status < 300:
            return
        body: Any = None
        with contextlib.suppress(orjson.JSONDecodeError, aiohttp.ClientPayloadError):
            body = orjson.loads(await response.read())
        said: Mapping[str, Any] = body if isinstance(body, dict) else {}
        code = said["code"] if isinstance(said.get("code"), int) else 0
        message = f"{said.get('message') or ''} {_detail(said.get('errors'))}".strip()
        pause = _seconds(said.get("retry_after"), response.headers.get("Retry-After"))
        found = outcome(response.status, code, message, pause)
        if response.status == 429 and isinstance(found, Retry) and found.after and said.get("global", not said):
            # The limit of the whole bot; or, without Discord's own words, the network in front of it shuts us out.
            self._shut_until = asyncio.get_running_loop().time() + found.after.total_seconds()
        raise Trouble(found, code)

    async def close(self) -> None:
        await self._session.close()


class _Http(HTTPClient):
    """The SDK's client on our session: it would open one of its own, with a second pool, and log in first."""

    def __init__(self, conf: DiscordConf, session: aiohttp.ClientSession) -> None:
        super().__init__(asyncio.get_running_loop(), session.connector, proxy=conf.proxy or None)
        self.token = conf.token
        self._global_over = asyncio.Event()
        self._global_over.set()
        self._HTTPClient__session = session

    def get_ratelimit(self, key: str) -> Ratelimit:
        if key not in self._buckets:
            self._buckets[key] = _Bucket(None)
            if len(self._buckets) % SWEEP == 0:  # it looks at all of them, and each thread of a card has one
                self._try_clear_expired_ratelimits()
        return self._buckets[key]


class _Bucket(Ratelimit):
    """How much of a route is left, as Discord's headers tell it. Where nothing is, that is an answer, not a sleep."""

    async def acquire(self) -> None:
        if self.is_expired():
            self.reset()  # type: ignore[no-untyped-call]
        if self.remaining <= 0:
            if self.expires is not None:
                after = timedelta(seconds=max(0.05, self.expires - asyncio.get_running_loop().time()))
                raise Trouble(Retry("Discord: the limit of this route is used up", after, limited=True))
            self.remaining = 1  # nobody has told the limit yet
        await super().acquire()

    async def __aexit__(self, *_: object) -> None:
        self.outgoing -= 1


def _seconds(*given: Any) -> float | None:
    """The first that is a number of seconds."""
    for one in given:
        with contextlib.suppress(TypeError, ValueError):
            return max(0.0, float(one))
    return None


def _detail(errors: Any, at: str = "") -> str:
    """The first complaint of a "Invalid Form Body", with its place: embeds.0.title: too long."""
    if not isinstance(errors, dict):
        return ""
    for complaint in errors.get("_errors") or ():
        return f"{at}: {complaint.get('message')}" if isinstance(complaint, dict) else ""
    return next((found for key, value in errors.items() if (found := _detail(value, f"{at}.{key}".strip(".")))), "")
