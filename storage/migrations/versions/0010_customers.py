"""Customers: how they are reached, what they agreed to, what they were told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        _serial(),
        *(_text(name) for name in ("language", "zone", "ways")),
        sa.Column("quiet", sa.Text(), nullable=True),
        _text("mark"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "addresses",
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        _time("failed_at"),
        sa.PrimaryKeyConstraint("medium", "address"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"]),
    )
    op.create_index("addresses_by_customer", "addresses", ["customer_id"])
    _ledger()
    _letters()


def _ledger() -> None:
    op.create_table(
        "consents",
        _serial(),
        *(_text(name) for name in ("who", "medium", "purpose")),
        sa.Column("granted", sa.Boolean(), nullable=False),
        _time("at", null=False),
        *(_text(name) for name in ("version", "origin", "proof", "actor")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consents_by_who", "consents", ["who", "id"])
    if op.get_bind().dialect.name == "postgresql":
        for act, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER consents_no_{act.lower()} BEFORE {act} ON consents "
                f"FOR EACH {each} EXECUTE FUNCTION deskbell_append_only()"
            )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER consents_no_{act.lower()} BEFORE {act} ON consents "
            "BEGIN SELECT RAISE(ABORT, 'consents is append-only'); END"
        )


def _letters() -> None:
    op.create_table(
        "letters",
        _serial(),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=False, server_default=sa.text("0")),
        *(_text(name) for name in ("name", "purpose", "source", "record_id", "number", "said")),
        sa.Column("required", sa.Boolean(), nullable=False),
        *(_text(name) for name in ("by_whom", "language", "zone", "version", "stage", "medium", "basis", "why")),
        *(_text(name) for name in ("tried", "platform", "vendor_id", "text", "address")),
        _time("created_at", null=False),
        *(_time(name) for name in ("until", "owed_by", "updated_at")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index("letters_by_record", "letters", ["source", "record_id", "id"])
    op.create_index("letters_by_customer", "letters", ["customer_id", "id"])
    _partial("letters_by_vendor", ["platform", "vendor_id"], "vendor_id <> ''")
    _partial("letters_owed", ["owed_by"], "owed_by IS NOT NULL")
    op.create_table(
        "letter_steps",
        _serial(),
        sa.Column("letter_id", sa.BigInteger(), nullable=False),
        _time("at", null=False),
        *(_text(name) for name in ("stage", "medium", "why")),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"]),
    )
    op.create_index("letter_steps_by_letter", "letter_steps", ["letter_id", "id"])


def _serial() -> "sa.Column[int]":
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _time(name: str, *, null: bool = True) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "letters", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
