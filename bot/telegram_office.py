"""What taps and lines in Telegram are handled with."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bot import answers
from bot.clerk import Clerk
from bot.ports import Front
from bot.telegram_reading import Me, Sender
from bot.telegram_say import Say
from deskbell.core.card import Reply
from deskbell.core.ports import Answer
from deskbell.vendors.telegram import TelegramConf
from deskbell.vendors.telegram_api import TelegramApi


@dataclass(slots=True)
class Office:
    conf: TelegramConf
    front: Front
    clerk: Clerk
    api: TelegramApi
    say: Say

    async def me(self) -> Me:
        user = await self.api.me()
        return Me(user.id, user.username or "")

    def behind(self, work: Coroutine[Any, Any, Any]) -> None:
        """What is said about something that is done; nobody's next tap waits for it."""
        self.clerk.spawn(work)

    async def whisper(self, sender: Sender, reply: Reply) -> bool:
        """To this person alone; False where they never pressed Start, or stopped the bot."""
        return await self.say.reply(int(sender.account), reply)

    def late(self, sender: Sender) -> Callable[[Answer], Awaitable[None]]:
        """For an answer that took longer than a button waits."""

        async def tell(answer: Answer) -> None:
            await self.whisper(sender, answers.of(answer))

        return tell
