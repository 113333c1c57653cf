"""Calls to Slack's Web API: one session, no retries, every failure a `Trouble` with its Outcome.

Through its SDK; what is said a thousand times an hour goes past the SDK's objects (`SlackWeb.call`), which cost more
than all else on the way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any

import aiohttp
import orjson
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from deskbell.core.outcome import Unknown
from deskbell.net.session import LOST, SharedSession, Trouble, unanswered, words_of
from deskbell.vendors.slack import SlackConf, outcome

Json = dict[str, Any]

JSON = {"Content-Type": "application/json; charset=utf-8"}

# The SDK writes whole requests to a logger at DEBUG, and a traceback for every second that Slack is away.
SDK_LOG = logging.getLogger("deskbell.slack.sdk")
SDK_LOG.setLevel(logging.CRITICAL)


class SlackWeb:
    """The Web API of one workspace. Takes a session that others share, or makes one of its own at the first call.

    The SDK's own retries are off: after a lost answer they would post a card a second time.
    """

    def __init__(self, conf: SlackConf, session: aiohttp.ClientSession | None = None) -> None:
        self.conf = conf
        self._session = SharedSession(session)
        self._client = web_client(conf, conf.bot_token)
        self._methods = f"{conf.base_url.rstrip('/')}/"
        self._headers = {**JSON, "Authorization": f"Bearer {conf.bot_token}"}

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._session.get()

    @property
    def client(self) -> AsyncWebClient:
        self._client.session = self.session
        return self._client

    async def call(self, method: str, body: Mapping[str, Any]) -> Json:
        """One method that takes JSON, past the SDK. Raises Trouble, whatever happened."""
        status, headers, data = await self.send(self._methods + method, body, self._headers)
        said = _object(data)
        if status == 200 and said.get("ok"):
            return said
        raise refused(status, headers, said)

    async def send(
        self, url: str, body: Mapping[str, Any], headers: Mapping[str, str] = JSON
    ) -> tuple[int, Mapping[str, str], bytes]:
        """To an address of Slack's: what came back. Raises Trouble when nothing did."""
        try:
            async with (
                asyncio.timeout(self.conf.timeout_s),
                self.session.post(
                    url,
                    data=orjson.dumps(body),
                    headers=headers,
                    proxy=self.conf.proxy or None,
                    allow_redirects=False,  # what is said goes nowhere that an answer names
                ) as answer,
            ):
                return answer.status, answer.headers, await answer.read()
        except (*LOST, ValueError) as error:
            raise Trouble(unanswered("Slack", error)) from error

    async def ask(self, call: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
        """The answer's body. Raises Trouble, whatever happened."""
        return (await self.answer(call)).data  # type: ignore[return-value]  # bytes come from one admin method only

    async def answer(self, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
        """The same with its headers."""
        try:
            async with asyncio.timeout(self.conf.timeout_s):
                return await call
        except SlackApiError as error:
            raise read_error(error) from error
        except LOST as error:
            raise Trouble(unanswered("Slack", error)) from error
        except (AttributeError, SlackClientError, TypeError, ValueError) as error:
            # The SDK stumbles over answers that are no JSON object, a proxy's page of text for one.
            raise Trouble(Unknown(f"Slack's answer can't be read: {words_of(error)}")) from error

    async def close(self) -> None:
        await self._session.close()


def web_client(conf: SlackConf, token: str | None, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    client = AsyncWebClient(
        token=token,
        base_url=conf.base_url,
        timeout=int(conf.timeout_s),
        session=session,
        logger=SDK_LOG,
        retry_handlers=[],
    )
    client.proxy = conf.proxy or None  # the SDK has read HTTPS_PROXY meanwhile, and knows no exception for loopback
    return client


def read_error(error: SlackApiError) -> Trouble:
    """Slack's own no, or a page that is not Slack's."""
    response = error.response
    data = getattr(response, "data", None)
    body: Mapping[str, Any] = data if isinstance(data, dict) else {}
    status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    return refused(status, getattr(response, "headers", None) or {}, body)


def refused(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> Trouble:
    code = str(body.get("error") or "")
    retry_after = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return Trouble(outcome(status, code, str(retry_after), str(body.get("needed") or "")), code)


def _object(raw: bytes) -> Json:
    """An answer's JSON object; empty for a page of somebody who stands between us."""
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return data if isinstance(data, dict) else {}
