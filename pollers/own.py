"""What we wrote ourselves, so that it does not come back as somebody's activity, nor as somebody's record.

A note of ours moves the ticket's time of change. For each record we wrote to, the time of the last activity before is
remembered, and the time of change that our write left behind: as long as the record shows no later one, nobody else has
touched it. The list travels in the cursor, so that it outlives a restart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

KEPT = 500
_KEY = re.compile(r"deskbell-\w+-\d+(-[0-9a-f]+)*")  # as channels/engine.py names an alert over there
_AFTERMATH = timedelta(seconds=5)  # automations that our write sets off end within


@dataclass(frozen=True, slots=True)
class Own:
    before: datetime
    upto: datetime


def opened_here(raw: Any, place: str) -> bool:
    """Whether the record was opened for an alert: it bears the alert's key, which is at this place of its row.

    Such a record rings nobody. Another one would be opened for it, and for that one a third.
    """
    value = raw.get(place) if isinstance(raw, Mapping) else None
    return any(isinstance(one, str) and _KEY.fullmatch(one) for one in (value if isinstance(value, list) else [value]))


class OwnWrites:
    def __init__(self) -> None:
        self._items: dict[str, Own] = {}
        self._known: dict[str, list[str]] = {}  # what the cursor said last, or was told

    def load(self, data: Mapping[str, Any]) -> None:
        """Takes in what the cursor remembers. What we know ourselves is newer, unless another instance wrote since."""
        if data == self._known:
            return
        stored = {key: Own(*map(datetime.fromisoformat, pair)) for key, pair in data.items()}
        newer = {key: own for key, own in self._items.items() if key not in stored or own.upto >= stored[key].upto}
        self._items, self._known = stored | newer, dict(data)

    def dump(self) -> dict[str, list[str]]:
        self._known = {key: [own.before.isoformat(), own.upto.isoformat()] for key, own in self._items.items()}
        return dict(self._known)

    def begin(self, record_id: str, changed_at: datetime, *, ours: bool | None = None) -> None:
        """We are about to write to a record that last changed then."""
        before = self.activity(record_id, changed_at, ours=ours)
        self._put(record_id, Own(before, changed_at))

    def done(self, record_id: str, changed_at: datetime) -> None:
        """Our write left the record with this time of change."""
        own = self._items.get(record_id)
        if own is not None and changed_at > own.upto:
            self._put(record_id, Own(own.before, changed_at))

    def activity(self, record_id: str, changed_at: datetime, *, ours: bool | None = None) -> datetime:
        """When somebody else last did something to a record that shows this time of change.

        `ours`: whether the source says that the last change was made by our account; None when it does not tell.
        """
        own = self._items.get(record_id)
        if own is None or ours is False or changed_at <= own.before:
            return changed_at
        return own.before if ours or changed_at <= own.upto + _AFTERMATH else changed_at

    def _put(self, record_id: str, own: Own) -> None:
        self._items.pop(record_id, None)
        self._items[record_id] = own
        while len(self._items) > KEPT:
            self._items.pop(next(iter(self._items)))
