"""The sandbox's own time, its stamps, and a way to wait for something to change."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Wall time with a hand: `advance` lets a trigger, a token or a rate window grow old without anybody sleeping."""

    def __init__(self) -> None:
        self.offset = 0.0

    def time(self) -> float:
        return time.time() + self.offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        self.offset += seconds


def stamp(moment: datetime | float) -> str:
    """Whole seconds and a Z, as Freshdesk and the field service write them."""
    when = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> float:
    """A date or date-time to seconds; without a zone it is UTC. ValueError when it is neither."""
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


class Pulse:
    """Beats whenever any state changes, so that waiting needs no polling."""

    def __init__(self) -> None:
        self.beats = 0
        self._waiting: list[asyncio.Future[None]] = []

    def beat(self) -> None:
        self.beats += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Until the next beat, or until the time is over."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await asyncio.wait([future], timeout=seconds)
        if not future.done():
            future.cancel()
            self._waiting = [one for one in self._waiting if one is not future]

    async def until(self, found: Callable[[], T], seconds: float) -> T:
        """What `found` returns, as soon as it is true; the last value when time runs out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not (value := found()) and (left := deadline - loop.time()) > 0:
            await self.wait(left)
        return value
