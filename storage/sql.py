"""Statements compiled once, and the thin connection that runs them.

Statements are SQLAlchemy constructs, so that they hold for every database; but they run as text on the driver's own
connection, with plain integers and text as values: a storm runs ten thousand of them a second, and SQLAlchemy's work
per call is several times SQLite's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as _insert

from storage.backend import Backend
from storage.batch import Group, Queue, Touched, of_many, rows_of

Row = tuple[Any, ...]
Compiled = tuple[str, tuple[tuple[str, Any], ...]]  # the SQL, and its parameters in order with what the construct gave

# How many values an IN list holds; a list is padded to the next size, so that few statements are ever compiled.
_SIZES = (1, 8, 64, 512)


class Cursor(Protocol):
    """What is used of a driver's cursor."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def executemany(self, sql: str, seq_of_parameters: Iterable[Any], /) -> Any: ...


class Statement:
    """One construct, compiled when it is first run. What a call does not name keeps the value the construct gave.

    `held` tells what happens to the rows of a SELECT when a change reads them where others write at the same time:
    "wait" locks them until the commit, waiting for who has them; "skip" locks them and leaves out those of others.
    `each` names the values that tell its rows apart, for a statement that is often run for many (`Db.later`).
    """

    __slots__ = ("__dict__", "_columns", "_construct", "_held", "each", "locks")

    def __init__(
        self,
        construct: Any,
        columns: Sequence[str] | None = None,
        *,
        held: str = "",
        each: Sequence[str] = (),
        locks: bool = False,
    ) -> None:
        self._construct = construct
        self._columns = columns
        self._held = held
        self.each = each
        self.locks = locks  # and does nothing else

    @cached_property
    def touched(self) -> Touched:
        return Touched(self._construct)

    def minds(self, waiting: "Statement") -> bool:
        """Whether it makes a difference if it overtakes the other one."""
        known: dict[Statement, bool] = self.__dict__.setdefault("_minds", {})
        if waiting not in known:
            known[waiting] = self.touched.minds(waiting.touched)
        return known[waiting]

    @cached_property
    def of_many(self) -> "Statement":
        """For many rows, which come as JSON in the parameter `rows`."""
        return Statement(of_many(self._construct, self._columns))

    def compile(self, dialect: sa.Dialect, *, hold: bool = False) -> Compiled:
        construct = self._construct
        if hold and self._held:  # not FOR UPDATE, which would also keep others from naming the row in a foreign key
            construct = construct.with_for_update(key_share=True, skip_locked=self._held == "skip")
        compiled: Any = construct.compile(dialect=dialect, column_keys=self._columns)
        given = compiled.params
        return str(compiled), tuple((name, given[name]) for name in compiled.positiontup)


Question = tuple[Statement, Mapping[str, Any]]


