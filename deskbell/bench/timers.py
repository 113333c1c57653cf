"""A look at the clock: is anything due, among a hundred thousand timers that are not?"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from deskbell.bench import made_up
from deskbell.bench.figures import Row
from deskbell.bench.ground import Ground
from deskbell.bench.render import each_us
from deskbell.bench.stuffed import seed, stuffed
from deskbell.core.store import Reader
from storage.schema import LIVE
from storage.store import SqlStore

TIMERS = 100_000
TIMES = 2000
BATCH = 200
NOW = datetime.now(UTC)

Look = Callable[[Reader, datetime, int], object]
LOOKS: tuple[tuple[str, Look, str], ...] = (
    (
        "is a record due, among {}",
        lambda reader, now, limit: reader.due_records(now, limit),
        "SELECT * FROM records WHERE due_at <= ? ORDER BY due_at LIMIT ?",
    ),
    (
        "must an alert climb, among {}",
        lambda reader, now, limit: reader.due_alerts(now, limit),
        f"SELECT * FROM alerts WHERE {LIVE} AND escalate_at <= ? ORDER BY severity LIMIT ?",  # noqa: S608 - our own words,
    ),
)


async def run(ground: Ground) -> list[Row]:
    count = ground.size(TIMERS, 1000)
    ground.say(f"{count:,} timers")
    url = stuffed(await seed(ground), count)
    store = SqlStore.open(url, audit_key=made_up.HOUSE.encode())
    db = sqlite3.connect(Path(url.removeprefix("sqlite:///")))
    try:
        return [_row(ground, what.format(f"{count:,}"), store, db, look, query) for what, look, query in LOOKS]
    finally:
        db.close()
        store.close()


def _row(ground: Ground, what: str, store: SqlStore, db: sqlite3.Connection, look: Look, query: str) -> Row:
    """Several looks in one transaction: a tick takes many in a row, too."""
    values, times = (int(NOW.timestamp() * 1_000_000), BATCH), ground.size(TIMES, 50)
    mine, limits = [], []
    for _ in range(ground.rounds):
        mine.append(store.read_now(lambda reader: each_us(partial(look, reader, NOW, BATCH), times)))
        limits.append(each_us(lambda: db.execute(query, values).fetchall(), times))
    return Row.beside("timers", what, "us", mine, limits, "the bare query by sqlite3")
