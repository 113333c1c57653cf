"""All that is SQLite's own: how it is opened, its triggers, a lock file. Another database gets a file like this one."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.errors import InstanceRunning, SchemaError, StoreError
from storage.schema import METADATA, REVISIONS

DIALECT: sa.Dialect = sqlite.dialect()
BUSY_MS = 10_000  # how long a write waits for another process's

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16000",
    "PRAGMA journal_size_limit = 67108864",
)


def _refuse(table: str, act: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _at_the_end_only(table: str, key: str) -> str:
    # INSERT OR REPLACE deletes without a DELETE trigger, so that a number already there has to be refused here
    return (
        f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} "  # noqa: S608 - the names are our own
        f"WHEN NEW.{key} IS NOT (SELECT coalesce(max({key}), 0) + 1 FROM {table}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only, and without gaps'); END"
    )


# Personal values may be deleted (that is how they are erased), but never changed.
TRIGGERS = {
    "audit_no_update": _refuse("audit", "UPDATE"),
    "audit_no_delete": _refuse("audit", "DELETE"),
    "audit_in_order": _at_the_end_only("audit", "seq"),
    "audit_heads_no_update": _refuse("audit_heads", "UPDATE"),
    "audit_heads_no_delete": _refuse("audit_heads", "DELETE"),
    "audit_heads_in_order": _at_the_end_only("audit_heads", "number"),
    "audit_values_no_update": _refuse("audit_values", "UPDATE"),
}


def path_of(url: str) -> Path:
    """The file that a database URL names; StoreError for what is not a file of SQLite."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise StoreError(f"{url!r} is not a database URL. Write one like sqlite:///deskbell.db") from error
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"Deskbell keeps its data in SQLite, not in {parsed.get_backend_name()}.")
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("The database must be a file, like sqlite:///deskbell.db; in memory nothing would last.")
    return Path(parsed.database)


def connect_writing(path: Path) -> sqlite3.Connection:
    """A connection to a database that is created where there is none, for its owner's eyes only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"The database {path} can't be written: {error.strerror}.") from error
    connection = connect(path)
    try:
        _retried(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"The database {path} can't be opened: {error}.") from error
    return connection


def _retried(act: Callable[[], object]) -> None:
    """SQLite does not wait for the lock that a change of journal takes, so that two first starts at once need this."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            act()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may be handed from thread to thread, one at a time, and in which we alone begin and commit."""
    if not path.exists():
        raise StoreError(
            f"There is no database at {path}. Look at the setting deskbell.database, or start Deskbell once."
        )
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} can't be opened: {error}.") from error
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def data_version(connection: sqlite3.Connection) -> int:
    """Changes when another connection than this one wrote."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


# ---------------------------------------------------------------- the schema


def ensure_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Creates the schema in an empty file; refuses one that this version does not speak, or that lost its triggers."""
    with transaction(connection):
        if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            _create(connection)
    _check_revision(revision(connection), path)
    if missing := missing_triggers(connection):
        raise SchemaError(
            f"{path}: the audit is not protected any more, because triggers are missing or changed: "
            f"{', '.join(missing)}. Somebody removed them. Run: deskbell audit verify"
        )


def revision(connection: sqlite3.Connection) -> str | None:
    """The migration that the file is at; None when it has none."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else str(row[0])


def missing_triggers(connection: sqlite3.Connection) -> list[str]:
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    return [name for name, sql in TRIGGERS.items() if found.get(name) != sql]


def _create(connection: sqlite3.Connection) -> None:
    for table in METADATA.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=DIALECT)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(str(CreateIndex(index).compile(dialect=DIALECT)))
    for sql in TRIGGERS.values():
        connection.execute(sql)
    connection.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute("INSERT INTO alembic_version VALUES (?)", (REVISIONS[-1],))


def _check_revision(found: str | None, path: Path) -> None:
    if found == REVISIONS[-1]:
        return
    if found is None:
        raise SchemaError(
            f"{path} is a database, but not one of Deskbell's. Name another file in the setting deskbell.database."
        )
    if found in REVISIONS:
        raise SchemaError(f"{path} is of an older version (schema {found}). Run: deskbell db upgrade")
    raise SchemaError(
        f"{path} was written by a newer version of Deskbell (schema {found}; this one knows {REVISIONS[-1]}). "
        "Install that version, or go back to a backup."
    )


# ---------------------------------------------------------------- one instance a file


class InstanceLock:
    """Held by the one daemon of a database. The system lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = Path(f"{path}.lock")
        self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise InstanceRunning(
                f"Deskbell is already running on {path} (process {holder}). Stop it first, or give this one a database "
                "of its own in the setting deskbell.database."
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)
