"""A disk that is full, fails, or is held: nothing confirmed is lost, and people hear of it past the database."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess

import pytest

from tests.crash.lives import Town
from tests.faults.conftest import asked, filled, token, told

WRITTEN = "can be written again"
GONE = "the database can't be written"


async def heard(town: Town, words: str, seconds: float = 30.0) -> None:
    await town.until(lambda: told(town.lives, words), f"{words!r} in a room", seconds)


async def test_a_full_disk(on_disk):
    town = Town(on_disk)
    await on_disk.start()
    job, other = town.late_job(), town.urgent_ticket()
    await town.until(lambda: town.cards(job, "slack") and town.cards(other, "slack"), "the first cards")
    await town.acknowledge(job, "slack")
    await town.until(lambda: not on_disk.left(), "an empty outbox")

    filler = filled(on_disk.folder)
    await heard(town, GONE)
    assert await unsaved(town, other), "a tap that can't be kept is said to be unsaved"
    status, said = await asked(on_disk, "/api/v1/alerts", json={"title": "Line 3 stands"}, headers=token())
    assert status == 503, said
    status, said = await asked(on_disk, "/readyz")
    assert status == 503
    assert any("full" in reason for reason in said["reasons"]), said
    late = town.urgent_ticket()

    filler.unlink()
    await heard(town, WRITTEN)
    await town.acknowledge(other, "slack")
    await town.until(lambda: town.cards(late, "slack"), "the card of what happened meanwhile")
    await town.acknowledge(late, "slack")
    assert (told(on_disk, GONE), told(on_disk, WRITTEN)) == (1, 1)
    assert await on_disk.stop() == 0
    await on_disk.start()
    await town.quiet()
    for work, words in town.promised:
        assert town.shows_everywhere(work, words)
    for chat in on_disk.sandbox.chats:
        assert [len(town.cards(work, chat)) for work in (job, other, late)] == [1, 1, 1], chat
    town.audit_is_whole()


async def unsaved(town: Town, job) -> bool:
    said = await town.chat("slack").press("ana", town.cards(job, "slack")[-1], "Acknowledge", changes=False)
    return "Not saved" in said.text and not town.shows(job, "Acknowledged", "slack")


async def test_a_write_lock_that_somebody_holds(lives, town):
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")
    thief = sqlite3.connect(lives.folder / "deskbell.db", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    try:
        await heard(town, GONE)
        assert await unsaved(town, job)
        await asyncio.sleep(8)  # longer than SQLite itself waits
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    await heard(town, WRITTEN)
    await town.acknowledge(job, "slack")
    assert (told(lives, GONE), told(lives, WRITTEN)) == (1, 1)
    await town.quiet()
    town.verdict()


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here to make fsync fail")
async def test_an_fsync_that_fails(lives, town):
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")
    await town.until(lambda: not lives.left(), "an empty outbox")
    inject = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"]
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", "-p", str(lives.process.pid), *inject], stderr=subprocess.PIPE, text=True
    )
    try:
        await asyncio.sleep(1)
        if strace.poll() is not None:
            pytest.skip(f"strace may not look at a process here: {strace.stderr.read()[:200]}")
        await heard(town, GONE)
        assert await unsaved(town, job)
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(10)
    await heard(town, WRITTEN)
    await town.acknowledge(job, "slack")
    assert await lives.stop() == 0
    await lives.start()
    await town.quiet()
    town.verdict()


async def test_a_file_that_is_moved_away(lives, town):
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")
    path = lives.folder / "deskbell.db"
    path.rename(lives.folder / "moved.db")
    await heard(town, "is not there any more")
    (lives.folder / "moved.db").rename(path)
    await heard(town, "the database is where it was")
    await town.acknowledge(job, "slack")
    await town.quiet()
    town.verdict()


async def test_a_journal_that_is_deleted(lives, town):
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")
    (lives.folder / "deskbell.db-wal").unlink()
    await heard(town, "was deleted under a running Deskbell")
    assert await lives.stop() == 0
    await lives.start()
    await town.acknowledge(job, "slack")
    await town.quiet()
    town.verdict()
