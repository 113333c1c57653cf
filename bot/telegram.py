"""Telegram as a way in: taps on inline buttons, commands, replies to prompts; asked for, or brought to our server.

An update counts as taken only after the desk has stored what was done. What is said about it goes out behind that, so
that a slow answer of Telegram's holds up nobody else's tap.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from bot.allowance import Allowance
from bot.clerk import Clerk
from bot.commands import Commands
from bot.ports import Alone, Front, Hook
from bot.telegram_hook import Webhook
from bot.telegram_lines import Lines
from bot.telegram_office import Office
from bot.telegram_poll import Poller
from bot.telegram_reading import Moved, Presence, Sender, Tap, Typed, Update, read_update
from bot.telegram_say import Say
from bot.telegram_setup import Setup
from bot.telegram_taps import Taps
from bot.telegram_words import NOT_A_ROOM
from deskbell.core.ports import Destination, Interaction
from deskbell.core.store import Memory
from deskbell.net import metrics
from deskbell.vendors.telegram import PLATFORM, TelegramConf, Way
from deskbell.vendors.telegram_api import Rooms, TelegramApi

# Anybody in the world may write to a bot, and what a stranger asks for costs a line of the audit.
LINES = 20  # of one stranger in a quarter of an hour; more are not read
LINES_OF_ALL = 300

log = logging.getLogger("deskbell.telegram")


class TelegramGateway:
    """The way in of one bot. `rooms`: the configured rooms, whose people are heard; besides them, private chats."""

    def __init__(
        self,
        conf: TelegramConf,
        front: Front,
        commands: Commands,
        session: aiohttp.ClientSession | None = None,
        memory: Memory | None = None,
        rooms: Mapping[str, Destination] | None = None,
    ) -> None:
        self.conf = conf
        self._front = front
        self._addresses = tuple(room.address for room in (rooms or {}).values())
        self._api = TelegramApi(conf, session)
        self._rooms = Rooms(memory)
        self._clerk = Clerk(PLATFORM, front, commands)
        self._office = Office(conf, front, self._clerk, self._api, Say(self._api))
        self._taps, self._lines = Taps(self._office), Lines(self._office)
        self._setup = Setup(self._api, memory)
        self._poller = Poller(self._api, memory, self._take, front.now, self._setup.unblock)
        self._webhook = Webhook(conf, self._api, memory, self._take)
        self._noted = Allowance(1, timedelta(days=1))
        self._lines_of_one = Allowance(LINES, timedelta(minutes=15))
        self._lines_of_all = Allowance(LINES_OF_ALL, timedelta(minutes=15))

    async def start(self) -> None:
        """Returns at once; connecting goes on behind it."""
        self._clerk.spawn(self._setup.publish_commands())
        if self.conf.way is Way.WEBHOOK:
            self._clerk.spawn(self._webhook.keep_set())

    async def close(self) -> None:
        """Within a few seconds, whatever state the connections are in."""
        await self._poller.close()
        await self._clerk.close()
        await self._api.close()

    @property
    def alone(self) -> Alone | None:
        """Of two who ask Telegram with one token, one is always turned away."""
        bot = self.conf.token.partition(":")[0]
        return Alone(f"{PLATFORM}:{bot}", self._poller.run) if self.conf.way is Way.POLL else None

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return self._webhook.hooks if self.conf.way is Way.WEBHOOK else {}

    @property
    def trouble(self) -> str:
        return self._poller.trouble if self.conf.way is Way.POLL else self._webhook.trouble

    # ------------------------------------------------------------ taking in

    async def _take(self, update: Update) -> None:
        """Returns when what was asked for is durable, or was refused."""
        match read_update(update, await self._office.me()):
            case Tap() as tap:
                await self._take_tap(tap)
            case Typed() as typed:
                await self._take_line(typed)
            case Moved(old, new):
                if await self._is_ours(old):
                    await self._rooms.moved(old, new)
            case Presence() as presence:
                await self._note_presence(presence)
            case None:
                metrics.refused(PLATFORM, "unreadable")

    async def _take_tap(self, tap: Tap) -> None:
        room = await self._room(tap.sender)
        if room is None:
            press = self._front.press(tap.data.token)
            await self._turn_away(tap.sender, tap.key, press.verb if press else "none", "button")
            self._office.behind(self._office.say.answer(tap.query, NOT_A_ROOM, alert=True))
        else:
            await self._taps.take(tap, room)

    async def _take_line(self, typed: Typed) -> None:
        room = await self._room(typed.sender)
        if room is None:
            await self._turn_away(typed.sender, typed.key, "none", "command")
        elif await self._is_flood(typed):
            metrics.refused(PLATFORM, "flood")
        else:
            await self._lines.take(typed, room)

    async def _is_flood(self, typed: Typed) -> bool:
        """Whether somebody unknown has said too much lately."""
        account, now = typed.sender.account, self._front.now()
        if await self._front.person(PLATFORM, account) is not None:
            return False
        limits = ((self._lines_of_one, account), (self._lines_of_all, PLATFORM))
        return any(limit.take(name, typed.key, now) is not None for limit, name in limits)

    async def _room(self, sender: Sender) -> str | None:
        """The configured address of where it happened, "" in private; None where nobody is heard."""
        if sender.private:
            return ""
        return await self._rooms.address_of(sender.chat, sender.topic, self._addresses) or None

    async def _is_ours(self, chat: int) -> bool:
        return bool(await self._rooms.address_of(chat, 0, self._addresses))

    async def _note_presence(self, presence: Presence) -> None:
        """What follows from it is told by the next message that can't be delivered; here it is only noted."""
        where = "a private chat" if presence.private else f"the group {presence.title!r} ({presence.chat})"
        if presence.here and not presence.private and not await self._is_ours(presence.chat):
            log.warning("added to %s, which is no destination: with this number as its address it can be one", where)
        else:
            log.info("the bot is %s in %s", "now" if presence.here else "not any more", where)

    async def _turn_away(self, sender: Sender, key: str, verb: str, kind: str) -> None:
        """Somebody in a chat that is none of ours: one line in the audit for each chat and day."""
        metrics.refused(PLATFORM, "outsider")
        if self._noted.take(str(sender.chat), key, self._front.now()) is not None:
            return
        log.warning("somebody spoke to the bot in the chat %d, which is no destination", sender.chat)
        said = Interaction(key, PLATFORM, sender.account, verb, room=str(sender.chat), kind=kind)
        await self._front.turned_away(said, "outsider", "The chat is not one of Deskbell's rooms.")
