"""The writer: groups, urgency, errors that hit their own change only, races, and more than one process."""

import asyncio
import multiprocessing
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from deskbell.core.ports import Entry
from deskbell.core.store import DuplicateAlert, Urgency
from deskbell.net.faults import FaultRaised
from storage import writer
from storage.errors import InstanceRunning, StoreClosed, StoreError
from storage.writer import MAX_GROUP

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


def commits(database):
    """One head is written a commit that audits."""
    return database.sql("SELECT count(*) FROM audit_heads")[0][0]


def entry(number=0):
    return Entry("deskbell", "test", 0, {"n": number})


@pytest.fixture
def busy(store):
    """Holds the writer until it is let go, so that what is asked for meanwhile has to queue."""
    release, begun = threading.Event(), threading.Event()

    def hold(_uow):
        begun.set()
        release.wait(10)

    thread = threading.Thread(target=lambda: store.write_now(hold))
    thread.start()
    begun.wait(10)
    yield release
    release.set()
    thread.join()


async def test_a_write_is_durable_when_it_returns(make, store, database):
    alert = await store.write(lambda uow: uow.insert_alert(make.alert()))
    assert database.sql("SELECT id FROM alerts") == [(alert.id,)]
    assert await store.read(lambda reader: reader.alert(alert.id)) == alert


async def test_changes_that_wait_share_a_commit(make, store, database, busy):
    writes = [asyncio.create_task(store.write(lambda uow, n=n: uow.audit(entry(n), make.NOW))) for n in range(50)]
    await asyncio.sleep(0.05)
    busy.set()
    await asyncio.gather(*writes)
    assert await store.read(lambda reader: reader.audit_count()) == 50
    assert commits(database) <= 2


async def test_a_group_is_bounded(make, store, database, busy):
    count = 3 * MAX_GROUP
    writes = [asyncio.create_task(store.write(lambda uow: uow.audit(entry(), make.NOW))) for _ in range(count)]
    await asyncio.sleep(0.1)
    busy.set()
    await asyncio.gather(*writes)
    assert 3 <= commits(database) < count / 10


async def test_taps_go_before_pages(store, busy):
    order = []
    urgencies = [Urgency.BULK, Urgency.NORMAL, Urgency.TAP, Urgency.BULK, Urgency.TAP]
    writes = [
        asyncio.create_task(store.write(lambda _uow, n=n: order.append(n), urgency))
        for n, urgency in enumerate(urgencies)
    ]
    await asyncio.sleep(0.05)
    busy.set()
    await asyncio.gather(*writes)
    assert order == [2, 4, 1, 0, 3]


async def test_only_the_guilty_change_fails(make, store, busy):
    ran = []

    def change(uow, number):
        ran.append(number)
        uow.audit(entry(number), make.NOW)
        if number % 5 == 3:
            raise ZeroDivisionError(number)
        return number

    writes = [asyncio.create_task(store.write(lambda uow, n=n: change(uow, n))) for n in range(20)]
    await asyncio.sleep(0.05)
    busy.set()
    results = await asyncio.gather(*writes, return_exceptions=True)
    good = [n for n in range(20) if n % 5 != 3]
    assert [result for result in results if not isinstance(result, ZeroDivisionError)] == good
    assert [error.args[0] for error in results if isinstance(error, ZeroDivisionError)] == [3, 8, 13, 18]
    rows = await store.read(lambda reader: reader.audit_rows())
    assert [row.entry.data["n"] for row in rows] == good
    assert len(ran) < 60, "those before the guilty one run once more, and not again and again"
    assert store.verify().ok


async def test_a_change_that_fails_leaves_nothing(make, store):
    def change(uow):
        make.raised(uow)
        uow.insert_alert(make.alert())

    with pytest.raises(DuplicateAlert):
        await store.write(change)
    assert await store.read(lambda reader: (reader.count_alerts(), reader.audit_count())) == (0, 0)


