"""Calls to Slack's Web API through its SDK: one session, no retries, every failure a `Trouble` with its Outcome."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.net.redact import redact
from deskbell.net.session import open_session
from deskbell.vendors.slack import SlackConf, outcome

# The SDK writes whole requests to a logger at DEBUG, and a traceback for every second that Slack is away.
SDK_LOG = logging.getLogger("deskbell.slack.sdk")
SDK_LOG.setLevel(logging.CRITICAL)


class Trouble(Exception):
    """A call did not succeed: what that means for what was to be done, and Slack's own word for it."""

    def __init__(self, outcome: Outcome, error: str = "") -> None:
        super().__init__(error or str(outcome))
        self.outcome = outcome
        self.error = error

    @property
    def why(self) -> str:
        return getattr(self.outcome, "why", "")


class SlackWeb:
    """The Web API of one workspace. Takes a session that others share, or makes one of its own at the first call.

    The SDK's own retries are off: after a lost answer they would post a card a second time.
    """

    def __init__(self, conf: SlackConf, session: aiohttp.ClientSession | None = None) -> None:
        self.conf = conf
        self._shared = session
        self._own: aiohttp.ClientSession | None = None
        self._client = web_client(conf, conf.bot_token)

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._shared is not None:
            return self._shared
        if self._own is None or self._own.closed:
            self._own = open_session()
        return self._own

    @property
    def client(self) -> AsyncWebClient:
        self._client.session = self.session
        return self._client

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
        except _NOT_SENT as error:
            raise Trouble(Retry(f"Slack can't be reached: {_words(error)}")) from error
        except aiohttp.InvalidURL as error:
            raise Trouble(Rejected(Fault.CONFIG, f"Slack's base_url is no address: {_words(error)}")) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Trouble(Unknown(f"Slack did not answer: {_words(error)}")) from error
        except (AttributeError, SlackClientError, TypeError, ValueError) as error:
            # The SDK stumbles over answers that are no JSON object, a proxy's page of text for one.
            raise Trouble(Unknown(f"Slack's answer can't be read: {_words(error)}")) from error

    async def close(self) -> None:
        if self._own is not None:
            await self._own.close()


# Nothing left this machine but the wish to connect: the name, the address, the handshake.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


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
    headers: Mapping[str, str] = getattr(response, "headers", None) or {}
    code = str(body.get("error") or "")
    retry_after = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return Trouble(outcome(status, code, str(retry_after), str(body.get("needed") or "")), code)


def _words(error: BaseException) -> str:
    return redact(f"{type(error).__name__} {error}".strip())[:200]
