"""Whether Deskbell itself does its work: polls come to an end, and what is due is carried.

A source or a chat that is down is no trouble of this kind: Deskbell is alive then, and tells people itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol

LONGEST_POLL_S = 300.0  # without a page: more than the patience of all the calls that one takes
READ_S = 10.0
STILL_S = 120.0  # work is due and not even tried: longer than a delivery's timeout and the pause of a refused login


class Poll(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def hangs_s(self) -> float:
        """Seconds since the poll under way came forward; 0 between polls."""
        ...


class Pulse:
    """`due` asks for the destinations with work, `carried` for how many attempts there were so far."""

    def __init__(
        self, polls: Iterable[Poll], due: Callable[[], Awaitable[Collection[str]]], carried: Callable[[], int]
    ) -> None:
        self._polls, self._due, self._carried = tuple(polls), due, carried
        self._last = -1
        self._moved_at = time.monotonic()

    async def reasons(self) -> list[str]:
        hanging = [poll for poll in self._polls if poll.hangs_s > LONGEST_POLL_S]
        found = [f"the poll of {poll.name} has hung for {poll.hangs_s:.0f} s" for poll in hanging]
        try:
            async with asyncio.timeout(READ_S):
                due = await self._due()
        except Exception as error:  # noqa: BLE001 - whatever the database says
            return [*found, f"the database can't be read: {str(error) or type(error).__name__}"]
        carried, now = self._carried(), time.monotonic()
        if not due or carried != self._last:
            self._last, self._moved_at = carried, now
        elif now - self._moved_at > STILL_S:
            found.append(
                f"nothing was carried for {now - self._moved_at:.0f} s though work is due: {', '.join(sorted(due))}"
            )
        return found
