"""What the headless report is made of: the heart that feels stalls, and when a run is good."""

import asyncio
import copy
import time

import pytest

from deskbell.demo import Stalls, _for_people, _good

COUNTS = {"posted": 9, "edited": 7, "taps": 5, "commands": 3}
REPORT = {
    "alerts": 12,
    "chats": {name: dict(COUNTS) for name in ("slack", "teams", "telegram", "discord")},
    "sources": {"freshdesk": {"reads": 4, "writes": 2}},
    "writebacks": 2,
    "audit": {"entries": 40, "verified": True},
    "lost": 0,
    "duplicates": 0,
    "tap_to_edit_ms": {"p50": 12.0, "p99": 40.0},
    "converge_ms": {"p50": 20.0, "p95": 300.0, "n": 20},
    "loop_stall_max_ms": 12.0,
    "stop_s": 0.1,
}


async def test_the_heart_feels_a_call_that_blocks():
    stalls = Stalls()
    heart = asyncio.create_task(stalls.beat())
    await asyncio.sleep(0.02)
    time.sleep(0.12)
    await asyncio.sleep(0.02)
    heart.cancel()
    assert 0.1 <= stalls.longest_s < 1


def test_a_run_in_which_all_went_well_is_good():
    assert _good(REPORT)
    told = _for_people(REPORT, {})
    assert "teams: 9 posted, 7 edited, 5 taps, 3 commands" in told
    assert "20.0 ms" in told


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("lost",), 1),
        (("duplicates",), 1),
        (("audit", "verified"), False),
        (("chats", "discord", "taps"), 0),
        (("chats", "telegram", "commands"), 0),
        (("sources", "freshdesk", "writes"), 0),
        (("alerts",), 0),
    ],
)
def test_a_run_that_lost_doubled_or_left_something_out_is_not(where, value):
    report = copy.deepcopy(REPORT)
    inner = report
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    assert not _good(report)
