"""Discord, as far as more than one of us needs to know it: settings, limits, error codes. No SDK, no I/O."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.core.ports import Limit

PLATFORM = "discord"
HOST = "https://discord.com/api/v10"
LINKS = "https://discord.com/channels"  # /guild/channel/message opens the message in every client

ADDRESS = re.compile(r"[0-9]{15,21}")
ADDRESS_HINT = "must be the channel's id, 17 to 20 digits (Developer Mode, right click, Copy Channel ID)"
_KEY = re.compile(r"[0-9a-fA-F]{64}")

# https://docs.discord.com/developers/topics/permissions: what the bot needs in each of its rooms, and why.
PERMISSIONS: Mapping[str, int] = {
    "View Channel": 1 << 10,
    "Send Messages": 1 << 11,
    "Embed Links": 1 << 14,
    "Read Message History": 1 << 16,
    "Create Public Threads": 1 << 35,
    "Send Messages in Threads": 1 << 38,
}
MENTION_EVERYONE = 1 << 17  # without it a role is rung only when the role itself allows everybody to mention it
ADMINISTRATOR = 1 << 3


class Way(StrEnum):
    """How taps and commands reach us: over a WebSocket that we open, or as requests to a public address of ours."""

    GATEWAY = "gateway"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class DiscordConf:
    """One application. `guilds`: the servers whose people are let in, and where the commands are registered."""

    token: str = field(repr=False)
    application_id: str
    guilds: tuple[str, ...]
    public_key: str = ""  # for way = "http"
    way: Way = Way.GATEWAY
    base_url: str = HOST
    gateway_url: str = ""  # empty: what Discord names
    oncall_role: str = ""  # a role's id, mentioned when a P1 card comes and when an alert rings anew; else only people
    command: str = "/desk"
    case_command: str = "/case"
    oncall_command: str = "/oncall"
    timeout_s: float = 15.0
    posts_per_second: int = 1  # in one channel
    per_second: int = 40  # of the whole bot
    proxy: str = ""


def limits(conf: DiscordConf) -> tuple[Limit, ...]:
    """https://discord.com/developers/docs/topics/rate-limits: five in five seconds a channel are always safe."""
    return (
        Limit("post", "destination", conf.posts_per_second, timedelta(seconds=1)),
        Limit("edit", "destination", 5 * conf.posts_per_second, timedelta(seconds=5)),
        Limit("any", "account", conf.per_second, timedelta(seconds=1)),
    )


