"""How Alembic reaches the database. storage.migrate hands over the engine; there is no ini file."""

from alembic import context
from alembic.config import Config

from deskbell.net.faults import point
from storage.backend import Backend
from storage.customer_schema import METADATA


def _run(config: Config) -> None:
    backend: Backend = config.attributes["backend"]
    engine = backend.engine()
    with engine.connect() as connection:
        # No driver begins a transaction by itself here. A migration is carried out whole or not at all.
        connection.exec_driver_sql(backend.begin_writing)
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            render_as_batch=True,
            on_version_apply=lambda **_: point("migration.step"),
        )
        try:
            with context.begin_transaction():
                point("migration.before")
                context.run_migrations()
                point("migration.after")
            if backend.in_transaction(connection.connection.driver_connection):
                connection.exec_driver_sql("COMMIT")
        finally:
            connection.invalidate()
    engine.dispose()


_run(context.config)
