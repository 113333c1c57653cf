"""Whether a way out is worth trying: when nothing comes through, one piece at a time finds out when it does again."""

import random
from collections.abc import Callable
from enum import StrEnum

from deskbell.core.outcome import Outcome, Retry, Sent, Unknown

PATIENCE = 3  # so many failures in a row close the way
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class State(StrEnum):
    CLOSED = "closed"  # as of a circuit: all goes through
    OPEN = "open"
    HALF_OPEN = "half-open"  # one piece is on its way to find out


class Circuit:
    """One destination's, or one source's. Times are those of a monotonic clock."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self.state = State.CLOSED
        self.why = ""
        self._chance = chance
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._until = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a piece may be tried; 0 when one may now."""
        return max(0.0, self._until - now) if self.state is State.OPEN else 0.0

    def room(self, now: float, most: int) -> int:
        """So many pieces may be on their way."""
        if self.state is State.CLOSED:
            return most
        return 0 if self.wait(now) else 1

    def begin(self) -> None:
        """A piece sets out."""
        if self.state is State.OPEN:
            self.state = State.HALF_OPEN

    def end(self, outcome: Outcome, now: float) -> None:
        """What became of it. A refusal is an answer too; a rate limit says nothing about the way."""
        if isinstance(outcome, Sent) and outcome.skipped:
            if self.state is State.HALF_OPEN:
                self.state = State.OPEN
        elif isinstance(outcome, Unknown) or (isinstance(outcome, Retry) and not outcome.limited):
            self._failed(outcome.why, now)
        elif not isinstance(outcome, Retry):
            self.state, self._failures, self._pause_s, self.why = State.CLOSED, 0, FIRST_PAUSE_S, ""
        elif self.state is State.HALF_OPEN:
            self.state = State.OPEN

    def _failed(self, why: str, now: float) -> None:
        self._failures += 1
        probing = self.state is State.HALF_OPEN
        if not probing and (self.state is State.OPEN or self._failures < PATIENCE):
            return
        self.state, self.why = State.OPEN, why
        self._until = now + self._pause_s * (0.5 + 0.5 * self._chance())
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
