"""Schema migrations. Alembic is imported here and in storage/migrations only, because it is slow to import.

A new revision: write storage/migrations/versions/000N_what.py and add "000N" to schema.REVISIONS; a test compares what
the migrations make with what schema.METADATA makes. A migration keeps the audit's triggers, and leaves what the version
before needs (first expand, and contract one version later), so that one may go back.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.backend import Backend, backend_of
from storage.errors import SchemaError

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> str:
    """Brings the database to this version's schema, whole or not at all; creates a new one. Its revision."""
    backend = backend_of(url)
    with backend.migrating():
        found = _current(backend)
        if found is not None and found not in revisions():
            raise SchemaError(
                f"{backend.place} was written by a newer Deskbell (schema {found}). Install that version."
            )
        if found is None and not _is_empty(backend):
            raise SchemaError(f"{backend.place} is a database, but not one of Deskbell's. Nothing was changed in it.")
        command.upgrade(_config(backend), "head")
        backend.describe()
    return head()


def current(url: str) -> str | None:
    """The revision that the database is at; None for a new one."""
    return _current(backend_of(url))


def _current(backend: Backend) -> str | None:
    engine = backend.engine()
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def head() -> str:
    """The revision that this version speaks."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revisions() -> list[str]:
    """All revisions that this version knows, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _is_empty(backend: Backend) -> bool:
    engine = backend.engine()
    try:
        return not sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _config(backend: Backend | None = None) -> Config:
    config = Config()  # without an ini file: everything is said here
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["backend"] = backend
    return config
