"""Rows as records, and what of them could not be read."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deskbell.core.ports import Bad
from deskbell.core.records import Record
from pollers.cursor import Row
from pollers.rows import bad


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rows as records; those that could not be, words that no map knows, and ids of deleted rows beside them."""

    records: tuple[Record, ...]
    bad: tuple[Bad, ...] = ()
    unmapped: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()

    def __add__(self, other: "Mapped") -> "Mapped":
        return Mapped(
            self.records + other.records,
            self.bad + other.bad,
            self.unmapped + other.unmapped,
            self.gone + other.gone,
        )


MapRows = Callable[[Sequence[Row]], Awaitable[Mapped]]


def map_each(rows: Sequence[Row], one: Callable[[Any], tuple[Record, list[tuple[str, str]]]]) -> Mapped:
    """Each row as a record, with the words no map knows; a row that raises goes into quarantine alone."""
    records: list[Record] = []
    broken: list[Bad] = []
    words: list[tuple[str, str]] = []
    for row in rows:
        try:
            record, unknown = one(row.raw)
            records.append(record)
            words += unknown
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others go on
            broken.append(bad(row.id, error, row.raw))
    return Mapped(tuple(records), tuple(broken), tuple(dict.fromkeys(words)))
