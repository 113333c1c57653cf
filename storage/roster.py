"""Shifts and rings in the database: what was agreed about duty, how people want to be rung, and what works."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deskbell.core.duty import Agreed, Kind
from deskbell.core.prefs import Proof
from storage.codec import dumps, loads, micros, micros_or_none, moment, moment_or_none
from storage.reader import SqlReader
from storage.schema import DUTY, FEEDS, PREFS, PROOFS
from storage.sql import Row, Statement, bind, insert_new, upsert

_AGREED = (
    DUTY.c.key, DUTY.c.kind, DUTY.c.rota, DUTY.c.person_id, DUTY.c.start_at, DUTY.c.end_at, DUTY.c.instead_of,
    DUTY.c.settled,
)  # fmt: skip
_SINCE = Statement(sa.select(*_AGREED).where(DUTY.c.end_at > bind("since")).order_by(DUTY.c.id))
_OF_KEY = Statement(sa.select(*_AGREED).where(DUTY.c.key == bind("of_key")).order_by(DUTY.c.id))
_ADD = insert_new(
    DUTY, ["key", "kind", "rota", "person_id", "instead_of", "start_at", "end_at", "settled"],
)  # fmt: skip
_DROP = Statement(sa.delete(DUTY).where(DUTY.c.key == bind("of_key")))

_PREFS = Statement(sa.select(PREFS.c.person_id, PREFS.c.data))
_SAVE_PREFS = upsert(PREFS, "person_id")

_PROOFS = Statement(
    sa.select(PROOFS.c.way, PROOFS.c.asked_at, PROOFS.c.proven_at, PROOFS.c.code)
    .where(PROOFS.c.person_id == bind("of_person"))
    .order_by(PROOFS.c.way)
)
_SAVE_PROOF = upsert(PROOFS, "person_id", "way")

_FEED = Statement(sa.select(FEEDS.c.person_id).where(FEEDS.c.digest == bind("of_digest")))
_SAVE_FEED = upsert(FEEDS, "person_id")
_FORGET_FEED = Statement(sa.delete(FEEDS).where(FEEDS.c.person_id == bind("of_person")))


class RosterReader(SqlReader):
    def agreed(self, since: datetime) -> list[Agreed]:
        return [_agreed(row) for row in self.db.all(_SINCE, since=micros(since))]

    def agreed_as(self, key: str) -> list[Agreed]:
        return [_agreed(row) for row in self.db.all(_OF_KEY, of_key=key)]

    def prefs(self) -> dict[str, Mapping[str, Any]]:
        return {person: loads(data) for person, data in self.db.all(_PREFS)}

    def proofs(self, person_id: str) -> dict[str, Proof]:
        rows = self.db.all(_PROOFS, of_person=person_id)
        return {way: Proof(moment_or_none(asked), moment_or_none(proven), code) for way, asked, proven, code in rows}

    def feed_of(self, digest: str) -> str | None:
        row = self.db.one(_FEED, of_digest=digest)
        return row[0] if row else None


class RosterWork(RosterReader):
    def agree(self, key: str, stretches: Sequence[Agreed]) -> None:
        self.db.run(_DROP, of_key=key)
        for one in stretches:
            self.db.run(
                _ADD,
                key=key,
                kind=one.kind.value,
                rota=one.rota,
                person_id=one.person,
                instead_of=one.instead_of,
                start_at=micros(one.start),
                end_at=micros(one.end),
                settled=one.settled,
            )

    def save_prefs(self, person_id: str, data: Mapping[str, Any]) -> None:
        self.db.run(_SAVE_PREFS, person_id=person_id, data=dumps(data))

    def save_proof(self, person_id: str, way: str, proof: Proof) -> None:
        asked, proven = micros_or_none(proof.asked_at), micros_or_none(proof.proven_at)
        self.db.run(_SAVE_PROOF, person_id=person_id, way=way, asked_at=asked, proven_at=proven, code=proof.code)

    def save_feed(self, person_id: str, digest: str, at: datetime) -> None:
        if digest:
            self.db.run(_SAVE_FEED, person_id=person_id, digest=digest, made_at=micros(at))
        else:
            self.db.run(_FORGET_FEED, of_person=person_id)


def _agreed(row: Row) -> Agreed:
    key, kind, rota, person, start, end, instead_of, settled = row
    return Agreed(key, Kind(kind), rota, person, moment(start), moment(end), instead_of, bool(settled))
