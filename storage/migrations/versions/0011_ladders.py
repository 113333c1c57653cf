"""Ladders: whom a level rang and who still has to acknowledge; what technicians were asked about their jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("named", sa.Text(), nullable=False, server_default=""))
    op.add_column("alerts", sa.Column("waits", sa.Text(), nullable=False, server_default=""))
    # Acknowledgements run out from now on: each is looked at once, which says when it is looked at again.
    op.execute("UPDATE alerts SET escalate_at = updated_at WHERE status = 'acked' AND escalate_at IS NULL")
    op.create_table(
        "asked",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False, server_default="")
            for name in ("source", "record_id", "subject", "person_id", "technician")
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False, server_default=""),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("asked_by_record", "asked", ["source", "record_id"])
    op.create_index("asked_by_person", "asked", ["person_id", "at"])
