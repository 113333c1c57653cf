"""The few things in which databases differ. All else is SQLAlchemy Core, compiled for the database's dialect."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from storage.errors import StoreError, Trouble


class Backend(Protocol):
    """One database, as one store uses it. storage/sqlite.py and storage/postgres.py have one each.

    Connections are the driver's own, or look like sqlite3's; they begin no transaction by themselves.
    """

    dialect: sa.Dialect
    place: str  # which database it is, for people, without its password
    compiled: tuple[dict[Any, Any], dict[Any, Any]]  # storage.sql.Db keeps its statements there: to read, to write
    several: bool  # whether others write at the same time, so that rows must be locked
    errors: tuple[type[Exception], ...]  # what the driver raises
    begin_reading: str
    begin_writing: str

    def connect_writing(self) -> Any:
        """A connection to a database that is created where it can be. Raises StoreError in words for people."""
        ...

    def connect_reading(self) -> Any: ...
    def connect_checking(self) -> Any:
        """The same, and it shows even what can't be right."""
        ...

    def ensure_schema(self, connection: Any) -> None:
        """Creates the schema in an empty database; refuses one that this version does not speak, or that lost its
        triggers.
        """
        ...

    def missing_triggers(self, connection: Any) -> list[str]: ...
    def wrong(self, connection: Any) -> list[str]:
        """What a look at all of the database finds, for people; may raise one of `errors` for damage."""
        ...

    def in_transaction(self, connection: Any) -> bool: ...
    def changes(self, connection: Any) -> int:
        """A number that grows with every row that the connection changes; those on their way do not count yet."""
        ...

    def commit(self, connection: Any, since: int, *, news: bool) -> bool:
        """Ends the writer's transaction. When it returns, all of it is durable; when it raises, nothing of it is.

        Tells whether it changed anything: whether `changes` is no longer what it was at its beginning. `news`: others
        may find work for themselves in it.
        """
        ...

    def version(self, connection: Any) -> int:
        """Changes when another process wrote. `connection` is the writer's, and may be in a transaction."""
        ...

    def trouble(self, error: BaseException) -> Trouble: ...
    def listen(self, wake: Callable[[], None]) -> None:
        """Calls `wake`, in a thread of its own, when another process made work, where the database can tell."""
        ...

    def run_alone(self, first: Callable[[], None]) -> None:
        """Marks the daemon's run, until `close`; carries `first` out if no other daemon runs on the database.

        Raises InstanceRunning where there may be one only.
        """
        ...

    def astray(self) -> str:
        """Why what is written now is lost with this process, for people; empty when all is well."""
        ...

    def copy_to(self, path: Path) -> None:
        """Writes all of the database, as it is at one moment, into a new file. Others may go on writing."""
        ...

    def put_back(self, copy: Path) -> None:
        """Fills an empty database from such a file. Raises StoreError when it is not empty."""
        ...

    def nobody_on(self) -> AbstractContextManager[None]:
        """Held while the files are exchanged. Raises InstanceRunning when a daemon is on them."""
        ...

    def skip_numbers(self, connection: Any, table: str, count: int) -> None:
        """In a transaction: so many of the table's next numbers are never given."""
        ...

    def engine(self) -> sa.Engine:
        """For migrations."""
        ...

    def migrating(self) -> AbstractContextManager[None]:
        """Held around a migration. Raises InstanceRunning where no daemon may run meanwhile."""
        ...

    def describe(self) -> None:
        """Puts the schema's comments into the database, where it takes them."""
        ...

    def close(self) -> None: ...


def backend_of(url: str) -> Backend:
    """The database that a URL names. Its driver is loaded only here."""
    name = parsed(url).get_backend_name()
    if name == "sqlite":
        from storage.sqlite import Sqlite

        return Sqlite(url)
    if name == "postgresql":
        from storage.postgres import Postgres

        return Postgres(url)
    raise StoreError(f"Deskbell keeps its data in SQLite or PostgreSQL, not in {name}.")


def parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError as error:
        raise StoreError("That is not a database URL. Write one like sqlite:///deskbell.db") from error


def head_beside(url: str) -> Path:
    """Where the audit's head is kept outside the database, unless somebody says where: beside a file, if it is one."""
    whole = parsed(url)
    if whole.get_backend_name() == "sqlite":
        return Path(whole.database or "deskbell").with_suffix(".head")
    return Path(f"{whole.database or 'deskbell'}.head")
