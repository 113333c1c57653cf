"""A database, read and never written: its sync driver in a thread of its own, one statement at a time."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text

from deskbell.core.ports import SourceError, SourceFault
from deskbell.net.redact import learn, redact

MOST_ROWS = 50_000  # of one answer; more are a query without a limit
_PATIENCE = 5.0  # seconds beyond the statement's own time
_STEPS = 10_000  # of SQLite's machine between two looks at the clock

# https://www.postgresql.org/docs/current/errcodes-appendix.html: class 28 is a login, 42501 a right
_LOGIN, _RIGHT = "28", "42501"
T = TypeVar("T")


class Reader:
    """One database. `read` raises SourceError, in words that hold neither the address nor the values."""

    def __init__(self, title: str, url: str, timeout: timedelta) -> None:
        self.title = title
        self._url = make_url(url)
        self._timeout = timeout.total_seconds()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sql")
        self._engine: Engine | None = None
        if self._url.password:
            learn(str(self._url.password))

    async def read(self, query: str, values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], datetime | None]:
        """The rows as plain data, by their columns' names in small letters, and the database's own time if it tells."""
        return await self._run(lambda: self._read(query, values))

    async def guarded(self) -> bool:
        """Whether the database itself refuses writes of ours."""
        return await self._run(lambda: self._work(_refuses_writes))

    async def close(self) -> None:
        if self._engine is not None:
            self._thread.submit(self._engine.dispose)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout + _PATIENCE):
                return await loop.run_in_executor(self._thread, work)
        except TimeoutError as error:
            raise SourceError(SourceFault.UNREACHABLE, f"{self.title} did not answer in time") from error
        except exc.SQLAlchemyError as error:
            raise self._told(error) from error

    def _work(self, work: Callable[[Connection], T]) -> T:
        if self._engine is None:
            self._engine = engine_for(self._url, self._timeout)
        with self._engine.connect() as connection:
            _read_only(connection, self._timeout)
            return work(connection)

    def _read(self, query: str, values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], datetime | None]:
        def work(connection: Connection) -> tuple[list[dict[str, Any]], datetime | None]:
            asked = {name: _fit(value, connection) for name, value in values.items() if f":{name}" in query}
            found = connection.execute(text(query), asked)
            rows = found.mappings().fetchmany(MOST_ROWS + 1)
            if len(rows) > MOST_ROWS:
                why = f"{self.title} gave more than {MOST_ROWS} rows at once; narrow the query, or give it :limit"
                raise SourceError(SourceFault.ANSWER, why)
            plain = [{str(name).lower(): _plain(value) for name, value in row.items()} for row in rows]
            return plain, _time_of(connection)

        return self._work(work)

    def _told(self, error: exc.SQLAlchemyError) -> SourceError:
        cause = getattr(error, "orig", None) or error
        state = str(getattr(cause, "sqlstate", None) or "")
        words = redact(" ".join(str(cause).split())[:200])
        login = state.startswith(_LOGIN) or state == _RIGHT or "authentication failed" in words
        if login:
            return SourceError(SourceFault.AUTH, f"{self.title} refused us: {words}. Check its credentials.")
        if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError) and "no such" not in words:
            return SourceError(SourceFault.UNREACHABLE, f"{self.title} can't be read now: {words}")
        return SourceError(SourceFault.ANSWER, f"{self.title} refused the query: {words}")


def engine_for(url: Any, timeout: float) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, pool_size=1, max_overflow=0, hide_parameters=True)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _guard(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")

    return engine


def _read_only(connection: Connection, timeout: float) -> None:
    match connection.dialect.name:
        case "sqlite":
            until = time.monotonic() + timeout
            raw: Any = connection.connection.dbapi_connection
            raw.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        case "postgresql":
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text(f"SET LOCAL statement_timeout = {int(timeout * 1000)}"))
            connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        case "mysql" | "mariadb":
            connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            connection.rollback()  # it holds from the next transaction on


def _refuses_writes(connection: Connection) -> bool:
    asked = {
        "sqlite": "PRAGMA query_only",
        "postgresql": "SHOW transaction_read_only",
        "mysql": "SELECT @@session.transaction_read_only",
        "mariadb": "SELECT @@session.tx_read_only",
    }.get(connection.dialect.name)
    return asked is not None and str(connection.execute(text(asked)).scalar()) in ("1", "on")


def _fit(value: Any, connection: Connection) -> Any:
    """SQLite keeps moments as text, and compares them as such: without an offset, as its own functions write them."""
    if isinstance(value, datetime) and connection.dialect.name == "sqlite":
        return value.replace(tzinfo=None).isoformat(" ")
    return value


def _time_of(connection: Connection) -> datetime | None:
    """Only where it is certain which zone it is told in."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)  # a file has no clock of its own
    if connection.dialect.name == "postgresql":
        found = connection.execute(text("SELECT clock_timestamp()")).scalar()
        return found.astimezone(UTC) if isinstance(found, datetime) and found.tzinfo else None
    return None


def _plain(value: Any) -> Any:
    """What a driver gives as what JSON could hold."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.is_finite() else str(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return value if isinstance(value, str | int | float | bool | dict | list) else None
