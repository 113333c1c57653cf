"""Several processes on one PostgreSQL: nothing is done twice, nothing is lost, and one chain of audit holds all."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from deskbell.core.ports import Entry
from deskbell.core.store import DuplicateAlert
from storage.errors import StoreError
from storage.libpq import Session
from storage.postgres import Postgres

pytestmark = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)

PIECES = 2000

# Does one of the things below until there is nothing left to do, and says what it did.
WORKER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from deskbell.core.ports import Entry
from storage.store import SqlStore

what, url, key, me = sys.argv[1:5]
now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
store = SqlStore.open(url, audit_key=key.encode())
print("ready", flush=True)
sys.stdin.readline()

def claim(uow):
    claims = uow.claim("ops", now, timedelta(hours=1), 7)
    for held in claims:
        assert uow.settle_sent(held, {"by": me}, 1, now)
    return [held.work.id for held in claims]

def add_one(uow, number):
    seen = uow.alert(number)
    assert uow.save_alert(replace(seen, level=seen.level + 1, version=seen.version + 1), seen.version)
    uow.audit(Entry(me, "test", number), now)

if what == "claim":
    while done := store.write_now(claim):
        print(*done, flush=True)
elif what == "count":
    for turn in range(100):
        store.write_now(lambda uow: add_one(uow, turn % 5 + 1))
elif what == "hold":
    print(store.write_now(lambda uow: uow.take_lease("field", me, datetime.now(UTC), timedelta(seconds=1))), flush=True)
    sys.stdin.readline()
store.close()
"""


