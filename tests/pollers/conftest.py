"""A source that changes while it is read, for the tests of the cursor; time is a number that only its requests move."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from pollers import cursor as cursors
from pollers.cursor import Cursor, Fetched, Pace, Row

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Ledger:
    """What the source really holds: id -> (second of the last change, version, second from which it is visible)."""

    size: int = 10
    lag: int = 0
    now: int = 0
    rows: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)  # what a reader sees of a row whose newest version is still invisible
    requests: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    hidden: set = field(default_factory=set)
    counted: bool = False  # tells the total, hidden rows included, as ServiceNow does
    each_request: object = None

    def put(self, id, *, at=None, lag=None):
        at = self.now if at is None else at
        version = self.rows[id][1] + 1 if id in self.rows else 1
        if id in self.rows and self.rows[id][2] <= self.now:
            self.before[id] = self.rows[id]
        delay = (self.rng.randint(0, self.lag) if self.lag else 0) if lag is None else lag
        self.rows[id] = (at, version, max(at, self.now) + delay)

    def visible(self):
        for id, (at, version, seen_from) in self.rows.items():
            if seen_from <= self.now:
                yield id, at, version
            elif id in self.before:
                old_at, old_version, _ = self.before[id]
                yield id, old_at, old_version

    async def fetch(self, since, step):
        self.requests += 1
        if self.each_request:
            self.each_request()
        floor = (since - START).total_seconds()
        found = sorted((at, id, version) for id, at, version in self.visible() if at >= floor)
        page = found[step * self.size : (step + 1) * self.size]
        more = len(found) > (step + 1) * self.size
        shown = [row for row in page if row[1] not in self.hidden]
        rows = [Row(str(id), moment(at), str(version), {"id": id, "version": version}) for at, id, version in shown]
        return Fetched(rows, more, moment(self.now))


def moment(second):
    return START + timedelta(seconds=second)


@dataclass
class Reader:
    """A poller with its committed state: what it has seen, and the cursor as it is stored."""

    ledger: Ledger
    pace: Pace
    lookback: int = 100_000
    cursor: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)
    handed: list = field(default_factory=list)

    async def poll(self, *, crash_after=None):
        pages = cursors.sweep(
            cursors.from_json(self.cursor), self.ledger.fetch, moment(self.ledger.now - self.lookback), self.pace
        )
        whole = False
        number = 0
        async for batch in pages:
            number += 1
            for row in batch.rows:
                self.handed.append((row.id, row.version))
                self.seen[row.id] = max(int(row.version), self.seen.get(row.id, 0))
            if crash_after == number:
                await pages.aclose()
                return False
            self.cursor = cursors.to_json(batch.cursor)
            whole = batch.whole
        return whole

    def lost(self):
        return {id for id, (_, version, _) in self.ledger.rows.items() if self.seen.get(str(id), 0) < version}


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def reader(ledger):
    return Reader(ledger, Pace(overlap=timedelta(seconds=60), max_pages=50))


@pytest.fixture
def simulated():
    """The two classes, for tests that build many."""
    return Ledger, Reader


@pytest.fixture
def blank():
    return Cursor()
