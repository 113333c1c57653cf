"""The store: what the rest of Deskbell opens, writes through and reads from."""

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from deskbell.core.store import Reader, UnitOfWork, Urgency
from storage import audit, integrity, leases, outbox, verify
from storage.audit import Head
from storage.backend import Backend, backend_of
from storage.errors import Damaged, Emptied, StoreClosed, StoreError, Trouble
from storage.headfile import HeadFile, newest
from storage.people import PeopleReader
from storage.sql import Db
from storage.verify import Verdict
from storage.writer import Call, Job, Writer, tell

T = TypeVar("T")

_READERS = 4


def utc_now() -> datetime:
    return datetime.now(UTC)


class SqlStore:
    """core.ports.Store. Open it with `SqlStore.open`; `write_now` and `read_now` need no event loop."""

    def __init__(
        self, url: str, backend: Backend, connection: Any, key: bytes, head_file: HeadFile | None,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.url = url
        self._backend = backend
        self._key = key
        self._head_file = head_file
        self._clock = clock
        self._wakes: list[Call] = []
        self._closed = False
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="deskbell-reader")
        self._writer = Writer(backend, connection, key, clock, sealed=self._sealed, woken=self._wakes)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        audit_key: bytes,
        head_file: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> "SqlStore":
        """Opens the database, and creates it where there is none. Raises StoreError in words for people.

        `clock` dates what nobody else dates (a seal, the linking of an account). Look at `trouble` afterwards.
        """
        if not audit_key:
            raise StoreError("The audit needs a key. Set deskbell.secret in config.toml.")
        backend = backend_of(url)
        connection = backend.connect_writing()
        try:
            backend.ensure_schema(connection)
            kept = _started(head_file, audit_key, Db(connection, backend), backend.place) if head_file else None
        except backend.errors as error:
            connection.close()
            raise (
                Damaged(backend.place, str(error))
                if backend.trouble(error) is Trouble.DAMAGED
                else StoreError(f"The database {backend.place} can't be used: {error}.")
            ) from error
        except BaseException:
            connection.close()
            raise
        return cls(url, backend, connection, audit_key, kept, clock)

    @property
    def path(self) -> Path:
        """The file of a database that is one."""
        return Path(self._backend.place)

    @property
    def trouble(self) -> str:
        """Why the audit's head is not kept outside the database as it should be, for people; empty when all is well."""
        return (self._head_file.trouble or self._head_file.error) if self._head_file else ""

    @property
    def astray(self) -> str:
        """Why what is written now is lost with this process, for people."""
        return self._backend.astray()

    @property
    def written_at(self) -> float:
        """By the monotonic clock: when a change of ours was last durable."""
        return self._writer.written_at

    def lock_instance(self) -> None:
        """Marks this as a daemon of the database. Raises InstanceRunning where there may be one only.

        What a daemon had claimed when it died is free again where no other is there: it must not wait for the end of
        a dead one's leases.
        """
        self._backend.run_alone(self._free)

    @property
    def several(self) -> bool:
        """Whether several daemons may run on this database."""
        return self._backend.several

    def _free(self) -> None:
        def free(uow: UnitOfWork) -> None:
            db: Db = uow.db  # type: ignore[attr-defined]
            outbox.free(db, self._clock())
            leases.free(db)

        self.write_now(free)

    # ------------------------------------------------------------ writing

    async def write(self, change: Callable[[UnitOfWork], T], urgency: Urgency = Urgency.NORMAL) -> T:
        """Carries the change out in the writer's thread; returns when it is durable.

        A change whose caller has been cancelled before its turn is not carried out any more.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._writer.put(Job(change, future, loop), urgency)
        result: T = await future
        return result

    def write_now(self, change: Callable[[UnitOfWork], T], urgency: Urgency = Urgency.NORMAL) -> T:
        future: Future[Any] = Future()
        self._writer.put(Job(change, future), urgency)
        result: T = future.result()
        return result

    # ------------------------------------------------------------ reading

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Runs the query in a thread, on one snapshot of the database."""
        if self._closed:
            raise StoreClosed(f"The database {self._backend.place} was closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, query)

    def read_now(self, query: Callable[[Reader], T]) -> T:
        if self._closed:
            raise StoreClosed(f"The database {self._backend.place} was closed.")
        try:
            return self._read(query)
        except self._backend.errors as error:
            if self._backend.trouble(error) is not Trouble.LOST:
                raise
        self._hang_up()
        return self._read(query)  # the database was away, and may be there again

    def _read(self, query: Callable[[Reader], T]) -> T:
        connection = self._borrow()
        try:
            connection.execute(self._backend.begin_reading)
            try:
                return query(PeopleReader(Db(connection, self._backend), self._writer.data_version))
            finally:
                if self._backend.in_transaction(connection):
                    connection.execute("ROLLBACK")
        finally:
            self._give_back(connection)

    def _hang_up(self) -> None:
        while not self._idle.empty():
            self._idle.get().close()

    def _borrow(self) -> Any:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._backend.connect_reading()

    def _give_back(self, connection: Any) -> None:
        if self._closed or self._idle.qsize() >= _READERS:
            connection.close()
        else:
            self._idle.put(connection)

    # ------------------------------------------------------------ commits

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Calls `wake` after each commit that may have made work: in the event loop, or in the writer without one."""
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._wakes.append((loop, wake))
        self._backend.listen(self._wake)

    def _wake(self) -> None:
        tell(self._wakes)

    def _sealed(self, head: Head) -> None:
        if self._head_file:
            self._head_file.write(head)

    # ------------------------------------------------------------ the audit

    def verify(self) -> Verdict:
        """Checks the whole chain. It takes a while on a long one: call it in a thread."""
        path = self._head_file.path if self._head_file else None
        return verify.verify(self.url, audit_key=self._key, head_file=path)

    def anchor(self) -> None:
        """Begins the head file anew, for an operator who knows why it does not agree with the database."""
        if self._head_file:
            head = self.read_now(lambda reader: audit.last_head(reader.db))  # type: ignore[attr-defined]
            self._head_file.anchor(self._key, head)

    # ------------------------------------------------------------ is it whole?

    def refuse_damage(self) -> None:
        """Looks through all of a database that is a file. Raises Damaged, with what to do."""
        if not self._backend.several:  # a server does the like when it starts itself
            integrity.refuse(self._backend.place, integrity.wrong(self._backend))

    def wrong_with_it(self) -> list[str]:
        """The same, and the whole audit, for people. It takes a while: call it in a thread."""
        verdict = self.verify()
        return [*integrity.wrong(self._backend), *(() if verdict.ok else (verdict.why,))]

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Commits what is queued, and ends. Safe to call twice."""
        if self._closed:
            return
        self._writer.close()
        self._closed = True
        self._threads.shutdown()
        self._hang_up()
        if self._head_file:
            self._head_file.close()
        self._backend.close()


def _started(path: Path, key: bytes, db: Db, place: str) -> HeadFile:
    known = newest(path, key)
    if known and known.number and not audit.last_head(db).number:
        raise Emptied(place, path, known.seq)
    file = HeadFile(path)
    file.start(key, lambda: audit.last_head(db), lambda number: audit.head_at(db, number))
    return file
