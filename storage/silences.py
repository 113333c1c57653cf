"""Silences: what is held for a while, and who said so."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from deskbell.core.silence import Silence
from storage.codec import dumps, loads_or_empty, micros, moment, moment_or_none
from storage.reader import SqlReader
from storage.schema import LASTING, SILENCES
from storage.sql import Row, Statement, bind, insert

_S = SILENCES.c
_COLUMNS = ("id", "matchers", "reason", "person_id", "approved_by", "begins_at", "ends_at", "ended_at")
_ALL = tuple(SILENCES.c[name] for name in _COLUMNS)
_LAST = Statement(sa.select(*_ALL).where(sa.text(LASTING)).order_by(_S.ends_at, _S.id), held="wait")
_ONE = Statement(sa.select(*_ALL).where(_S.id == bind("id")))
_ADD = Statement(insert(SILENCES).returning(_S.id), list(_COLUMNS[1:]))
_END = Statement(
    sa.update(SILENCES).where(_S.id == bind("row_id"), sa.text(LASTING)).values(ended_at=bind("now", sa.BigInteger()))
)


def _silence_of(row: Row) -> Silence:
    ident, matchers, reason, person, approved_by, begins_at, ends_at, ended_at = row
    return Silence(
        matchers={field: tuple(patterns) for field, patterns in loads_or_empty(matchers).items()},
        reason=reason,
        begins_at=moment(begins_at),
        ends_at=moment(ends_at),
        person=person,
        approved_by=approved_by,
        ended_at=moment_or_none(ended_at),
        id=ident,
    )


class SilenceReader(SqlReader):
    def silences(self) -> list[Silence]:
        """Those that nobody has ended and that were not seen to run out, the first to end first."""
        return [_silence_of(row) for row in self.db.all(_LAST)]

    def silence(self, silence_id: int) -> Silence | None:
        row = self.db.one(_ONE, id=silence_id)
        return _silence_of(row) if row else None


class SilenceWork(SilenceReader):
    def add_silence(self, silence: Silence) -> Silence:
        row = self.db.one(
            _ADD,
            matchers=dumps(silence.matchers),
            reason=silence.reason,
            person_id=silence.person,
            approved_by=silence.approved_by,
            begins_at=micros(silence.begins_at),
            ends_at=micros(silence.ends_at),
            ended_at=None,
        )
        return replace(silence, id=row[0]) if row else silence

    def end_silence(self, silence_id: int, now: datetime) -> bool:
        """False where it has ended before."""
        return self.db.count(_END, row_id=silence_id, now=micros(now)) == 1
