"""The one thread that writes. It commits what it finds in its queue together, so that a storm shares one fsync.

A lone change is committed at once. While a group is open, waiting changes join it (taps first) until it holds
MAX_GROUP of them or is MAX_TIME old. When one of a group fails, the group is rolled back and run again without it,
and then that one by itself: its error is its own. Nobody is told a result before the commit is on the disk.
"""

import asyncio
import heapq
import itertools
import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from deskbell.core.store import UnitOfWork
from deskbell.net.faults import point
from storage.audit import Chain, Head
from storage.backend import Backend
from storage.errors import StoreClosed, StoreError, Trouble
from storage.sql import Db
from storage.work import SqlWork

MAX_GROUP = 200
MAX_TIME = 0.010
PATIENCE = 10.0  # so long a change is tried again, while others are in its way or the database is away

_PASSING = (Trouble.CONFLICT, Trouble.LOST)
# To try the others one by one would make each wait as long again; or do a second time what may have been done.
_EVERYBODYS = (Trouble.BUSY, Trouble.LOST, Trouble.UNKNOWN)

Change = Callable[[UnitOfWork], Any]
Call = tuple[asyncio.AbstractEventLoop | None, Callable[[], None]]  # what is to be called, and in which loop, if in one


class Done(NamedTuple):
    """What a commit did: changed something; may have made work for the outbox."""

    changed: bool
    news: bool


@dataclass(slots=True)
class Job:
    """One change, and who waits for it: a future of an event loop, or one of a thread."""

    change: Change
    future: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None = None
    result: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        if self.future.done():  # given up by who asked
            return
        if self.error is None:
            self.future.set_result(self.result)
        elif isinstance(self.error, StopIteration):  # futures refuse it
            self.future.set_exception(RuntimeError("a change raised StopIteration"))
        else:
            self.future.set_exception(self.error)


@dataclass(order=True, slots=True)
class _Queued:
    urgency: int
    number: int
    job: Job = field(compare=False)


