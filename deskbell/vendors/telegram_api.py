"""Calls to Telegram's Bot API through python-telegram-bot: one session, no retries, every failure a `Trouble`.

The token stands in every address, so that no text of an error or a log may hold one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

import aiohttp
import orjson
from telegram import Bot, User
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

from deskbell.core.outcome import Outcome, Unknown
from deskbell.core.store import Memory
from deskbell.net.redact import redact
from deskbell.net.session import LOST, SharedSession, unanswered
from deskbell.vendors.telegram import TelegramConf, outcome, parts_of

T = TypeVar("T")

# The SDK logs what is sent and what comes, secrets of a webhook among it.
logging.getLogger("telegram").setLevel(logging.CRITICAL)

log = logging.getLogger("deskbell.telegram")


class Trouble(TelegramError):
    """A call did not succeed: what that means for what was to be done, and Telegram's own words."""

    def __init__(self, outcome: Outcome, status: int = 0, words: str = "", moved_to: int = 0) -> None:
        super().__init__(words or str(outcome))
        self.outcome, self.status, self.words, self.moved_to = outcome, status, words.casefold(), moved_to

    @property
    def why(self) -> str:
        return getattr(self.outcome, "why", "")

    def says(self, *words: str) -> bool:
        return any(word in self.words for word in words)


class TelegramApi:
    """One bot. Takes a session that others share, or makes one of its own at the first call."""

    def __init__(self, conf: TelegramConf, session: aiohttp.ClientSession | None = None) -> None:
        self.conf = conf
        self._session = SharedSession(session)
        self._me: User | None = None
        base = conf.base_url.rstrip("/")
        self._methods = f"{base}/bot{conf.token}/"
        self._request = request = _Request(conf, lambda: self.session)
        self.bot = Bot(
            conf.token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=request,
            get_updates_request=request,
        )

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._session.get()

    async def ask(self, call: Awaitable[T]) -> T:
        """What the call gives. Raises Trouble, whatever happened."""
        try:
            return await call
        except Trouble:
            raise
        except (TelegramError, AttributeError, KeyError, TypeError, ValueError) as error:
            # A page that is not Telegram's, or one that the SDK stumbles over.
            raise Trouble(Unknown(f"Telegram's answer can't be read: {type(error).__name__}")) from None

    async def call(self, method: str, body: Mapping[str, Any]) -> Any:
        """One method, past the SDK's objects: of a message that we sent we need but its number. Raises Trouble."""
        _, payload = await self.ask(self._request.send("POST", self._methods + method, orjson.dumps(body), JSON))
        try:
            return orjson.loads(payload)["result"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise Trouble(Unknown("Telegram's answer can't be read")) from None

    async def me(self) -> User:
        """Who the bot is; asked once."""
        if self._me is None:
            self._me = await self.ask(self.bot.get_me())
        return self._me

    async def close(self) -> None:
        await self._session.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


class _Request(BaseRequest):
    """The SDK's way out, on aiohttp: a few times faster than its own, and it tells what did not leave this machine."""

    __slots__ = ("_conf", "_session")

    def __init__(self, conf: TelegramConf, session: Callable[[], aiohttp.ClientSession]) -> None:
        self._conf, self._session = conf, session

    async def initialize(self) -> None:
        """The session is there."""

    async def shutdown(self) -> None:
        """Whoever opened the session closes it."""

    @property
    def read_timeout(self) -> float:
        return self._conf.timeout_s

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = None,
        write_timeout: Any = None,  # noqa: ARG002 - one limit for all of it
        connect_timeout: Any = None,  # noqa: ARG002 - the session's
        pool_timeout: Any = None,  # noqa: ARG002 - the session's
    ) -> tuple[int, bytes]:
        limit = read_timeout if isinstance(read_timeout, int | float) else self._conf.timeout_s
        form = request_data.url_encoded_parameters().encode() if request_data is not None else b""
        return await self.send(method, url, form, FORM, limit)

    async def send(
        self, method: str, url: str, body: bytes, kind: Mapping[str, str], limit: float | None = None
    ) -> tuple[int, bytes]:
        try:
            async with (
                asyncio.timeout(self._conf.timeout_s if limit is None else limit),
                self._session().request(
                    method,
                    url,
                    data=body or None,
                    headers=kind if body else None,
                    proxy=self._conf.proxy or None,
                    allow_redirects=False,  # what is said goes nowhere that an answer names
                ) as answer,
            ):
                status, body = answer.status, await answer.read()
        except LOST as error:  # its text may hold the address, and that the token
            raise Trouble(unanswered("Telegram", error, type(error).__name__)) from None
        if status != 200:
            raise refused(status, body)
        return status, body

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the SDK's own, but nothing of what came is logged."""
        try:
            found = orjson.loads(payload)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise TelegramError("not JSON")
        return found


def refused(status: int, body: bytes) -> Trouble:
    """Telegram's own no, or a page that is not Telegram's."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or "error_code" not in said:
        # Somebody stands between us; nobody can tell how far the request came.
        return Trouble(Unknown(f"Telegram: HTTP {status}, not from Telegram"), status)
    words, parameters = str(said.get("description") or ""), said.get("parameters") or {}
    moved = parameters.get("migrate_to_chat_id")
    return Trouble(outcome(status, redact(words), parameters), status, words, moved if isinstance(moved, int) else 0)


class Rooms:
    """Where a configured room is now: a group that became a supergroup has a new id, its address here stays.

    https://core.telegram.org/bots/api#responseparameters, migrate_to_chat_id
    """

    def __init__(self, memory: Memory | None) -> None:
        self._memory = memory
        self._moved: dict[int, int] = {}

    async def chat_of(self, chat: int) -> int:
        """The id under which a chat is reached now."""
        if chat not in self._moved and chat < 0 and self._memory is not None:
            known = await self._memory.recall(_name(chat))
            if known:
                self._moved[chat] = int(known)
        return self._moved.get(chat, chat)

    async def moved(self, old: int, new: int) -> None:
        if self._moved.get(old) == new:
            return
        self._moved[old] = new
        log.warning("the Telegram group %d is now the supergroup %d; its messages go there", old, new)
        if self._memory is not None:
            await self._memory.remember(_name(old), str(new))

    async def address_of(self, chat: int, topic: int, addresses: Iterable[str]) -> str:
        """The configured address of the room that a message stands in; "" when it is none of ours.

        Every topic of a group is read by the same people: one that is not configured counts as the group's first room.
        """
        near = ""
        for address in addresses:
            configured, its_topic = parts_of(address)
            if chat not in (configured, await self.chat_of(configured)):
                continue
            if topic == its_topic:
                return address
            near = near or address
        return near


def _name(chat: int) -> str:
    return f"telegram.moved.{chat}"
