"""Chats in which nobody can answer us: each is given some time to come back by itself before people hear of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

PATIENCE = timedelta(minutes=1)


class Ears:
    """Remembers since when each chat is deaf, and what was last told of it."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}
        self._told: frozenset[str] | None = None

    def news(self, deaf: Mapping[str, str], now: datetime) -> Mapping[str, str] | None:
        """The chats that have been deaf too long, with why; None when that is what was said the last time."""
        self._since = {name: self._since.get(name, now) for name in deaf}
        lasting = {name: why for name, why in deaf.items() if now - self._since[name] >= PATIENCE}
        if self._told == lasting.keys():
            return None
        self._told = frozenset(lasting)
        return lasting
