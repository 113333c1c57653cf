"""The tables of customers: who they are, what they agreed to, what they were told. The others stand in schema.py."""

import sqlalchemy as sa

from storage.schema import METADATA
from storage.schema import _count as count
from storage.schema import _flag as flag
from storage.schema import _partial as partial
from storage.schema import _serial as serial
from storage.schema import _text as text
from storage.schema import _time as moment

__all__ = ["ADDRESSES", "CONSENTS", "CUSTOMERS", "LETTERS", "LETTER_STEPS", "METADATA"]

CUSTOMERS = sa.Table(
    "customers",
    METADATA,
    serial(),
    text("language"),
    text("zone"),
    text("ways", comment="those that they like best, in order"),
    sa.Column("quiet", sa.Text, comment="when nobody tells them anything, 21:00-08:00; null: as the house has it"),
    text("mark", comment="chance, in the link to their page"),
    sqlite_autoincrement=True,  # the audit names customers by their number, which may never be somebody else's
    comment="Whom letters go to. To erase somebody is to delete this row and the addresses; the ledger stays whole.",
)

ADDRESSES = sa.Table(
    "addresses",
    METADATA,
    sa.Column("medium", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True, comment="a number as E.164, mail in small letters, an id"),
    sa.Column("customer_id", sa.BigInteger, sa.ForeignKey("customers.id"), nullable=False),
    moment("failed_at", comment="refused for good then, and not tried again"),
    sa.Index("addresses_by_customer", "customer_id"),
)

CONSENTS = sa.Table(
    "consents",
    METADATA,
    serial(),
    text("who", comment="a keyed digest of medium and address: STOP holds when the address itself is erased"),
    text("medium"),
    text("purpose", comment="service | account; empty: both"),
    flag("granted"),
    moment("at", null=False),
    text("version", comment="of the words that were agreed to"),
    text("origin", comment="start | stop | page | staff | import | source"),
    text("proof"),
    text("actor"),
    sa.Index("consents_by_who", "who", "id"),
    comment="Who agreed to what and took it back, append-only by triggers. The last word counts.",
)

LETTERS = sa.Table(
    "letters",
    METADATA,
    serial(),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="of the occurrence: nobody is told it twice"),
    sa.Column("customer_id", sa.BigInteger, nullable=False, comment="0 where no address was known"),
    count("alert_id"),
    text("name"),
    text("purpose"),
    text("source"),
    text("record_id"),
    text("number"),
    text("said", comment="what it says, JSON"),
    flag("required", comment="the law demands it"),
    text("by_whom", comment="who of the staff sent it; empty: it went by itself"),
    text("language"),
    text("zone"),
    text("version", comment="a hash of the words that it was written with"),
    text("stage", comment="queued -> sent -> delivered -> read; failed, and queued again by another way; withheld"),
    text("medium"),
    text("basis", comment="opt-in, or required by law"),
    text("why"),
    text("tried", comment="the ways that failed"),
    text("platform"),
    text("vendor_id"),
    text("text", comment="as it was sent; empty once it was erased"),
    text("address", comment="the same"),
    moment("created_at", null=False),
    moment("until", comment="later it is no news any more"),
    moment("owed_by", comment="required, and not there yet: from then on it rings"),
    moment("updated_at"),
    sa.Index("letters_by_record", "source", "record_id", "id"),
    sa.Index("letters_by_customer", "customer_id", "id"),
    partial("letters_by_vendor", "platform", "vendor_id", where="vendor_id <> ''"),
    partial("letters_owed", "owed_by", where="owed_by IS NOT NULL"),
    sqlite_autoincrement=True,
    comment="What customers were told, and what became of it.",
)

LETTER_STEPS = sa.Table(
    "letter_steps",
    METADATA,
    serial(),
    sa.Column("letter_id", sa.BigInteger, sa.ForeignKey("letters.id"), nullable=False),
    moment("at", null=False),
    text("stage"),
    text("medium"),
    text("why"),
    sa.Index("letter_steps_by_letter", "letter_id", "id"),
    comment="The log of each letter.",
)
