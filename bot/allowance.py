"""So many in so long for each who asks."""

from collections import OrderedDict
from datetime import datetime, timedelta

NAMES = 1000  # of whom is remembered what they took: strangers must not fill the memory


class Allowance:
    """A sliding window a name, in memory: it holds off a script gone wild, and a restart may forget it."""

    def __init__(self, count: int, per: timedelta) -> None:
        self._count = count
        self._per = per
        self._taken: dict[str, OrderedDict[str, datetime]] = {}  # of each name the keys, oldest first

    def take(self, who: str, key: str, now: datetime) -> timedelta | None:
        """None: go ahead. Otherwise how long to wait. The same key again is a repeat, and costs nothing."""
        taken = self._taken[who] = self._taken.pop(who, OrderedDict())
        if len(self._taken) > NAMES:
            del self._taken[next(iter(self._taken))]  # who asked least lately
        while taken and now - _first(taken) >= self._per:
            taken.popitem(last=False)
        if key in taken:
            return None
        if len(taken) >= self._count:
            return self._per - (now - _first(taken)) if taken else self._per
        taken[key] = now
        return None


def _first(taken: OrderedDict[str, datetime]) -> datetime:
    return next(iter(taken.values()))
