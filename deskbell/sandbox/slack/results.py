"""What a person sees after a tap, a submission or a typed command. Live: ask again, and it shows what came since."""

from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox import chat
from deskbell.sandbox.slack.delivery import Ack
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.slack.messages import Key, Message
from deskbell.sandbox.slack.views import View
from deskbell.sandbox.web import Json


class Refused(chat.Refused):
    """Slack's own client would not let a person do this: no such button, not in the channel, a required field empty."""


@dataclass
class Outcome:
    slack: Slack
    user: str
    channel: str
    ack: Ack
    trigger_id: str
    since: float
    response_url: str = ""
    edits_before: int = 0
    message: Message | None = None

    @property
    def acked(self) -> bool:
        return self.ack.acked

    @property
    def payload(self) -> Any:
        """What came with the acknowledgement."""
        return self.ack.payload

    @property
    def elapsed_ms(self) -> float:
        return self.ack.elapsed_ms

    @property
    def ephemerals(self) -> list[Message]:
        """Whispered to this person since, in this channel."""
        mine = (m for m in self.slack.workspace.ephemerals if m.ephemeral_for == self.user and m.live)
        return [m for m in mine if m.at >= self.since and m.channel == self.channel]

    @property
    def text(self) -> str:
        """All that was whispered, as one text."""
        return "\n".join(message.as_text() for message in self.ephemerals)

    @property
    def view(self) -> View | None:
        """The form this opened."""
        return next((v for v in self.slack.views.values() if v.trigger == self.trigger_id), None)

    @property
    def edited(self) -> bool:
        return self.message is not None and len(self.message.edits) > self.edits_before

    async def wait_view(self, seconds: float = 3.0) -> View | None:
        return await self.slack.pulse.until(lambda: self.view, seconds)

    async def wait_ephemeral(self, seconds: float = 3.0) -> list[Message]:
        return await self.slack.pulse.until(lambda: self.ephemerals, seconds)

    async def wait_edit(self, seconds: float = 5.0) -> bool:
        return await self.slack.pulse.until(lambda: self.edited, seconds)

    def as_json(self) -> Json:
        view = self.view
        return {
            "acked": self.acked,
            "payload": self.payload,
            "error": self.ack.error,
            "elapsed_ms": round(self.elapsed_ms, 1),
            "ephemerals": [message.as_text() for message in self.ephemerals],
            "view": view.wire() if view else None,
        }


@dataclass
class Submitted(Outcome):
    """`errors` by block id, or `closed`; `view` is the next form when the app put one in its place."""

    errors: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    shown: View | None = None

    @property
    def view(self) -> View | None:
        return self.shown

    def as_json(self) -> Json:
        return super().as_json() | {"errors": self.errors, "closed": self.closed}


@dataclass(frozen=True, slots=True)
class Suggested:
    acked: bool
    options: list[Json]
    error: str = ""


def source_key(message: Message | None) -> Key | None:
    return None if message is None or message.ephemeral_for is not None else message.key
