"""Chats in which nobody can answer us: each is given some time to come back by itself before people hear of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

PATIENCE = timedelta(minutes=1)


class Ears:
    """Remembers since when each chat is deaf. `told`: of which of them people were told; None before the first look."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}
        self.told: frozenset[str] | None = None

    def news(self, deaf: Mapping[str, str], now: datetime) -> Mapping[str, str] | None:
        """The chats that have been deaf too long, with why; None when that is what was told."""
        self._since = {name: self._since.get(name, now) for name in deaf}
        lasting = {name: why for name, why in deaf.items() if now - self._since[name] >= PATIENCE}
        return None if self.told == lasting.keys() else lasting
