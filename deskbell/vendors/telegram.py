"""Telegram, as far as more than one of us needs to know it: settings, limits, error words. No SDK, no I/O."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.core.ports import Limit

PLATFORM = "telegram"
HOST = "https://api.telegram.org"

# The chat's id, and behind a slash the topic of a forum: -1001234567890/7
ADDRESS = re.compile(r"-?[0-9]{1,20}(/[0-9]{1,10})?")
ADDRESS_HINT = "must be the chat's id, like -1001234567890, or -1001234567890/7 for a topic of it"


class Way(StrEnum):
    """How taps and commands reach us: we ask for them, or Telegram calls a public address of ours."""

    POLL = "poll"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class TelegramConf:
    """One bot. Secrets are kept out of the representation."""

    token: str = field(repr=False)
    way: Way = Way.POLL
    webhook_url: str = ""  # the public address of our server, for way = "webhook"
    webhook_secret: str = field(default="", repr=False)
    base_url: str = HOST
    command: str = "/desk"
    timeout_s: float = 15.0
    poll_s: int = 25  # how long Telegram may hold a question for news; it allows 50 at most
    menu_s: float = 120.0  # how long a menu below a card stays open when nobody chooses
    per_second_in_chat: int = 1
    per_minute_in_chat: int = 18  # in a group; Telegram allows 20, edits counted, and menus need some
    per_second: int = 25  # of the whole bot
    proxy: str = ""


def limits(conf: TelegramConf) -> tuple[Limit, ...]:
    """https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""
    return (
        Limit("any", "destination", conf.per_second_in_chat, timedelta(seconds=1)),
        Limit("any", "destination", conf.per_minute_in_chat, timedelta(minutes=1)),
        Limit("any", "account", conf.per_second, timedelta(seconds=1)),
    )


# https://core.telegram.org/bots/api#setwebhook
SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
PORTS = (443, 80, 88, 8443)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def problems(conf: TelegramConf) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings: (key, why)."""
    if conf.way is Way.WEBHOOK:
        yield from _hook_problems(conf)
    if not 1 <= conf.poll_s <= 50:
        yield "poll_s", "must be from 1 to 50 seconds"


def _hook_problems(conf: TelegramConf) -> Iterator[tuple[str, str]]:
    if not conf.webhook_secret:
        yield "webhook_secret", 'is needed with way = "webhook": without it anybody could tap buttons'
    elif not SECRET.fullmatch(conf.webhook_secret):
        yield "webhook_secret", "must be 16 to 256 letters, digits, _ and -; nothing else is taken by Telegram"
    try:
        parts = urlsplit(conf.webhook_url)
        port = parts.port or 443
    except ValueError:
        parts, port = urlsplit(""), 0
    here = parts.hostname in _LOOPBACK
    if not parts.hostname or (parts.scheme != "https" and not here):
        yield "webhook_url", 'is needed with way = "webhook": the https:// address at which Telegram reaches our server'
    elif port not in PORTS and not here:
        yield "webhook_url", "must use port 443, 80, 88 or 8443; Telegram calls no other"


# ---------------------------------------------------------------- is it really Telegram?

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
_HOOK = "/telegram/"


def hook_path(conf: TelegramConf) -> str:
    """Where Telegram calls us: a path that nobody can guess, and that is the same after a restart."""
    return _HOOK + hmac.new(conf.webhook_secret.encode(), b"deskbell telegram path", hashlib.sha256).hexdigest()[:32]


def genuine(conf: TelegramConf, given: str) -> bool:
    """Whether the header holds our secret, compared in constant time. No secret, nothing is genuine."""
    return bool(conf.webhook_secret) and hmac.compare_digest(conf.webhook_secret.encode(), given.encode())


# ---------------------------------------------------------------- what its answers mean

# The words are not promised (https://core.telegram.org/bots/api#making-requests: "subject to change"), so they are
# looked for in small letters, anywhere in the description, in this order.
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to delete not found")
_TARGET = (
    "chat not found", "peer_id_invalid", "chat_write_forbidden", "topic_closed", "not enough rights", "user not found",
    "have no rights to send", "chat_restricted", "chat_admin_required", "channel_private", "user_is_blocked",
    "need administrator rights", "chat_guest_send_forbidden", "input_user_deactivated",
)  # fmt: skip
_FAULTS: tuple[tuple[Fault, tuple[str, ...]], ...] = ((Fault.GONE, _GONE), (Fault.TARGET, _TARGET))
NOT_MODIFIED = "message is not modified"
NO_THREAD = ("message thread not found", "topic_deleted", "topic_id_invalid")
TOO_OLD = ("query is too old", "query id is invalid")
_CODES: Mapping[int, Fault] = {401: Fault.AUTH, 403: Fault.TARGET, 404: Fault.AUTH, 409: Fault.CONFIG}
_MEANING: Mapping[str, str] = {
    "bot was kicked": "Deskbell was removed from the group: invite it again",
    "not a member": "Deskbell is not in the group: invite it",
    "group chat was deleted": "the group was deleted",
    "bot was blocked": "this person has stopped the bot",
    "user is deactivated": "this person has deleted their account",
    "can't initiate": "this person has not pressed Start with the bot yet",
    "chat not found": "there is no such chat, or Deskbell was never in it",
    "topic_closed": "the topic is closed",
    "not enough rights": "Deskbell may not write there",
    "chat_write_forbidden": "Deskbell may not write there",
    "chat_restricted": "Deskbell may not write there",
}


_BY_CODE: Mapping[int, str] = {401: "the token is not valid any more", 404: "the token is not valid"}


def outcome(status: int, description: str, parameters: Mapping[str, Any] | None = None) -> Outcome:
    """What became of a call that Telegram did not say yes to.

    A 400 that no page names is taken for a fault of the message, which is then sent once in plain text.
    """
    words = description.casefold()
    if status == 429:
        return Retry("Telegram: rate limit", seconds((parameters or {}).get("retry_after")), limited=True)
    why = _why(status, description)
    if status >= 500 or status < 400:
        return Unknown(why)  # it may have been done before something broke
    if status in _CODES:
        return Rejected(_CODES[status], why)
    for fault, known in _FAULTS:
        if any(word in words for word in known):
            return Rejected(fault, why)
    return Rejected(Fault.PAYLOAD, why)


def _why(status: int, description: str) -> str:
    said = description.strip()[:200] or f"HTTP {status}, without a word"
    known = (meaning for word, meaning in _MEANING.items() if word in said.casefold())
    meaning = _BY_CODE.get(status) or next(known, "")
    return f"Telegram: {said}" + (f", {meaning}" if meaning else "")


def seconds(retry_after: Any) -> timedelta:
    """`parameters.retry_after`, whole seconds; a second where it makes no sense, an hour at most."""
    number = retry_after if isinstance(retry_after, int) else 1
    return timedelta(seconds=min(max(number, 1), 3600))


# ---------------------------------------------------------------- addresses


def parts_of(address: str) -> tuple[int, int]:
    """The chat and the topic that an address names; 0 is no topic, and so is General, whose number is 1."""
    chat, _, topic = address.partition("/")
    return int(chat), 0 if topic == "1" else int(topic or 0)


def link_to(chat: int, message: int, topic: int = 0) -> str:
    """The address of a message, for members of its group; there is none in private chats and small groups."""
    inner = str(chat).removeprefix("-100")
    if inner == str(chat):
        return ""
    return f"https://t.me/c/{inner}/{topic}/{message}" if topic else f"https://t.me/c/{inner}/{message}"
