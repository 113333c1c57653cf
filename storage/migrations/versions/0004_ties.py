"""Ties: which records have to do with each other; and when alerts of a rule were opened."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ties",
        sa.Column("tie", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tie", "source", "record_id"),
    )
    op.create_index("ties_by_record", "ties", ["source", "record_id"])
    op.create_index("alerts_by_rule", "alerts", ["rule", "opened_at"])
