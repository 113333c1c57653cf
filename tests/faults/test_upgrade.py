"""A new version over rows in flight: an older schema is brought up, also by a second try, and all is delivered."""

import sqlite3
from contextlib import closing

import pytest
from alembic import command as alembic

from storage import migrate
from storage.backend import backend_of
from storage.schema import REVISIONS
from storage.sqlite import TRIGGERS
from tests.crash.lives import Lives, Town

OLDEST = REVISIONS[0]


@pytest.fixture
async def aged(lives: Lives, town: Town) -> Lives:
    """A database of the first version, with what waits, and what was claimed when its daemon was killed."""
    for chat in lives.sandbox.chats.values():
        chat.faults.set("500")
    await lives.start()
    await town.until(lambda: lives.ask("SELECT 1 FROM sqlite_master WHERE name = 'leases'"), "a database")
    for make in (town.late_job, town.urgent_ticket):
        make()
    await town.until(lambda: lives.left() >= 2 * len(lives.sandbox.chats), "work for every chat")
    await lives.bury()
    aged_to(lives.folder / "deskbell.db", OLDEST)
    with closing(sqlite3.connect(lives.folder / "deskbell.db")) as connection, connection:
        connection.execute(
            "UPDATE posts SET state = 'claimed', fence = fence + 1, due_at = due_at + 60000000, "
            "unsure_since = created_at WHERE state = 'waiting' AND id % 2"
        )
    for chat in lives.sandbox.chats.values():
        chat.faults.heal()
    return lives


def aged_to(path, revision) -> None:
    """The rows as they are, in the tables that the revision had."""
    old = path.with_name("old.db")
    backend = backend_of(f"sqlite:///{old}")
    with backend.migrating():
        alembic.upgrade(migrate._config(backend), revision)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS young", [str(path)])
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        tables = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        for table in (name for name in tables if name != "alembic_version"):
            if not table.startswith("sqlite_"):
                columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})"))
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM young.{table}")  # noqa: S608
        for _, sql in triggers:
            connection.execute(sql)
    for journal in ("-wal", "-shm"):
        path.with_name(path.name + journal).unlink(missing_ok=True)
    path.unlink()
    old.rename(path)
    assert {name for name, _ in triggers} == {name for name in TRIGGERS if name.startswith("audit_")}


@pytest.mark.parametrize("death", ["migration.before:kill", "migration.after:kill"])
async def test_rows_in_flight_survive_an_upgrade(aged: Lives, town: Town, death: str):
    await aged.start(death, ("db", "upgrade"))
    await aged.killed()
    await aged.start()
    assert await aged.done() == 2, "a half-way upgrade is none"
    assert "Run: deskbell db upgrade" in aged.said()
    await aged.start(command=("db", "upgrade"))
    assert await aged.done() == 0, aged.said()
    assert aged.ask("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    await aged.start()
    await town.quiet()
    for work in town.made:
        assert [len(town.cards(work, chat)) for chat in aged.sandbox.chats] == [1] * len(aged.sandbox.chats)
    town.audit_is_whole()
