"""Telegram over HTTP: is it really Telegram, and can it be read? Both are settled before any other code sees it.

https://core.telegram.org/bots/api#setwebhook. What is not answered with a 200 is sent again, so that nothing is lost
while we can't take it; what was taken and comes again is recognised by the desk.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from bot.hooks import NOT_GENUINE, NOT_READABLE, OK, PLAIN, TOO_LARGE, Answered, header
from bot.ports import Hook
from bot.telegram_poll import ALLOWED
from bot.telegram_reading import Update
from bot.telegram_setup import WEBHOOK
from bot.web import BODY_LIMIT
from deskbell.core.outcome import Rejected
from deskbell.core.store import Memory
from deskbell.net import metrics
from deskbell.vendors.telegram import PLATFORM, SECRET_HEADER, TelegramConf, genuine, hook_path
from deskbell.vendors.telegram_api import TelegramApi, Trouble

LATER: Answered = (503, {**PLAIN, "retry-after": "5"}, b"not now")

CONNECTIONS = 20
LOOK_S = 60.0  # how often Telegram is asked whether it still calls us
PAUSE_S, LONGEST_PAUSE_S = 2.0, 120.0
LOST_S = 240.0

log = logging.getLogger("deskbell.telegram")


class Webhook:
    """`take` carries one update out, and returns when it is durable."""

    def __init__(
        self, conf: TelegramConf, api: TelegramApi, memory: Memory | None, take: Callable[[Update], Awaitable[None]]
    ) -> None:
        self._conf, self._api, self._memory, self._take = conf, api, memory, take
        self._good_at = 0.0
        self._why = "the webhook is not set in Telegram yet"

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return {hook_path(self._conf): self.handle}

    @property
    def url(self) -> str:
        return self._conf.webhook_url.rstrip("/") + hook_path(self._conf)

    @property
    def trouble(self) -> str:
        """Why nobody is heard; nothing for a short hitch."""
        late = time.monotonic() - self._good_at > LOST_S
        return self._why or ("Telegram does not answer" if late else "")

    # ------------------------------------------------------------ being called

    async def handle(self, headers: Mapping[str, str], body: bytes) -> Answered:
        """One update. No word about the reason of a refusal goes out."""
        refused, update = self._read(headers, body)
        if refused is not None:
            metrics.refused(PLATFORM, str(refused[0]))
            return refused
        try:
            await self._take(update)
        except Trouble as trouble:
            log.warning("an update of Telegram's can't be taken now: %s", trouble.why)
            return LATER
        except Exception:
            log.exception("an update of Telegram's could not be handled; it will come again")
            return LATER
        return OK

    def _read(self, headers: Mapping[str, str], body: bytes) -> tuple[Answered | None, Update]:
        if len(body) > BODY_LIMIT:
            return TOO_LARGE, {}
        if not genuine(self._conf, header(headers, SECRET_HEADER)):
            return NOT_GENUINE, {}
        if header(headers, "content-type").partition(";")[0].strip().lower() != "application/json":
            return NOT_READABLE, {}
        try:
            update: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            return NOT_READABLE, {}
        number = update.get("update_id") if isinstance(update, dict) else None
        return (None, update) if isinstance(number, int) else (NOT_READABLE, {})

    # ------------------------------------------------------------ being called at all

    async def keep_set(self) -> None:
        """Tells Telegram where we are, and looks now and then whether that still stands."""
        pause = PAUSE_S
        while True:
            try:
                self._why = await self._look()
                self._good_at, pause = time.monotonic(), LOOK_S
            except Trouble as trouble:
                if isinstance(trouble.outcome, Rejected) or not self._good_at:
                    self._why = trouble.why
                log.warning("the webhook could not be set in Telegram: %s", trouble.why)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _look(self) -> str:
        """What Telegram says of its calls; the webhook is set anew when it is not ours."""
        info = await self._api.ask(self._api.bot.get_webhook_info())
        if info.url != self.url or set(info.allowed_updates or ()) != set(ALLOWED):
            await self._set()
            return ""
        failing = info.pending_update_count and info.last_error_message
        return f"Telegram can't reach our webhook: {info.last_error_message}" if failing else ""

    async def _set(self) -> None:
        if self._memory is not None:
            await self._memory.remember(WEBHOOK, self.url)
        call = self._api.bot.set_webhook(
            self.url,
            secret_token=self._conf.webhook_secret,
            allowed_updates=ALLOWED,
            max_connections=CONNECTIONS,
        )
        await self._api.ask(call)
