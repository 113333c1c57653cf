"""What is written of alerts: opened under a key that is free, changed at the version that was read."""

from collections import deque
from collections.abc import Callable, Collection

import sqlalchemy as sa

from deskbell.core.alert import Alert, Mode
from deskbell.core.store import DuplicateAlert
from storage import locks
from storage.codec import ALERT_COLUMNS, alert_of, alert_values, with_id
from storage.reader import NEWEST_BY_KEYS, SqlReader
from storage.schema import ALERTS, POSTS, STANDING
from storage.sql import Db, Statement, bind, insert, literally

_P, _A = POSTS.c, ALERTS.c

_INSERT_ALERT = Statement(insert(ALERTS).on_conflict_do_nothing().returning(_A.id), list(ALERT_COLUMNS[1:]))
# One whose key is known to be free, with a number of its own.
_ADD_ALERT = Statement(insert(ALERTS), list(ALERT_COLUMNS), each=("id",))
_NUMBERS = Statement(
    sa.select(sa.func.nextval(sa.func.pg_get_serial_sequence("alerts", "id"))).select_from(
        sa.func.generate_series(1, bind("count", sa.Integer()))
    )
)
_SAVE_ALERT = Statement(
    sa.update(ALERTS)
    .where(_A.id == bind("row_id"), _A.version == bind("expected"))
    .values({name: bind(f"new_{name}") for name in ALERT_COLUMNS[1:]})
)
_RIVAL = Statement(sa.select(_A.id).where(_A.key == bind("key"), sa.text(f"({STANDING})"), _A.id != bind("row_id")))
_VERSION = Statement(sa.select(_A.version).where(_A.id == bind("id")))
_SET_MODE = Statement(sa.update(ALERTS).where(_A.id == bind("row_id")).values(mode=bind("new_mode")))

_UNHOLD = Statement(
    sa.update(POSTS)
    .where(_P.alert_id == bind("of_alert"), _P.state == literally("held"))
    .values(state="waiting", due_at=_P.created_at)
)
_HOLD = Statement(
    sa.update(POSTS)
    .where(_P.alert_id == bind("of_alert"), _P.state == literally("waiting"))
    .values(state="held", due_at=None)
)


class AlertWork(SqlReader):
    def __init__(self, db: Db, data_version: Callable[[], int]) -> None:
        super().__init__(db, data_version)
        # what `expect_keys` saw, the keys of which it saw that they are free, and numbers for as many alerts
        self._newest: dict[str, Alert | None] = {}
        self._free: set[str] = set()
        self._numbers: deque[int] = deque()

    def expect_keys(self, keys: Collection[str]) -> None:
        """These are asked for next, and an alert may be made of each: a database far away is asked once for all.

        None of them is locked, for a page may have hundreds and a server has room for some thousand locks in all. Where
        somebody was faster, the unique index refuses the commit, and the change is carried out again.
        """
        if not self.db.several or not keys:
            return
        found = (alert_of(row) for row in self.db.all_in(NEWEST_BY_KEYS, list(keys)))
        self._newest = dict.fromkeys(keys) | {alert.key: alert for alert in found}
        free = sum(alert is None for alert in self._newest.values())
        self._numbers = deque(row[0] for row in self.db.all(_NUMBERS, count=free)) if free else deque()

    def newest_by_key(self, key: str) -> Alert | None:
        """Where there is none, nobody else may make one before the commit, or it fails."""
        if key in self._newest:
            if (known := self._newest.pop(key)) is None:
                self._free.add(key)
            return known
        found = super().newest_by_key(key)
        if found is None and self.db.several:
            self.db.hold(locks.NAME, name=key)
            found = super().newest_by_key(key)
        return found

    def insert_alert(self, alert: Alert) -> Alert:
        """Stores a new alert and returns it with its id. Raises DuplicateAlert when one with this key still stands."""
        self._newest.pop(alert.key, None)
        if alert.key in self._free and self._numbers:
            self._free.remove(alert.key)
            alert = with_id(alert, self._numbers.popleft())
            self.db.held.add((locks.ALERT, alert.id))
            self.db.later(_ADD_ALERT, id=alert.id, **alert_values(alert))
            return alert
        row = self.db.one(_INSERT_ALERT, **alert_values(alert))
        if row is None:
            raise DuplicateAlert(alert.key)
        self.db.held.add((locks.ALERT, row[0]))
        return with_id(alert, row[0])

    def save_alert(self, alert: Alert, expected_version: int) -> bool:
        """Stores the alert if it is still at `expected_version`; False when somebody was faster.

        Raises DuplicateAlert when it comes back to life though a newer one has its key.
        """
        if (alert.live or alert.condition) and self.db.one(_RIVAL, key=alert.key, row_id=alert.id):
            if self.db.scalar(_VERSION, id=alert.id) != expected_version:
                return False
            raise DuplicateAlert(alert.key)
        values = {f"new_{name}": value for name, value in alert_values(alert).items()}
        if self.db.count(_SAVE_ALERT, row_id=alert.id, expected=expected_version, **values) != 1:
            return False
        self._follow_mode(alert.id, alert.mode)
        return True

    def set_mode(self, alert_id: int, mode: Mode) -> None:
        self.db.later(_SET_MODE, row_id=alert_id, new_mode=mode.value)
        self._follow_mode(alert_id, mode)

    def _follow_mode(self, alert_id: int, mode: Mode) -> None:
        self.db.later(_UNHOLD if mode is Mode.CARD else _HOLD, of_alert=alert_id)
