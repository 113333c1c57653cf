"""All that is PostgreSQL's own: how it is reached, its triggers, its locks, how instances wake one another.

Several instances write at the same time. A transaction sees what others committed before each of its statements
(READ COMMITTED); what it will change it reads under a lock, and the audit is appended under one lock for all, so that
the chain is one. Who waits for a lock too long begins anew: storage/writer.py carries the change out again.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors
from sqlalchemy.dialects.postgresql import psycopg as dialect

from storage import dump, locks
from storage import postgres_schema as schema
from storage import revision as revisions
from storage.backend import parsed
from storage.errors import CommitUnknown, SchemaError, StoreError, Trouble, Unreachable
from storage.libpq import Session, in_transaction
from storage.listener import CHANNEL, NEWS, Listener

DIALECT: sa.Dialect = dialect.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
_COMPILED: tuple[dict[Any, Any], dict[Any, Any]] = ({}, {})  # for all stores of a process

OLDEST = 130_000
CONNECT_S = 10
LOCK_MS = 500  # so long a change waits for another one's; a deadlock ends with it too
PAUSED_MS = 5_000  # an instance that stands still in mid-change loses its connection, and its locks with it

# Every query of ours has its index, and every join of ours follows one, row by row; a plan that was made while a table
# was small would go on reading all of it. One plan a statement: to plan costs more than most of ours do.
_PLANS = "; ".join(
    f"SET {what}"
    for what in (
        "enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off", "enable_material = off",
        "plan_cache_mode = force_generic_plan",
    )
)  # fmt: skip
_WRITING = (
    f"{_PLANS}; SET lock_timeout = {LOCK_MS}; SET idle_in_transaction_session_timeout = {PAUSED_MS}; "
    "SET synchronous_commit = on"
)
_MIGRATING = "SET lock_timeout = 10000"
_READING = f"{_PLANS}; SET default_transaction_read_only = on"
# By its number a commit is found again whose answer is lost.
_NUMBER = "SELECT pg_current_xact_id_if_assigned()::text"
_TELL = "SELECT pg_notify(%s, %s)"

_SCHEMA = f"({locks.OURS}, {locks.SCHEMA})"


class Postgres:
    """storage.backend.Backend over one database of a server."""

    dialect = DIALECT
    several = True
    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_writing = "BEGIN ISOLATION LEVEL READ COMMITTED"

    def __init__(self, url: str) -> None:
        parts = parsed(url).set(drivername="postgresql")
        self._conninfo = parts.render_as_string(hide_password=False)
        self.place = sa.URL.create(
            "postgresql", host=parts.host, port=parts.port, database=parts.database
        ).render_as_string()
        self.compiled = _COMPILED
        self._me = secrets.token_hex(8)
        self._listener: Listener | None = None
        self._beginning = threading.Lock()

    # ------------------------------------------------------------ connections

    def connect_writing(self) -> Session:
        return self._session(_WRITING)

    def connect_reading(self) -> Session:
        return self._session(_READING)

    connect_checking = connect_reading

    def _session(self, settings: str) -> Session:
        try:
            session = Session(psycopg.connect(self._conninfo, **_OPTIONS))
            session.execute(settings)
        except psycopg.Error as error:
            raise Unreachable(f"The database {self.place} can't be reached: {_words(error)}.") from error
        return session

    def astray(self) -> str:
        return ""

    def copy_to(self, path: Path) -> None:
        dump.dump(self._conninfo, path)

    def put_back(self, copy: Path) -> None:
        with closing(self._session(_MIGRATING)) as session:
            if not schema.is_empty(session):
                raise StoreError(
                    f"{self.place} is not empty. Create an empty database, name it in deskbell.database, and restore "
                    "into that: the old one stays as it is."
                )
        dump.load(self._conninfo, copy)

    @contextmanager
    def nobody_on(self) -> Iterator[None]:
        """An empty database has nobody on it."""
        yield

    def skip_numbers(self, connection: Session, table: str, count: int) -> None:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        connection.execute(f"SELECT setval({sequence}, nextval({sequence}) + %s)", [count])

    def engine(self) -> sa.Engine:
        return sa.create_engine("postgresql+psycopg://", creator=lambda: self._session(_MIGRATING).connection)

    # ------------------------------------------------------------ the schema

    def ensure_schema(self, session: Session) -> None:
        if session.connection.info.server_version < OLDEST:
            raise SchemaError(f"{self.place} is older than PostgreSQL {OLDEST // 10_000}.")
        if (encoding := session.connection.info.parameter_status("server_encoding")) != "UTF8":
            raise SchemaError(f"{self.place} is encoded in {encoding}. Deskbell needs a database in UTF8.")
        if schema.is_empty(session):
            with _transaction(session):
                session.execute(f"SET LOCAL lock_timeout = {1000 * CONNECT_S}")
                session.execute(f"SELECT pg_advisory_xact_lock{_SCHEMA}")
                self._create(session)
        revisions.check(schema.revision(session), self.place)
        if missing := schema.missing_triggers(session):
            raise revisions.unprotected(missing, self.place)

    def _create(self, session: Session) -> None:
        if schema.is_empty(session):  # still: another instance may have been faster
            for sql in (*revisions.statements(DIALECT), *schema.protection(), *schema.comments(DIALECT)):
                session.execute(sql)

    def missing_triggers(self, session: Session) -> list[str]:
        return schema.missing_triggers(session)

    def wrong(self, session: Session) -> list[str]:
        """The server vouches for its pages; its extension amcheck, where somebody installed it, for the indexes."""
        if not session.execute("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'").fetchall():
            return []
        found = []
        for oid, name in session.execute(schema.BTREES).fetchall():
            try:
                session.execute("SELECT bt_index_check(%s::regclass, true)", [oid])
            except psycopg.Error as error:
                found.append(f"index {name}: {_words(error)}")
        return found

    # ------------------------------------------------------------ transactions

    def in_transaction(self, connection: Any) -> bool:
        """A session of ours, or a connection of psycopg's."""
        return connection.in_transaction if isinstance(connection, Session) else in_transaction(connection)

    def changes(self, session: Session) -> int:
        return session.changes

    def commit(self, session: Session, since: int, *, news: bool) -> bool:
        if session.idle:
            session.execute("ROLLBACK")
            return False
        number = session.execute(_NUMBER, []).fetchall()[0][0]
        changed = session.changes != since
        try:
            held = session.commit((_TELL, [CHANNEL, f"{self._me}{NEWS}" if news else self._me]) if changed else None)
        except psycopg.Error as error:
            if not number or self.trouble(error) is not Trouble.LOST or not self._was_committed(number):
                raise
            held = True
        if not held:
            raise errors.InFailedSqlTransaction("an error in this change was passed over, and nothing of it holds")
        return changed

    def _was_committed(self, number: str) -> bool:
        """What became of a transaction whose end nobody told us: asked until the server can tell."""
        until = time.monotonic() + CONNECT_S
        while time.monotonic() < until:
            with suppress(StoreError, psycopg.Error), closing(self.connect_reading()) as session:
                status = session.execute("SELECT pg_xact_status(%s::xid8)", [number]).fetchall()[0][0]
                if status != "in progress":
                    return bool(status == "committed")
            time.sleep(0.1)
        raise CommitUnknown(f"The connection to {self.place} was lost in the middle of a commit. It may hold or not.")

    def trouble(self, error: BaseException) -> Trouble:
        if isinstance(error, StoreError):
            return error.trouble
        if not isinstance(error, psycopg.Error):
            return Trouble.OTHER
        state = error.sqlstate
        if state is None:
            return Trouble.LOST if isinstance(error, psycopg.OperationalError) else Trouble.OTHER
        return _TROUBLES.get(state) or _TROUBLES.get(state[:2], Trouble.OTHER)

    # ------------------------------------------------------------ other instances

    def version(self, _session: Session) -> int:
        return self._listening().version

    def listen(self, wake: Callable[[], None]) -> None:
        self._listening().wake = wake

    def run_alone(self, first: Callable[[], None]) -> None:
        self._listening().run_alone(first)

    def _listening(self) -> Listener:
        with self._beginning:
            if self._listener is None:
                self._listener = Listener(lambda: self._session(_READING), self._me)
            return self._listener

    @contextmanager
    def migrating(self) -> Iterator[None]:
        """Instances of the version before may go on: a migration leaves what they need."""
        session = self._session(_MIGRATING)
        try:
            session.execute(f"SELECT pg_advisory_lock{_SCHEMA}")
            yield
        finally:
            session.close()

    def describe(self) -> None:
        session = self._session(_MIGRATING)
        try:
            for sql in schema.comments(DIALECT):
                session.execute(sql)
        finally:
            session.close()

    def close(self) -> None:
        if self._listener:
            self._listener.close()


_OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": CONNECT_S,
    "application_name": f"deskbell {os.getpid()}",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # a server that no longer answers is given up
    "client_encoding": "utf8",
}

_TROUBLES = {
    "40001": Trouble.CONFLICT,  # serialization_failure
    "40P01": Trouble.CONFLICT,  # deadlock_detected
    "55P03": Trouble.CONFLICT,  # lock_not_available
    "23505": Trouble.CONFLICT,  # unique_violation: somebody was faster, and the change will see it now
    "25P03": Trouble.LOST,  # idle_in_transaction_session_timeout
    "25006": Trouble.LOST,  # read_only_sql_transaction: this one is no longer the leader
    "53100": Trouble.FULL,
    "57P01": Trouble.LOST,  # admin_shutdown
    "57P02": Trouble.LOST,  # crash_shutdown
    "57P03": Trouble.LOST,  # cannot_connect_now
    "08": Trouble.LOST,
    "XX001": Trouble.DAMAGED,
    "XX002": Trouble.DAMAGED,
}


@contextmanager
def _transaction(session: Session) -> Iterator[None]:
    session.execute("BEGIN")
    try:
        yield
        session.execute("COMMIT")
    except BaseException:
        with suppress(psycopg.Error):
            session.execute("ROLLBACK")
        raise


def _words(error: psycopg.Error) -> str:
    """The first line; the others are hints for administrators, and may name users."""
    return (str(error).strip().splitlines() or ["no answer"])[0].rstrip(".")
