"""What is written of sources and their records."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from deskbell.core.ports import Hint, SourceState, StoredRecord
from storage.codec import micros, micros_or_none, record_values, source_values
from storage.reader import SqlReader
from storage.schema import HINTS, HOOK_CALLS, QUARANTINE, RECORDS, SOURCES, TIES
from storage.sql import Statement, bind, insert, insert_new, upsert

_SAVE_SOURCE = upsert(SOURCES, "name")
_SAVE_RECORD = upsert(RECORDS, "source", "record_id")
_SET_DUE = Statement(
    sa.update(RECORDS)
    .where(RECORDS.c.source == bind("from_source"), RECORDS.c.record_id == bind("row_id"))
    .values(due_at=bind("next"))
)
_FORGET_RECORD = Statement(
    sa.delete(RECORDS).where(RECORDS.c.source == bind("from_source"), RECORDS.c.record_id == bind("row_id"))
)
_TIE = insert_new(TIES)
_UNTIE = Statement(sa.delete(TIES).where(TIES.c.source == bind("from_source"), TIES.c.record_id == bind("row_id")))
_ANY_QUARANTINED = Statement(sa.select(QUARANTINE.c.record_id).where(QUARANTINE.c.source == bind("source")).limit(1))
_RELEASE = Statement(
    sa.delete(QUARANTINE).where(
        QUARANTINE.c.source == bind("source"),
        QUARANTINE.c.record_id == bind("record_id"),
        QUARANTINE.c.last_at < bind("seen_at"),
    )
)
_new_bad = insert(QUARANTINE)
_QUARANTINE = Statement(
    _new_bad.on_conflict_do_update(
        index_elements=["source", "record_id"],
        set_={
            "error": _new_bad.excluded.error,
            "raw": _new_bad.excluded.raw,
            "last_at": _new_bad.excluded.last_at,
            "times": QUARANTINE.c.times + 1,
        },
    ),
    [column.name for column in QUARANTINE.columns],
)
_HINT = upsert(HINTS, "source", "record_id")
_DROP_HINT = Statement(
    sa.delete(HINTS).where(
        HINTS.c.source == bind("from_source"), HINTS.c.record_id == bind("row_id"), HINTS.c.mark == bind("read_mark")
    )
)
_HINTED = Statement(sa.select(sa.func.count()).select_from(HINTS).where(HINTS.c.source == bind("source")))
_CALLED = insert_new(HOOK_CALLS)
_FORGET_CALLS = Statement(sa.delete(HOOK_CALLS).where(HOOK_CALLS.c.at < bind("since")))
_RAW = 64 * 1024  # of a row that could not be read, so much is kept


class RecordWork(SqlReader):
    def save_source(self, state: SourceState) -> None:
        self.db.later(_SAVE_SOURCE, **source_values(state))

    def save_records(self, rows: Sequence[StoredRecord]) -> None:
        if not rows:
            return
        values = [record_values(row) for row in rows]
        self.db.many(_SAVE_RECORD, values)
        if any(self.db.one(_ANY_QUARANTINED, source=source) for source in {row["source"] for row in values}):
            self.db.many(_RELEASE, values)

    def set_due(self, source: str, record_id: str, due_at: datetime | None) -> None:
        self.db.later(_SET_DUE, from_source=source, row_id=record_id, next=micros_or_none(due_at))

    def forget_record(self, source: str, record_id: str) -> None:
        """It is gone from its source. Its alerts and what was said of it stay."""
        self.db.later(_FORGET_RECORD, from_source=source, row_id=record_id)
        self.db.later(_UNTIE, from_source=source, row_id=record_id)

    def save_ties(self, source: str, record_id: str, ties: Collection[str]) -> None:
        """By these the record is found from now on (`related`), and by no others."""
        self.db.later(_UNTIE, from_source=source, row_id=record_id)
        if ties:
            self.db.many(_TIE, [{"tie": tie, "source": source, "record_id": record_id} for tie in sorted(ties)])

    def quarantine(self, source: str, record_id: str, error: str, raw: str, at: datetime) -> None:
        when = micros(at)
        self.db.later(
            _QUARANTINE,
            source=source,
            record_id=record_id,
            error=error,
            raw=raw[:_RAW],
            first_at=when,
            last_at=when,
            times=1,
        )

    # ------------------------------------------------------------ what hooks say

    def first_call(self, call: str, at: datetime, since: datetime) -> bool:
        """Notes a hook's call; False when it was noted before. Those before `since` are forgotten."""
        self.db.later(_FORGET_CALLS, since=micros(since))
        return self.db.count(_CALLED, call=call, at=micros(at)) == 1

    def hint(self, hint: Hint, at: datetime) -> None:
        self.db.later(_HINT, source=hint.source, record_id=hint.record_id, mark=hint.mark, at=micros(at))

    def drop_hints(self, hints: Sequence[Hint]) -> None:
        """These were followed; one that was given anew since stays."""
        for hint in hints:
            self.db.later(_DROP_HINT, from_source=hint.source, row_id=hint.record_id, read_mark=hint.mark)

    def count_hints(self, source: str) -> int:
        return int(self.db.scalar(_HINTED, source=source))