@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt, SystemExit])
def test_no_error_ends_the_writer(make, store, error):
    def change(_uow):
        raise error

    with pytest.raises((error, RuntimeError)):
        store.write_now(change)
    assert store.write_now(lambda uow: uow.insert_alert(make.alert())).key


async def test_what_was_given_up_before_its_turn_is_not_done(make, store, busy):
    tap = asyncio.create_task(store.write(lambda uow: uow.insert_alert(make.alert()), Urgency.TAP))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(tap, 0.05)
    busy.set()
    await store.write(lambda _uow: None)
    assert await store.read(lambda reader: reader.count_alerts()) == 0


async def test_a_commit_wakes_and_a_look_does_not(make, store):
    woken = asyncio.Event()
    store.on_commit(woken.set)
    await store.write(lambda uow: uow.claim("ops", make.NOW, make.LEASE))
    await asyncio.sleep(0.02)
    assert not woken.is_set()
    await store.write(make.raised)
    await asyncio.wait_for(woken.wait(), 2)


async def test_reads_see_one_moment(make, store):
    def query(reader):
        before = reader.count_alerts()
        store.write_now(make.raised)
        return before, reader.count_alerts()

    assert await store.read(query) == (0, 0)
    assert await store.read(lambda reader: reader.count_alerts()) == 1


def test_a_change_sees_its_own_writes(make, write):
    def change(uow):
        alert = make.raised(uow)
        return uow.alert(alert.id) == alert, [row.entry.verb for row in uow.story(alert.id)], uow.audit_count()

    assert write(change) == (True, ["raised"], 1)


async def test_readers_cannot_write(store):
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction), match=r"read-?only"):
        await store.read(lambda reader: reader.db.connection.execute("DELETE FROM settings"))


def test_many_threads_lose_no_update(make, store):
    """Each reads the alert and adds one to its level, guarded by the version; who was beaten tries again."""
    store.write_now(lambda uow: uow.insert_alert(make.alert()))
    done = _race_in_threads(store, 8, 25)
    alert = store.read_now(lambda reader: reader.alert(1))
    assert (done, alert.level, alert.version) == (200, 200, 201)


def test_many_processes_lose_no_update(make, database, store):
    store.write_now(lambda uow: uow.insert_alert(make.alert()))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=_race_in_process, args=(database, results)) for _ in range(3)]
    for process in processes:
        process.start()
    done = _race_in_threads(store, 2, 20) + sum(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    alert = store.read_now(lambda reader: reader.alert(1))
    assert (done, alert.level, alert.version) == (100, 100, 101)
    verdict = store.verify()
    assert (verdict.ok, verdict.count) == (True, 100), "one chain, whoever appends to it"


def _race_in_process(database, results):
    store = database.open(head_file=None)
    results.put(_race_in_threads(store, 1, 20))
    store.close()


def _race_in_threads(store, threads, times):
    done = []

    def add_one(uow, seen):
        if not uow.save_alert(replace(seen, level=seen.level + 1, version=seen.version + 1), seen.version):
            return False
        uow.audit(entry(seen.level), seen.updated_at)
        return True

    def once():
        seen = store.read_now(lambda reader: reader.alert(1))
        return store.write_now(lambda uow: add_one(uow, seen))

    def run():
        for _ in range(times):
            while not once():
                pass
            done.append(1)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(done)


def test_a_piece_of_work_is_claimed_once(make, store):
    def fill(uow):
        for number in range(300):
            make.raised(uow, number)

    store.write_now(fill)
    claimed = []

    def run():
        while claims := store.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE, 3)):
            claimed.extend(claim.work.id for claim in claims)

    workers = [threading.Thread(target=run) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == list(range(1, 301))


def test_another_process_is_noticed(make, database, store):
    version = store.read_now(lambda reader: reader.now_data_version())
    store.write_now(make.raised)
    assert store.read_now(lambda reader: reader.now_data_version()) == version, "our own commits are no news"
    beside = database.open(head_file=None)
    beside.write_now(lambda uow: uow.put_value("a", "b"))
    until = time.monotonic() + 5
    while (changed := store.read_now(lambda reader: reader.now_data_version())) == version:
        assert time.monotonic() < until
    assert store.write_now(lambda uow: uow.now_data_version()) == changed


@SQLITE
def test_only_one_instance_runs_on_a_database(database, store):
    store.lock_instance()
    store.lock_instance()
    second = database.open()
    with pytest.raises(InstanceRunning, match=r"already running on .*deskbell\.db \(process \d+\)"):
        second.lock_instance()
    store.close()
    second.lock_instance()


def test_a_daemon_that_is_alone_frees_what_a_dead_one_held(make, database, store):
    store.write_now(make.raised)
    (held,) = store.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE))
    second = database.open(head_file=None)
    second.lock_instance()
    (again,) = second.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE))
    assert (again.work.unsure_since, again.fence) == (make.NOW, held.fence + 1)
    assert not store.write_now(lambda uow: uow.settle_sent(held, {}, 1, make.NOW))


