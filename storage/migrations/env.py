"""How Alembic reaches the database. storage.migrate hands over the engine; there is no ini file."""

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.config import Config

from deskbell.net.faults import point
from storage.schema import METADATA


def _run(config: Config) -> None:
    engine: Any = config.attributes["engine"]
    with engine.connect() as connection:
        # The driver begins no transaction by itself (storage.sqlite). A migration is carried out whole or not at all.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
        try:
            with context.begin_transaction():
                point("migration.before")
                context.run_migrations()
                point("migration.after")
            _commit(connection)
        finally:
            connection.invalidate()
    engine.dispose()


def _commit(connection: sa.Connection) -> None:
    if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
        connection.exec_driver_sql("COMMIT")


_run(context.config)
