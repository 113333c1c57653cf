"""kill -9 at every named point of the store, and at random: what was told as done is there, and the audit is whole."""

import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

POINTS = [
    "store.commit.before",
    "store.commit.after",
    "audit.append.before",
    "audit.append.after",
    "audit.head.before",
    "audit.head.after",
    "outbox.claim.before",
    "outbox.claim.after",
    "outbox.settle.before",
    "outbox.settle.after",
]

# Rings, claims and settles again and again, and says on standard output what it was told is durable.
WORKER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from deskbell.core.alert import Alert, Severity
from deskbell.core.ports import Entry, Lane
from storage.store import SqlStore

now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
url, head, start, key = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode()
store = SqlStore.open(url, audit_key=key, head_file=head)

def say(*words):
    print(*words, flush=True)

def ring(uow, number):
    alert = uow.insert_alert(Alert(
        key=f"k{number}", rule="late", source="field", record_id=str(number), subject="J", title="T", summary="S",
        severity=Severity.P1, opened_at=now, updated_at=now))
    uow.want_post(alert.id, "ops", Lane.PAGE, alert.severity, now)
    uow.audit(Entry("deskbell", "raised", alert.id, {"n": number}, {"name": "Ana"}), now)
    return alert.id

say("ready")
for number in range(start, start + 100_000):
    say("rang", store.write_now(lambda uow: ring(uow, number)))
    for claim in store.write_now(lambda uow: uow.claim("ops", now, timedelta(hours=1), 5)):
        say("claimed", claim.work.id)
        if store.write_now(lambda uow: uow.settle_sent(claim, {"ts": "1"}, 1, now)):
            say("settled", claim.work.id)
"""


def run_until_killed(make, desk, start, *, faults="", seconds=0.0):
    command = [sys.executable, "-c", textwrap.dedent(WORKER), desk.url, str(desk.head_file), str(start)]
    command.append(make.KEY.decode())
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=make.ROOT, env={**os.environ, "DESKBELL_FAULTS": faults}, text=True
    )
    if seconds:
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    said = process.stdout.read()
    assert process.wait(30) == -signal.SIGKILL
    return said


def told(said, word):
    return {int(number) for number in re.findall(rf"^{word} (\d+)$", said, re.MULTILINE)}


def check(database, said):
    """Everything that was told is there; the rest is whole, whether the last change made it or not."""
    store = database.open()
    try:
        assert store.trouble == ""
        verdict = store.verify()
        assert verdict.ok, verdict
        if database.name == "sqlite":
            assert database.sql("PRAGMA integrity_check") == [("ok",)]
        alerts = {row[0] for row in database.sql("SELECT id FROM alerts")}
        posts = dict(database.sql("SELECT id, state FROM posts"))
        assert told(said, "rang") <= alerts
        assert all(posts[number] in {"claimed", "shown"} for number in told(said, "claimed"))
        assert all(posts[number] == "shown" for number in told(said, "settled"))
        assert len(alerts) == len(posts) == verdict.count, (
            "an alert, its card and its entry come together or not at all"
        )
        return alerts
    finally:
        store.close()


@pytest.mark.parametrize("nth", [1, 7])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point(make, database, point, nth):
    said = run_until_killed(make, database, 1, faults=f"{point}@{nth}:kill")
    alerts = check(database, said)
    if nth > 1:  # and what comes back is killed there again
        again = run_until_killed(make, database, 1000, faults=f"{point}@{nth}:kill")
        assert len(check(database, said + again)) >= len(alerts)


def test_killed_after_the_commit_the_change_is_there(make, database):
    said = run_until_killed(make, database, 1, faults="store.commit.after@1:kill")
    assert told(said, "rang") == set(), "nobody was told"
    assert check(database, said) == {1}


def test_killed_before_the_commit_it_is_not(make, database):
    said = run_until_killed(make, database, 1, faults="store.commit.before@1:kill")
    assert check(database, said) == set()


def test_killed_at_random_again_and_again(make, database):
    chance = random.Random(5)
    said = ""
    for number in range(6):
        said += run_until_killed(make, database, number * 100_000, seconds=chance.uniform(0.05, 0.3))
        check(database, said)


def test_every_point_of_the_store_is_tested_here(make):
    found = set()
    for file in [*make.ROOT.glob("storage/**/*.py")]:
        found |= set(re.findall(r'\bpoint\("([a-z.]+)"\)', file.read_text()))
    assert found == {*POINTS, "migration.before", "migration.step", "migration.after"}
