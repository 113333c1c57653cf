"""The workspace: people, channels, and what has been said."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from deskbell.sandbox import credentials, staff
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.web import Json


class NotFound(Refused):
    """No such person or channel in this workspace."""


@dataclass(slots=True)
class User:
    id: str
    name: str
    real_name: str
    title: str = ""
    email: str = ""
    team: str = credentials.SLACK_TEAM
    is_bot: bool = False
    deleted: bool = False
    tz: str = "Europe/Berlin"

    def wire(self) -> Json:
        profile = {"real_name": self.real_name, "display_name": self.name, "title": self.title, "email": self.email}
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_stranger": self.team != credentials.SLACK_TEAM,
            "tz": self.tz,
            "tz_offset": 3600,
            "profile": {**profile, "team": self.team},
            "updated": 1_760_000_000,
        }


@dataclass(slots=True)
class Channel:
    id: str
    name: str
    members: set[str] = field(default_factory=set)
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    im_user: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def is_im(self) -> bool:
        return self.im_user is not None

    def wire(self) -> Json:
        common: Json = {"id": self.id, "created": 1_760_000_000, "is_archived": self.is_archived}
        if self.is_im:
            return {**common, "is_im": True, "user": self.im_user, "is_open": True}
        return {
            **common,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_member": credentials.SLACK_BOT_USER in self.members,
            "is_general": False,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": self.topic, "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


STAFF = (
    *(
        User(one.slack, one.id, one.name, one.title, one.email, credentials.SLACK_TEAM if one.ours else "T0OTHER")
        for one in staff.STAFF.values()
    ),
    User("U0OLGA", "olga", "Olga Former", "left the firm", "olga@example.org", deleted=True),
    User(credentials.SLACK_BOT_USER, "deskbell", "Deskbell", is_bot=True),
)
CHANNELS = (
    ("C0DISPATCH", "dispatch", "Visits: who is late, who cancelled"),
    ("C0SUPPORT", "support", "Tickets and service levels"),
    ("C0ACCOUNTS", "accounts", "Payments and contracts"),
    ("C0OPS", "ops", "The desk watching itself"),
)


class Workspace:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.users = {user.id: replace(user) for user in STAFF}
        members = {user.id for user in STAFF if not user.deleted}
        self.channels = {key: Channel(key, name, set(members), topic) for key, name, topic in CHANNELS}
        self.usergroups = {"S0ONCALL": ["U0BEN"], "S0DISPATCH": ["U0ANA"]}
        self.ephemerals: list[Message] = []
        self._last_ts = 0

    def new_ts(self) -> str:
        """Seconds and micros; unique and rising in the whole workspace."""
        micros = max(int(self.clock.time() * 1_000_000), self._last_ts + 1)
        self._last_ts = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    # ------------------------------------------------------------------ finding

    def user(self, who: str) -> User:
        """By id, e-mail or short name."""
        wanted = who.lstrip("@")
        for user in self.users.values():
            if wanted in (user.id, user.email, user.name):
                return user
        raise NotFound(f"no person {who!r}")

    def channel(self, which: str) -> Channel:
        """By id or name."""
        wanted = which.lstrip("#")
        for channel in self.channels.values():
            if wanted in (channel.id, channel.name):
                return channel
        raise NotFound(f"no channel {which!r}")

    def direct(self, user: str) -> Channel:
        """The conversation of the bot with one person, opened when need be."""
        key = "D" + user[1:]
        members = {user, credentials.SLACK_BOT_USER}
        return self.channels.setdefault(key, Channel(key, "", members, im_user=user))

    def message(self, channel: str, ts: str) -> Message | None:
        found = self.channels[channel].messages.get(ts) if channel in self.channels else None
        return found if found is not None and not found.deleted else None

    def ephemeral(self, channel: str, ts: str) -> Message | None:
        return next((m for m in self.ephemerals if m.key == (channel, ts) and m.live), None)

    def visible(self, message: Message) -> bool:
        """Live, and not hanging under a parent that nobody sees."""
        if not message.live:
            return False
        parent = self.channels[message.channel].messages.get(message.thread_ts or "") if message.is_reply else None
        return parent is None or parent.live

    def all_visible(self) -> Iterator[Message]:
        for channel in self.channels.values():
            yield from (m for m in channel.messages.values() if self.visible(m))

    def replies(self, channel: str, ts: str) -> list[Message]:
        return [m for m in self.channels[channel].messages.values() if m.thread_ts == ts and m.is_reply and m.live]

    # ------------------------------------------------------------------ saying

    def say(self, channel: str, user: str, text: str, **more: Any) -> Message:
        message = Message(channel, self.new_ts(), user, text, self.clock.time(), **more)
        self.channels[channel].messages[message.ts] = message
        return message

    def whisper(self, channel: str, to: str, text: str, **more: Any) -> Message:
        """Only that person sees it; it is in no history."""
        message = Message(channel, self.new_ts(), credentials.SLACK_BOT_USER, text, self.clock.time(), **more)
        message.ephemeral_for = to
        self.ephemerals.append(message)
        return message

    def thread_facts(self, message: Message) -> Json:
        replies = self.replies(*message.key)
        if not replies:
            return {}
        users = list(dict.fromkeys(reply.user for reply in replies))
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
        }
