"""Fault points: nothing until armed; then they count, raise, wait or kill where and when they are told to."""

import os
import signal
import subprocess
import sys
import time

import pytest

from deskbell.net import faults
from deskbell.net.faults import FaultRaised, point


def test_an_unarmed_point_does_nothing():
    faults.disarm()
    point("a")
    assert faults.reached() == []


def test_what_was_reached_is_known(armed):
    armed("")
    for name in ("b", "a", "b"):
        point(name)
    assert faults.reached() == ["b", "a"]


def test_a_fault_strikes_the_nth_time(armed):
    armed("a@2:raise, b:raise")
    point("a")
    with pytest.raises(FaultRaised, match="a"):
        point("a")
    point("a")
    for _ in range(2):
        with pytest.raises(FaultRaised):
            point("b")


def test_a_fault_waits(armed):
    armed("a:sleep=0.05")
    start = time.monotonic()
    point("a")
    assert time.monotonic() - start >= 0.05


def test_a_fault_kills(make):
    script = "from deskbell.net.faults import point; point('a'); print('once', flush=True); point('a')"
    environment = {**os.environ, "DESKBELL_FAULTS": "a@2:kill"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=make.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "once\n")


@pytest.mark.parametrize("spec", ["a", "a:", ":kill", "a:explode", "a@x:kill", "a:sleep=long"])
def test_a_wrong_spec_is_told(spec):
    with pytest.raises(ValueError, match="DESKBELL_FAULTS"):
        faults.arm(spec)
