"""The event loop held up: told once a stall with what held it, and systemd hears no more of us when it lasts."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
import structlog

from deskbell.net import metrics
from deskbell.watch.stall import StallWatch
from tests.crash.lives import ROOT


class Manager:
    """Counts instead of sending."""

    watchdog_s = 0.04

    def __init__(self):
        self.fed = []

    def tell(self, **states):
        assert states == {"WATCHDOG": 1}
        self.fed.append(time.monotonic())


@pytest.fixture
async def watch():
    made = StallWatch(0.1, 0.5, Manager())
    made.start()
    yield made
    await asyncio.to_thread(made.close)


def a_call_that_waits(seconds):
    time.sleep(seconds)


async def test_a_stall_is_told_once_with_its_stack(watch):
    before = metrics._stalls._value.get()
    with structlog.testing.capture_logs() as logs:
        await asyncio.sleep(0.2)
        a_call_that_waits(0.4)
        await asyncio.sleep(0.2)
    told = [line for line in logs if line["event"] == "loop_stalled"]
    assert len(told) == 1
    assert "a_call_that_waits" in told[0]["stack"]
    assert [line["event"] for line in logs] == ["loop_stalled", "loop_goes_on"]
    assert metrics._stalls._value.get() == before + 1


async def test_each_stall_is_told(watch):
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            await asyncio.sleep(0.2)
            a_call_that_waits(0.3)
        await asyncio.sleep(0.2)
    assert sum(line["event"] == "loop_stalled" for line in logs) == 2


async def test_a_busy_loop_that_turns_is_no_stall(watch):
    with structlog.testing.capture_logs() as logs:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            a_call_that_waits(0.01)
            await asyncio.sleep(0)
    assert logs == []


async def test_systemd_is_fed_until_a_stall_lasts_and_again_after_it(watch):
    fed = watch._systemd.fed
    await asyncio.sleep(0.3)
    assert fed
    began = time.monotonic()
    a_call_that_waits(1.5)
    over = time.monotonic()
    during = [at for at in fed if began < at < over]
    assert during, "a short stall is no reason to be started anew"
    assert over - during[-1] > 0.3, "a long one is"
    await asyncio.sleep(0.3)
    assert fed[-1] > over


PAUSED = """
import asyncio, os, structlog, sys
from deskbell.watch.stall import StallWatch
from deskbell.watch.systemd import Systemd
async def main():
    watch = StallWatch(0.3, 5, Systemd({}))
    watch.start()
    print(os.getpid(), flush=True)
    await asyncio.sleep(2)
    watch.close()
    print("stalls", watch.stalls)
asyncio.run(main())
"""


def test_a_process_that_was_paused_has_not_stalled():
    process = subprocess.Popen([sys.executable, "-c", PAUSED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1)
    os.kill(pid, signal.SIGCONT)
    said, _ = process.communicate(timeout=20)
    assert said.splitlines()[-1] == "stalls 0"
