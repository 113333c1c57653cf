"""Two ways vendors count: a bucket that refills (Slack), and a fixed window a minute (Freshdesk, ServiceNow)."""

from dataclasses import dataclass

from deskbell.sandbox.clock import Clock


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second in the long run, and so many at once."""

    per_second: float
    burst: float


@dataclass(slots=True)
class _Level:
    tokens: float
    at: float


class Buckets:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._levels: dict[str, _Level] = {}

    def take(self, key: str, rate: Rate) -> float:
        """0.0 when the call may pass, otherwise the seconds until one may."""
        now = self.clock.time()
        level = self._levels.setdefault(key, _Level(rate.burst, now))
        level.tokens = min(rate.burst, level.tokens + (now - level.at) * rate.per_second)
        level.at = now
        if level.tokens >= 1 - 1e-6:  # floating point: a bucket filled second by second is full all the same
            level.tokens -= 1
            return 0.0
        return (1 - level.tokens) / rate.per_second

    def clear(self) -> None:
        self._levels.clear()


@dataclass(slots=True)
class Window:
    """So many calls a minute; everything is forgiven when the minute is over."""

    clock: Clock
    total: int
    used: int = 0
    since: float = 0.0

    def take(self, cost: int = 1) -> float:
        """0.0 when the call may pass, otherwise the seconds until the window turns."""
        now = self.clock.time()
        if now - self.since >= 60:
            self.since, self.used = now, 0
        self.used += cost
        return 0.0 if self.used <= self.total else 60 - (now - self.since)

    @property
    def remaining(self) -> int:
        return max(0, self.total - self.used)
