"""One Discord server: its people, roles, channels, threads and messages, and who may do what in it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.discord.api import DiscordError
from deskbell.sandbox.discord.checks import embed_texts
from deskbell.sandbox.discord.components import BUTTON, walk
from deskbell.sandbox.staff import STAFF, Staff
from deskbell.sandbox.web import Json

EPOCH_MS = 1_420_070_400_000
EPHEMERAL = 1 << 6
SILENT = 1 << 12
HAS_THREAD = 1 << 5
FOREIGN_GUILD = "900000000000009666"  # where outsiders are

VIEW, SEND, EMBED, HISTORY = 1 << 10, 1 << 11, 1 << 14, 1 << 16
MENTION_EVERYONE, THREADS, IN_THREADS = 1 << 17, 1 << 35, 1 << 38
BOT_ROLE = "900000000000009102"
EVERYBODY_MAY = VIEW | SEND | EMBED | HISTORY | THREADS | IN_THREADS

TEXT, DM, THREAD = 0, 1, 11
REF = re.compile(r"\bD-\d+\b")


@dataclass(slots=True)
class Message:
    id: str
    channel: str
    author: str
    at: float
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    nonce: str | int | None = None
    reference: str = ""
    users: list[str] = field(default_factory=list)  # whom it notified
    roles: list[str] = field(default_factory=list)
    everyone: bool = False
    only: str = ""  # ephemeral: for this person alone
    edited: list[float] = field(default_factory=list)
    thread: str = ""
    deleted: bool = False
    dropped: bool = False  # accepted, and shown to nobody
    by_command: bool = False

    @property
    def visible(self) -> bool:
        return not self.deleted and not self.dropped

    def text(self) -> str:
        """All that can be read on it."""
        parts = [self.content, *(text for embed in self.embeds for text in embed_texts(embed)), *self.labels()]
        return "\n".join(plain(part) for part in parts if part)

    def labels(self) -> list[str]:
        """The words of the buttons, and of menus that have none."""
        return [
            str(one.get("label") or one.get("placeholder") or "")
            for one in walk(self.components)
            if one.get("label") or one.get("placeholder")
        ]

    def buttons(self) -> list[Json]:
        return [one for one in walk(self.components) if one["type"] == BUTTON]

    @property
    def ref(self) -> str:
        found = REF.search(self.text())
        return found[0] if found else ""


def plain(text: str) -> str:
    """What a client shows of it: escapes gone, what only joins or parts signs gone."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text).replace("\u200b", "")


@dataclass(slots=True)
class Channel:
    id: str
    name: str
    type: int = TEXT
    parent: str = ""
    recipient: str = ""  # of direct messages
    locked: bool = False
    archived: bool = False
    deleted: bool = False
    overwrites: list[Json] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)


