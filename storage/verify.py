"""Whether the audit is what was written: nothing changed, left out, put in, swapped, stamped anew or cut off.

It reads in short batches (a long read would keep the write-ahead log from being emptied), and tells the first place
that is wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from storage import headfile
from storage.audit import GENESIS, START, Head, canonical, value_digest
from storage.backend import Backend, backend_of
from storage.schema import AUDIT, AUDIT_HEADS, AUDIT_VALUES
from storage.sql import Db, Row, Statement, bind

_BATCH = 2000
_NOTHING = "{}"  # an entry without personal values, as most are

_ENTRIES = Statement(sa.select(*AUDIT.c).where(AUDIT.c.seq > bind("after")).order_by(AUDIT.c.seq).limit(bind("limit")))
_HEADS = Statement(
    sa.select(*AUDIT_HEADS.c)
    .where(AUDIT_HEADS.c.number > bind("after"))
    .order_by(AUDIT_HEADS.c.number)
    .limit(bind("limit"))
)
_VALUES = Statement(
    sa.select(*AUDIT_VALUES.c)
    .where(AUDIT_VALUES.c.seq > bind("after"), AUDIT_VALUES.c.seq <= bind("last"))
    .order_by(AUDIT_VALUES.c.seq)
)
_VALUE_NAMES = tuple(column.name for column in AUDIT_VALUES.columns)
_ENDS = Statement(
    sa.select(
        sa.select(sa.func.coalesce(sa.func.max(AUDIT.c.seq), 0)).scalar_subquery(),
        sa.select(sa.func.coalesce(sa.func.max(AUDIT_HEADS.c.seq), 0)).scalar_subquery(),
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`count` entries are whole up to the first fault; `where` is its number in the chain, `why` says it for people."""

    ok: bool
    count: int
    where: int | None = None
    why: str = ""
    erased: int = 0  # personal values that were deleted, as the law may ask


class _Wrong(Exception):
    def __init__(self, where: int, why: str) -> None:
        super().__init__(why)
        self.where = where
        self.why = why


def verify(url: str, *, audit_key: bytes, head_file: Path | None) -> Verdict:
    """Checks the whole chain of a database that may be in use. It reads only, and needs no running Deskbell."""
    backend = backend_of(url)
    kept = headfile.newest(head_file, audit_key) if head_file else None  # first: it never leads the database
    connection = backend.connect_reading()
    try:
        return _verified(backend, connection, audit_key, head_file, kept)
    except backend.errors:  # what can't even be read is looked at by a slower reader, which shows where it is
        connection.close()
        connection = backend.connect_checking()
        return _verified(backend, connection, audit_key, head_file, kept, broken=True)
    finally:
        connection.close()


def _verified(
    backend: Backend,
    connection: Any,
    audit_key: bytes,
    head_file: Path | None,
    kept: Head | None,
    *,
    broken: bool = False,
) -> Verdict:
    walk = _Walk(Db(connection, backend), audit_key, kept)
    try:
        walk.entries()
        walk.end()
        if head_file and kept is None:
            raise _Wrong(walk.count, _no_head(head_file))
        _check_triggers(backend, connection, walk.count)
    except _Wrong as wrong:
        return Verdict(ok=False, count=walk.count, where=wrong.where, why=wrong.why, erased=walk.erased)
    except backend.errors as error:
        if not broken:
            raise
        why = f"After entry {walk.count} the database is damaged: {error}."
        return Verdict(ok=False, count=walk.count, where=walk.count + 1, why=why, erased=walk.erased)
    return Verdict(ok=True, count=walk.count, erased=walk.erased)


def export(url: str, *, personal: bool = False) -> Iterator[str]:
    """The audit as lines of JSON: each entry exactly as it was hashed, with its hash; each seal behind its entries.

    `personal` adds the personal values that are kept apart, as `values`.
    """
    backend = backend_of(url)
    connection = backend.connect_reading()
    try:
        db = Db(connection, backend)
        seals = _seals(db)
        seal = next(seals, None)
        for rows, values in _entries(db):
            for row in rows:
                yield _line(row, values.get(row[0], ()) if personal else ())
                if seal and seal.seq == row[0]:
                    yield orjson.dumps({"seal": {name: getattr(seal, name) for name in Head.__slots__}}).decode()
                    seal = next(seals, None)
    finally:
        connection.close()


def _line(row: Row, values: Sequence[Mapping[str, Any]]) -> str:
    more: dict[str, Any] = {"entry": orjson.Fragment(canonical(*row[:-1])), "hash": row[-1]}
    if values:
        more["values"] = {value["name"]: value["value"] for value in values}
    return orjson.dumps(more).decode()


