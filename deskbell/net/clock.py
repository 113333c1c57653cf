"""The time: the wall clock, watched by the monotonic one.

After a step (somebody set the clock, the machine slept) the wall clock is doubted until a source's own clock agrees
with it; meanwhile nothing is judged by the clock alone, so that a wrong hour rings nobody for jobs not yet due.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

STEP = timedelta(seconds=5)  # more than this between the two clocks, since the last look, is a step
AGREES_S = 30.0  # so near must a source's clock be
PATIENCE_S = 600.0  # sources that never tell the time must not keep the doubt, and the silence, for ever


def wall() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Call it for the time; `doubted`: it may be wrong."""

    def __init__(self, now: Callable[[], datetime] = wall, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now, self._monotonic = now, monotonic
        self._at, self._ticks = now(), monotonic()
        self._doubted_at: float | None = None

    @property
    def doubted(self) -> bool:
        return self._doubted_at is not None and self._monotonic() - self._doubted_at < PATIENCE_S

    def __call__(self) -> datetime:
        now, ticks = self._now(), self._monotonic()
        passed = timedelta(seconds=ticks - self._ticks)
        if abs(now - self._at - passed) > STEP:
            self._doubted_at = ticks
        self._at, self._ticks = now, ticks
        return now

    def compare(self, skew_s: float) -> None:
        """A source was read whose clock differs by so many seconds from ours."""
        if abs(skew_s) <= AGREES_S:
            self._doubted_at = None
