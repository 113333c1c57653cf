"""What Telegram sends, read into our own words. Pure; None for what is not of the expected shape, or not for us.

https://core.telegram.org/bots/api#update
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.grammar import BY_WORD, read_ref
from deskbell.faces.telegram_menus import Data, payload_of, read
from deskbell.vendors.telegram import PLATFORM

Update = Mapping[str, Any]

_REF = re.compile(r"(?<![\w-])D-[0-9]{1,15}\b")
_SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who did it, by Telegram's immutable id, and where. `nobody`: why no person can be seen behind it."""

    account: str
    name: str
    chat: int
    topic: int = 0
    message: int = 0
    private: bool = False
    nobody: str = ""  # anonymous | bot | forwarded


@dataclass(frozen=True, slots=True)
class Tap:
    """An inline button pressed."""

    sender: Sender
    key: str
    query: str
    data: Data


@dataclass(frozen=True, slots=True)
class Typed:
    """A message. `own` tells of the message of ours that it answers: the ref on it, and the token of a prompt."""

    sender: Sender
    key: str
    text: str
    at: int
    own_ref: str = ""
    own_token: str = ""
    own_message: int = 0
    mentions: tuple[tuple[int, int, str], ...] = ()  # offset and length in UTF-16, account


@dataclass(frozen=True, slots=True)
class Moved:
    """A group became a supergroup."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether we are in a chat now."""

    chat: int
    title: str
    private: bool
    here: bool


Seen = Tap | Typed | Moved | Presence


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself."""

    id: int
    username: str


def read_update(update: Update, me: Me) -> Seen | None:
    try:
        if "callback_query" in update:
            return _tap(update["callback_query"])
        if "message" in update:
            return _message(update["message"], me)
        if "my_chat_member" in update:
            return _presence(update["my_chat_member"])
    except _SHAPE:
        return None
    return None


def account_of(update: Update) -> str:
    """Whose it is, for those who keep things in order a person; "" where it is nobody's."""
    for kind in ("callback_query", "message"):
        try:
            return str(_number(update[kind]["from"]["id"]))
        except _SHAPE:
            continue
    return ""


# ---------------------------------------------------------------- the parts


def _tap(query: Update) -> Tap:
    """The message may be one that Telegram does not show any more (InaccessibleMessage); its place is known."""
    sender = _sender(query["from"], query["message"])
    return Tap(
        sender=replace(sender, nobody="forwarded" if "forward_origin" in query["message"] else sender.nobody),
        key=f"{PLATFORM}:{_text(query['id'])}",
        query=_text(query["id"]),
        data=read(_text(query["data"])),
    )


def _message(message: Update, me: Me) -> Seen | None:
    if "migrate_to_chat_id" in message:
        return Moved(_number(message["chat"]["id"]), _number(message["migrate_to_chat_id"]))
    if "migrate_from_chat_id" in message:
        return Moved(_number(message["migrate_from_chat_id"]), _number(message["chat"]["id"]))
    if "text" not in message:
        return None
    sender = _sender(message["from"], message)
    typed = Typed(
        sender=replace(sender, nobody=_nobody(message) or sender.nobody),
        key=f"{PLATFORM}:{sender.chat}:{sender.message}",
        text=_text(message["text"]),
        at=_number(message["date"]),
        mentions=tuple(_mentions(message.get("entities") or ())),
    )
    answered = message.get("reply_to_message") or {}
    return _answering(typed, answered, me) if answered.get("from", {}).get("id") == me.id else typed


def _nobody(message: Update) -> str:
    """In groups a chat may be the sender: an admin who stays anonymous, or a channel. No person can be told."""
    if "sender_chat" in message:
        return "anonymous"
    return "forwarded" if "forward_origin" in message or "via_bot" in message else ""


def _sender(user: Update, message: Update) -> Sender:
    chat = message["chat"]
    return Sender(
        account=str(_number(user["id"])),
        name=" ".join(_text(user[part]) for part in ("first_name", "last_name") if part in user),
        chat=_number(chat["id"]),
        topic=_number(message["message_thread_id"]) if message.get("is_topic_message") else 0,
        message=_number(message["message_id"]),
        private=chat["type"] == "private",
        nobody="bot" if user.get("is_bot") else "",
    )


def _answering(typed: Typed, own: Update, me: Me) -> Typed:
    """Only what a message of ours says of itself is believed, and the token in it is signed."""
    text, ref, token = _text(own.get("text", "")), "", ""
    for entity in own.get("entities") or ():
        if entity["type"] == "code" and not ref:
            ref = covered(text, entity["offset"], entity["length"])
        if entity["type"] == "text_link" and not token:
            token = payload_of(_text(entity["url"]), me.username)
    found = _REF.search(text)
    ref = ref if _REF.fullmatch(ref) else found[0] if found else ""
    return replace(typed, own_ref=ref, own_token=token, own_message=_number(own["message_id"]))


def _mentions(entities: Any) -> Any:
    for entity in entities:
        if entity["type"] == "text_mention":
            yield _number(entity["offset"]), _number(entity["length"]), str(_number(entity["user"]["id"]))


def _presence(change: Update) -> Presence:
    chat, status = change["chat"], change["new_chat_member"]["status"]
    return Presence(
        _number(chat["id"]),
        _text(chat.get("title", "")),
        chat["type"] == "private",
        status in ("member", "administrator", "creator", "restricted"),
    )


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


# ---------------------------------------------------------------- typed text


def covered(text: str, offset: int, length: int) -> str:
    """A stretch of text, counted in UTF-16 as Telegram counts."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")


def with_names(text: str, names: Mapping[tuple[int, int], str]) -> str:
    """The text with names for the stretches that mention somebody."""
    raw = text.encode("utf-16-le", "surrogatepass")
    for (offset, length), name in sorted(names.items(), reverse=True):
        raw = raw[: offset * 2] + name.encode("utf-16-le") + raw[(offset + length) * 2 :]
    return raw.decode("utf-16-le", "replace")


def line_of(text: str, bot: str, command: str, *, private: bool) -> str | None:
    """The line for the commands; None for what is not meant for us.

    `/ack D-12`, `/ack@our_bot D-12`, `/desk ack D-12`; in private plain words, too. What names another bot is not ours,
    nor is an unknown command in a group that names nobody: it may be another bot's.
    """
    if not text.startswith("/"):
        return text if private else None
    word, _, rest = text[1:].partition(" ") if " " in text.partition("\n")[0] else text[1:].partition("\n")
    name, at, addressed = word.partition("@")
    if at and addressed.casefold() != bot.casefold():
        return None
    if f"/{name}".casefold() == command.casefold():
        return rest.strip()
    return f"{name} {rest}".strip() if private or at or name.casefold() in BY_WORD else None


def with_ref(line: str, ref: str) -> str:
    """A command in reply to a card is about that card: `/ack` is enough there."""
    word, _, rest = line.partition(" ")
    spec = BY_WORD.get(word.casefold())
    if not ref or spec is None or not spec.usage.startswith("ALERT") or read_ref(rest)[0]:
        return line
    return f"{word} {ref} {rest}".strip()


def start_of(text: str, bot: str) -> str | None:
    """What came with Start: the payload of a link, "" without one; None when it is something else."""
    word, _, rest = text.partition(" ")
    return rest.strip() if word.casefold() in ("/start", f"/start@{bot.casefold()}") else None