class World:
    """The state. Nothing here knows of HTTP."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._last_id = 0
        self.people: dict[str, Staff] = {one.discord: one for one in STAFF.values()}
        self.channels: dict[str, Channel] = {
            room: Channel(room, name) for name, room in credentials.DISCORD_ROOMS.items()
        }
        self.roles: dict[str, Json] = {
            credentials.DISCORD_GUILD: role(credentials.DISCORD_GUILD, "@everyone", EVERYBODY_MAY),
            credentials.DISCORD_ONCALL_ROLE: role(credentials.DISCORD_ONCALL_ROLE, "oncall", 0, mentionable=True),
            BOT_ROLE: role(BOT_ROLE, "Deskbell", EVERYBODY_MAY),
        }
        self.holders: dict[str, set[str]] = {credentials.DISCORD_ONCALL_ROLE: {STAFF["ben"].discord}}
        self.no_dms: set[str] = set()  # people who take no direct messages
        self.in_guild = True
        self.ephemerals: list[Message] = []

    # ------------------------------------------------------------ ids

    def snowflake(self) -> str:
        """https://docs.discord.com/developers/reference#snowflakes: time first, so that ids sort by age."""
        milliseconds = int(self.clock.time() * 1000) - EPOCH_MS
        self._last_id = max(self._last_id + 1, milliseconds << 22)
        return str(self._last_id)

    # ------------------------------------------------------------ people and rights

    def person(self, who: str) -> Staff:
        """By short name, or by id."""
        found = STAFF.get(who) or self.people.get(who)
        if found is None:
            raise KeyError(f"nobody is called {who}")
        return found

    def roles_of(self, user: str) -> list[str]:
        if user == credentials.DISCORD_APP:
            return [BOT_ROLE]
        return sorted(role for role, holders in self.holders.items() if user in holders)

    def permissions(self, user: str, channel: Channel) -> int:
        """https://docs.discord.com/developers/topics/permissions#permission-overwrites."""
        guild = credentials.DISCORD_GUILD
        held = int(self.roles[guild]["permissions"])
        mine = self.roles_of(user)
        for one in mine:
            held |= int(self.roles[one]["permissions"])
        rules = {rule["id"]: (int(rule["allow"]), int(rule["deny"])) for rule in self._rules(channel)}
        for target in (guild, *mine, user):
            allow, deny = rules.get(target, (0, 0))
            held = held & ~deny | allow
        return held

    def _rules(self, channel: Channel) -> list[Json]:
        parent = self.channels.get(channel.parent)
        return [*(parent.overwrites if parent else ()), *channel.overwrites]

    def forbid(self, channel: str, bits: int, user: str = credentials.DISCORD_APP) -> None:
        """An administrator takes a right away in one channel."""
        self.channels[channel].overwrites.append({"id": user, "type": 1, "allow": "0", "deny": str(bits)})

    # ------------------------------------------------------------ channels

    def channel(self, id: str) -> Channel:
        """As the bot sees it; raises what Discord answers where it does not."""
        found = self.channels.get(id)
        if found is None or found.deleted:
            raise DiscordError(10003)
        if found.type != DM and not self.in_guild:
            raise DiscordError(50001)
        if found.type != DM and not self.permissions(credentials.DISCORD_APP, found) & VIEW:
            raise DiscordError(50001)
        return found

    def direct(self, user: str) -> Channel:
        """The one channel between the bot and this person."""
        for channel in self.channels.values():
            if channel.type == DM and channel.recipient == user:
                return channel
        channel = Channel(self.snowflake(), "", DM, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def message(self, channel: Channel, id: str) -> Message:
        found = channel.messages.get(id)
        if found is None or found.deleted:
            raise DiscordError(10008)
        return found

    def all_messages(self) -> Iterable[Message]:
        for channel in list(self.channels.values()):
            if not channel.deleted:
                yield from channel.messages.values()


def role(id: str, name: str, permissions: int, *, mentionable: bool = False) -> Json:
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    return {
        "id": id,
        "name": name,
        "description": None,
        "permissions": str(permissions),
        "position": 0,
        "color": 0,
        "colors": colours,
        "hoist": False,
        "managed": False,
        "mentionable": mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


# ---------------------------------------------------------------- who is notified

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_ALL = re.compile(r"@(everyone|here)(?!\w)")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pings:
    users: list[str]
    roles: list[str]
    everyone: bool


def pings(
    world: World, content: str, allowed: Mapping[str, Any] | None, channel: Channel, *, default: tuple[str, ...]
) -> Pings:
    """As Discord's servers read a message: a backslash before a mention does not help, only what is allowed does."""
    text = _CODE.sub("", content)
    users = [one for one in dict.fromkeys(_USER.findall(text)) if one in world.people]
    roles = [one for one in dict.fromkeys(_ROLE.findall(text)) if one in world.roles]
    may = bool(channel.type != DM and world.permissions(credentials.DISCORD_APP, channel) & MENTION_EVERYONE)
    parse = list(default) if allowed is None else list(allowed.get("parse") or ())
    named = allowed or {}
    users = users if "users" in parse else [one for one in users if one in (named.get("users") or ())]
    roles = roles if "roles" in parse else [one for one in roles if one in (named.get("roles") or ())]
    return Pings(
        users,
        [one for one in roles if may or world.roles[one]["mentionable"]],
        bool(_ALL.search(text)) and "everyone" in parse and may,
    )
