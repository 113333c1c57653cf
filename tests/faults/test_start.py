"""What a start finds: damage, a lost journal, an older backup, a newer schema. It says what is wrong and what to do."""

import random
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from storage.errors import Damaged, StoreError
from storage.store import SqlStore
from tests.crash.lives import Lives, Town
from tests.faults.conftest import asked, filled, told

KEY = b"a-secret-for-the-tests-only"
CORRUPTIONS = 100
PAGE = 4096


@pytest.fixture
async def lived(lives: Lives, town: Town) -> Lives:
    """An installation that has seen something, stopped."""
    await lives.start()
    job = town.late_job()
    await town.acknowledge(job, "slack")
    await town.quiet()
    assert await lives.stop() == 0
    return lives


async def refused(lives: Lives) -> str:
    """The words of a start that a person must do something about; nobody is told them twice."""
    await lives.start()
    assert await lives.done() == 2, lives.said()
    return lives.log.read_text().splitlines()[-1]


# ---------------------------------------------------------------- damage


def opened(path) -> None:
    store = SqlStore.open(f"sqlite:///{path}", audit_key=KEY)
    try:
        store.refuse_damage()
    finally:
        store.close()


def test_each_of_many_corrupted_pages_is_found(filled_database):
    whole, dice = filled_database.read_bytes(), random.Random(4)
    opened(filled_database)
    for number in range(CORRUPTIONS):
        page = dice.randrange(len(whole) // PAGE)
        filled_database.write_bytes(whole[: page * PAGE] + dice.randbytes(PAGE) + whole[(page + 1) * PAGE :])
        with pytest.raises(StoreError) as error:
            opened(filled_database)
        assert isinstance(error.value, Damaged), f"{number}: {error.value}"
        assert "deskbell restore" in str(error.value)


def test_sixteen_bytes_are_found_wherever_they_change_something(filled_database):
    """SQLite has no checksums: what hits unused room changes nothing, and is not found."""
    whole, dice = filled_database.read_bytes(), random.Random(5)
    before = content(filled_database)
    found = 0
    for _ in range(CORRUPTIONS):
        at = dice.randrange(len(whole) - 16)
        filled_database.write_bytes(whole[:at] + dice.randbytes(16) + whole[at + 16 :])
        try:
            opened(filled_database)
        except StoreError:
            found += 1
        else:
            assert content(filled_database) == before, f"at byte {at}"
    assert found > CORRUPTIONS / 4


def content(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name.decode()}"').fetchall() for name in tables}  # noqa: S608


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "deskbell.db"
    SqlStore.open(f"sqlite:///{path}", audit_key=KEY).close()
    with closing(sqlite3.connect(path)) as connection:
        dice = random.Random(3)
        for number in range(400):
            row = (f"job:{number}", f"Ben Ito is {number} min late for J-{number}", "x" * dice.randrange(900))
            connection.execute(
                "INSERT INTO alerts (key, summary, facts, severity, opened_at, updated_at, status, mode, condition) "
                "VALUES (?, ?, ?, 2, 1, 1, 'open', 'card', 1)",
                row,
            )
            connection.execute(
                "INSERT INTO posts (alert_id, destination, state, severity, created_at) "
                "VALUES (?, 'ops', 'shown', 2, 1)",
                (number + 1,),
            )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def filled_database(template, tmp_path):
    """Four hundred alerts in one file without a journal."""
    path = tmp_path / "deskbell.db"
    shutil.copyfile(template, path)
    return path


async def test_a_daemon_refuses_a_damaged_database_and_tells_people(lived):
    path = lived.folder / "deskbell.db"
    data = bytearray(path.read_bytes())
    data[5 * PAGE : 6 * PAGE] = random.Random(1).randbytes(PAGE)
    path.write_bytes(data)
    said = await refused(lived)
    assert "is damaged" in said
    assert "deskbell restore" in said
    assert told(lived, "is damaged") == 1
    assert path.read_bytes() == data, "nothing is written to it"


# ---------------------------------------------------------------- what is older than it should be


async def test_a_deleted_journal_is_told(lives, town):
    await lives.start()
    job = town.late_job()
    await town.acknowledge(job, "slack")
    await lives.bury()
    assert (lives.folder / "deskbell.db-wal").stat().st_size > 0
    (lives.folder / "deskbell.db-wal").unlink()
    said = await refused(lives)
    assert "is empty" in said
    assert "deskbell restore" in said
    assert told(lives, "its journal was deleted") == 1


async def test_an_older_database_in_its_place_is_told(lived, town):
    path = lived.folder / "deskbell.db"
    old = path.read_bytes()
    await lived.start()
    await town.acknowledge(town.late_job(), "slack")
    assert await lived.stop() == 0
    path.write_bytes(old)
    await lived.start()
    await town.until(lambda: told(lived, "can't be trusted to be whole"), "words about it")
    status, said = await asked(lived, "/readyz")
    assert status == 503
    assert any("deskbell audit verify" in reason for reason in said["reasons"])


async def test_a_newer_schema_is_refused_and_told(lived):
    with closing(sqlite3.connect(lived.folder / "deskbell.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    said = await refused(lived)
    assert "newer version of Deskbell" in said
    assert "go back to a backup" in said
    assert told(lived, "newer version of Deskbell") == 1


async def test_a_file_system_that_takes_no_writes_is_refused(on_disk):
    await on_disk.start()
    town = Town(on_disk)
    await town.acknowledge(town.late_job(), "slack")
    assert await on_disk.stop() == 0
    on_disk.log = on_disk.folder.parent / "daemon.log"
    subprocess.run(["mount", "-o", "remount,ro", on_disk.folder], check=True)
    said = await refused(on_disk)
    assert "can't be written: Read-only file system" in said


async def test_a_disk_that_is_full_at_the_start_may_pass(on_disk):
    """Status 1: a supervisor tries again, for as long as it takes."""
    town = Town(on_disk)
    on_disk.log = on_disk.folder.parent / "daemon.log"
    await on_disk.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")
    assert await on_disk.stop() == 0
    filler = filled(on_disk.folder)
    await on_disk.start()
    assert await on_disk.done() == 1, on_disk.said()
    assert "full" in on_disk.said()
    filler.unlink()
    await on_disk.start()
    await town.acknowledge(job, "slack")
