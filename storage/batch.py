"""Many rows of one statement as one: what a change need not know at once waits here, and goes out together.

For databases that are far away. To them each statement costs a journey or a part of one, and its own start and end;
as one statement that takes its rows out of a JSON text, fifty rows cost little more than one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.dml import OnConflictDoUpdate
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import BindParameter

Values = dict[str, Any]
Group = tuple[Any, list[Values]]  # a statement and its rows
_NTH = "nth"
MOST = 500  # rows of one statement


def of_many(construct: Any, columns: Sequence[str] | None) -> Any:
    """The same INSERT, UPDATE or SELECT for many rows, which come as JSON in the parameter `rows`.

    New rows get their numbers in the order in which they were given.
    """
    if columns is not None:
        table = construct.table
        given = _given({name: table.c[name].type for name in columns})
        rows = sa.select(*(given.c[name] for name in columns)).order_by(given.c[_NTH])
        return construct.from_select(list(columns), rows)
    elements: Iterator[Any] = visitors.iterate(construct)
    given = _given({element.key: element.type for element in elements if _is_open(element)})

    def taken(element: Any, **_: Any) -> Any:
        return given.c[element.key] if _is_open(element) else None

    many: Any = visitors.replacement_traverse(construct, {}, taken)
    if isinstance(many, sa.Insert):
        chosen: Any = many.select
        many.select = chosen.order_by(given.c[_NTH])
    return many


def _is_open(element: Any) -> bool:
    """A value to come, not one that the construct gave."""
    return isinstance(element, BindParameter) and element.value is None and not element.unique


def _given(types: Mapping[str, Any]) -> Any:
    columns = [sa.column(name, _plain(name, kind)) for name, kind in types.items()]
    columns.append(sa.column(_NTH, sa.Integer()))
    rows = sa.func.json_to_recordset(sa.cast(sa.bindparam("rows", type_=sa.Text()), sa.JSON()))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)


def _plain(name: str, kind: Any) -> Any:
    if isinstance(kind, sa.types.NullType):
        raise TypeError(f"the value {name} needs a type, so that many of it can be sent as one")
    return kind


def rows_of(rows: Sequence[Values], mended: Callable[[Any], Any]) -> str:
    """As JSON. `mended`: for text that no database takes."""
    for number, row in enumerate(rows):
        row[_NTH] = number
    try:
        text = orjson.dumps(rows).decode()
    except TypeError:
        text = ""
    if not text or "\\u0000" in text:
        text = orjson.dumps([{name: mended(value) for name, value in row.items()} for row in rows]).decode()
    return text


class Touched:
    """Which tables a construct reads, changes, and only adds rows to."""

    __slots__ = ("adds", "changes", "reads")

    def __init__(self, construct: Any) -> None:
        every = frozenset(table.name for table in visitors.iterate(construct) if isinstance(table, sa.Table))
        self.adds: frozenset[str] = frozenset()
        self.changes: frozenset[str] = frozenset()
        self.reads = every
        if isinstance(construct, sa.Insert):
            self.adds = frozenset({construct.table.name})
            self.changes = self.adds if isinstance(_conflict(construct), OnConflictDoUpdate) else frozenset()
            self.reads = every - self.adds if construct.select is None else every
        elif construct.is_dml:
            self.changes = frozenset({construct.table.name})

    def minds(self, waiting: "Touched") -> bool:
        """Whether it makes a difference if it overtakes what waits. Who waits never asks for rows that are new now."""
        return bool(
            self.reads & (waiting.changes | waiting.adds)
            or self.changes & (waiting.changes | waiting.adds | waiting.reads)
            or self.adds & waiting.changes
        )


def _conflict(construct: Any) -> Any:
    return construct._post_values_clause  # noqa: SLF001 - SQLAlchemy has no other way to ask


class Queue:
    """Rows that wait, by statement, in the order in which they must go. Locks go before all of them."""

    __slots__ = ("_groups", "_locks")

    def __init__(self) -> None:
        self._groups: dict[Any, dict[tuple[Any, ...], Values]] = {}
        self._locks: dict[Any, dict[tuple[Any, ...], Values]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups or self._locks)

    def clear(self) -> None:
        self._groups.clear()
        self._locks.clear()

    def add(self, statement: Any, values: Values) -> list[Group]:
        """The row waits. What can't wait any longer, or the row could not join its like, is taken out."""
        key = tuple(values[name] for name in statement.each)
        if statement.locks:
            self._locks.setdefault(statement, {})[key] = values
            return []
        due = self._in_the_way(statement, key) if self._groups else []
        taken = self._taken(due) if due else []
        self._groups.setdefault(statement, {})[key] = values
        return taken

    def before(self, statement: Any) -> list[Group]:
        """Takes out what has to go before a statement that does not wait."""
        return self._taken([waiting for waiting in self._groups if statement.minds(waiting)])

    def all(self) -> list[Group]:
        return self._taken(list(self._groups))

    def _in_the_way(self, statement: Any, key: tuple[Any, ...]) -> list[Any]:
        """It may wait behind what only adds rows; with what changes them, neither may overtake the other."""
        mine = self._groups.get(statement)
        due, behind = [], False
        for waiting in self._groups:
            if waiting is statement:
                behind = True
            elif statement.minds(waiting):
                if behind:
                    due.append(statement)
                if waiting.touched.changes:
                    due.append(waiting)
        if mine is not None and (key in mine or len(mine) == MOST):
            due.append(statement)
        return due

    def _taken(self, due: list[Any]) -> list[Group]:
        """Those that are due, and all that came before them: they may stand on it."""
        locks, self._locks = self._locks, {}
        # in one order, so that two instances do not wait for one another
        taken: list[Group] = [(lock, [rows[key] for key in sorted(rows)]) for lock, rows in locks.items()]
        waiting = list(self._groups)
        last = max((waiting.index(one) for one in due), default=-1)
        taken += [(one, list(self._groups.pop(one).values())) for one in waiting[: last + 1]]
        return taken
