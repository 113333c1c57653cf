"""Rows with a time of change that become visible late, as those of a replica do."""

from collections.abc import Iterator
from typing import Any

from deskbell.sandbox.clock import Clock
from deskbell.sandbox.web import Json


class Rows:
    """`lag`: seconds from a change until a reader sees it; until then the reading before is shown."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lag = 0.0
        self._rows: dict[str, Json] = {}
        self._stamps: dict[str, float] = {}
        self._before: dict[str, tuple[float, Json | None, float]] = {}

    def __getitem__(self, key: object) -> Json:
        """As it really is."""
        return self._rows[str(key)]

    def __contains__(self, key: object) -> bool:
        return str(key) in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: object, row: Json, at: float | None = None) -> Json:
        name = str(key)
        if self.lag:
            self._before[name] = (self.clock.time() + self.lag, self._rows.get(name), self._stamps.get(name, 0.0))
        self._rows[name] = row
        self._stamps[name] = self.clock.time() if at is None else at
        return row

    def change(self, key: object, **fields: Any) -> Json:
        return self.put(key, self[key] | fields)

    def drop(self, key: object) -> None:
        del self._rows[str(key)], self._stamps[str(key)]

    def seen(self) -> Iterator[tuple[float, Json]]:
        """(time of change, row) of every row, as a reader sees it now, oldest change first."""
        return iter(sorted(self._shown(), key=lambda pair: pair[0]))

    def find(self, key: object) -> Json | None:
        return next((row for name, (_, row) in self._by_name().items() if name == str(key)), None)

    def _shown(self) -> list[tuple[float, Json]]:
        return list(self._by_name().values())

    def _by_name(self) -> dict[str, tuple[float, Json]]:
        shown = {}
        for name, row in self._rows.items():
            until, before, stamp = self._before.get(name, (0.0, None, 0.0))
            if until <= self.clock.time():
                shown[name] = (self._stamps[name], row)
            elif before is not None:
                shown[name] = (stamp, before)
        return shown
