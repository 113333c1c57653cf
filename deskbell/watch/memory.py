"""What the channels remember, when the database can't be asked: what it said last."""

import asyncio
from time import monotonic

import structlog

from deskbell.core.store import Memory

log = structlog.get_logger("deskbell.watch")

ASK_S = 2.0
FRESH_S = 1.0  # another instance, or our own ear, may have learned something new


class LastKnown:
    """core.ports.Memory for the ways out: they must work without the database, for that is what they tell of then."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: dict[str, str] = {}
        self._fresh: dict[str, float] = {}  # until when what is known need not be asked for again

    async def recall(self, name: str) -> str | None:
        """As it was a moment ago at the latest: each message asks where it goes."""
        if monotonic() < self._fresh.get(name, 0.0):
            return self._known.get(name)
        try:
            async with asyncio.timeout(ASK_S):
                value = await self._memory.recall(name)
        except Exception as error:  # noqa: BLE001 - whatever the database says
            log.warning("not_recalled", name=name, error=repr(error))
            return self._known.get(name)
        if value is not None:
            self._known[name] = value
        self._fresh[name] = monotonic() + FRESH_S
        return value

    async def remember(self, name: str, value: str, guard: object = None) -> None:  # noqa: ARG002 - a way out has none
        """What can't be kept is known until the process ends, and learned from the chat again after it."""
        self._known[name] = value
        try:
            async with asyncio.timeout(ASK_S):
                await self._memory.remember(name, value)
        except Exception as error:  # noqa: BLE001 - the message went out, and must not be taken for lost
            log.warning("not_remembered", name=name, error=repr(error))
