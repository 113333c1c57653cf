"""What time it is: the wall clock, watched by the monotonic one, and by the clocks of the sources.

Somebody sets a clock, a machine sleeps: then the two disagree, and neither can be told from the other alone. Time goes
on by the monotonic clock, so that nothing rings early, until a source's Date header says which of them is right. Each
source is known by how far its clock was from ours before. Without any the wall clock is believed again after a while.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

STEP = timedelta(seconds=1)  # more than this between the two clocks, since the last look, is a step
AGREES_S = 30.0  # so near must the clock of a source be that we did not know before
NEAR_S = 3.0  # so near is the same: a Date header has whole seconds, and takes a while to come
PATIENCE_S = 600.0  # sources that never tell the time must not keep the doubt for ever


def wall() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Call it for the time. `doubted`: the wall clock may be wrong, and no source has told yet."""

    def __init__(self, now: Callable[[], datetime] = wall, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = now, monotonic
        self._at, self._ticks = now(), monotonic()
        self._ahead = timedelta()  # so far is our time ahead of the wall clock
        self._doubted_at: float | None = None
        self._usual: dict[str, float] = {}  # source -> how far its clock is ahead of our time, in seconds
        self._lock = threading.RLock()  # the writer's thread asks for the time as well

    @property
    def doubted(self) -> bool:
        return self._doubted_at is not None

    def __call__(self) -> datetime:
        with self._lock:
            return self._look()

    def _look(self) -> datetime:
        now, ticks = self._wall(), self._monotonic()
        if self._doubted_at is not None and ticks - self._doubted_at >= PATIENCE_S:
            self._settle(timedelta())
        else:
            expected = self._at + timedelta(seconds=ticks - self._ticks)
            if abs(now + self._ahead - expected) > STEP:
                self._doubted_at, self._ahead = ticks, expected - now
        self._at, self._ticks = now + self._ahead, ticks
        return self._at

    def compare(self, skew_s: float, source: str = "") -> None:
        """A source was read whose clock is so many seconds ahead of the wall clock."""
        with self._lock:
            self._look()
            self._compare(skew_s, source)

    def _compare(self, skew_s: float, source: str) -> None:
        ahead = self._ahead.total_seconds()
        if self._doubted_at is None:
            self._usual[source] = skew_s - ahead
            return
        usual = self._usual.get(source)
        right = skew_s - (usual or 0.0)  # so far should our time be ahead of the wall clock, by this source
        near = NEAR_S if usual is not None else AGREES_S
        if min(abs(right), abs(right - ahead)) <= near:
            self._settle(timedelta() if abs(right) < abs(right - ahead) else self._ahead)
        elif usual is not None:  # it slept, and was set: rather a second late than early
            self._settle(timedelta(seconds=right - 1))

    def _settle(self, ahead: timedelta) -> None:
        self._doubted_at, self._ahead = None, ahead
        self._at, self._ticks = self._wall() + ahead, self._monotonic()


async def beat(every: timedelta, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Does the work now and so often, by the monotonic clock: one that is set neither stops the beat nor doubles it."""
    while not stopping.is_set():
        began = time.monotonic()
        await work()
        rest = every.total_seconds() - (time.monotonic() - began)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), max(0.0, rest))
