"""A message as the workspace keeps it, and what can be read off it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.ledger import REF
from deskbell.sandbox.web import Json

Key = tuple[str, str]  # channel, ts

CARD = "deskbell_alert"  # the event types of a card and of a note in its thread
NOTE = "deskbell_note"

# https://docs.slack.dev/messaging/formatting-message-text: what rings people when it stands unescaped in mrkdwn
LIVE_MENTION = re.compile(r"<(![a-z]+(?:\^[A-Z0-9]+)?|@[UW][A-Z0-9]+)(?:\|[^>]*)?>")
BARE_WORD = re.compile(r"(?<![\w@])@(?:channel|here|everyone)\b")


@dataclass(frozen=True, slots=True)
class Version:
    text: str
    blocks: list[Json]
    at: float


@dataclass(slots=True, eq=False)
class Message:
    channel: str
    ts: str
    user: str
    text: str
    at: float
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    by_bot: bool = True
    parse_words: bool = False  # parse=full or link_names: bare @here is live then
    edits: list[Version] = field(default_factory=list)  # what it said before, oldest first
    edited_at: float | None = None
    deleted: bool = False
    dropped: bool = False  # accepted, and shown to nobody (sabotage)
    ephemeral_for: str | None = None

    @property
    def key(self) -> Key:
        return self.channel, self.ts

    @property
    def live(self) -> bool:
        return not self.deleted and not self.dropped

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def event(self) -> tuple[str, Json]:
        """The metadata: event type and payload; empty without."""
        meta = self.metadata or {}
        return str(meta.get("event_type", "")), meta.get("event_payload") or {}

    @property
    def card_ref(self) -> str:
        """The alert whose card this is; nothing for other messages."""
        event, payload = self.event
        return str(payload.get("alert", "")) if event == CARD else ""

    @property
    def about(self) -> str:
        """The alert that this speaks of."""
        found = REF.search(self.card_ref or self.as_text())
        return found[0] if found else ""

    def change(self, at: float, **what: Any) -> None:
        self.edits.append(Version(self.text, self.blocks, self.edited_at or self.at))
        self.edited_at = at
        for name, value in what.items():
            setattr(self, name, value)

    def elements(self) -> Iterator[tuple[Json, Json]]:
        """(block, element) of everything that can be pressed or chosen."""
        for block in self.all_blocks():
            yield from ((block, element) for element in interactive(block))

    def all_blocks(self) -> Iterator[Json]:
        yield from self.blocks
        for attachment in self.attachments:
            yield from attachment.get("blocks") or []

    def find(self, action_id: str, block_id: str | None = None) -> tuple[Json, Json] | None:
        for block, element in self.elements():
            if element.get("action_id") == action_id and block_id in (None, block.get("block_id")):
                return block, element
        return None

    @property
    def action_ids(self) -> list[str]:
        return [str(element["action_id"]) for _, element in self.elements() if "action_id" in element]

    def as_text(self) -> str:
        """Everything a person can read on it."""
        lines = [self.text, *texts(self.blocks), *texts(self.attachments)]
        return "\n".join(line for line in lines if line)

    @property
    def mentions(self) -> list[str]:
        """What rings people. Plain text objects and escaped entities ring nobody."""
        sources = [self.text, *texts(self.blocks, kinds={"mrkdwn", "markdown"}), *attachment_texts(self.attachments)]
        found = [match for text in sources for match in LIVE_MENTION.findall(text)]
        if self.parse_words:
            found += [match for text in sources for match in BARE_WORD.findall(text)]
        return list(dict.fromkeys(found))

    def wire(self, *, metadata: bool = False) -> Json:
        """As the Web API and the payloads show it."""
        out: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts}
        if self.by_bot:
            out |= {"bot_id": credentials.SLACK_BOT, "app_id": credentials.SLACK_APP}
        out |= {"team": credentials.SLACK_TEAM}
        if self.edited_at is not None:
            out["edited"] = {"user": self.user, "ts": f"{self.edited_at:.6f}"}
        if self.blocks:
            out["blocks"] = self.blocks
        if self.attachments:
            out["attachments"] = self.attachments
        if self.thread_ts:
            out["thread_ts"] = self.thread_ts
        if metadata and self.metadata:
            out["metadata"] = self.metadata
        return out


def interactive(block: Json) -> list[Json]:
    found = list(block.get("elements") or []) if block.get("type") in ("actions", "context_actions") else []
    found += [block[key] for key in ("accessory", "element") if isinstance(block.get(key), dict)]
    return [element for element in found if element.get("type") != "image"]


def texts(value: Any, kinds: set[str] | None = None) -> Iterator[str]:
    """Every text object below `value`, of the kinds asked for."""
    if isinstance(value, dict):
        kind = str(value.get("type", ""))
        if isinstance(value.get("text"), str) and (kinds is None or kind in kinds):
            yield value["text"]
        for key, part in value.items():
            if key != "metadata":
                yield from texts(part, kinds)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part, kinds)


def attachment_texts(attachments: list[Json]) -> Iterator[str]:
    for attachment in attachments:
        yield from (str(attachment[key]) for key in ("pretext", "text", "fallback") if attachment.get(key))
        yield from texts(attachment.get("blocks") or [], {"mrkdwn", "markdown"})
