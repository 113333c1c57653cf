"""The audit chain: appended in the same commit as what it tells of, sealed once a commit.

An entry is canonical JSON of {actor, alert, at, data, personal, prev, seq, verb}; its hash is the SHA-256 of that,
and `prev` is the hash before it. A head seals a commit: HMAC-SHA256, with a key that is not in the database, over
{at, count, hash, number, prev, seq}. Personal values are not in the chain, but salted digests of them are.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from deskbell.core.ports import AuditRow, Entry
from deskbell.net.faults import point
from storage import locks
from storage.codec import dumps, loads, micros, moment
from storage.schema import AUDIT, AUDIT_HEADS, AUDIT_VALUES
from storage.sql import Db, Row, Statement, bind, sized, storable, within

GENESIS = "0" * 64
_NOBODY = "{}"  # in the column of personal values: the entry has none

_COLUMNS = (AUDIT.c.seq, AUDIT.c.at, AUDIT.c.actor, AUDIT.c.verb, AUDIT.c.alert_id, AUDIT.c.data, AUDIT.c.personal)
_ROW = (*_COLUMNS, AUDIT.c.hash)

_TAIL = Statement(sa.select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1))
_LAST_HEAD = Statement(sa.select(*AUDIT_HEADS.c).order_by(AUDIT_HEADS.c.number.desc()).limit(1))
_HEAD_AT = Statement(sa.select(*AUDIT_HEADS.c).where(AUDIT_HEADS.c.number == bind("number")))
_APPEND = Statement(sa.insert(AUDIT), [column.name for column in AUDIT.columns], each=("seq",))
_APPEND_VALUE = Statement(sa.insert(AUDIT_VALUES), [column.name for column in AUDIT_VALUES.columns], each=("ref",))
_SEAL = Statement(sa.insert(AUDIT_HEADS), [column.name for column in AUDIT_HEADS.columns])
_STORY = Statement(
    sa.select(*_ROW).where(AUDIT.c.alert_id == bind("alert_id")).order_by(AUDIT.c.seq.desc()).limit(bind("limit"))
)
_AFTER = Statement(sa.select(*_ROW).where(AUDIT.c.seq > bind("after")).order_by(AUDIT.c.seq).limit(bind("limit")))
_COUNT = Statement(sa.select(sa.func.coalesce(sa.func.max(AUDIT.c.seq), 0)))
_VALUES_OF = sized(
    lambda size: sa.select(AUDIT_VALUES.c.seq, AUDIT_VALUES.c.name, AUDIT_VALUES.c.value).where(
        within(AUDIT_VALUES.c.seq, size)
    )
)


@dataclass(frozen=True, slots=True)
class Head:
    """One seal: with commit `number`, which brought `count` entries, there were `seq`, the last of them with `hash`."""

    number: int
    seq: int
    count: int
    at: int
    hash: str
    prev: str
    mac: str

    def fits(self, key: bytes) -> bool:
        """Whether the holder of the key made it."""
        try:
            return hmac.compare_digest(self.mac.encode(), _mac(key, self).encode())
        except (TypeError, AttributeError, UnicodeEncodeError):  # a column holds what no head ever held
            return False


START = Head(number=0, seq=0, count=0, at=0, hash=GENESIS, prev=GENESIS, mac=GENESIS)


def canonical(
    seq: int, at: int, actor: str, verb: str, alert_id: int, data: str, personal: str, prev: str
) -> bytes:  # fmt: skip
    """What is hashed of an entry, from its columns in their order."""
    return orjson.dumps(
        {
            "actor": actor,
            "alert": alert_id,
            "at": at,
            "data": orjson.Fragment(data),
            "personal": orjson.Fragment(personal),
            "prev": prev,
            "seq": seq,
            "verb": verb,
        }
    )


def value_digest(ref: str, salt: str, name: str, value: str) -> str:
    """What the chain knows of a personal value. The salt is erased with the value; the digest then says nothing."""
    return hashlib.sha256(orjson.dumps([ref, salt, name, value])).hexdigest()


def last_head(db: Db) -> Head:
    row = db.one(_LAST_HEAD)
    return Head(*row) if row else START


class Chain:
    """The entries of one transaction. Hashes are computed when it is to be committed, or when it reads its own."""

    def __init__(self, db: Db, key: bytes) -> None:
        self._db = db
        self._key = key
        self._pending: list[tuple[Entry, datetime]] = []
        self._written = 0
        self._last = (0, GENESIS)  # what this transaction wrote last: number and hash

    def append(self, entry: Entry, at: datetime) -> None:
        point("audit.append.before")
        self._pending.append((entry, at))

    def flush(self) -> None:
        """Writes the entries that were appended so far."""
        if not self._pending:
            return
        self._db.hold(locks.AUDIT)
        seq, prev = self._db.one(_TAIL) or (0, GENESIS)
        rows, values = [], []
        for entry, at in self._pending:
            seq += 1
            row, kept = _row(entry, micros(at), seq, prev)
            prev = row["hash"]
            rows.append(row)
            values += kept
        self._db.many(_APPEND, rows)
        if values:
            self._db.many(_APPEND_VALUE, values)
        self._written += len(rows)
        self._last = seq, prev
        self._pending.clear()
        point("audit.append.after")

    def seal(self, at: datetime) -> Head | None:
        """The head over all that this transaction appended; None when it was nothing."""
        self.flush()
        if not self._written:
            return None
        seq, last_hash = self._last
        head = sealed(self._key, last_head(self._db), seq, self._written, last_hash, micros(at))
        self._db.later(_SEAL, **{name: getattr(head, name) for name in Head.__slots__})
        return head


def sealed(key: bytes, before: Head, seq: int, count: int, last_hash: str, at: int) -> Head:
    """The seal over the `count` entries that a commit wrote; what somebody else put in before them stays outside."""
    head = Head(before.number + 1, seq, count, at, last_hash, before.mac, "")
    return replace(head, mac=_mac(key, head))


def zero(key: bytes) -> Head:
    """The head of an empty audit, for the file outside."""
    return Head(0, 0, 0, 0, GENESIS, GENESIS, _mac(key, START))


def head_at(db: Db, number: int) -> Head | None:
    row = db.one(_HEAD_AT, number=number)
    return Head(*row) if row else None


def _mac(key: bytes, head: Head) -> str:
    body = {name: getattr(head, name) for name in ("at", "count", "hash", "number", "prev", "seq")}
    return hmac.digest(key, orjson.dumps(body), "sha256").hex()


def _row(entry: Entry, at: int, seq: int, prev: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kept, personal = _personal(entry.personal, seq) if entry.personal else ([], _NOBODY)
    actor, verb, data = storable(entry.actor), storable(entry.verb), dumps(entry.data)
    its_hash = hashlib.sha256(canonical(seq, at, actor, verb, entry.alert_id, data, personal, prev)).hexdigest()
    row = {
        "seq": seq,
        "at": at,
        "actor": actor,
        "verb": verb,
        "alert_id": entry.alert_id,
        "data": data,
        "personal": personal,
        "prev": prev,
        "hash": its_hash,
    }
    return row, kept


def _personal(values: Mapping[str, str], seq: int) -> tuple[list[dict[str, Any]], str]:
    """The values as they are kept apart, and what the entry says of them."""
    kept = [_value(seq, name, value) for name, value in values.items()]
    digests = {
        value["name"]: {
            "ref": value["ref"],
            "sha256": value_digest(value["ref"], value["salt"], value["name"], value["value"]),
        }
        for value in kept
    }
    return kept, dumps(digests)


def _value(seq: int, name: str, value: str) -> dict[str, Any]:
    return {
        "ref": secrets.token_hex(8),
        "seq": seq,
        "name": storable(name),
        "salt": secrets.token_hex(16),
        "value": storable(str(value)),
    }


# ---------------------------------------------------------------- reading


def story(db: Db, alert_id: int, limit: int) -> list[AuditRow]:
    return _rows_of(db, db.all(_STORY, alert_id=alert_id, limit=limit)[::-1])


def stories(db: Db, alert_ids: Sequence[int], limit: int) -> dict[int, list[AuditRow]]:
    """The same for several alerts."""
    asked = [(_STORY, {"alert_id": alert_id, "limit": limit}) for alert_id in alert_ids]
    found = [row for answer in db.ask(*asked) for row in answer[::-1]]
    told: dict[int, list[AuditRow]] = {alert_id: [] for alert_id in alert_ids}
    for row in _rows_of(db, found):
        told[row.entry.alert_id].append(row)
    return told


def rows(db: Db, after: int, limit: int) -> list[AuditRow]:
    return _rows_of(db, db.all(_AFTER, after=after, limit=limit))


def count(db: Db) -> int:
    return int(db.scalar(_COUNT))


def _rows_of(db: Db, found: Sequence[Row]) -> list[AuditRow]:
    with_values = [row[0] for row in found if row[6] != _NOBODY]
    values: dict[int, dict[str, str]] = {}
    for seq, name, value in db.all_in(_VALUES_OF, with_values) if with_values else ():
        values.setdefault(seq, {})[name] = value
    return [_audit_row(row, values.get(row[0], {})) for row in found]


def _audit_row(row: Row, personal: Mapping[str, str]) -> AuditRow:
    seq, at, actor, verb, alert_id, data, _digests, its_hash = row
    return AuditRow(seq, moment(at), Entry(actor, verb, alert_id, loads(data), personal), its_hash)
