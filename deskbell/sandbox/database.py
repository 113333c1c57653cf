"""A rental firm's own database: a file of SQLite with a view for each kind of record, as a customer would make them.

Stamps are local text without an offset. A row may be written long before it can be seen, as in a long transaction.
"""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deskbell.sandbox.clock import Clock

VISITS = """CREATE TABLE bookings (booking_no INTEGER PRIMARY KEY, phase TEXT, tenant TEXT, place TEXT, engineer TEXT,
    planned_start TEXT, planned_end TEXT, arrived TEXT, changed TEXT NOT NULL, visible REAL NOT NULL DEFAULT 0)"""
INVOICES = """CREATE TABLE bills (bill_no TEXT PRIMARY KEY, phase TEXT, tenant TEXT, total NUMERIC, open NUMERIC,
    currency TEXT DEFAULT 'EUR', due TEXT, changed TEXT NOT NULL, visible REAL NOT NULL DEFAULT 0)"""
TABLES: Mapping[str, tuple[str, str]] = {"bookings": ("booking_no", VISITS), "bills": ("bill_no", INVOICES)}


def written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


class Database:
    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self.clock = path, clock
        self._lines = sqlite3.connect(path, isolation_level=None)
        self._lines.execute("PRAGMA journal_mode = WAL")
        self._lines.execute("CREATE TABLE IF NOT EXISTS now (at REAL)")
        for name, (_, statement) in TABLES.items():
            self._lines.execute(statement)
            shown = ", ".join(column for column in self._columns(name) if column != "visible")
            rule = "visible <= (SELECT max(at) FROM now)"
            self._lines.execute(f"CREATE VIEW {name}_seen AS SELECT {shown} FROM {name} WHERE {rule}")  # noqa: S608
        self.tick()

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def tick(self) -> None:
        """The database's time is ours."""
        self._lines.execute("DELETE FROM now")
        self._lines.execute("INSERT INTO now VALUES (?)", (self.clock.time(),))

    def put(self, table: str, *, changed: float | None = None, lag: float = 0.0, **columns: Any) -> None:
        """A new row, or another reading of one; it can be seen `lag` seconds after its stamp."""
        key = TABLES[table][0]
        at = self.clock.time() if changed is None else changed
        moments = {name: written(value) if isinstance(value, float) else value for name, value in columns.items()}
        stamps = {"changed": written(at), "visible": at + lag if lag else 0.0}
        values = self._row(table, columns[key]) | moments | stamps
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        statement = f"REPLACE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
        self._lines.execute(statement, list(values.values()))
        self.tick()

    def drop(self, table: str, key: Any) -> None:
        self._lines.execute(f"DELETE FROM {table} WHERE {TABLES[table][0]} = ?", (key,))  # noqa: S608
        self.tick()

    def count(self, table: str) -> int:
        return int(self._lines.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608

    def close(self) -> None:
        self._lines.close()

    def _columns(self, table: str) -> list[str]:
        return [str(row[1]) for row in self._lines.execute(f"PRAGMA table_info({table})")]

    def _row(self, table: str, key: Any) -> dict[str, Any]:
        found = self._lines.execute(f"SELECT * FROM {table} WHERE {TABLES[table][0]} = ?", (key,)).fetchone()  # noqa: S608
        return dict(zip(self._columns(table), found, strict=True)) if found else {}
