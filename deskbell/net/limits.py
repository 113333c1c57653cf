"""How often a vendor lets us: counted here, before the send, so that a storm meets no refusal.

An exact window a key, not a bucket that refills: after a burst, such a bucket lets twice the limit through within one
window, and vendors count windows.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from deskbell.core.ports import Limit

ANY = "any"  # the op of a limit that counts posts and edits together
UNLIMITED = 1_000_000
Key = tuple[str, str]  # (the account or the destination, the operation)
Wanted = Mapping[Key, Sequence[Limit]]


def wanted(account: str, destination: str, op: str, limits: Sequence[Limit]) -> dict[Key, list[Limit]]:
    """The keys that one operation counts against. Both are always there, so that a cool-down of either is felt."""
    keys: dict[Key, list[Limit]] = {(account, op): [], (destination, op): []}
    for limit in limits:
        if limit.op in (op, ANY):
            keys.setdefault((account if limit.scope == "account" else destination, limit.op), []).append(limit)
    return keys


class Buckets:
    """The counts of every key, on a monotonic clock.

    `part`: how much of an account's limits is this instance's, from 0 to 1; the rest is for others to use.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, part: Callable[[str], float] = lambda _account: 1.0
    ) -> None:
        self.clock, self._part = clock, part
        self._taken: dict[tuple[Key, Limit], deque[float]] = {}
        self._cool: dict[Key, float] = {}

    def wait(self, keys: Wanted) -> float:
        """Seconds until the operation is allowed; 0 means now, and then it is counted."""
        now = self.clock()
        wait = self.peek(keys)
        if wait == 0:
            for key, limits in keys.items():
                for limit in limits:
                    self._window(key, limit, now).append(now)
        return wait

    def give_back(self, keys: Wanted) -> None:
        """What was counted last was not sent after all."""
        for key, limits in keys.items():
            for limit in limits:
                if window := self._taken.get((key, limit)):
                    window.pop()

    def peek(self, keys: Wanted, share: float = 1.0) -> float:
        """As `wait`, but nothing is counted. `share`: as if only so much of each limit were there."""
        now = self.clock()
        waits = [self._cooling(key, now) for key in keys]
        waits += [self._full(key, limit, now, share) for key, limits in keys.items() for limit in limits]
        return max(waits, default=0.0)

    def room(self, keys: Wanted, share: float = 1.0) -> int:
        """How many operations are allowed now, as far as counted limits go."""
        now = self.clock()
        rooms = [
            self._count(key, limit, share) - len(self._window(key, limit, now))
            for key, limits in keys.items()
            for limit in limits
        ]
        return max(0, min(rooms, default=UNLIMITED))

    def cool(self, key: Key, until: float) -> None:
        """Nothing more for this key until then (on the same clock): the vendor said so."""
        self._cool[key] = max(until, self._cool.get(key, until))

    def _cooling(self, key: Key, now: float) -> float:
        left = self._cool.get(key, now) - now
        if left <= 0:
            self._cool.pop(key, None)
        return max(0.0, left)

    def _full(self, key: Key, limit: Limit, now: float, share: float) -> float:
        window, room = self._window(key, limit, now), self._count(key, limit, share)
        if len(window) < room:
            return 0.0
        return window[-room] + limit.per.total_seconds() - now

    def _count(self, key: Key, limit: Limit, share: float) -> int:
        part = self._part(key[0]) if limit.scope == "account" else 1.0
        return max(1, int(limit.count * share * part))

    def _window(self, key: Key, limit: Limit, now: float) -> deque[float]:
        window = self._taken.setdefault((key, limit), deque())
        while window and window[0] + limit.per.total_seconds() <= now:
            window.popleft()
        return window