class Db:
    """A connection that runs statements. One thread at a time. `writes`: inside transactions that may change rows."""

    __slots__ = ("_compiled", "_dialect", "_queue", "_writes", "connection", "held", "several")

    def __init__(self, connection: Any, backend: Backend, *, writes: bool = False) -> None:
        self.connection = connection  # the driver's own, or storage.libpq.Session, which also has `later`
        self._dialect = backend.dialect
        self._compiled = backend.compiled[writes]
        self.several = backend.several
        self._writes = writes
        self.held: set[tuple[Any, ...]] = set()  # in the transaction that is open
        self._queue = Queue()

    def _compile(self, statement: Statement) -> Compiled:
        compiled = self._compiled[statement] = statement.compile(self._dialect, hold=self._writes)
        return compiled

    def begin(self) -> None:
        """A transaction begins: nothing is locked, and nothing waits."""
        self.held.clear()
        self._queue.clear()

    def run(self, statement: Statement, /, **values: Any) -> Cursor:
        if self._queue:
            self._send(self._queue.before(statement))
        text, names = self._compiled.get(statement) or self._compile(statement)
        parameters = [values.get(name, fixed) for name, fixed in names]
        try:
            cursor: Cursor = self.connection.execute(text, parameters)
        except UnicodeEncodeError:  # a lone surrogate out of hostile text
            cursor = self.connection.execute(text, [storable(value) for value in parameters])
        return cursor

    def later(self, statement: Statement, /, **values: Any) -> None:
        """For whoever needs no answer, not even that it went well: a database far away answers many at once."""
        if not self.several:
            self.run(statement, **values)
        elif statement.each:
            self._send(self._queue.add(statement, values))
        else:
            self._send(self._queue.before(statement))
            self._post(statement, values)

    def flush(self) -> None:
        """Sends what waits; its errors are told at the next statement."""
        self._send(self._queue.all())

    def _send(self, groups: Iterable[Group]) -> None:
        for statement, rows in groups:
            if len(rows) == 1:
                self._post(statement, rows[0])
            else:
                self._post(statement.of_many, {"rows": rows_of(rows, storable)})

    def _post(self, statement: Statement, values: Mapping[str, Any]) -> None:
        text, names = self._compiled.get(statement) or self._compile(statement)
        self.connection.later(text, [values.get(name, fixed) for name, fixed in names])

    def ask(self, *questions: Question) -> list[list[Row]]:
        """The rows of several queries, in one journey where the database is far away."""
        if not self.several or len(questions) < 2:
            return [self.all(statement, **values) for statement, values in questions]
        asked = []
        for statement, values in questions:
            self._send(self._queue.before(statement))
            text, names = self._compiled.get(statement) or self._compile(statement)
            asked.append((text, [values.get(name, fixed) for name, fixed in names]))
        answers: list[list[Row]] = self.connection.ask(asked)
        return answers

    def hold(self, statement: Statement, /, **values: Any) -> None:
        """Takes locks until the commit, where others write at the same time. Elsewhere there is nothing to do."""
        if self.several and (lock := (statement, *values.values())) not in self.held:
            self.held.add(lock)
            self.later(statement, **values)

    def count(self, statement: Statement, /, **values: Any) -> int:
        """How many rows the statement changed."""
        return self.run(statement, **values).rowcount

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        row: Row | None = self.run(statement, **values).fetchone()
        return row

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        rows: list[Row] = self.run(statement, **values).fetchall()
        return rows

    def scalar(self, statement: Statement, /, **values: Any) -> Any:
        row = self.one(statement, **values)
        return None if row is None else row[0]

    def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs the statement once a row."""
        if self.several and statement.each:
            for row in rows:
                self._send(self._queue.add(statement, dict(row)))
            return
        if self._queue:
            self._send(self._queue.before(statement))
        text, names = self._compiled.get(statement) or self._compile(statement)
        parameters = _parameters(names, rows)
        if not _plain("".join([value for values in parameters for value in values if isinstance(value, str)])):
            parameters = [[storable(value) for value in values] for values in parameters]
        cursor: Cursor = self.connection.cursor()
        cursor.executemany(text, parameters)

    def all_in(self, build: Callable[[int], Statement], items: Sequence[Any], /, **values: Any) -> list[Row]:
        """The rows for a list of any length, through statements that take lists of a few sizes (see `within`)."""
        return [row for rows in self.ask(*in_parts(build, items, **values)) for row in rows]


def in_parts(build: Callable[[int], Statement], items: Sequence[Any], /, **values: Any) -> list[Question]:
    """As many questions as it takes to ask for all of the items."""
    questions: list[Question] = []
    distinct = list(dict.fromkeys(items))
    for start in range(0, len(distinct), _SIZES[-1]):
        part = distinct[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(part))
        padded = [*part, *([part[-1]] * (size - len(part)))]
        questions.append((build(size), values | {f"item_{i}": item for i, item in enumerate(padded)}))
    return questions


def insert(table: sa.Table) -> Any:
    """An INSERT with ON CONFLICT. SQLite compiles PostgreSQL's construct, but not the other way round."""
    return _insert(table)


def upsert(table: sa.Table, *keys: str) -> Statement:
    """Insert, or overwrite all but the keys."""
    columns = [column.name for column in table.columns]
    new = insert(table)
    changes = {name: new.excluded[name] for name in columns if name not in keys}
    return Statement(new.on_conflict_do_update(index_elements=list(keys), set_=changes), columns, each=keys)


def insert_new(table: sa.Table, columns: Sequence[str] | None = None, *, each: Sequence[str] = ()) -> Statement:
    """Insert, or do nothing where a rule of the schema forbids it; the row count tells."""
    columns = columns or [column.name for column in table.columns]
    return Statement(insert(table).on_conflict_do_nothing(), columns, each=each)


def within(column: Any, size: int) -> Any:
    """`column IN (...)` for `Db.all_in`."""
    return column.in_([sa.bindparam(f"item_{i}", type_=column.type) for i in range(size)])


def sized(build: Callable[[int], sa.ClauseElement], *, held: str = "") -> Callable[[int], Statement]:
    """One statement a list size, compiled once each."""
    return lru_cache(maxsize=len(_SIZES))(lambda size: Statement(build(size), held=held))


def bind(name: str, kind: Any = None) -> Any:
    """A value to come. `kind` is needed where nothing beside it says of what type it is: in a CASE, in a function."""
    return sa.bindparam(name, required=False, type_=kind)


def literally(word: str) -> Any:
    """A word of ours that stands in the SQL itself.

    SQLite prepares a statement anew for each run when a parameter is compared with a column that a partial index asks
    for, because the parameter might decide whether that index can be used.
    """
    return sa.literal_column(f"'{word}'")


def _parameters(names: Sequence[tuple[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
    """The values of each row in the statement's order."""
    if rows and len(names) > 1 and all(name in rows[0] for name, _ in names):
        with suppress(KeyError):
            return list(map(itemgetter(*(name for name, _ in names)), rows))
    return [[row.get(name, fixed) for name, fixed in names] for row in rows]


def _plain(text: str) -> bool:
    """Whether every database takes it as it is, as far as a glance can tell."""
    return text.isascii() and "\0" not in text


def storable(value: Any) -> Any:
    """Text as every database takes it: no lone surrogates, no NUL."""
    if not isinstance(value, str) or _plain(value):
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