class _Walk:
    """Goes through the chain once. `count` entries were found whole."""

    def __init__(self, db: Db, key: bytes, kept: Head | None) -> None:
        self._db = db
        self._key = key
        self._kept = kept
        self._heads = _seals(db)
        self._before = START
        self._hash = GENESIS
        self._sealed = 0
        self.count = 0
        self.erased = 0

    def entries(self) -> None:
        """Only as far as the last seal that was there at the start: a running Deskbell goes on writing."""
        head = self._next_head()
        for rows, values in _entries(self._db):
            for row in rows:
                if head is None:
                    return
                self._entry(row, values.get(row[0], ()) if values else ())
                if self.count == head.seq:
                    self._close(head)
                    head = self._next_head()
        if head is not None:
            raise _Wrong(self.count + 1, f"Entry {self.count + 1} is missing: a seal says that there were {head.seq}.")

    def _next_head(self) -> Head | None:
        """The next seal, which must be genuine itself before it can say anything of the entries."""
        head = next(self._heads, None)
        if head is None:
            return None
        genuine = (
            head.fits(self._key)
            and head.number == self._before.number + 1
            and head.seq - head.count == self._before.seq
            and head.prev == self._before.mac
        )
        if not genuine:
            first = self._before.seq + 1
            raise _Wrong(
                first,
                f"The seal over entry {first} and what follows is not genuine: somebody wrote there without the key, "
                "or a seal was changed or removed, or this is another key.",
            )
        return head

    def _entry(self, row: Row, values: Sequence[Mapping[str, Any]]) -> None:
        """A million of them are to be seen within seconds: nothing here is done twice, or for nothing."""
        seq = self.count + 1
        number, at, actor, verb, alert_id, data, personal, prev, its_hash = row
        if number != seq:
            raise _Wrong(seq, f"Entry {seq} is missing: the next one there is {number}.")
        if prev != self._hash:
            raise _Wrong(seq, f"Entry {seq} does not follow the one before it: one of the two was changed or put in.")
        try:
            made = sha256(canonical(seq, at, actor, verb, alert_id, data, personal, prev)).hexdigest()
            whole = made == its_hash and _is_object(data) and (personal == _NOTHING or _is_object(personal))
        except (TypeError, ValueError):  # a value of a kind that no entry holds
            whole = False
        if not whole:
            raise _Wrong(seq, f"Entry {seq} was changed: it is not what its hash says.")
        if values or personal != _NOTHING:
            self.erased += _check_values(seq, personal, values)
        self._hash = its_hash
        self.count = seq

    def _close(self, head: Head) -> None:
        first = self._before.seq + 1
        if head.hash != self._hash:
            raise _Wrong(first, f"Entries {first} to {head.seq} are not those that were sealed.")
        if self._kept and head.number == self._kept.number and head != self._kept:
            raise _Wrong(first, f"Entries {first} to {head.seq} are not those that the head file knows.")
        self._before = head

    def end(self) -> None:
        """What lies behind the last seal, and what the file outside the database knows of it."""
        if self._kept and self._kept.number > self._before.number:
            raise _Wrong(
                self.count + 1,
                f"The end was cut off: there are {self.count} entries, and the head file knows of {self._kept.seq}.",
            )
        last, last_sealed = self._db.one(_ENDS) or (0, 0)
        if last != last_sealed:
            raise _Wrong(last_sealed + 1, f"Entry {last_sealed + 1} has no seal: Deskbell did not write it.")


def _is_object(text: str) -> bool:
    """By itself: else what stands between two of them could be moved from one to the other."""
    return type(orjson.loads(text)) is dict


def _check_values(seq: int, personal: str, values: Sequence[Mapping[str, Any]]) -> int:
    """How many of the entry's personal values were erased. Those that are left must be the ones it was written with."""
    known = orjson.loads(personal)
    for value in values:
        mark = known.pop(value["name"], None)
        try:
            digest = value_digest(value["ref"], value["salt"], value["name"], value["value"])
        except TypeError:
            digest = ""
        if not mark or mark["ref"] != value["ref"] or mark["sha256"] != digest:
            raise _Wrong(seq, f"A personal value of entry {seq} ({value['name']!r}) was changed or put in.")
    return len(known)


def _check_triggers(backend: Backend, connection: Any, count: int) -> None:
    if missing := backend.missing_triggers(connection):
        why = f"All {count} entries are whole, but what protects them was removed or changed: {', '.join(missing)}."
        raise _Wrong(count, why)


def _no_head(path: Path) -> str:
    state = "is damaged, or of another audit key" if path.exists() else "is missing"
    return f"The head file {path} {state}, so that nobody can tell whether entries were cut off at the end."


def _entries(db: Db) -> Iterator[tuple[Sequence[Row], Mapping[Any, Sequence[Mapping[str, Any]]]]]:
    """By the batch, with the personal values of each."""
    after = 0
    while rows := db.all(_ENTRIES, after=after, limit=_BATCH):
        values: dict[Any, list[Mapping[str, Any]]] = {}
        for value in db.all(_VALUES, after=after, last=rows[-1][0]):
            named = dict(zip(_VALUE_NAMES, value, strict=True))
            values.setdefault(named["seq"], []).append(named)
        yield rows, values
        after = rows[-1][0]


def _seals(db: Db) -> Iterator[Head]:
    after = 0
    while rows := db.all(_HEADS, after=after, limit=_BATCH):
        yield from (Head(*row) for row in rows)
        after = rows[-1][0]
