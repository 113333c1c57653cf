"""What belongs to a storm is known by its number, and what is silenced by whom, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("parent", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    child = sa.text("parent > 0")
    op.create_index("alerts_by_parent", "alerts", ["parent"], sqlite_where=child, postgresql_where=child)
    op.create_table(
        "silences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False, server_default=""),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("person_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("approved_by", sa.Text(), nullable=False, server_default=""),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    lasting = sa.text("ended_at IS NULL")
    op.create_index("silences_lasting", "silences", ["ends_at"], sqlite_where=lasting, postgresql_where=lasting)
    _adopt()


def _adopt() -> None:
    """Storms that are on keep what they have listed: their keys say of which rule and team."""
    link = op.get_bind()
    storms = link.execute(sa.text("SELECT id, key FROM alerts WHERE rule = 'storm' AND status <> 'resolved'")).all()
    mine = sa.text(
        "UPDATE alerts SET parent = :id WHERE rule = :rule AND team = :team AND status <> 'resolved' AND id <> :id"
    )
    for number, key in storms:
        _, rule, rest = key.split(":", 2)
        link.execute(mine, {"id": number, "rule": rule, "team": rest.rsplit(":", 3)[0]})
