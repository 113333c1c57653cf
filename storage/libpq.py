"""A thin connection to PostgreSQL over psycopg's own wrapper of libpq (psycopg.pq).

Our values are text, whole numbers, flags and a float here and there, and our statements are few and run again and
again: prepared once by hand they take a third of the time that psycopg's cursors take for any value and any query.
"""

import re
import select
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

import psycopg
from psycopg import errors, pq

from storage.sql import storable

_AT_ONCE = 100  # statements that are sent before their answers are read
_PLACE = re.compile(r"%s|%%")

_ALIVE = pq.ConnStatus.OK
_ROWS = pq.ExecStatus.TUPLES_OK
_ABORTED = pq.ExecStatus.PIPELINE_ABORTED
_GONE = "the connection to the database is gone"
_DONE = (_ROWS, pq.ExecStatus.COMMAND_OK)
_SYNC = pq.ExecStatus.PIPELINE_SYNC


def _text(value: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:  # a lone surrogate out of hostile text
        return str(storable(value)).encode()
    return raw.replace(b"\0", "\ufffd".encode())


_TO: dict[type, Callable[[Any], bytes | None]] = {
    str: _text,
    int: b"%d".__mod__,
    bool: {True: b"t", False: b"f"}.__getitem__,
    float: lambda value: repr(value).encode(),
    type(None): lambda _: None,
}


def _encoded(value: Any) -> bytes | None:
    """What is none of these is an enum's member, and goes as its value."""
    to = _TO.get(type(value))
    if to is None:
        plain = value.value if isinstance(value, Enum) else value
        return _TO[type(plain)](plain)
    return to(value)


# By the number of the column's type; what is not here is text.
_FROM: dict[int, Callable[[bytes], Any]] = dict.fromkeys((20, 21, 23, 26, 28), int)
_FROM |= dict.fromkeys((700, 701, 1700), float)
_FROM[16] = b"t".__eq__


class Rows:
    """What a statement gave."""

    __slots__ = ("_all", "rowcount")

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._all = rows
        self.rowcount = rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._all[0] if self._all else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._all


_NOTHING = Rows([], 0)


def in_transaction(connection: "psycopg.Connection[Any]") -> bool:
    return connection.pgconn.transaction_status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class Session:
    """One connection, with the few methods of sqlite3's that we use. `changes` counts the rows that it changed."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection
        self.pgconn = connection.pgconn
        self.changes = 0
        self._prepared: dict[str, bytes] = {}
        self._waiting: list[tuple[bytes, Any]] = []
        self._begun = False  # a transaction of which the server does not know yet

    @property
    def idle(self) -> bool:
        """Whether a transaction has begun, and there is nothing in it."""
        return self._begun and len(self._waiting) == 1

    @property
    def in_transaction(self) -> bool:
        return self._begun or in_transaction(self.connection)

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> Rows:
        """With parameters (an empty list too) the statement is prepared and kept; without, it is sent as it is.

        A transaction begins with the first statement in it.
        """
        if parameters is None and sql.startswith("BEGIN "):
            self.later(sql, [])
            self._begun = True
            return _NOTHING
        if parameters is None:
            if sql == "ROLLBACK":
                self._waiting.clear()
                if self._begun:
                    self._begun = False
                    return _NOTHING
            self.flush()
            return self._rows(self.pgconn.exec_(sql.encode()))
        name = self._prepared.get(sql) or self._prepare(sql)
        values: Any = [_encoded(value) for value in parameters]
        if self._waiting:
            self._waiting.append((name, values))
            return self._rows(self._send(1)[0])
        return self._rows(self.pgconn.exec_prepared(name, values))

    def ask(self, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[tuple[Any, ...]]]:
        """The rows of each, in one journey."""
        for sql, parameters in queries:
            name = self._prepared.get(sql) or self._prepare(sql)
            self._waiting.append((name, [_encoded(value) for value in parameters]))
        return [self._rows(result).fetchall() for result in self._send(len(queries))]

    def later(self, sql: str, parameters: Sequence[Any]) -> None:
        """For whoever needs no answer: it goes out together with the next statement that does need one."""
        name = self._prepared.get(sql) or self._prepare(sql)
        self._waiting.append((name, [_encoded(value) for value in parameters]))
        if len(self._waiting) >= _AT_ONCE:
            self.flush()

    def cursor(self) -> "Session":
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            self.later(sql, row)

    def flush(self) -> None:
        """Sends what waits. Its errors are told here, or by the next statement."""
        if self._waiting:
            self._send(0)

    def commit(self, before: tuple[str, Sequence[Any]] | None = None) -> bool:
        """False when the server rolled back instead, because a statement had failed before. `before` goes with it."""
        if before:
            self.later(*before)
        self.later("COMMIT", [])
        return self._send(1)[0].command_status == b"COMMIT"

    def close(self) -> None:
        self.connection.close()

    def _prepare(self, sql: str) -> bytes:
        numbers = iter(range(1, 10_000))
        numbered = _PLACE.sub(lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", sql)
        name = b"s%d" % len(self._prepared)
        self._checked(self.pgconn.prepare(name, numbered.encode()))
        self._prepared[sql] = name
        return name

    def _send(self, asked: int) -> "list[pq.abc.PGresult]":
        """Sends all that waits before the first answer is read; the answers to the last ones, which were asked for."""
        pgconn, waiting = self.pgconn, self._waiting
        self._waiting, self._begun = [], False
        pgconn.enter_pipeline_mode()
        for name, values in waiting:
            pgconn.send_query_prepared(name, values)
        pgconn.pipeline_sync()
        results = self._answers()
        pgconn.exit_pipeline_mode()
        for result in results:
            self._checked(result)
        first = len(results) - asked
        for result in results[:first]:
            self._count(result)
        return results[first:]

    def _answers(self) -> "list[pq.abc.PGresult]":
        """One a statement; what came after one that failed is left out."""
        answers: list[pq.abc.PGresult] = []
        ended = False
        while self.pgconn.status == _ALIVE:
            self._wait()
            result = self.pgconn.get_result()
            if result is None and ended:  # nothing more will come, and no sync did
                break
            ended = result is None  # the end of one answer
            if result is None or result.status == _ABORTED:
                continue
            if result.status == _SYNC:
                return answers
            answers.append(result)
        raise errors.OperationalError(_GONE)

    def _wait(self) -> None:
        """Until all is sent and there is a result to get: `get_result` would wait as well, and hold up all threads."""
        pgconn, socket = self.pgconn, select.poll()
        unsent = pgconn.flush()
        while unsent or pgconn.is_busy():
            socket.register(pgconn.socket, select.POLLIN | select.POLLOUT if unsent else select.POLLIN)
            socket.poll()
            pgconn.consume_input()
            unsent = pgconn.flush()

    def _count(self, result: pq.abc.PGresult) -> int:
        self._checked(result)
        changed = 0 if (result.command_status or b"")[:6] == b"SELECT" else result.command_tuples or 0
        self.changes += changed
        return changed

    def _rows(self, result: pq.abc.PGresult) -> Rows:
        changed = self._count(result)
        return Rows(_decoded(result), changed) if result.nfields else Rows([], changed)

    def _checked(self, result: pq.abc.PGresult) -> None:
        if result.status in _DONE:
            return
        # what has no number was not said by the server, but by libpq about the way there
        if self.pgconn.status != _ALIVE or not result.error_field(pq.DiagnosticField.SQLSTATE):
            raise errors.OperationalError(result.error_message.decode(errors="replace").strip() or _GONE)
        raise errors.error_from_result(result)


def _decoded(result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
    take = result.get_value
    columns = [(number, _FROM.get(result.ftype(number), bytes.decode)) for number in range(result.nfields)]
    return [
        tuple(None if (raw := take(row, number)) is None else to(raw) for number, to in columns)
        for row in range(result.ntuples)
    ]
