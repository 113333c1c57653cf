"""What the store costs, beside raw commits of the same database on the same disk.

    .venv/bin/python -m benchmarks.storage [folder | postgresql://...]

The folder should lie on the disk that the daemon will use; a temporary one beside the working directory is the default.
With the URL of an empty database the same is measured there; each measure begins with empty tables.
"""  # noqa: INP001 - a script, not a package

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deskbell.core.alert import Alert, Severity
from deskbell.core.ports import Dispatch, DispatchKind, Entry, Lane, StoredRecord
from deskbell.core.records import Visit, VisitStatus, fingerprint
from deskbell.core.store import Reader, UnitOfWork, Urgency
from storage.store import SqlStore

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
PAGE = 50
CLAIMS = 20


def visit(number: int) -> Visit:
    ident = str(number)
    return Visit(
        source="field",
        id=ident,
        number=f"J-{ident}",
        status=VisitStatus.SCHEDULED,
        title="Compressor does not build up pressure",
        customer="Paint shop Novak",
        technician="Ben Ito",
        technician_id="t7",
        start=NOW,
        end=NOW + timedelta(hours=2),
        updated_at=NOW,
    )


def alert(number: int) -> Alert:
    return Alert(
        key=f"field:{number}:technician_late",
        rule="technician_late",
        source="field",
        record_id=str(number),
        subject=f"J-{number}",
        title="Technician late",
        summary=f"Ben Ito is 20 min late for J-{number} at Paint shop Novak",
        severity=Severity.P2,
        opened_at=NOW,
        updated_at=NOW,
        facts=(("Customer", "Paint shop Novak"), ("Technician", "Ben Ito"), ("Planned", "09:00")),
    )


def ring(uow: UnitOfWork, number: int) -> Alert:
    """What one new alert is in the database: the record, the alert, a card, a mention, an audit entry."""
    record = visit(number)
    uow.save_records([StoredRecord(record, NOW, NOW, fingerprint(record))])
    stored = uow.insert_alert(alert(number))
    _send(uow, stored)
    return stored


def ring_page(uow: UnitOfWork, numbers: range) -> None:
    records = [visit(number) for number in numbers]
    before = uow.records("field", [record.id for record in records])
    uow.alerts_of_many("field", [record.id for record in records])
    uow.save_records([StoredRecord(r, NOW, NOW, fingerprint(r)) for r in records if r.id not in before])
    alerts = [alert(number) for number in numbers]
    uow.expect_keys([one.key for one in alerts])
    for one in alerts:
        if uow.newest_by_key(one.key) is None:
            _send(uow, uow.insert_alert(one))


def _send(uow: UnitOfWork, stored: Alert) -> None:
    uow.want_post(stored.id, "ops", Lane.PAGE, stored.severity, NOW)
    note = Dispatch(f"ring:{stored.id}", "ops", DispatchKind.NOTE, {"text": stored.summary}, stored.id)
    uow.add_dispatch(note, stored.severity, NOW)
    uow.audit(Entry("deskbell", "raised", stored.id, {"key": stored.key, "severity": "P2"}), NOW)


def deliver(uow: UnitOfWork) -> int:
    """A claim of some work, settled at once as if the chat had answered."""
    claims = uow.claim("ops", NOW, LEASE, CLAIMS)
    uow.expect_settled(claims)
    for claim in claims:
        uow.settle_sent(claim, {"channel": "C1", "ts": "1700000000.000100"}, getattr(claim.work, "wanted", 0), NOW)
    return len(claims)


def raw_commits(folder: Path) -> float:
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
    count, start = 2000, time.perf_counter()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t (body) VALUES (?)", ("x" * 600,))
        connection.execute("COMMIT")
    connection.close()
    return count / (time.perf_counter() - start)


def raw_commits_far(url: str) -> float:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS raw_commits")
        connection.execute("CREATE TABLE raw_commits (id BIGSERIAL PRIMARY KEY, body TEXT)")
        count, start = 2000, time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO raw_commits (body) VALUES (%s)", ("x" * 600,))
        taken = time.perf_counter() - start
        connection.execute("DROP TABLE raw_commits")
    return count / taken


def emptied(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


async def one_by_one(store: SqlStore) -> float:
    count, start = 1000, time.perf_counter()
    for number in range(count):
        await store.write(lambda uow, n=number: ring(uow, n))  # type: ignore[misc]
    return count / (time.perf_counter() - start)


async def together(store: SqlStore) -> float:
    count, start = 5000, time.perf_counter()
    await asyncio.gather(*(store.write(lambda uow, n=n: ring(uow, n)) for n in range(count)))  # type: ignore[misc]
    return count / (time.perf_counter() - start)


async def pipeline(store: SqlStore) -> float:
    """Pages in, cards and notes out, each step durable before the next: alerts a second, end to end."""
    count, start = 5000, time.perf_counter()
    for first in range(0, count, PAGE):
        await store.write(lambda uow, f=first: ring_page(uow, range(f, f + PAGE)), Urgency.BULK)  # type: ignore[misc]
        while await store.write(deliver):
            pass
    return count / (time.perf_counter() - start)


async def reads(store: SqlStore) -> float:
    await pipeline(store)
    count, start = 2000, time.perf_counter()
    for number in range(count):
        await store.read(lambda reader, n=number: reader.alert(n + 1))  # type: ignore[misc]
    return count / (time.perf_counter() - start)


async def idle_ticks(store: SqlStore) -> float:
    """A tick with 5,000 alerts open and nothing due."""
    await pipeline(store)
    early = NOW - timedelta(hours=1)

    def tick(reader: Reader) -> None:
        reader.due_records(early, 100)
        reader.due_alerts(early, 100)
        reader.work_due(early)

    count, start = 2000, time.perf_counter()
    for _ in range(count):
        await store.read(tick)
    return count / (time.perf_counter() - start)


async def verified(store: SqlStore) -> float:
    await pipeline(store)
    start = time.perf_counter()
    verdict = store.verify()
    if not verdict.ok:
        raise SystemExit(verdict.why)
    return verdict.count / (time.perf_counter() - start)


MEASURES: dict[str, Callable[[SqlStore], Awaitable[float]]] = {
    "alerts/s, one write after the other": one_by_one,
    "alerts/s, 5,000 writes at once": together,
    "alerts/s, pages in and messages out": pipeline,
    "reads/s, one after the other": reads,
    "idle ticks/s with 5,000 alerts open": idle_ticks,
    "audit entries verified/s": verified,
}


def measured(url: str, head: Path, measure: Callable[[SqlStore], Awaitable[float]]) -> float:
    store = SqlStore.open(url, audit_key=b"benchmark", head_file=head)
    try:
        return asyncio.run(measure(store))
    finally:
        store.close()


def main(where: str) -> None:
    far = where.startswith("postgresql")
    with tempfile.TemporaryDirectory(dir=Path.cwd() if far else where) as name:
        folder = Path(name)
        raw = raw_commits_far(where) if far else raw_commits(folder)
        sys.stdout.write(f"{raw:10,.0f}  raw commits/s of one row\n")
        for number, (label, measure) in enumerate(MEASURES.items()):
            if far:
                emptied(where)
            url = where if far else f"sqlite:///{folder}/{number}.db"
            sys.stdout.write(f"{measured(url, folder / f'{number}.head', measure):10,.0f}  {label}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(Path.cwd()))
