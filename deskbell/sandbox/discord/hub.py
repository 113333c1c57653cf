"""The server with everything around it: what is said and changed in it, limits, trouble, and what the ledger hears."""

import hashlib
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.discord.api import DiscordError, Rate, Taken, Windows, invalid
from deskbell.sandbox.discord.checks import check_message, embed_texts
from deskbell.sandbox.discord.components import numbered
from deskbell.sandbox.discord.world import (
    DM,
    EMBED,
    IN_THREADS,
    SEND,
    THREAD,
    THREADS,
    Channel,
    Message,
    World,
    pings,
)
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.web import Json

NAME = "discord"
SABOTAGED_CARD = 2  # sabotage swallows the second card of the day
NONCE_SECONDS = 300.0  # "the past few minutes"
OLD = 3600.0
OLD_EDITS = 30  # how many an old message takes in an hour; Discord names the rule and not the number
GLOBAL = Rate(50, 1.0)
INVALID_WINDOW = 600.0
INVALID_LIMIT = 10_000
# In one channel; Discord tells its own numbers in headers alone, and these are what bots report.
RATES = {
    "POST message": Rate(5, 5.0),
    "PATCH message": Rate(5, 5.0),
    "DELETE message": Rate(5, 1.0),
    "GET messages": Rate(50, 1.0),
    "POST thread": Rate(50, 300.0),
    "PUT commands": Rate(5, 20.0),
}
_OTHERS = Rate(50, 1.0)


@dataclass(frozen=True, slots=True)
class Remembered:
    at: float
    message: Message


