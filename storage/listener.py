"""How instances on one PostgreSQL hear of one another's commits, and see that they are not alone."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg

from storage import locks
from storage.errors import StoreError
from storage.libpq import Session

CHANNEL = "deskbell"
NEWS = " news"  # behind the name of who wrote: there may be work for others
RETRY_S = 1.0  # so often a lost connection is tried anew
POLL_S = 5.0  # so often an instance looks by itself, should a notification be lost

_RUNNING = f"({locks.OURS}, {locks.RUNNING})"
_TRY_ALONE = f"SELECT pg_try_advisory_lock{_RUNNING}"
_RUN = f"SELECT pg_advisory_lock_shared{_RUNNING}"
_NOT_ALONE = f"SELECT pg_advisory_unlock{_RUNNING}"


class Listener:
    """A connection of its own, on which other instances are heard, and by which they see that this one runs."""

    def __init__(self, connect: Callable[[], Session], me: str) -> None:
        self.version = 0
        self.wake: Callable[[], None] = lambda: None
        self._connect = connect
        self._me = me
        self._runs = False
        self._ears, self._stop = socket.socketpair()
        self._session: Session | None = self._begun()
        self._thread: threading.Thread | None = None
        self._start()

    def run_alone(self, first: Callable[[], None]) -> None:
        """Of all who run, each holds one lock together with the others; who gets it alone is the first."""
        if self._runs:
            return
        self._rest()
        session = self._session or self._begun()
        alone = session.execute(_TRY_ALONE).fetchall()[0][0]
        if alone:
            first()
        session.execute(_RUN)
        if alone:
            session.execute(_NOT_ALONE)
        self._runs = True
        self._session = session
        self._start()

    def close(self) -> None:
        self._rest()
        if self._session:
            self._session.close()
        self._ears.close()
        self._stop.close()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="deskbell-listener", daemon=True)
        self._thread.start()

    def _rest(self) -> None:
        if self._thread:
            self._stop.send(b".")
            self._thread.join()
            self._ears.recv(1)
            self._thread = None

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while True:
            session = self._session
            heard = self._wait(session)
            if self._ears.fileno() in heard:
                return
            if session is None:
                self._begin_again()
            elif heard:
                self._hear(session)
            else:  # nothing was heard for long
                self.wake()

    def _wait(self, session: Session | None) -> set[int]:
        poll = select.poll()
        poll.register(self._ears, select.POLLIN)
        if session is not None:
            poll.register(session.pgconn.socket, select.POLLIN)
        return {number for number, _ in poll.poll(1000 * (POLL_S if session else RETRY_S))}

    def _begun(self) -> Session:
        session = self._connect()
        session.execute(f"LISTEN {CHANNEL}")
        if self._runs:
            session.execute(_RUN)
        return session

    def _begin_again(self) -> None:
        """Who is deaf must think that others wrote."""
        with suppress(StoreError, psycopg.Error):
            self._session = self._begun()
        self.version += 1
        self.wake()

    def _hear(self, session: Session) -> None:
        try:
            session.pgconn.consume_input()
            others, news = 0, False
            while note := session.pgconn.notifies():
                who, _, what = note.extra.decode().partition(NEWS[0])
                others += who != self._me
                news |= who != self._me and bool(what)
        except psycopg.Error:
            session.close()
            self._session = None
            return
        if others:
            self.version += others
        if news:
            self.wake()
