"""How an interaction reaches the app: an envelope on a socket, or a signed POST to its request URL."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.slack.sockets import Sockets
from deskbell.sandbox.web import Json, dumps

ACK_SECONDS = 3.0  # https://docs.slack.dev/interactivity/handling-user-interaction
EVENT_TRIES = 2  # the first retry comes at once; those after a minute and five are left out here


@dataclass(frozen=True, slots=True)
class Ack:
    acked: bool
    payload: Any = None
    elapsed_ms: float = 0.0
    error: str = ""


def signature(body: bytes, timestamp: int, secret: str = credentials.SLACK_SIGNING_SECRET) -> str:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    base = b":".join((b"v0", str(timestamp).encode(), body))
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def signed_headers(body: bytes, timestamp: int, secret: str = credentials.SLACK_SIGNING_SECRET) -> dict[str, str]:
    return {
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": signature(body, timestamp, secret),
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
    }


class Line:
    """The way to the app: Socket Mode unless a request URL is set."""

    def __init__(self, slack: Slack) -> None:
        self.slack = slack
        self.sockets = Sockets(slack)
        self.request_url: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def interactive(self, payload: Json) -> Ack:
        if self.request_url:
            return await self._post(urlencode({"payload": dumps(payload).decode()}).encode(), FORM)
        return await self._envelope("interactive", payload)

    async def command(self, fields: dict[str, str]) -> Ack:
        if self.request_url:
            return await self._post(urlencode(fields).encode(), FORM)
        return await self._envelope("slash_commands", dict(fields))

    async def event(self, payload: Json) -> Ack:
        """Events, unlike taps, are sent again."""
        ack = Ack(acked=False)
        for attempt in range(EVENT_TRIES):
            if self.request_url:
                retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"} if attempt else {}
                ack = await self._post(dumps(payload), {"Content-Type": "application/json", **retry})
            else:
                reason = "timeout" if attempt else ""
                ack = await self._envelope("events_api", payload, retry_attempt=attempt, retry_reason=reason)
            if ack.acked:
                break
        return ack

    async def verify_url(self, url: str) -> bool:
        """The handshake of a new request URL: does it echo the challenge?"""
        kept, self.request_url = self.request_url, url
        challenge = f"challenge-{self.slack.number()}"
        body = dumps({"token": "sandbox-verification", "challenge": challenge, "type": "url_verification"})
        ack = await self._post(body, {"Content-Type": "application/json"})
        self.request_url = kept
        answer = ack.payload
        return ack.acked and challenge in (answer, answer.get("challenge") if isinstance(answer, dict) else None)

    async def _envelope(self, kind: str, payload: Json, **more: Any) -> Ack:
        start = self.slack.clock.time()
        acked, answer = await self.sockets.deliver(kind, payload, ACK_SECONDS, **more)
        took = (self.slack.clock.time() - start) * 1000
        return Ack(acked, answer, took, "" if acked else "operation_timeout")

    async def _post(self, body: bytes, headers: dict[str, str]) -> Ack:
        start = self.slack.clock.time()
        signed = headers | signed_headers(body, int(start))
        timeout = aiohttp.ClientTimeout(total=ACK_SECONDS)
        try:
            async with self._client().post(
                self.request_url or "", data=body, headers=signed, timeout=timeout
            ) as answer:
                text = await answer.text()
                took = (self.slack.clock.time() - start) * 1000
                acked = answer.status == 200
                return Ack(acked, read_answer(text), took, "" if acked else f"http_status_{answer.status}")
        except (aiohttp.ClientError, TimeoutError) as trouble:
            return Ack(acked=False, error=type(trouble).__name__)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        await self.sockets.close()
        if self._session is not None:
            await self._session.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def read_answer(text: str) -> Any:
    """The body of a 200: nothing, JSON, or plain text."""
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