class Hub:
    """The state of the stand-in. `rest` and `sockets` serve it, `people` acts on it."""

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        self.clock, self.ledger, self.pulse = clock, ledger, pulse
        self.world = World(clock)
        self.faults = Faults(clock)
        self.token = credentials.DISCORD_TOKEN
        self.sabotage = False
        self.limited = True
        self.old_edits = OLD_EDITS
        self.invalid_limit = INVALID_LIMIT
        self.commands: dict[str, list[Json]] = {}  # guild, or "" for those of everywhere -> what is registered
        self.syncs = 0
        self.endpoint = ""  # the interactions endpoint; empty: over the gateway
        self.automod: set[str] = set()  # words that the server's own moderation blocks
        self._windows = Windows()
        self._nonces: dict[tuple[str, str], Remembered] = {}
        self._invalid: deque[float] = deque()
        self._cards = 0

    def no_limits(self) -> None:
        self.limited = False

    # ------------------------------------------------------------ limits

    def take(self, route: str, major: str, *, counted: bool = True) -> list[Taken]:
        """The buckets that a request falls into: the bot's own, and that of the route and its channel."""
        now = self.clock.time()
        rate = RATES.get(route, _OTHERS) if self.limited else Rate(10_000, 1.0)
        whole = [self._windows.take("global", GLOBAL, now, "global")] if self.limited and counted else []
        bucket = hashlib.sha256(route.encode()).hexdigest()[:32]
        return [*whole, self._windows.take(f"{route} {major}", rate, now, bucket)]

    def invalid_request(self) -> None:
        """https://docs.discord.com/developers/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans."""
        self._invalid.append(self.clock.time())

    @property
    def banned(self) -> bool:
        since = self.clock.time() - INVALID_WINDOW
        while self._invalid and self._invalid[0] < since:
            self._invalid.popleft()
        return len(self._invalid) >= self.invalid_limit

    def reset_token(self) -> None:
        """What Discord does to a bot that identifies a thousand times a day, and an owner at any time."""
        self.token = f"{self.token}.reset"

    # ------------------------------------------------------------ saying

    def post(self, channel_id: str, body: Json) -> Message:
        """A message of the bot's in a channel, a thread or a direct conversation."""
        channel = self.world.channel(channel_id)
        self._may_write(channel)
        check_message(body)
        self._moderate(body)
        if earlier := self._same_nonce(channel, body):
            return earlier
        reference = self._reference(channel, body)
        message = self.make(channel, body, default=("users", "roles", "everyone"))
        message.reference = reference
        channel.messages[message.id] = message
        channel.archived = False  # who writes in an archived thread brings it back
        if message.nonce is not None and body.get("enforce_nonce"):
            self._nonces[channel.id, str(message.nonce)] = Remembered(message.at, message)
        self.was_posted(message)
        return message

    def make(self, channel: Channel, body: Json, *, default: tuple[str, ...], only: str = "") -> Message:
        content = str(body.get("content") or "")
        rung = pings(self.world, content, body.get("allowed_mentions"), channel, default=default)
        return Message(
            id=self.world.snowflake(),
            channel=channel.id,
            author=credentials.DISCORD_APP,
            at=self.clock.time(),
            content=content,
            embeds=self._embeds(channel, body.get("embeds")),
            components=numbered(body.get("components")),
            flags=int(body.get("flags") or 0),
            nonce=body.get("nonce"),
            users=[] if only else rung.users,
            roles=[] if only else rung.roles,
            everyone=rung.everyone and not only,
            only=only,
        )

    def _embeds(self, channel: Channel, embeds: Any) -> list[Json]:
        """Without the right to them they are left out, and nobody is told."""
        may = channel.type == DM or self.world.permissions(credentials.DISCORD_APP, channel) & EMBED
        return list(embeds or []) if may else []

    def _may_write(self, channel: Channel) -> None:
        if channel.type == DM:
            if channel.recipient in self.world.no_dms:
                raise DiscordError(50007)
            return
        if channel.locked:
            raise DiscordError(50083)
        needed = IN_THREADS if channel.type == THREAD else SEND
        if not self.world.permissions(credentials.DISCORD_APP, channel) & needed:
            raise DiscordError(50013)

    def _moderate(self, body: Json) -> None:
        text = " ".join(
            [str(body.get("content") or ""), *(t for e in body.get("embeds") or () for t in embed_texts(e))]
        )
        if any(word in text for word in self.automod):
            raise DiscordError(200000)

    def _same_nonce(self, channel: Channel, body: Json) -> Message | None:
        if not body.get("enforce_nonce"):
            return None
        known = self._nonces.get((channel.id, str(body.get("nonce"))))
        if known is None or self.clock.time() - known.at > NONCE_SECONDS:
            return None
        if known.message.deleted:
            raise DiscordError(10008)
        self.ledger.note(NAME, "same_nonce", channel=channel.id, message=known.message.id)
        return known.message

    def _reference(self, channel: Channel, body: Json) -> str:
        reference = body.get("message_reference") or {}
        target = str(reference.get("message_id") or "")
        found = channel.messages.get(target)
        if target and (found is None or found.deleted):
            if reference.get("fail_if_not_exists", True):
                raise invalid([("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")])
            return ""
        return target

    def edit(self, message: Message, body: Json) -> Message:
        """Only what the body names is changed; nobody is notified by an edit."""
        if message.author != credentials.DISCORD_APP:
            raise DiscordError(50005)
        now = self.clock.time()
        lately = sum(1 for at in message.edited if now - at < OLD)
        if self.limited and now - message.at > OLD and lately >= self.old_edits:
            raise DiscordError(30046, retry_after=600.0)
        shown = {"content": message.content, "embeds": message.embeds, "components": message.components}
        check_message(body, editing=shown)
        channel = self.world.channels[message.channel]
        if "content" in body:
            message.content = str(body["content"] or "")
        if "embeds" in body:
            message.embeds = self._embeds(channel, body["embeds"])
        if "components" in body:
            message.components = numbered(body["components"])
        message.edited.append(now)
        if not message.only:
            self.was_edited(message)
        self.pulse.beat()
        return message

    def delete(self, message: Message) -> None:
        message.deleted = True
        self.ledger.note(NAME, "deleted", channel=message.channel, message=message.id)
        if message.ref:
            self.ledger.redrawn((NAME, message.channel, message.id), message.ref)

    def open_thread(self, channel: Channel, message: Message, body: Json) -> Channel:
        """With the message's own id: https://docs.discord.com/developers/resources/channel#start-thread-from-message."""
        if channel.type != 0:
            raise DiscordError(50024)
        if not self.world.permissions(credentials.DISCORD_APP, channel) & THREADS:
            raise DiscordError(50013)
        name = str(body.get("name") or "")
        if not 1 <= len(name) <= 100:
            raise invalid([("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")])
        if body.get("auto_archive_duration", 1440) not in (60, 1440, 4320, 10080):
            raise invalid(
                [("auto_archive_duration", "BASE_TYPE_CHOICES", "Value must be one of (60, 1440, 4320, 10080).")]
            )
        if message.thread:
            raise DiscordError(160004)
        thread = Channel(message.id, name, THREAD, parent=channel.id)
        self.world.channels[thread.id] = thread
        message.thread = thread.id
        self.ledger.note(NAME, "thread", channel=channel.id, message=message.id, name=name)
        return thread

    # ------------------------------------------------------------ what happened, for the ledger

    def was_posted(self, message: Message) -> None:
        card = is_card(message) and self.world.channels[message.channel].type != DM
        self._cards += card
        if self.sabotage and card and self._cards == SABOTAGED_CARD:
            message.dropped, self.sabotage = True, False
        self._watch(message)
        rung = {"users": message.users, "roles": message.roles, "everyone": message.everyone}
        self.ledger.note(NAME, "posted", channel=message.channel, message=message.id, **rung, text=message.text()[:200])

    def was_edited(self, message: Message) -> None:
        self._watch(message)
        self.ledger.edited((message.channel, message.id))
        if is_card(message):
            self.ledger.redrawn((NAME, message.channel, message.id), message.ref)
        self.ledger.note(NAME, "edited", channel=message.channel, message=message.id, text=message.text()[:200])

    def whispered(self, message: Message) -> None:
        self.world.ephemerals.append(message)
        self.ledger.note(NAME, "ephemeral", channel=message.channel, to=message.only, text=message.text()[:200])

    def _watch(self, message: Message) -> None:
        """An expectation is met by any message people can see that names its subject."""
        if message.visible:
            self.ledger.seen(message.text())


PLAIN_CARD = re.compile(r"\\?\[[^\n]*\] D-\d+ ")


def is_card(message: Message) -> bool:
    """A bot's message with an embed whose foot begins with a ref; or in plain text, like [Acknowledged by Ana] D-12."""
    feet = [str((embed.get("footer") or {}).get("text", "")) for embed in message.embeds]
    shown = any(foot.startswith("D-") for foot in feet) or bool(PLAIN_CARD.match(message.content))
    return message.author == credentials.DISCORD_APP and not message.only and shown