@pytest.fixture
def workers(make, database):
    begun = []

    def begin(what, count):
        arguments = [database.url, make.KEY.decode()]
        for number in range(count):
            command = [sys.executable, "-c", textwrap.dedent(WORKER), what, *arguments, f"w{number}"]
            begun.append(
                subprocess.Popen(command, cwd=make.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
        for process in begun:
            assert process.stdout.readline() == "ready\n"
        for process in begun:
            process.stdin.write("go\n")
            process.stdin.flush()
        return begun

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("count", [2, 4])
def test_a_piece_of_work_is_claimed_once_by_several_processes(make, database, store, workers, count):
    def fill(uow):
        for number in range(PIECES):
            make.raised(uow, number)

    store.write_now(fill)
    said = [process.communicate(timeout=100)[0] for process in workers("claim", count)]
    claimed = [[int(word) for word in lines.split()] for lines in said]
    assert sorted(number for numbers in claimed for number in numbers) == list(range(1, PIECES + 1))
    assert all(claimed), "each had its share"
    assert database.sql("SELECT state, count(*) FROM posts GROUP BY state") == [("shown", PIECES)]


def test_no_update_of_an_alert_is_lost_and_the_audit_is_one_chain(make, store, read, workers):
    for number in range(5):
        store.write_now(lambda uow, n=number: uow.insert_alert(make.alert(n)))
    processes = workers("count", 4)
    assert [process.wait(60) for process in processes] == [0] * 4
    assert [read("alert", number).level for number in range(1, 6)] == [80] * 5
    verdict = store.verify()
    assert (verdict.ok, verdict.count) == (True, 400), verdict
    assert {row.entry.actor for row in read("audit_rows")} == {"w0", "w1", "w2", "w3"}


def test_the_lease_of_a_killed_holder_is_taken_over(make, store, workers):
    def take(now):
        return store.write_now(lambda uow: uow.take_lease("field", "me", now, make.LEASE))

    (process,) = workers("hold", 1)
    fence = int(process.stdout.readline())
    held = store.read_now(lambda reader: reader.leases())[0]
    assert (held.holder, held.fence) == ("w0", fence)
    assert take(held.until - make.LEASE) is None
    os.kill(process.pid, signal.SIGKILL)
    assert take(held.until) == fence + 1
    assert not store.write_now(lambda uow: uow.holds_lease("field", fence))


# ---------------------------------------------------------------- two stores in one process


@pytest.fixture
def second(database, store):
    return database.open(head_file=database.folder / "second.head")


def test_a_commit_wakes_the_other_instance_and_not_twice_itself(make, store, second):
    woken = threading.Event()
    second.on_commit(woken.set)
    store.write_now(make.raised)
    assert woken.wait(5)


def test_who_became_deaf_listens_again(make, database, store, second):
    woken = threading.Event()
    second.on_commit(woken.set)
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert woken.wait(10), "what it may have missed is looked for"
    time.sleep(0.1)
    woken.clear()
    store.write_now(make.raised)
    assert woken.wait(5)


def test_a_lost_connection_is_made_anew_and_nothing_is_lost(make, database, store, read):
    store.write_now(make.raised)
    read("count_alerts")
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                 "AND datname = current_database()")  # fmt: skip
    store.write_now(lambda uow: make.raised(uow, 2))
    assert read("count_alerts") == 2
    assert store.verify().count == 2


def cut(session):
    with socket.socket(fileno=os.dup(session.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_is_lost_holds_once(make, database, store, read, monkeypatch, when):
    """The connection breaks just before the commit reaches the server, or just before its answer comes back."""
    commit, lost = Session.commit, []

    def broken(session, *tell):
        if lost:
            return commit(session, *tell)
        lost.append(commit(session, *tell) if when == "after" else session.flush())
        os.close(session.pgconn.socket)
        return commit(session, *tell)

    monkeypatch.setattr(Session, "commit", broken)
    assert store.write_now(make.raised).key
    assert (read("count_alerts"), read("audit_count")) == (1, 1)
    assert store.verify().ok


def test_what_one_alone_may_do_waits_for_the_other_and_then_sees_it(make, store, second):
    """Both look for an alert by its key, find none and make one: the second finds the first's."""
    begun, go = threading.Event(), threading.Event()

    def slowly(uow):
        found = uow.newest_by_key("k")
        begun.set()
        go.wait(0.2)
        return (found or uow.insert_alert(make.alert(key="k"))).id

    ids = []
    thread = threading.Thread(target=lambda: ids.append(store.write_now(slowly)))
    thread.start()
    begun.wait(5)
    ids.append(second.write_now(lambda uow: (uow.newest_by_key("k") or uow.insert_alert(make.alert(key="k"))).id))
    thread.join()
    assert ids[0] == ids[1]


def test_a_page_that_two_read_at_once_makes_each_alert_once_and_locks_no_name(make, store, second, read):
    """A server has room for some thousand locks, and a page may open hundreds of alerts: the unique index decides."""
    meet, named = threading.Barrier(2), []
    alerts = [make.alert(number) for number in range(1, 301)]

    def page(uow):
        uow.expect_keys([alert.key for alert in alerts])
        fresh = [uow.insert_alert(alert) for alert in alerts if uow.newest_by_key(alert.key) is None]
        with suppress(threading.BrokenBarrierError):
            meet.wait(5)  # both have found every key free
            meet.abort()
        uow.audit_count()
        found = uow.db.connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        named.append(found.fetchall()[0][0])
        return len(fresh)

    opened = []
    threads = [threading.Thread(target=lambda one=one: opened.append(one.write_now(page))) for one in (store, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(opened) == [0, 300]
    assert read("count_alerts") == 300
    assert max(named) < 10


def test_the_same_tap_at_two_instances_is_done_once(make, store, second):
    done = []

    def tap(uow, name):
        if uow.taken_in("slack:1") is None:
            uow.take_in("slack:1", "slack", make.NOW, {})
            time.sleep(0.05)
            done.append(name)

    threads = [threading.Thread(target=lambda s=s, n=n: s.write_now(lambda uow: tap(uow, n)))
               for n, s in enumerate((store, second))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


def test_two_that_wait_for_one_another_get_through_both(make, store, second):
    """A deadlock: each has what the other needs. One is begun anew, and both hold."""
    for number in (1, 2):
        store.write_now(lambda uow, n=number: uow.insert_alert(make.alert(n)))
    meet = threading.Barrier(2)

    def both(uow, order):
        for number in order:
            seen = uow.alert(number)
            assert uow.save_alert(replace(seen, level=seen.level + 1, version=seen.version + 1), seen.version)
            with suppress(threading.BrokenBarrierError):
                meet.wait(0.2)
                meet.abort()  # they were made to meet once; whether they do again is up to them

    threads = [threading.Thread(target=lambda s=s, o=o: s.write_now(lambda uow: both(uow, o)))
               for s, o in ((store, (1, 2)), (second, (2, 1)))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read_now(lambda reader: [reader.alert(n).level for n in (1, 2)]) == [2, 2]


def test_no_note_is_left_waiting_whoever_sends_the_card(make, store, second):
    """One settles while the other adds: what is added is let go by one of them, always."""
    chance = random.Random(3)
    for number in range(20):
        alert = store.write_now(lambda uow, n=number: make.raised(uow, n))
        (card,) = store.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE))

        def settle(uow, card=card):
            time.sleep(chance.uniform(0, 0.002))
            uow.settle_sent(card, {"ts": "1"}, 1, make.NOW)

        def add(uow, alert=alert):
            time.sleep(chance.uniform(0, 0.002))
            uow.add_dispatch(make.note(f"n{alert.id}", alert.id), alert.severity, make.NOW)

        thread = threading.Thread(target=lambda s=settle: second.write_now(s))
        thread.start()
        store.write_now(add)
        thread.join()
        (note,) = store.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE))
        assert note.work.key == f"n{alert.id}"
        store.write_now(lambda uow, n=note: uow.settle_sent(n, {}, 0, make.NOW))


async def test_whoever_is_in_a_group_that_fails_again_and_again_is_answered(make, store):
    """The last is in somebody's way, and then the first: nobody between them may be forgotten."""
    go, calls = threading.Event(), {"first": 0, "second": 0, "third": 0}

    def change(name, unlucky):
        def carry_out(uow):
            calls[name] += 1
            uow.audit(Entry("deskbell", name, 0, {}), make.NOW)
            if calls[name] in unlucky:
                raise psycopg.errors.SerializationFailure("somebody was faster")
            return name

        return carry_out

    changes = [lambda _: go.wait(5), change("first", {2}), change("second", ()), change("third", {1, 2})]
    asked = [asyncio.create_task(store.write(one)) for one in changes]
    await asyncio.sleep(0.05)  # the writer waits, and the others queue up behind
    go.set()
    async with asyncio.timeout(20):
        assert (await asyncio.gather(*asked))[1:] == ["first", "second", "third"]
    assert store.read_now(lambda reader: sorted(row.entry.verb for row in reader.audit_rows())) == sorted(calls)


def test_an_instance_that_stands_still_loses_its_locks(make, store, second, monkeypatch):
    store._writer._connection.execute("SET idle_in_transaction_session_timeout = 300")
    store.write_now(lambda uow: uow.insert_alert(make.alert()))
    turns = []

    def stuck(uow):
        seen = uow.alert(1)
        turns.append(seen.level)
        time.sleep(1 if len(turns) == 1 else 0)
        return uow.save_alert(replace(seen, level=seen.level + 1, version=seen.version + 1), seen.version)

    thread = threading.Thread(target=lambda: store.write_now(stuck))
    thread.start()
    while not turns:
        time.sleep(0.01)
    seen = second.write_now(lambda uow: uow.alert(1))
    assert second.write_now(lambda uow: uow.save_alert(replace(seen, level=5, version=seen.version + 1), seen.version))
    thread.join()
    assert turns == [0, 5], "it began anew, and saw what the other had done"
    assert store.read_now(lambda reader: reader.alert(1).level) == 6


def test_several_daemons_may_run_and_only_who_is_alone_frees_claims(make, database, store, second):
    store.lock_instance()
    store.write_now(make.raised)
    assert len(store.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE))) == 1
    second.lock_instance()
    assert second.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE)) == []
    store.close()
    second.close()
    third = database.open()
    third.lock_instance()
    assert len(third.write_now(lambda uow: uow.claim("ops", make.NOW, make.LEASE))) == 1


