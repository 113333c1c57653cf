"""A thin connection to PostgreSQL over psycopg's own wrapper of libpq (psycopg.pq).

Our values are text, whole numbers, flags and a float here and there, and our statements are few and run again and
again: prepared once by hand they take a third of the time that psycopg's cursors take for any value and any query.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.abc import Buffer

from storage.sql import storable

_AT_ONCE = 100  # rows of one statement that are sent before the answers are read
_PLACE = re.compile(r"%s|%%")

_ALIVE = pq.ConnStatus.OK
_ROWS = pq.ExecStatus.TUPLES_OK
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


class Session:
    """storage.sql.Connection over one connection of psycopg. `changes` counts the rows that it changed."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection
        self.pgconn = connection.pgconn
        self.changes = 0
        self._prepared: dict[str, bytes] = {}

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> Rows:
        """With parameters (an empty list too) the statement is prepared and kept; without, it is sent as it is."""
        if parameters is None:
            return self._rows(self.pgconn.exec_(sql.encode()))
        name = self._prepared.get(sql) or self._prepare(sql)
        values: Any = [_encoded(value) for value in parameters]
        return self._rows(self.pgconn.exec_prepared(name, values))

    def cursor(self) -> "Session":
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """All rows of a batch are on their way before the first answer is read."""
        name = self._prepared.get(sql) or self._prepare(sql)
        values: list[Sequence[Buffer | None]] = [[_encoded(value) for value in row] for row in rows]
        for start in range(0, len(values), _AT_ONCE):
            self._pipeline(name, values[start : start + _AT_ONCE])

    def commit(self) -> bool:
        """False when the server rolled back instead, because a statement had failed before."""
        result = self.pgconn.exec_(b"COMMIT")
        self._checked(result)
        return result.command_status == b"COMMIT"

    def close(self) -> None:
        self.connection.close()

    def _prepare(self, sql: str) -> bytes:
        numbers = iter(range(1, 10_000))
        numbered = _PLACE.sub(lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", sql)
        name = b"s%d" % len(self._prepared)
        self._checked(self.pgconn.prepare(name, numbered.encode()))
        self._prepared[sql] = name
        return name

    def _pipeline(self, name: bytes, rows: Sequence[Sequence[Buffer | None]]) -> None:
        pgconn = self.pgconn
        pgconn.enter_pipeline_mode()
        for row in rows:
            pgconn.send_query_prepared(name, row)
        pgconn.pipeline_sync()
        failed = None
        while pgconn.status == _ALIVE:
            result = pgconn.get_result()
            if result is None:  # the end of one answer
                continue
            if result.status == _SYNC:
                break
            if result.status in _DONE:
                self.changes += result.command_tuples or 0
            else:
                failed = failed or result
        if pgconn.status == _ALIVE:
            pgconn.exit_pipeline_mode()
        elif failed is None:
            raise errors.OperationalError(_GONE)
        if failed is not None:
            self._checked(failed)

    def _rows(self, result: pq.abc.PGresult) -> Rows:
        self._checked(result)
        if result.status != _ROWS or not result.nfields:
            changed = result.command_tuples or 0
            self.changes += changed
            return Rows([], changed)
        if result.command_status[:6] != b"SELECT":  # type: ignore[index]  # INSERT ... RETURNING
            self.changes += result.ntuples
        return Rows(_decoded(result), result.ntuples)

    def _checked(self, result: pq.abc.PGresult) -> None:
        if result.status in _DONE:
            return
        if self.pgconn.status != _ALIVE:
            raise errors.OperationalError(result.error_message.decode(errors="replace").strip() or _GONE)
        raise errors.error_from_result(result)


def _decoded(result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
    take = result.get_value
    columns = [(number, _FROM.get(result.ftype(number), bytes.decode)) for number in range(result.nfields)]
    return [
        tuple(None if (raw := take(row, number)) is None else to(raw) for number, to in columns)
        for row in range(result.ntuples)
    ]
