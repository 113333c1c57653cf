"""What is kept of the past: earlier readings of records, masked; and how soon people heard of what happened."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from deskbell.core.history import Detection, Ended, Reading
from deskbell.core.ports import StoredRecord
from deskbell.core.records import Record, from_data, kind_of, to_data
from storage.codec import BLANK, dumps, loads, micros, moment, moment_or_none
from storage.reader import SqlReader
from storage.schema import ALERTS, DETECTIONS, HISTORY, LIVE, RECORDS
from storage.sql import Statement, bind, insert, sized, within

_H, _R, _D = HISTORY.c, RECORDS.c, DETECTIONS.c

_KEPT = ("source", "record_id", "kind", "seen_at", "until", "ended", "data")
_KEEP = Statement(insert(HISTORY), list(_KEPT), each=("source", "record_id", "until"))
_EARLIER = Statement(
    sa.select(_H.source, _H.record_id, _H.kind, _H.seen_at, _H.until, _H.ended, _H.id)
    .where(_H.until > bind("since"))
    .order_by(_H.id)
)
_PRESENT = Statement(
    sa.select(_R.source, _R.record_id, _R.kind, _R.seen_at)
    .where(sa.or_(_R.seen_at >= bind("since"), ~_R.done))
    .order_by(_R.seen_at, _R.source, _R.record_id)
)
_DATA = sized(lambda size: sa.select(_H.id, _H.data).where(within(_H.id, size)))
_OLDEST = Statement(sa.select(_H.id, _H.until).order_by(_H.id).limit(bind("limit")))
_NEWEST = Statement(sa.select(sa.func.max(_H.id)))
_DROP = Statement(sa.delete(HISTORY).where(_H.id <= bind("last")))

_DETECTED = Statement(
    insert(DETECTIONS)
    .from_select(
        ["alert_id", "source", "fact_at"],
        sa.select(ALERTS.c.id, ALERTS.c.source, bind("fact_at", sa.BigInteger())).where(
            ALERTS.c.id == bind("of_alert")
        ),
    )
    .on_conflict_do_nothing(),
    each=("of_alert",),
)
_FIRST_SHOWN = Statement(
    sa.update(DETECTIONS)
    .where(_D.alert_id == bind("of_alert"), _D.shown_at.is_(None))
    .values(shown_at=bind("now", sa.BigInteger()))
)
_DETECTIONS = Statement(
    sa.select(_D.source, _D.fact_at, _D.shown_at)
    .join(ALERTS, ALERTS.c.id == _D.alert_id)
    .where(sa.or_(_D.shown_at >= bind("since"), sa.and_(_D.shown_at.is_(None), sa.text(LIVE))))
)
_SHOWN_SINCE = Statement(
    sa.select(_D.source, _D.fact_at, _D.shown_at).where(_D.shown_at > bind("since")).order_by(_D.shown_at)
)
_FORGET_DETECTIONS = Statement(
    sa.delete(DETECTIONS).where(
        sa.or_(_D.shown_at < bind("before"), sa.and_(_D.shown_at.is_(None), _D.fact_at < bind("before")))
    )
)


class HistoryReader(SqlReader):
    def readings(self, since: datetime) -> list[Reading]:
        """Which readings held at that moment or later; of what is over in its source, only what was read since."""
        when = micros(since)
        earlier = [
            Reading(source, ident, kind, moment(seen), moment(until), Ended(ended), row)
            for source, ident, kind, seen, until, ended, row in self.db.all(_EARLIER, since=when)
        ]
        present = (
            Reading(source, ident, kind, moment(seen))
            for source, ident, kind, seen in self.db.all(_PRESENT, since=when)
        )
        return [*earlier, *present]

    def read_earlier(self, rows: Sequence[int]) -> dict[int, Record]:
        """The masked records of earlier readings; those that are kept no more are left out."""
        return {row[0]: from_data(BLANK | loads(row[1])) for row in self.db.all_in(_DATA, rows)}

    def detections(self, since: datetime) -> list[Detection]:
        """Those whose first card came since, and those that wait for it; what is over and had none is left out."""
        return [_detection(*row) for row in self.db.all(_DETECTIONS, since=micros(since))]

    def shown_since(self, at: datetime) -> list[Detection]:
        """Those whose first card came after that moment, in this order."""
        return [_detection(*row) for row in self.db.all(_SHOWN_SINCE, since=micros(at))]


def _detection(source: str, fact_at: int, shown_at: int | None) -> Detection:
    return Detection(source, moment(fact_at), moment_or_none(shown_at))


class HistoryWork(HistoryReader):
    def keep_readings(self, rows: Sequence[StoredRecord], until: datetime, ended: Ended) -> None:
        """What these records were until now. They have to be masked."""
        if rows:
            self.db.many(_KEEP, [_values(row, micros(until), ended) for row in rows])

    def drop_readings(self, before: datetime, most: int, limit: int) -> datetime | None:
        """Forgets the oldest: those that ended before, and those beyond `most`; `limit` of them at a time.

        When the last of them ended, from which on all is still there; None where nothing had to go.
        """
        beyond, ended = int(self.db.scalar(_NEWEST) or 0) - most, micros(before)
        old = [row for row in self.db.all(_OLDEST, limit=limit) if row[1] < ended or row[0] <= beyond]
        if not old:
            return None
        self.db.later(_DROP, last=old[-1][0])
        return moment(max(until for _, until in old))

    def detected(self, alert_id: int, fact_at: datetime) -> None:
        """What the alert tells came to be then; how long it takes to its first card is counted."""
        self.db.later(_DETECTED, of_alert=alert_id, fact_at=micros(fact_at))

    def first_shown(self, alert_id: int, now: datetime) -> None:
        """A card of the alert is in a chat; only the first one counts."""
        self.db.later(_FIRST_SHOWN, of_alert=alert_id, now=micros(now))

    def forget_detections(self, before: datetime) -> None:
        self.db.later(_FORGET_DETECTIONS, before=micros(before))


def _values(row: StoredRecord, until: int, ended: Ended) -> dict[str, object]:
    record = row.record
    known = (record.source, record.id, kind_of(record), micros(row.seen_at), until, ended.value, dumps(to_data(record)))
    return dict(zip(_KEPT, known, strict=True))
