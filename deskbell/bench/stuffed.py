"""A database with as many open alerts as wanted: one real one, its rows copied. The audit is left as it is."""

import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from deskbell.bench.ground import Ground, warm
from deskbell.bench.house import House

_FAR = 1000 * 86_400 * 1_000_000  # microseconds: nothing of it falls due while we look
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"


async def seed(ground: Ground) -> Path:
    """A database that a daemon has used: its source read, one late job with its card in four chats."""
    if ground.seed is not None:
        return ground.seed
    url = ground.sqlite()
    async with warm(ground, House(url, ground.sink)):
        numbers = ground.some(1)
        await ground.ask("lay", who="ours", first=numbers[0], count=1)
        await ground.until(numbers)
        await ground.ask("reset")
    ground.seed = Path(url.removeprefix("sqlite:///"))
    return ground.seed


def stuffed(seed: Path, count: int) -> str:
    """A copy of it with so many open alerts; its URL."""
    path = seed.with_name(f"{seed.stem}-{count}.db")
    shutil.copy(seed, path)
    shutil.copy(seed.with_suffix(".head"), path.with_suffix(".head"))
    db = sqlite3.connect(path)
    with db:
        (alert,) = db.execute("SELECT id FROM alerts WHERE source = 'schedule'").fetchone()
        (top,) = db.execute("SELECT max(id) FROM alerts").fetchone()
        _copy(db, "records", "record_id = (SELECT record_id FROM alerts WHERE id = ?)", alert, count, _RECORD)
        _copy(db, "alerts", "id = ?", alert, count, {"id": f"{top} + i", **_ALERT})
        _copy(db, "posts", "alert_id = ?", alert, count, {"id": None, "alert_id": f"{top} + i"})
    db.execute("ANALYZE")
    db.close()
    return f"sqlite:///{path}"


_RECORD = {
    **dict.fromkeys(("record_id", "number_key", "id_key", "loose_key", "digits"), "{} || ':' || i"),
    "due_at": f"coalesce(due_at, seen_at) + {_FAR} + i",
}
_ALERT = {"key": "key || ':' || i", "record_id": "record_id || ':' || i", "escalate_at": f"opened_at + {_FAR} + i"}


def _copy(
    db: sqlite3.Connection, table: str, which: str, key: int, count: int, changed: Mapping[str, str | None]
) -> None:
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    kept = [name for name in names if changed.get(name, name)]
    values = [(changed.get(name) or name).format(name) for name in kept]
    db.execute(
        f"{_NUMBERS} INSERT INTO {table} ({', '.join(kept)}) SELECT {', '.join(values)} FROM {table}, n WHERE {which}",  # noqa: S608 - our own names
        (count, key),
    )
