"""Words for one person or room in Telegram. Never raises: what was done is done and audited anyway."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from deskbell.core.card import Reply
from deskbell.core.outcome import Fault, Rejected, Retry
from deskbell.faces import telegram as face
from deskbell.net.faults import point
from deskbell.vendors.telegram import NOT_MODIFIED, TOO_OLD
from deskbell.vendors.telegram_api import TelegramApi, Trouble

LONGEST_WAIT = timedelta(seconds=10)  # for a rate limit, while somebody waits for an answer

log = logging.getLogger("deskbell.telegram")


class Say:
    def __init__(self, api: TelegramApi) -> None:
        self._api = api

    async def answer(self, query: str, text: str = "", *, alert: bool = False, url: str = "") -> None:
        """Ends the spinner on a button. https://core.telegram.org/bots/api#answercallbackquery"""
        call = self._api.bot.answer_callback_query(query, face.toast(text) or None, show_alert=alert, url=url or None)
        point("telegram.answer.before")
        await self._try(call, TOO_OLD)
        point("telegram.answer.after")

    async def reply(self, chat: int, reply: Reply, *, topic: int = 0, to: int = 0) -> bool:
        return await self.send(chat, face.reply(reply), topic=topic, to=to)

    async def send(self, chat: int, shown: face.Json, *, topic: int = 0, to: int = 0, silent: bool = True) -> bool:
        """Whether it was taken. An answer does not ring: whoever asked is looking."""
        done = await self._send(chat, shown, topic, to, silent=silent)
        if isinstance(done, Retry) and (done.after or LONGEST_WAIT) <= LONGEST_WAIT:
            await asyncio.sleep((done.after or timedelta(seconds=1)).total_seconds())
            done = await self._send(chat, shown, topic, to, silent=silent)
        if isinstance(done, Rejected) and done.fault is Fault.PAYLOAD:
            done = await self._send(chat, face.unmarked(shown), topic, to, silent=silent)
        if done is not None:
            log.warning("an answer did not reach its person: %s", done.why)
        return done is None

    async def _send(self, chat: int, shown: face.Json, topic: int, to: int, *, silent: bool) -> Rejected | Retry | None:
        """None when it was taken, or may have been: an answer that came is not said twice."""
        more: dict[str, Any] = {"link_preview_options": {"is_disabled": True}, "reply_markup": shown["reply_markup"]}
        if to:
            more["reply_parameters"] = {"message_id": to, "allow_sending_without_reply": True}
        call = self._api.bot.send_message(
            chat,
            shown["text"],
            shown.get("parse_mode"),
            disable_notification=silent,
            message_thread_id=topic or None,
            api_kwargs=more,
        )
        try:
            await self._api.ask(call)
        except Trouble as trouble:
            return trouble.outcome if isinstance(trouble.outcome, Rejected | Retry) else None
        return None

    async def keyboard(self, chat: int, message: int, rows: face.Rows) -> bool:
        """Other buttons below a message, whose words stay. Whether they stand there now."""
        call = self._api.bot.edit_message_reply_markup(
            chat_id=chat, message_id=message, api_kwargs={"reply_markup": {"inline_keyboard": rows}}
        )
        return await self._try(call, (NOT_MODIFIED,))

    async def redraw(self, chat: int, message: int, shown: face.Json) -> None:
        call = self._api.bot.edit_message_text(
            shown["text"],
            chat_id=chat,
            message_id=message,
            parse_mode=shown.get("parse_mode"),
            api_kwargs={"reply_markup": shown["reply_markup"], "link_preview_options": {"is_disabled": True}},
        )
        await self._try(call, (NOT_MODIFIED,))

    async def delete(self, chat: int, message: int) -> None:
        await self._try(self._api.bot.delete_message(chat, message), ("message to delete not found",))

    async def _try(self, call: Awaitable[Any], fine: tuple[str, ...]) -> bool:
        try:
            await self._api.ask(call)
        except Trouble as trouble:
            if not trouble.says(*fine):
                log.info("Telegram did not take an answer: %s", trouble.why)
                return False
        return True
