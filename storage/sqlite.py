"""All that is SQLite's own: how it is opened, its triggers, a lock file. PostgreSQL has storage/postgres.py."""

import errno
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from storage import revision as revisions
from storage.backend import parsed
from storage.errors import Damaged, InstanceRunning, StoreError, Trouble

DIALECT: sa.Dialect = sqlite.dialect()
_COMPILED: tuple[dict[Any, Any], dict[Any, Any]] = ({}, {})  # for all stores of a process
BUSY_MS = 10_000  # how long a write waits for another process's

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8000",  # KiB
    "PRAGMA journal_size_limit = 67108864",
)


_NO_JOURNAL = (
    "The journal {}-wal was deleted under a running Deskbell, and a crash would lose what is in it. Stop Deskbell as "
    "usual, which writes all of it into the database, and start it again."
)
_TROUBLES = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.DAMAGED,
}


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
    "consents_no_update": _refuse("consents", "UPDATE"),
    "consents_no_delete": _refuse("consents", "DELETE"),
}


class Sqlite:
    """storage.backend.Backend over one file. Whoever writes locks all of it, so that rows need no locks."""

    dialect = DIALECT
    several = False
    errors: tuple[type[Exception], ...] = (sqlite3.Error, UnicodeDecodeError)  # the latter: damage that can't be told
    begin_reading = "BEGIN"
    begin_writing = "BEGIN IMMEDIATE"  # to read first and lock later would lose what others write meanwhile

    def __init__(self, url: str) -> None:
        self.path = path_of(url)
        self.place = str(self.path)
        self.compiled = _COMPILED
        self._lock: InstanceLock | None = None
        self._file: os.stat_result | None = None  # the one that is written

    def connect_writing(self) -> sqlite3.Connection:
        connection = connect_writing(self.path)
        self._file = self.path.stat()
        return connection

    def connect_reading(self) -> sqlite3.Connection:
        return connect_reading(self.path)

    def connect_checking(self) -> sqlite3.Connection:
        connection = connect_reading(self.path)
        connection.text_factory = _text
        return connection

    def ensure_schema(self, connection: sqlite3.Connection) -> None:
        ensure_schema(connection, self.path)

    def missing_triggers(self, connection: sqlite3.Connection) -> list[str]:
        return missing_triggers(connection)

    def wrong(self, connection: sqlite3.Connection) -> list[str]:
        return wrong(connection)

    def in_transaction(self, connection: sqlite3.Connection) -> bool:
        return connection.in_transaction

    def changes(self, connection: sqlite3.Connection) -> int:
        return connection.total_changes

    def commit(self, connection: sqlite3.Connection, since: int, *, news: bool) -> bool:  # noqa: ARG002 - nobody hears
        connection.execute("COMMIT")
        return connection.total_changes != since

    def version(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def trouble(self, error: BaseException) -> Trouble:
        if isinstance(error, UnicodeDecodeError):
            return Trouble.DAMAGED
        code = getattr(error, "sqlite_errorcode", None)
        return Trouble.OTHER if code is None else _TROUBLES.get(code & 0xFF, Trouble.OTHER)

    def listen(self, wake: Callable[[], None]) -> None:
        """There is one daemon, and the command line does nothing that could not wait for its next look."""

    def run_alone(self, first: Callable[[], None]) -> None:
        if self._lock is None:
            self._lock = InstanceLock(self.path)
            first()

    def astray(self) -> str:
        """A file that was moved, deleted or replaced is written on without an error, and nobody will find it again."""
        try:
            if self._file is None:
                return ""
            if os.path.samestat(self._file, self.path.stat()):
                return "" if Path(f"{self.path}-wal").exists() else _NO_JOURNAL.format(self.path)
            what = "is another one now"
        except OSError:
            what = "is not there any more"
        return (
            f"The file {self.path} {what}: somebody moved, deleted or replaced it under a running Deskbell, and what "
            "is written now will be lost. Stop Deskbell, put the file back or restore a backup, and start it again."
        )

    def copy_to(self, path: Path) -> None:
        with closing(connect_reading(self.path)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file is all of it

    def put_back(self, copy: Path) -> None:
        if self.path.exists():
            raise StoreError(f"{self.path} is there already.")
        shutil.copyfile(copy, self.path)
        self.path.chmod(0o600)

    @contextmanager
    def nobody_on(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = InstanceLock(self.path)
        try:
            yield
        finally:
            lock.release()

    def skip_numbers(self, connection: sqlite3.Connection, table: str, count: int) -> None:
        done = connection.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", (count, table))
        if not done.rowcount:
            connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, count))

    def engine(self) -> sa.Engine:
        return sa.create_engine("sqlite://", creator=self.connect_writing)

    @contextmanager
    def migrating(self) -> Iterator[None]:
        self.connect_writing().close()
        with self.nobody_on():
            yield

    def describe(self) -> None:
        """SQLite knows no comments."""

    def close(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None


def path_of(url: str) -> Path:
    """The file that a database URL names; StoreError for what is not a file."""
    database = parsed(url).database
    if not database or database == ":memory:":
        raise StoreError("The database must be a file, like sqlite:///deskbell.db; in memory nothing would last.")
    return Path(database)


def connect_writing(path: Path) -> sqlite3.Connection:
    """A connection to a database that is created where there is none, for its owner's eyes only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_file(path)
    except OSError as error:
        raise StoreError(f"The database {path} can't be written: {error.strerror}.") from error
    connection = connect(path)
    try:
        _retried(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    except sqlite3.Error as error:
        connection.close()
        raise _unopened(path, error) from error
    return connection


def _create_file(path: Path) -> None:
    """Only where there is none. SQLite's locks are the process's: they fall when anybody in it closes the file, and
    whoever comes next then takes the write-ahead log for nobody's, and deletes it. https://sqlite.org/howtocorrupt.html
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    trouble = 0
    if path.is_dir():
        trouble = errno.EISDIR
    elif not os.access(path, os.R_OK | os.W_OK):
        trouble = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
    if trouble:
        raise OSError(trouble, os.strerror(trouble))


def _unopened(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> StoreError:
    """Python can't even tell what SQLite says of a schema that is damaged."""
    if isinstance(error, UnicodeDecodeError) or _TROUBLES.get(error.sqlite_errorcode & 0xFF) is Trouble.DAMAGED:
        return Damaged(str(path), f"it can't be opened: {error}")
    told = StoreError(f"The database {path} can't be opened: {error}.")
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR:  # what it needs beside the file finds no room, mostly
        told = StoreError(f"The database {path} can't be opened: {error}. Is its disk full, or failing?")
        told.trouble = Trouble.FULL
    return told


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
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _unopened(path, error) from error
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -4000")  # there are several, and the system keeps the file as well
    return connection


def _text(raw: bytes) -> str:
    """Bytes that are no text must be found by who verifies, and not stop a reader."""
    return raw.decode("utf-8", "surrogateescape")


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
    revisions.check(revision(connection), str(path))
    if missing := missing_triggers(connection):
        raise revisions.unprotected(missing, str(path))


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


def wrong(connection: sqlite3.Connection) -> list[str]:
    """There are no checksums: what `integrity_check` can't see is seldom text any more, so that all of it is read."""
    found = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(20)") if line != "ok"]
    connection.text_factory = str
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        try:
            for _ in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - the name is the database's own
                pass
        except sqlite3.Error as error:
            found.append(f"table {table}: {error}"[:200])
    return found


def _create(connection: sqlite3.Connection) -> None:
    for sql in (*revisions.statements(DIALECT), *TRIGGERS.values()):
        connection.execute(sql)


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
