"""One tiny run of the whole bench serves all tests: what takes time in it are the starts of daemons.

In a process of its own, as `deskbell bench` is: it takes a core and a PostgreSQL for itself.
"""

import json
import subprocess
import sys

import pytest

from deskbell.bench.figures import Report

TINY = """
import orjson, sys
from deskbell.bench import memory, poll, storm
from deskbell.bench.run import Wish, run

memory.REST_S, memory.SETTLE_S, poll.WARM_S, storm.GLIMPSE_S = 0.5, 0.1, 0.1, 1.5
sys.stdout.buffer.write(orjson.dumps(run(Wish(rounds=1, scale=0.001)).as_json()))
"""


@pytest.fixture(scope="session")
def report():
    done = subprocess.run([sys.executable, "-c", TINY], capture_output=True, check=True, timeout=240)
    return Report.of_json(json.loads(done.stdout))
