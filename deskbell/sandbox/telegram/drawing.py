"""What the page draws of Telegram, and what people may do there by the page's hand."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.chat import Do, Refused
from deskbell.sandbox.telegram.model import BOT_ID, Chat, Message, User
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.telegram.stand_in import TelegramStandIn

SHOWN = 80  # messages of a room
TOASTS = 40
QUOTE = 80


def state(hub: "TelegramStandIn") -> Json:
    rooms = [room for chat in hub.chats.values() if chat.bot != "gone" for room in _rooms(hub, chat)]
    toasts = [query for query in hub.queries.values() if query.answered][-TOASTS:]
    return {
        "bot": {"id": BOT_ID, "name": hub.bot.name, "username": hub.bot.username},
        "users": [_user(user) for user in hub.users.values()],
        "rooms": rooms,
        "messages": {room["id"]: _messages(hub, room["id"]) for room in rooms},
        "toasts": [
            {
                "id": query.id,
                "who": query.user.short,
                "chat": query.chat,
                "text": query.text,
                "alert": query.alert,
                "url": query.url,
                "at": query.at,
            }
            for query in toasts
        ],
        "waiting": [[query.chat, query.message, query.user.short] for query in _unanswered(hub)],
        "commands": next(iter(hub.commands.values()), []),
    }


def _unanswered(hub: "TelegramStandIn") -> list[Any]:
    now = hub.clock.time()
    return [query for query in hub.queries.values() if not query.answered and now - query.at < 15]


def _user(user: User) -> Json:
    return {
        "id": user.id,
        "who": user.short,
        "name": user.name,
        "title": user.title,
        "bot": user.is_bot,
        "started": user.started,
        "blocked": user.blocked,
    }


def _rooms(hub: "TelegramStandIn", chat: Chat) -> list[Json]:
    if chat.user is not None:
        return [{"id": str(chat.id), "title": hub.bot.name, "private": chat.user.short, "members": 2, "in": True}]
    base = {"private": "", "members": len(chat.members), "in": chat.bot in ("member", "administrator")}
    topics = [
        {"id": f"{chat.id}/{number}", "title": topic, "of": chat.title, **base} for number, topic in chat.topics.items()
    ]
    general = [{"id": str(chat.id), "title": chat.title, "of": "", **base}]
    return topics + general if topics and _messages(hub, str(chat.id)) else topics or general


def _messages(hub: "TelegramStandIn", room: str) -> list[Json]:
    chat, thread = hub.room(room)
    live = [m for m in chat.messages.values() if m.live and m.thread == thread and (m.text or m.service)]
    return [_message(chat, message) for message in live[-SHOWN:]]


def _message(chat: Chat, message: Message) -> Json:
    answered = chat.messages.get(message.reply_to)
    quote = (
        None if answered is None else {"id": answered.id, "name": answered.sender.name, "text": answered.text[:QUOTE]}
    )
    markup = message.markup or {}
    return {
        "id": message.id,
        "from": message.sender.id,
        "who": message.sender.short,
        "name": chat.title if message.sender_chat else message.sender.name,
        "bot": message.sender.id == BOT_ID,
        "at": message.date,
        "edited": message.edits > 0,
        "text": message.text,
        "entities": [entity.wire() for entity in message.entities],
        "keyboard": message.rows,
        "asks": bool(markup.get("force_reply")),
        "placeholder": markup.get("input_field_placeholder", ""),
        "quote": quote,
        "silent": message.silent,
        "service": next(iter(message.service), ""),
    }


# ------------------------------------------------------------------ the page's hand


class Hand:
    """What may be asked for, by the name of its method."""

    def __init__(self, hub: "TelegramStandIn") -> None:
        self.hub = hub

    def _found(self, asked: Json) -> Message:
        chat, _ = self.hub.room(asked["room"])
        try:
            return chat.messages[int(asked["id"])]
        except (KeyError, ValueError):
            raise Refused(f"there is no message {asked['id']}") from None

    async def tap(self, asked: Json) -> Json:
        query = await self.hub.tap(self.hub.who(asked["who"]), self._found(asked), str(asked["data"]))
        return {"answered": query.answered, "text": query.text, "alert": query.alert, "url": query.url}

    async def say(self, asked: Json) -> Json:
        """In a room, to the bot in private, or in reply to a message."""
        user, room = self.hub.who(asked["who"]), asked["room"]
        if asked.get("id"):
            return asdict(await self.hub.reply(user, self._found(asked), asked["text"]))
        return asdict(await self.hub.say(asked["who"], "" if room == str(user.id) else room, asked["text"]))

    async def start(self, asked: Json) -> None:
        self.hub.start(asked["who"], str(asked.get("payload", "")))

    async def block(self, asked: Json) -> None:
        self.hub.block(asked["who"])

    async def unblock(self, asked: Json) -> None:
        self.hub.unblock(asked["who"])

    async def delete(self, asked: Json) -> None:
        self.hub.was_deleted(self._found(asked), "deleted_by_hand")

    async def remove_bot(self, asked: Json) -> None:
        self.hub.remove_bot(asked["room"])

    async def add_bot(self, asked: Json) -> None:
        self.hub.set_bot(asked["room"], "member")


VERBS = ("tap", "say", "start", "block", "unblock", "delete", "remove_bot", "add_bot")


def verbs(hub: "TelegramStandIn") -> Mapping[str, Do]:
    hand = Hand(hub)
    return {verb: getattr(hand, verb) for verb in VERBS}
