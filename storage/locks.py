"""Locks that last until the commit, for databases in which several processes write at the same time (`Db.hold`).

Rows are locked by reading them in a change (`Statement(held=...)`); these are for what is no row, or not one row.
"""

import sqlalchemy as sa

from storage.schema import ALERTS
from storage.sql import Statement, bind

OURS = 0x4465736B  # PostgreSQL's advisory locks are numbers; all of ours begin with this one
_NAMED = OURS + 1
SCHEMA, RUNNING, _AUDIT = 1, 2, 3

# Held from the first append of a change to its commit, so that the chain is one and has no gap whoever appends to it.
AUDIT = Statement(sa.select(sa.func.pg_advisory_xact_lock(sa.literal_column(f"{OURS}, {_AUDIT}"))), locks=True)

# Who looks for something by its name, does not find it and makes it, must not do so at the same time as another one.
NAME = Statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.literal_column(str(_NAMED)), sa.func.hashtext(bind("name", sa.Text())))),
    each=("name",),
    locks=True,
)

# The posts and dispatches of an alert depend on one another and on its mode: one change of them at a time.
ALERT = Statement(
    sa.select(ALERTS.c.id).where(ALERTS.c.id == bind("alert_id")).order_by(ALERTS.c.id).with_for_update(key_share=True),
    each=("alert_id",),
    locks=True,
)
