"""What technicians were asked about their jobs, and what they answered."""

from collections.abc import Collection

import sqlalchemy as sa

from deskbell.core.asking import Asked, Say
from storage.codec import micros, micros_or_none, moment, moment_or_none
from storage.reader import SqlReader
from storage.schema import ASKED
from storage.sql import Row, Statement, bind, insert, sized, within

_A = ASKED.c
_COLUMNS = (
    "id", "key", "source", "record_id", "subject", "person_id", "technician", "at", "answer", "answered_at", "until",
)  # fmt: skip
_TIME, _TEXT = sa.BigInteger(), sa.Text()
_ALL = tuple(ASKED.c[name] for name in _COLUMNS)
_ONE = Statement(sa.select(*_ALL).where(_A.id == bind("id")))
_OF_PERSON = Statement(
    sa.select(*_ALL).where(_A.person_id == bind("person_id")).order_by(_A.at.desc(), _A.id.desc()).limit(bind("limit"))
)
_OF_RECORDS = sized(
    lambda size: (
        sa.select(*_ALL)
        .where(_A.source == bind("source"), within(_A.record_id, size))
        .order_by(_A.record_id, _A.at, _A.id)
    )
)
_ADD = Statement(insert(ASKED).on_conflict_do_nothing().returning(_A.id), list(_COLUMNS[1:]))
_ANSWER = Statement(
    sa.update(ASKED)
    .where(_A.id == bind("row_id"))
    .values(
        answer=bind("new_answer", _TEXT), answered_at=bind("new_answered_at", _TIME), until=bind("new_until", _TIME)
    )
)


def _asked_of(row: Row) -> Asked:
    ident, key, source, record_id, subject, person, technician, at, answer, answered_at, until = row
    return Asked(
        key=key,
        source=source,
        record_id=record_id,
        subject=subject,
        person=person,
        technician=technician,
        at=moment(at),
        id=ident,
        answer=Say(answer) if answer else None,
        answered_at=moment_or_none(answered_at),
        until=moment_or_none(until),
    )


class AskedReader(SqlReader):
    def asked(self, asked_id: int) -> Asked | None:
        row = self.db.one(_ONE, id=asked_id)
        return _asked_of(row) if row else None

    def asked_of(self, person_id: str, limit: int = 5) -> list[Asked]:
        """What the person was asked, the newest first."""
        return [_asked_of(row) for row in self.db.all(_OF_PERSON, person_id=person_id, limit=limit)]

    def asked_about(self, source: str, record_ids: Collection[str]) -> dict[str, list[Asked]]:
        """What was asked about each of the records, the oldest first; those without are left out."""
        found: dict[str, list[Asked]] = {}
        for row in self.db.all_in(_OF_RECORDS, sorted(record_ids), source=source) if record_ids else ():
            one = _asked_of(row)
            found.setdefault(one.record_id, []).append(one)
        return found


class AskedWork(AskedReader):
    def ask(self, asked: Asked) -> Asked | None:
        """Stores the question and returns it with its id; None when it was asked before."""
        values = {name: getattr(asked, name) for name in ("key", "source", "record_id", "subject", "technician")}
        row = self.db.one(
            _ADD, **values, person_id=asked.person, at=micros(asked.at), answer="", answered_at=None, until=None
        )
        return self.asked(row[0]) if row else None

    def save_answer(self, asked: Asked) -> None:
        self.db.count(
            _ANSWER,
            row_id=asked.id,
            new_answer=asked.answer or "",
            new_answered_at=micros_or_none(asked.answered_at),
            new_until=micros_or_none(asked.until),
        )
