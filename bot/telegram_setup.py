"""What the bot tells Telegram about itself: its commands, and whether news are fetched or brought."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence

import orjson

from bot.grammar import COMMANDS
from deskbell.core.store import Memory
from deskbell.core.text import cut
from deskbell.vendors.telegram_api import TelegramApi, Trouble

# https://core.telegram.org/bots/api#botcommand, #botcommandscope
COMMAND = 32
DESCRIPTION = 256
SCOPES = ("all_group_chats", "all_private_chats")

PUBLISHED = "telegram.commands"
WEBHOOK = "telegram.webhook"
AGAIN_S = 60.0

log = logging.getLogger("deskbell.telegram")


def command_rows(command: str) -> list[tuple[str, str]]:
    """(name, description) of each command in the menu that a slash opens; the one word for all of them comes last."""
    rows = [
        (spec.verb[:COMMAND], cut(f"{spec.help} {spec.usage}".strip(), DESCRIPTION))
        for spec in COMMANDS
        if not spec.hidden
    ]
    return [*rows, (command.lstrip("/")[:COMMAND], "all of these behind one word, as in other chats")]


class Setup:
    def __init__(self, api: TelegramApi, memory: Memory | None) -> None:
        self._api, self._memory = api, memory

    async def publish_commands(self) -> None:
        """The command menus, when they are not yet as they should be. Tried until it worked."""
        rows = command_rows(self._api.conf.command)
        mark = hashlib.sha256(orjson.dumps([SCOPES, rows])).hexdigest()[:32]
        while await self._recall(PUBLISHED) != mark:
            try:
                for scope in SCOPES:
                    await self._publish(rows, scope)
            except Trouble as trouble:
                log.info("the command menu could not be set in Telegram: %s", trouble.why)
                await asyncio.sleep(AGAIN_S)
                continue
            if self._memory is None:
                return
            await self._memory.remember(PUBLISHED, mark)

    async def _publish(self, rows: Sequence[tuple[str, str]], scope: str) -> None:
        await self._api.ask(self._api.bot.set_my_commands(rows, api_kwargs={"scope": {"type": scope}}))

    async def unblock(self) -> str:
        """A webhook keeps us from polling. One that we set ourselves is taken away; what is left to say otherwise."""
        try:
            info = await self._api.ask(self._api.bot.get_webhook_info())
            if info.url and info.url == await self._recall(WEBHOOK):
                await self._api.ask(self._api.bot.delete_webhook())
                return "the webhook of our own is being taken away"
        except Trouble as trouble:
            return trouble.why
        return (
            'a webhook is set for this bot, which blocks polling: take it away (deleteWebhook), or set way = "webhook"'
        )

    async def _recall(self, name: str) -> str | None:
        return await self._memory.recall(name) if self._memory is not None else None
