"""Customers in the database: their addresses, the ledger of what they agreed to, and what they were told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deskbell.core.customer import (
    Address,
    Consent,
    Customer,
    Letter,
    Medium,
    Purpose,
    Stage,
    Step,
)
from storage.codec import dumps, loads_or_empty, micros, micros_or_none, moment, moment_or_none
from storage.customer_schema import ADDRESSES, CONSENTS, CUSTOMERS, LETTER_STEPS, LETTERS
from storage.reader import SqlReader
from storage.schema import AUDIT, AUDIT_VALUES, DISPATCHES
from storage.sql import Row, Statement, bind, insert, literally, upsert

_A, _C, _L, _S = ADDRESSES.c, CONSENTS.c, LETTERS.c, LETTER_STEPS.c
_CUSTOMER = Statement(sa.select(*CUSTOMERS.c).where(CUSTOMERS.c.id == bind("id")))
_ADDRESS = Statement(sa.select(*_A).where(_A.medium == bind("medium"), _A.address == bind("address")))
_ADDRESSES = Statement(sa.select(*_A).where(_A.customer_id == bind("customer_id")).order_by(_A.medium, _A.address))
_EVERY_ADDRESS = Statement(sa.select(*_A).order_by(_A.customer_id, _A.medium, _A.address).limit(bind("limit")))
_SAVE_ADDRESS = upsert(ADDRESSES, "medium", "address")
_FORGET_ADDRESSES = Statement(sa.delete(ADDRESSES).where(_A.customer_id == bind("of_customer")))
_NEW_CUSTOMER = Statement(insert(CUSTOMERS).returning(CUSTOMERS.c.id), ["language", "zone", "ways", "quiet", "mark"])
_SAVE_CUSTOMER = upsert(CUSTOMERS, "id")
_FORGET_CUSTOMER = Statement(sa.delete(CUSTOMERS).where(CUSTOMERS.c.id == bind("row_id")))
_LEDGER = Statement(sa.select(*_C).where(_C.who == bind("who")).order_by(_C.id))
_WHOLE_LEDGER = Statement(sa.select(*_C).where(_C.id > bind("after")).order_by(_C.id).limit(bind("limit")))
_CONSENT = Statement(sa.insert(CONSENTS), [column.name for column in CONSENTS.columns if column.name != "id"])
_COLUMNS = [column.name for column in LETTERS.columns]
_NEW_LETTER = Statement(insert(LETTERS).on_conflict_do_nothing().returning(_L.id), _COLUMNS[1:])
_CHANGED = ("alert_id", "language", "version", "stage", "medium", "basis", "why", "tried", "platform", "vendor_id",
            "text", "address", "until", "owed_by", "updated_at")  # fmt: skip
_SAVE_LETTER = Statement(
    sa.update(LETTERS).where(_L.id == bind("row_id")).values({name: bind(f"new_{name}") for name in _CHANGED})
)
_LETTER = Statement(sa.select(*_L).where(_L.id == bind("id")))
_BY_KEY = Statement(sa.select(_L.id).where(_L.key == bind("key")))
_BY_VENDOR = Statement(
    sa.select(*_L)
    .where(_L.platform == bind("platform"), _L.vendor_id == bind("vendor_id"), sa.text("vendor_id <> ''"))
    .order_by(_L.id.desc())
    .limit(1)
)
_OF_RECORD = Statement(
    sa.select(*_L)
    .where(_L.source == bind("source"), _L.record_id == bind("record_id"))
    .order_by(_L.id.desc())
    .limit(bind("limit"))
)
_OF_CUSTOMER = Statement(
    sa.select(*_L).where(_L.customer_id == bind("customer_id")).order_by(_L.id.desc()).limit(bind("limit"))
)
_EVERY = Statement(sa.select(*_L).where(_L.id > bind("after")).order_by(_L.id).limit(bind("limit")))
_OWED = Statement(
    sa.select(*_L)
    .where(sa.text("owed_by IS NOT NULL"), _L.owed_by <= bind("now"))
    .order_by(_L.owed_by)
    .limit(bind("limit"))
)
_ERASE_TEXTS = Statement(
    sa.update(LETTERS).where(_L.customer_id == bind("of_customer")).values(text="", address="", said="")
)
# What they wrote back: in the audit's values, and in the lines of the story that were delivered.
_ANSWERS = Statement(sa.select(AUDIT.c.seq, AUDIT.c.alert_id, AUDIT.c.data).where(AUDIT.c.verb == literally("answer")))
_ERASE_ANSWER = Statement(sa.delete(AUDIT_VALUES).where(AUDIT_VALUES.c.seq == bind("of_seq")))
_ERASE_LINES = Statement(
    sa.update(DISPATCHES)
    .where(DISPATCHES.c.alert_id == bind("of_alert"), sa.text("done_at IS NOT NULL"), DISPATCHES.c.key.like("tell:%"))
    .values(payload='{"text":""}')
)
_STEP = Statement(sa.insert(LETTER_STEPS), ["letter_id", "at", "stage", "medium", "why"])
_STEPS = Statement(sa.select(*_S).where(_S.letter_id == bind("letter_id")).order_by(_S.id))


class CustomerReader(SqlReader):
    def customer(self, customer_id: int) -> Customer | None:
        row = self.db.one(_CUSTOMER, id=customer_id)
        return _customer(row) if row else None

    def address(self, medium: Medium, value: str) -> Address | None:
        row = self.db.one(_ADDRESS, medium=medium.value, address=value)
        return _address(row) if row else None

    def addresses_of(self, customer_id: int) -> list[Address]:
        return [_address(row) for row in self.db.all(_ADDRESSES, customer_id=customer_id)]

    def every_address(self, limit: int) -> list[Address]:
        return [_address(row) for row in self.db.all(_EVERY_ADDRESS, limit=limit)]

    def ledger(self, who: str) -> list[Consent]:
        return [_consent(row) for row in self.db.all(_LEDGER, who=who)]

    def whole_ledger(self, after: int = 0, limit: int = 1000) -> list[Consent]:
        return [_consent(row) for row in self.db.all(_WHOLE_LEDGER, after=after, limit=limit)]

    def letter(self, letter_id: int) -> Letter | None:
        row = self.db.one(_LETTER, id=letter_id)
        return _letter(row) if row else None

    def letter_known(self, key: str) -> bool:
        return self.db.one(_BY_KEY, key=key) is not None

    def letter_by_vendor(self, platform: str, vendor_id: str) -> Letter | None:
        row = self.db.one(_BY_VENDOR, platform=platform, vendor_id=vendor_id) if vendor_id else None
        return _letter(row) if row else None

    def letters_of(self, source: str, record_id: str, limit: int = 20) -> list[Letter]:
        rows = self.db.all(_OF_RECORD, source=source, record_id=record_id, limit=limit)
        return [_letter(row) for row in rows]

    def letters_to(self, customer_id: int, limit: int = 50) -> list[Letter]:
        return [_letter(row) for row in self.db.all(_OF_CUSTOMER, customer_id=customer_id, limit=limit)]

    def letters(self, after: int = 0, limit: int = 1000) -> list[Letter]:
        return [_letter(row) for row in self.db.all(_EVERY, after=after, limit=limit)]

    def letters_owed(self, now: datetime, limit: int = 100) -> list[Letter]:
        return [_letter(row) for row in self.db.all(_OWED, now=micros(now), limit=limit)]

    def letter_steps(self, letter_id: int) -> list[Step]:
        rows = self.db.all(_STEPS, letter_id=letter_id)
        return [Step(row[1], moment(row[2]), Stage(row[3]), _medium(row[4]), row[5]) for row in rows]


class CustomerWork(CustomerReader):
    def new_customer(self, customer: Customer) -> Customer:
        row = self.db.one(_NEW_CUSTOMER, **_customer_values(customer))
        return Customer(**{**_fields(customer), "id": int(row[0])}) if row else customer

    def save_customer(self, customer: Customer) -> None:
        self.db.run(_SAVE_CUSTOMER, id=customer.id, **_customer_values(customer))

    def save_address(self, address: Address, failed_at: datetime | None = None) -> None:
        self.db.run(
            _SAVE_ADDRESS,
            medium=address.medium.value,
            address=address.value,
            customer_id=address.customer,
            failed_at=micros_or_none(failed_at),
        )

    def consent(self, entry: Consent) -> None:
        self.db.run(
            _CONSENT,
            who=entry.who,
            medium=entry.medium.value,
            purpose=entry.purpose,
            granted=entry.granted,
            at=micros(entry.at),
            version=entry.version,
            origin=entry.origin,
            proof=entry.proof,
            actor=entry.actor,
        )

    def new_letter(self, letter: Letter) -> int | None:
        """Its number; None where its key is known."""
        row = self.db.one(_NEW_LETTER, **_letter_values(letter))
        return int(row[0]) if row else None

    def save_letter(self, letter: Letter) -> None:
        values = _letter_values(letter)
        self.db.run(_SAVE_LETTER, row_id=letter.id, **{f"new_{name}": values[name] for name in _CHANGED})

    def letter_step(self, step: Step) -> None:
        medium = step.medium.value if step.medium else ""
        self.db.run(
            _STEP, letter_id=step.letter, at=micros(step.at), stage=step.stage.value, medium=medium, why=step.why
        )

    def erase_customer(self, customer_id: int) -> int:
        self.db.run(_ERASE_TEXTS, of_customer=customer_id)
        said = [
            (seq, alert_id)
            for seq, alert_id, data in self.db.all(_ANSWERS)
            if loads_or_empty(data).get("customer") == customer_id
        ]
        for seq, alert_id in said:
            self.db.run(_ERASE_ANSWER, of_seq=seq)
            self.db.run(_ERASE_LINES, of_alert=alert_id)
        self.db.run(_FORGET_ADDRESSES, of_customer=customer_id)
        self.db.run(_FORGET_CUSTOMER, row_id=customer_id)
        return len(said)


def _fields(customer: Customer) -> dict[str, Any]:
    return {name: getattr(customer, name) for name in ("language", "zone", "order", "quiet", "mark")}


def _customer_values(customer: Customer) -> dict[str, Any]:
    known = _fields(customer)
    return {**known, "ways": _joined(known.pop("order"))}


def _joined(media: Sequence[Medium]) -> str:
    return " ".join(media)


def _customer(row: Row) -> Customer:
    return Customer(row[0], row[1], row[2], _media(row[3]), row[4], row[5])


def _address(row: Row) -> Address:
    return Address(row[2], Medium(row[0]), row[1], row[3] is not None)


def _media(text: str) -> tuple[Medium, ...]:
    """Ways that a newer version knew are left out."""
    return tuple(Medium(word) for word in text.split() if word in tuple(Medium))


def _medium(text: str) -> Medium | None:
    return next(iter(_media(text)), None)


def _consent(row: Row) -> Consent:
    return Consent(
        id=row[0], who=row[1], medium=Medium(row[2]), purpose=row[3], granted=bool(row[4]), at=moment(row[5]),
        version=row[6], origin=row[7], proof=row[8], actor=row[9],
    )  # fmt: skip


_TIMES = ("created_at", "until", "owed_by", "updated_at")
_SAME = (
    "key", "alert_id", "name", "source", "record_id", "number", "required", "language", "zone", "version", "basis",
    "why", "platform", "vendor_id", "text", "address",
)  # fmt: skip


def _letter_values(letter: Letter) -> dict[str, Any]:
    return {
        **{name: getattr(letter, name) for name in _SAME},
        **{name: micros_or_none(getattr(letter, name)) for name in _TIMES},
        "customer_id": letter.customer,
        "purpose": letter.purpose.value,
        "said": dumps(letter.values),
        "by_whom": letter.by,
        "stage": letter.stage.value,
        "medium": letter.medium.value if letter.medium else "",
        "tried": _joined(letter.tried),
    }


def _letter(row: Row) -> Letter:
    found: Mapping[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    times: dict[str, Any] = {name: moment_or_none(found[name]) for name in _TIMES}
    return Letter(
        **{name: found[name] for name in _SAME if name != "required"},
        **times,
        id=found["id"],
        required=bool(found["required"]),
        customer=found["customer_id"],
        purpose=Purpose(found["purpose"]),
        values=loads_or_empty(found["said"]),
        by=found["by_whom"],
        stage=Stage(found["stage"]),
        medium=_medium(found["medium"]),
        tried=_media(found["tried"]),
    )