def test_each_instance_has_a_head_file_that_never_leads(make, database, store, second):
    for number in range(9):
        who = store if number % 3 else second
        who.write_now(lambda uow, n=number: uow.audit(make.entry(n), make.NOW))
        assert store.verify().ok
        assert second.verify().ok
    assert (store.trouble, second.trouble) == ("", "")


def test_a_rule_of_the_schema_that_is_broken_for_good_is_told_soon(make, store, monkeypatch):
    monkeypatch.setattr("storage.writer.PATIENCE", 0.3)
    store.write_now(lambda uow: uow.insert_alert(make.alert()))
    with pytest.raises(StoreError, match="alerts_pkey"):
        store.write_now(lambda uow: uow.db.connection.execute(
            "INSERT INTO alerts SELECT * FROM alerts WHERE id = %s::bigint", [1]))  # fmt: skip
    with pytest.raises(DuplicateAlert):
        store.write_now(lambda uow: uow.insert_alert(make.alert()))


def test_an_error_that_was_passed_over_undoes_the_change(make, store, read):
    def careless(uow):
        uow.audit(Entry("deskbell", "test", 0, {}), make.NOW)
        with suppress(psycopg.Error):
            uow.db.connection.execute("SELECT 1 / %s::int", [0])

    with pytest.raises(StoreError, match="Nothing of this change was saved"):
        store.write_now(careless)
    assert read("audit_count") == 0


def test_a_server_that_is_away_for_a_while_delays_and_loses_nothing(make, store, read, monkeypatch):
    connect, refused = Postgres.connect_writing, []

    def away(backend):
        if len(refused) < 3:
            refused.append(1)
            error = StoreError("away")
            error.trouble = "lost"
            raise error
        return connect(backend)

    monkeypatch.setattr(Postgres, "connect_writing", away)
    store._writer._connection.connection.close()
    assert store.write_now(make.raised).key
    assert (len(refused), read("count_alerts")) == (3, 1)
