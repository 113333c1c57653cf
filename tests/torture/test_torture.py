"""The short form of `deskbell torture`, on both databases; and the judge is no yes-man."""

import json
import subprocess
import sys

import pytest

from deskbell.torture import postgres


def torture(*args: str) -> tuple[int, dict]:
    command = [sys.executable, "-m", "deskbell", "torture", "--json", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout)


def test_killed_again_and_again() -> None:
    status, report = torture("--kills", "8", "--alerts", "60")
    assert report["ok"], report
    assert status == 0
    assert (report["lost"], report["missed"], report["spurious"], report["double_transitions"]) == (0, 0, 0, 0)
    assert report["duplicates"] <= report["duplicates_allowed"]
    assert report["points_reached"] == "all"
    assert report["kills"] == 8
    assert report["alerts"] >= 60
    assert report["told"] > 0


def test_killed_again_and_again_on_postgresql() -> None:
    try:
        postgres.server()
    except postgres.Unavailable as why:
        pytest.skip(str(why))
    status, report = torture("--kills", "8", "--alerts", "60", "--db", "postgres", "--seed", "3")
    assert report["ok"], report
    assert status == 0


def test_a_card_that_the_stand_in_swallows_is_found() -> None:
    status, report = torture("--kills", "3", "--alerts", "10", "--faults", "0", "--sabotage")
    assert status == 1
    assert report["lost"] == 1, report
