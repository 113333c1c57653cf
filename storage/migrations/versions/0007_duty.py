"""Duty: what was agreed about shifts, how people want to be rung, which ways to them work, feeds of their shifts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False, server_default=""),
        sa.Column("kind", sa.Text(), nullable=False, server_default=""),
        sa.Column("rota", sa.Text(), nullable=False, server_default=""),
        sa.Column("person_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("instead_of", sa.Text(), nullable=False, server_default=""),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("duty_by_key", "duty", ["key"])
    op.create_index("duty_by_end", "duty", ["end_at"])
    op.create_table(
        "prefs",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_table(
        "proofs",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("proven_at", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("person_id", "way"),
    )
    op.create_table(
        "feeds",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, server_default=""),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_index("feeds_by_digest", "feeds", ["digest"], unique=True)