@SQLITE
def test_a_lock_that_is_held_long_is_told(make, database, store, monkeypatch):
    store._writer._connection.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"deskbell\.db could not be written: database is locked"):
            store.write_now(make.raised)
        other.execute("ROLLBACK")
    assert store.write_now(make.raised).id == 1


@SQLITE
def test_a_full_disk_saves_nothing_and_says_so_and_it_goes_on_when_there_is_room(make, store, read):
    connection = store._writer._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(StoreError, match=r"full. Nothing of this change was saved"):
        store.write_now(lambda uow: uow.quarantine("field", "1", "bad", "x" * 60_000, make.NOW))
    assert store.write_now(make.raised).id == 1, "what is small still fits"
    connection.execute("PRAGMA max_page_count = 1000000")
    store.write_now(lambda uow: uow.quarantine("field", "1", "bad", "x" * 60_000, make.NOW))
    assert read("count_quarantined") == 1
    assert store.verify().ok


@pytest.mark.parametrize("point", ["store.commit.before", "audit.append.before", "audit.append.after"])
def test_a_failed_commit_is_undone_and_told(make, store, armed, point):
    armed(f"{point}:raise")
    with pytest.raises(FaultRaised):
        store.write_now(make.raised)
    armed("")
    assert store.read_now(lambda reader: reader.count_alerts()) == 0
    assert store.write_now(make.raised).key
    assert store.verify().count == 1


def test_a_failed_commit_of_a_group_is_tried_again_one_by_one(make, store, armed, busy, monkeypatch):
    monkeypatch.setattr(writer, "MAX_TIME", 5)
    results = []
    workers = [
        threading.Thread(target=lambda n=n: results.append(store.write_now(lambda uow: make.raised(uow, n)).key))
        for n in range(5)
    ]
    for worker in workers:
        worker.start()
    time.sleep(0.1)
    armed("store.commit.before@2:raise")  # the first is what kept the writer busy
    busy.set()
    for worker in workers:
        worker.join()
    assert len(set(results)) == 5
    assert store.read_now(lambda reader: reader.count_alerts()) == 5


def test_what_is_committed_is_not_done_twice(make, store, armed):
    armed("store.commit.after:raise")
    with pytest.raises(FaultRaised):
        store.write_now(make.raised)
    armed("")
    assert store.read_now(lambda reader: reader.count_alerts()) == 1


def test_closing_finishes_what_was_asked_for(make, database, store, busy):
    results = []
    workers = [
        threading.Thread(target=lambda n=n: results.append(store.write_now(lambda uow: make.raised(uow, n)).id))
        for n in range(5)
    ]
    for worker in workers:
        worker.start()
    time.sleep(0.1)
    busy.set()
    store.close()
    store.close()
    for worker in workers:
        worker.join()
    assert sorted(results) == [1, 2, 3, 4, 5]
    with pytest.raises(StoreClosed):
        store.write_now(make.raised)
    with pytest.raises(StoreClosed):
        store.read_now(lambda reader: reader.count_alerts())
    assert database.sql("SELECT count(*) FROM alerts") == [(5,)]