class Writer:
    """Owns the writing connection.

    `sealed` is called after a commit that appended to the audit; `woken` are called after one that may have made work.
    """

    def __init__(
        self,
        backend: Backend,
        connection: Any,
        key: bytes,
        clock: Callable[[], datetime],
        *,
        sealed: Callable[[Head], None],
        woken: Sequence[Call],
    ) -> None:
        self._backend = backend
        self._key = key
        self._clock = clock
        self._sealed = sealed
        self._woken = woken
        self._connection = connection
        self._db = Db(connection, backend, writes=True)
        self._queue: list[_Queued] = []
        self._numbers = itertools.count()
        self._ready = threading.Condition()
        self._using = threading.Lock()
        self._closing = False
        self._version = 0
        self._lost = False
        self.written_at = time.monotonic()  # when a change of ours was last durable
        self._thread = threading.Thread(target=self._run, name="deskbell-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job, urgency: int) -> None:
        with self._ready:
            if self._closing:
                raise StoreClosed(f"The database {self._backend.place} was closed.")
            heapq.heappush(self._queue, _Queued(urgency, next(self._numbers), job))
            self._ready.notify()

    def close(self) -> None:
        """Commits what is queued, then ends."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join()
        self._connection.close()

    def data_version(self) -> int:
        """Changes when another process wrote; as of the last commit while one is under way."""
        if self._using.acquire(blocking=False):
            try:
                self._version = self._backend.version(self._connection)
            finally:
                self._using.release()
        return self._version

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while (job := self._wait()) is not None:
            self._commit(self._joining(job))

    def _wait(self) -> Job | None:
        with self._ready:
            while not self._queue and not self._closing:
                self._ready.wait()
            return heapq.heappop(self._queue).job if self._queue else None

    def _joining(self, first: Job) -> Iterator[Job]:
        """The first, and whatever waits while its transaction is open, but for what its caller gave up."""
        until = time.monotonic() + MAX_TIME
        if not first.future.cancelled():
            yield first
        for _ in range(MAX_GROUP - 1):
            job = self._next() if time.monotonic() < until else None
            if job is None:
                return
            if not job.future.cancelled():
                yield job

    def _next(self) -> Job | None:
        with self._ready:
            return heapq.heappop(self._queue).job if self._queue else None

    def _commit(self, jobs: Iterable[Job], tries: int = 0, until: float = math.inf) -> int:
        """Carries the jobs out in one transaction; in several when one fails, so that its error is its own.

        Those behind one that fails are not begun: it tells how many of the jobs are dealt with.
        """
        ran: list[Job] = []
        try:
            with self._using:
                head, done = self._transaction(jobs, ran)
        except BaseException as error:  # noqa: BLE001 - whatever a change raises belongs to who asked for it
            ran = ran or list(jobs)
            self._failed(ran, error, tries, min(until, time.monotonic() + PATIENCE))
        else:
            self._committed(ran, head, done)
        return len(ran)

    def _commit_all(self, jobs: list[Job], tries: int = 0, until: float = math.inf) -> None:
        while jobs:
            jobs = jobs[self._commit(jobs, tries, until) :]

    def _transaction(self, jobs: Iterable[Job], ran: list[Job]) -> tuple[Head | None, Done]:
        self._connect()
        before = self._backend.changes(self._connection)
        self._connection.execute(self._backend.begin_writing)
        try:
            now = self._clock()
            work = SqlWork(self._db, self._own_version, Chain(self._db, self._key), now)
            for job in jobs:
                ran.append(job)
                self._carry_out(job, work)
            head = work.seal(now)
            point("store.commit.before")
            changed = self._backend.commit(self._connection, before, news=work.news)
        except BaseException:
            self._roll_back()
            raise
        return head, Done(changed, work.news)

    def _carry_out(self, job: Job, work: SqlWork) -> None:
        try:
            job.result = job.change(work)
        except BaseException as error:
            job.error = error
            raise
        if not self._backend.in_transaction(self._connection):  # after some errors SQLite ends it by itself
            raise StoreError(f"A write to {self._backend.place} failed half-way and was undone.")

    def _roll_back(self) -> None:
        with suppress(*self._backend.errors):
            if self._backend.in_transaction(self._connection):
                self._connection.execute("ROLLBACK")

    def _failed(self, jobs: list[Job], error: BaseException, tries: int, until: float) -> None:
        """After a rollback: another try, where that may help; else each who asked is told, or only the guilty one."""
        trouble = self._backend.trouble(error)
        begun = any(job.error for job in jobs)
        for job in jobs:
            job.result = job.error = None
        if trouble is Trouble.LOST:
            self._hang_up()
        if trouble in _PASSING and time.monotonic() < until:
            time.sleep(random.uniform(0.5, 1) * min(0.2, 0.005 * 2**tries))  # noqa: S311 - so that two do not meet again
            self._again(jobs, tries + 1, until)
        elif len(jobs) == 1 or trouble in _EVERYBODYS:
            for job in jobs:
                job.error = self._told(error)
            _deliver(jobs)
        elif begun:
            self._commit_all(jobs[:-1])
            self._commit(jobs[-1:])
        else:
            for job in jobs:
                self._commit([job])

    def _again(self, jobs: list[Job], tries: int, until: float) -> None:
        """Together, and if they are in somebody's way once more, one by one: short transactions get through."""
        for group in [jobs] if tries < 2 else [[job] for job in jobs]:
            self._commit_all(group, tries, until)

    def _told(self, error: BaseException) -> BaseException:
        """The error for who asked: the database's own in words for people, a change's own as it is."""
        if not isinstance(error, self._backend.errors):
            return error
        told = StoreError(
            f"The database {self._backend.place} could not be written: {error}. Nothing of this change was saved."
        )
        told.__cause__ = error
        told.trouble = self._backend.trouble(error)
        return told

    def _committed(self, jobs: list[Job], head: Head | None, done: Done) -> None:
        if done.changed:
            self.written_at = time.monotonic()
        try:
            point("store.commit.after")
            if head is not None:
                point("audit.head.before")
                self._sealed(head)
                point("audit.head.after")
        except Exception as error:  # noqa: BLE001 - it is durable, and must not be carried out again
            for job in jobs:
                job.error = error
        _deliver(jobs, self._woken if done.changed and done.news else ())

    def _connect(self) -> None:
        if self._lost:
            self._connection = self._backend.connect_writing()
            self._db = Db(self._connection, self._backend, writes=True)
            self._lost = False

    def _hang_up(self) -> None:
        if not self._lost:
            self._lost = True
            with suppress(*self._backend.errors):
                self._connection.close()

    def _own_version(self) -> int:
        self._version = self._backend.version(self._connection)
        return self._version


def _deliver(jobs: Sequence[Job], woken: Sequence[Call] = ()) -> None:
    tell([*((job.loop, job.deliver) for job in jobs), *woken])


def tell(calls: Iterable[Call]) -> None:
    """One call into each event loop, however many there are for it: each would wake it up and take turns with it."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Callable[[], None]]] = defaultdict(list)
    for loop, call in calls:
        by_loop[loop].append(call)
    for loop, theirs in by_loop.items():
        if loop is None:
            _call_all(theirs)
        else:
            with suppress(RuntimeError):  # the loop ended while the change was under way
                loop.call_soon_threadsafe(_call_all, theirs)


def _call_all(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()