def problems(conf: DiscordConf) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings: (key, why)."""
    if not conf.guilds:
        yield "guilds", "is empty: name the server that Deskbell belongs to"
    for guild in conf.guilds:
        if not ADDRESS.fullmatch(guild):
            yield "guilds", f"{guild[:40]!r} is no server's id: 17 to 20 digits (Developer Mode, Copy Server ID)"
    if not ADDRESS.fullmatch(conf.application_id):
        yield "application_id", "must be 17 to 20 digits; it stands on the application's General Information page"
    if conf.oncall_role and not ADDRESS.fullmatch(conf.oncall_role):
        yield "oncall_role", "must be the role's id, 17 to 20 digits (Developer Mode, Copy Role ID)"
    if conf.way is Way.HTTP and not conf.public_key:
        yield "public_key", 'is needed with way = "http"; it stands on the application\'s General Information page'
    if conf.public_key and (not _KEY.fullmatch(conf.public_key) or len(set(conf.public_key)) == 1):
        # Zeros are a key, too, and one that anybody can sign for.
        yield "public_key", "must be the 64 hexadecimal digits of the General Information page"


# ---------------------------------------------------------------- what its answers mean

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
THREAD_EXISTS = 160004
EDITED_TOO_OFTEN = 30046
ARCHIVED = 50083
# The interaction was answered already, its three seconds or its fifteen minutes are over: nobody listens any more.
TOO_LATE = frozenset({10062, 40060, 10015, 50027})
# No thread here, or none that we may write to; the room is not lost.
THREADLESS = frozenset({UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, 50001, 50013, 50024, ARCHIVED, 160005, 160006, 160007})

_FAULTS: Mapping[Fault, tuple[int, ...]] = {
    Fault.TARGET: (UNKNOWN_CHANNEL, 10004, 10013, 10015, 50001, 50007, 50008, 50024, 50278, ARCHIVED, 160005),
    Fault.PAYLOAD: (50006, 50016, 50035, 50109, 160002, 200000, 200001, 240000),
    Fault.AUTH: (40001, 40002, 50014),
    Fault.CONFIG: (20001, 20012, 40058, 50013, 50020, 50021, 50025),
    Fault.GONE: (UNKNOWN_MESSAGE, EDITED_TOO_OFTEN, 50005, 50097),
}
FAULTS: Mapping[int, Fault] = {code: fault for fault, codes in _FAULTS.items() for code in codes}
# Not now: direct messages opened too fast, slow mode, write limits of a channel or server, overload.
LATER = frozenset({40003, 20016, 20022, 20028, 20029, 20031, 30034, 40062, 130000, 500000})
_MEANING: Mapping[int, str] = {
    10003: "there is no such channel, or Deskbell can't see it",
    10004: "Deskbell is not in that server",
    10008: "the message was deleted",
    10013: "there is no such person",
    30046: "a message older than an hour can't be edited any further",
    40003: "too many direct messages were opened",
    50001: "Deskbell can't see the channel: add its role to the channel's permissions",
    50005: "the message is of another bot",
    50007: "this person takes no direct messages from members of the server",
    50013: "Deskbell lacks a permission in the channel",
    50278: "this person shares no server with Deskbell any more",
    50083: "the thread is archived or locked",
    200000: "the server's AutoMod blocked the message",
}
_CERTAIN: Mapping[int, Fault] = {
    400: Fault.PAYLOAD,
    401: Fault.AUTH,
    403: Fault.CONFIG,
    404: Fault.CONFIG,
    405: Fault.CONFIG,
    413: Fault.PAYLOAD,
}
_BANNED_S = 60.0  # a 429 without Discord's own words comes from the network in front of it


def outcome(status: int, code: int, message: str = "", retry_after: float | None = None) -> Outcome:
    """What became of a call that Discord did not say yes to; https://docs.discord.com/developers/topics/rate-limits."""
    why = _why(status, code, message)
    if code in FAULTS:  # before the status: too many edits of an old message come as a 429 that no waiting ends
        return Rejected(FAULTS[code], why)
    if status == 429:
        pause = _BANNED_S if retry_after is None else retry_after
        limit = why if code else "Discord: rate limit"
        return Retry(limit, timedelta(seconds=min(max(pause, 0.05), 3600)), limited=True)
    if status == 401:
        return Rejected(Fault.AUTH, "Discord: the bot token is not valid (any more)")
    if code in LATER:
        return Retry(why, timedelta(seconds=retry_after if retry_after is not None else 10))
    # A refusal of Discord's own says why. What does not, and any 5xx, may come from a gateway that lost the answer; the
    # nonce makes it harmless to ask again.
    return Rejected(_CERTAIN[status], why) if status in _CERTAIN and (code or message) else Unknown(why)


def _why(status: int, code: int, message: str) -> str:
    said = _MEANING.get(code) or " ".join(message.split())[:150] or "without a word"
    return f"Discord: {said} ({code or f'HTTP {status}'})"


# ---------------------------------------------------------------- the gateway

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway: after these, trying again is forbidden.
FATAL: Mapping[int, str] = {
    4004: "the bot token is not valid (any more)",
    4010: "the shard is not valid",
    4011: "the bot is in so many servers that it must be sharded",
    4012: "the version of the gateway is not valid any more",
    4013: "the intents are not valid",
    4014: "an intent is asked for that the application does not have",
}

# ---------------------------------------------------------------- is it really Discord?

# https://docs.discord.com/developers/interactions/receiving-and-responding#security-and-authorization
SIGNATURE_HEADER = "x-signature-ed25519"
TIMESTAMP_HEADER = "x-signature-timestamp"
WINDOW_S = 300
HOOK = "/discord/interactions"
