"""The state of the stand-in: people, chats, messages, what waits for the bot, limits, trouble."""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Buckets, Rate
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.telegram.api import bad, forbidden
from deskbell.sandbox.telegram.entities import part
from deskbell.sandbox.telegram.model import BOT_ID, Chat, Message, User, message_wire
from deskbell.sandbox.telegram.updates import Updates
from deskbell.sandbox.web import Json

NAME = "telegram"
SABOTAGED_CARD = 2  # sabotage swallows the second card of the day
NOT_STARTED = ("nils", "mallory")
REF = re.compile(r"(?<![\w-])D-\d+\b")
# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this; the bursts are not published
RATES: dict[str, Rate | None] = {
    "chat": Rate(per_second=1, burst=5),
    "group": Rate(per_second=20 / 60, burst=20),
    "bot": Rate(per_second=30, burst=30),
}


@dataclass(slots=True)
class Query:
    """A press of an inline button, and what the bot answered."""

    id: str
    user: User
    chat: int
    message: int
    at: float
    answered: bool = False
    text: str = ""
    alert: bool = False
    url: str = ""
    menu: bool = False  # the keyboard below the message was changed, and nothing else
    timed: bool = False  # the ledger waits for what it changes


@dataclass(eq=False)
class Hub:
    clock: Clock
    ledger: Ledger
    pulse: Pulse
    rates: dict[str, Rate | None] = field(default_factory=lambda: dict(RATES))
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    commands: dict[str, list[Json]] = field(default_factory=dict)  # scope -> what setMyCommands said
    token: str = credentials.TELEGRAM_TOKEN
    sabotage: bool = False
    reads_all: bool = False  # privacy mode is off

    def __post_init__(self) -> None:
        self.faults = Faults(self.clock)
        self.buckets = Buckets(self.clock)
        self.updates = Updates(self)
        self._numbers = itertools.count(1)
        self._ids = itertools.count(100)
        self._cards = 0
        self.users[BOT_ID] = User(BOT_ID, "Deskbell", username=credentials.TELEGRAM_BOT, is_bot=True)
        for one in STAFF.values():
            first, _, last = one.name.partition(" ")
            started = one.id not in NOT_STARTED
            user = User(one.telegram, first, last, f"{one.id}_n", short=one.id, title=one.title, started=started)
            self.users[user.id] = user
        everybody = {user.id for user in self.users.values()}
        for name, address in credentials.TELEGRAM_ROOMS.items():
            chat, _, topic = address.partition("/")
            topics = {int(topic): name.capitalize()} if topic else {}
            title = "Northgate" if topic else name.capitalize()
            self.chats[int(chat)] = Chat(int(chat), "supergroup", title, topics, members=set(everybody))

    # ------------------------------------------------------------------ finding

    @property
    def bot(self) -> User:
        return self.users[BOT_ID]

    def number(self) -> int:
        return next(self._numbers)

    def who(self, short: str) -> User:
        for user in self.users.values():
            if short in (user.short, str(user.id)):
                return user
        raise Refused(f"there is nobody called {short} on Telegram")

    def room(self, room: str) -> tuple[Chat, int]:
        """The chat and the topic that "-100.../5" names."""
        chat, _, topic = room.partition("/")
        try:
            found = self.chats[int(chat)]
        except (KeyError, ValueError):
            raise Refused(f"there is no room {room} on Telegram") from None
        return found, int(topic or 0)

    def private_chat(self, user: User) -> Chat:
        """Where one person and the bot talk."""
        if user.id not in self.chats:
            self.chats[user.id] = Chat(user.id, "private", user=user, members={user.id, BOT_ID})
        return self.chats[user.id]

    def target(self, value: Any) -> Chat:
        """The chat that a call names; the bot may write there. Raises what Telegram says otherwise."""
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise bad("chat_id is empty" if value in ("", None) else "chat not found") from None
        user = self.users.get(number)
        chat = self.private_chat(user) if user is not None else self.chats.get(number)
        if chat is None:
            raise bad("chat not found")
        if chat.user is not None:
            _writable(chat.user)
        elif chat.moved_to:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
        elif chat.bot in ("kicked", "left"):
            what = "supergroup" if chat.kind == "supergroup" else "group"
            raise forbidden(f"bot was kicked from the {what} chat" if chat.bot == "kicked"
                            else f"bot is not a member of the {what} chat")  # fmt: skip
        elif chat.bot == "restricted":
            raise bad("not enough rights to send text messages to the chat")
        return chat

    def wire(self, message: Message) -> Json:
        return message_wire(message, self.chats, self.users)

    # ------------------------------------------------------------------ limits

    def over_rate(self, chat: Any, *, sends: bool) -> float:
        """Seconds until it may pass; 0.0 when it may now."""
        key = str(chat)
        waits = [self._take(f"chat {key}", "chat"), self._take("bot", "bot")] if sends else []
        waits += [self._take(f"group {key}", "group")] if key.startswith("-") else []
        return max(waits, default=0.0)

    def _take(self, key: str, name: str) -> float:
        rate = self.rates[name]
        return 0.0 if rate is None else self.buckets.take(key, rate)

    # ------------------------------------------------------------------ saying

    def add(self, chat: Chat, sender: User, text: str, **more: Any) -> Message:
        message = Message(chat.id, next(self._ids), self.clock.time(), sender, text, **more)
        chat.messages[message.id] = message
        message.had_buttons = bool(message.buttons)
        self.pulse.beat()
        return message

    def was_posted(self, message: Message) -> None:
        if self.is_card(message):
            self._cards += 1
            if self.sabotage and self._cards == SABOTAGED_CARD:
                message.dropped, self.sabotage = True, False
        self.ledger.note(NAME, "posted", room=self.room_of(message), id=message.id, text=message.text[:200])
        self._watch(message)

    def was_edited(self, message: Message) -> None:
        self.ledger.edited((self.room_of(message), str(message.id)))
        if self.is_card(message):
            self.ledger.redrawn((NAME, self.room_of(message), str(message.id)), self.ref_of(message))
        self.ledger.note(NAME, "edited", room=self.room_of(message), id=message.id, text=message.text[:200])
        self._watch(message)

    def was_deleted(self, message: Message, kind: str = "deleted") -> None:
        message.deleted = True
        if self.is_card(message):
            self.ledger.redrawn((NAME, self.room_of(message), str(message.id)), self.ref_of(message))
        self.ledger.note(NAME, kind, room=self.room_of(message), id=message.id)

    def menu_opened(self, message: Message) -> None:
        """Only what stands below it was changed: whoever pressed is asked something."""
        for query in self.queries.values():
            if (query.chat, query.message) == (message.chat, message.id):
                query.menu = True
        self.ledger.note(NAME, "menu", room=self.room_of(message), id=message.id)

    def _watch(self, message: Message) -> None:
        if message.live:
            self.ledger.seen(message.text)

    # ------------------------------------------------------------------ as people see it

    def room_of(self, message: Message) -> str:
        return f"{message.chat}/{message.thread}" if message.thread else str(message.chat)

    def is_card(self, message: Message) -> bool:
        """The bot's own message in a room, no answer to another, with buttons and with a ref that people can read."""
        own = message.sender.id == BOT_ID and self.chats[message.chat].is_group
        return own and message.had_buttons and not message.reply_to and bool(self.ref_of(message))

    @staticmethod
    def ref_of(message: Message) -> str:
        """The ref that stands out (it can be tapped to be copied), else the first one."""
        marked = [part(message.text, entity) for entity in message.entities if entity.type == "code"]
        found = next((word for word in marked if REF.fullmatch(word)), None)
        match = REF.search(message.text)
        return found or (match[0] if match else "")

    def all_messages(self) -> list[Message]:
        return [message for chat in self.chats.values() for message in chat.messages.values()]


def _writable(user: User) -> None:
    if user.is_bot:
        raise forbidden("bots can't send messages to bots")
    if user.blocked:
        raise forbidden("bot was blocked by the user")
    if not user.started:
        raise forbidden("bot can't initiate conversation with a user")
