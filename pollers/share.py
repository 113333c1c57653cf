"""A part of what an account may call in a minute, so that whoever else uses the account finds some left."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import accumulate

MINUTE = 60.0


class Share:
    """What we called in the last minute, against our part of it. Until the vendor tells how many there are, all pass.

    A bulk change of a thousand tickets would else take the calls of everybody else's integrations away.
    """

    def __init__(
        self,
        part: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.part = part
        self.total: int | None = None  # of the whole account, a minute
        self._clock, self._pause = clock, pause
        self._spent: deque[tuple[float, int]] = deque()

    @property
    def ours(self) -> int | None:
        return None if self.total is None else max(1, int(self.total * self.part))

    def spend(self, cost: int, total: int | None) -> None:
        """A call was made, at this cost; `total` is what the vendor says that the account has, if it does."""
        self._spent.append((self._clock(), max(1, cost)))
        self.total = total or self.total

    async def turn(self) -> None:
        """Waits until a call fits into our part."""
        while (wait := self.wait_s()) > 0:
            await self._pause(wait)

    def wait_s(self) -> float:
        """Seconds until a call fits; 0 when one does now."""
        now = self._clock()
        while self._spent and self._spent[0][0] + MINUTE <= now:
            self._spent.popleft()
        over = sum(cost for _, cost in self._spent) + 1 - (self.ours or 0)
        if self.ours is None or over <= 0 or not self._spent:
            return 0.0
        freed = accumulate(cost for _, cost in self._spent)
        last = next((n for n, cost in enumerate(freed) if cost >= over), len(self._spent) - 1)
        return self._spent[last][0] + MINUTE - now
