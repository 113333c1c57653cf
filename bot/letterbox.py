"""What vendors that are no chats say back, however it came (their call, or our question): read, and handed on."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.ports import Front
from bot.raising import ALERTS_PER_HOUR, Raising, known_key
from bot.short import read_short
from deskbell.core.heard import Heard, Meant, Passed, Raise, Receipt, RecordState, Tap, Words
from deskbell.net import metrics


class Desk(Front, Protocol):
    async def wrote(self, channel: str, said: Words | Tap, meant: Meant) -> str:
        """Carries out what somebody wrote or tapped, once, and sends the answer back the same way; what that says.

        What a stranger wrote, and a carrier's own words, go to whoever keeps consent. Durable when it returns; raises
        NotKept when it can't be kept now.
        """
        ...

    async def hear(
        self, channel: str, said: Sequence[Receipt | RecordState], asked: Mapping[str, str] | None = None
    ) -> None:
        """What became of messages, and of records. `asked`: how records stood, as we knew it when we asked."""
        ...

    async def passed(self, caller: str, said: Passed) -> None:
        """What the caller raised about a thing is over."""
        ...


class Letterbox:
    """`alerts_per_hour`: so many may be raised through one channel."""

    def __init__(self, desk: Desk, alerts_per_hour: int = ALERTS_PER_HOUR) -> None:
        self._desk, self._raising = desk, Raising(desk, alerts_per_hour)

    async def take(self, channel: str, said: Sequence[Heard], asked: Mapping[str, str] | None = None) -> list[str]:
        """Returns when all of it is durable; what it was told before does nothing again. What people are to be told of
        what they did by a tap. Raises Refused for an alert that may not be raised.
        """
        facts = [one for one in said if isinstance(one, Receipt | RecordState)]
        if facts:
            await self._desk.hear(channel, facts, asked)
        told: list[str] = []
        for one in said:
            if isinstance(one, Words | Tap):
                answer = await self._desk.wrote(channel, one, _meant(one))
                told += [answer] if answer and isinstance(one, Tap) else []
            elif isinstance(one, Raise):
                await self._raising.take(_caller(channel), known_key(one.key), one.fields)
            elif isinstance(one, Passed):
                await self._desk.passed(_caller(channel), one)
            metrics.heard(channel, type(one).__name__.lower())
        return told


def _caller(channel: str) -> str:
    """Never the name of an API token by chance: what is raised there stays apart, and the audit names the channel."""
    return f"channel {channel}"


def _meant(said: Words | Tap) -> Meant:
    if isinstance(said, Tap):
        return read_short(said.payload)
    meant = read_short(said.text)
    return Meant(carrier=said.carrier, rest=meant.rest) if said.carrier else meant
