"""Receipts: what vendors have of ours and what became of it; and the links by which people may answer."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.Column("destination", sa.Text(), nullable=False, server_default=""),
        sa.Column("person_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("work", sa.Text(), nullable=False, server_default=""),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False, server_default=""),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "id"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"]),
    )
    op.create_index("receipts_by_alert", "receipts", ["alert_id"])
    op.create_index("receipts_by_person", "receipts", ["channel", "person_id", "at"])
    undelivered, due = sa.text("rank < 3"), sa.text("due_at IS NOT NULL")
    op.create_index(
        "receipts_undelivered", "receipts", ["channel", "at"], sqlite_where=undelivered, postgresql_where=undelivered
    )
    op.create_index("receipts_due", "receipts", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "links",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default=""),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"]),
    )
    op.create_index("links_by_alert", "links", ["alert_id"])
    op.create_index("links_by_time", "links", ["expires_at"])
