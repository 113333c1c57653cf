"""A source that changes while it is read, for the tests of the cursor; time is a number that only its requests move."""

import contextlib
import dataclasses
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

    def put(self, n, *, at=None, lag=None):
        at = self.now if at is None else at
        version = self.rows[n][1] + 1 if n in self.rows else 1
        if n in self.rows and self.rows[n][2] <= self.now:
            self.before[n] = self.rows[n]
        delay = (self.rng.randint(0, self.lag) if self.lag else 0) if lag is None else lag
        self.rows[n] = (at, version, max(at, self.now) + delay)

    def visible(self):
        for n, (at, version, seen_from) in self.rows.items():
            if seen_from <= self.now:
                yield n, at, version
            elif n in self.before:
                old_at, old_version, _ = self.before[n]
                yield n, old_at, old_version

    async def fetch(self, since, step):
        self.requests += 1
        if self.each_request:
            self.each_request()
        floor = (since - START).total_seconds()
        found = sorted((at, n, version) for n, at, version in self.visible() if at >= floor)
        page = found[step * self.size : (step + 1) * self.size]
        more = len(found) > (step + 1) * self.size
        shown = [row for row in page if row[1] not in self.hidden]
        rows = [Row(str(n), moment(at), str(version), {"id": n}) for at, n, version in shown]
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
        return {n for n, (_, version, _) in self.ledger.rows.items() if self.seen.get(str(n), 0) < version}


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


FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def recorded():
    """A vendor's answer by the name of its file."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text())


# What strangers may put where a field is expected, in every field in turn.
HOSTILE = (
    *(None, True, 0, -1, 3.7, float("inf"), 10**400),
    *("", " ", "\ud83d", "x" * 1_000_000, "9" * 5000),
    *([], [[]], {}, {"value": {}}, {"link": 1}),
    *("<!channel> @everyone {{7*7}}", "\u202egnitteg drawkcab", "a\u0300" * 1000, "\x00\x1b[31m"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "Infinity", "\u0663"),
    *(b"bytes", object()),
)


@pytest.fixture
def hostile():
    return HOSTILE


@pytest.fixture
def sound():
    """Checks that a record is fit for the house: plain texts, times in UTC, nothing that can't be stored or shown."""
    return assert_sound


def assert_sound(record):
    from deskbell.core import records

    data = records.to_data(record)
    json.dumps(data, allow_nan=False).encode()
    assert records.from_data(data) == record
    assert records.fingerprint(record)
    for name in (one.name for one in dataclasses.fields(record)):
        value = getattr(record, name)
        if isinstance(value, str):
            assert len(value) <= 1000, name
            value.encode()
            assert value.isprintable(), name
        if isinstance(value, datetime):
            assert value.utcoffset() == timedelta(0), name


# ---------------------------------------------------------------- the three sources against the stand-ins

JOB_FIELDS = {
    "id": "id",
    "number": "number",
    "status": "status",
    "title": "summary",
    "customer": "customer.name",
    "site": "site.name",
    "zone": "site.timezone",
    "technician": "technician.name",
    "technician_id": "technician.id",
    "technician_email": "technician.email",
    "start": "scheduled_start",
    "end": "scheduled_end",
    "updated_at": "updated_at",
}


@pytest.fixture
async def sb():
    from deskbell.sandbox.server import Sandbox

    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def freshdesk(sb):
    from deskbell.sandbox import credentials
    from pollers.freshdesk import Freshdesk, FreshdeskConf

    conf = FreshdeskConf(f"{sb.url}/freshdesk", credentials.FRESHDESK_KEY, page_size=10)
    async with _closing(Freshdesk(conf, now=sb.clock.now)) as source:
        yield source


@pytest.fixture
async def servicenow(sb):
    from deskbell.sandbox import credentials
    from pollers.servicenow import ServiceNow, ServiceNowConf

    conf = ServiceNowConf(
        f"{sb.url}/servicenow", credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD, page_size=10
    )
    async with _closing(ServiceNow(conf, now=sb.clock.now)) as source:
        yield source


@pytest.fixture
def job_conf(sb):
    from deskbell.sandbox import credentials
    from pollers.rest import AuthConf, Paging, RestConf, WriteRule

    return RestConf(
        f"{sb.url}/fieldservice",
        "/api/jobs",
        JOB_FIELDS,
        name="fieldservice",
        title="Field service",
        auth=AuthConf("bearer", token=credentials.FIELDSERVICE_TOKEN),
        params={"updated_since": "{since}", "page": "{page}", "per_page": "{size}"},
        paging=Paging("page", size=10, pages="meta.pages"),
        items="data",
        item_path="/api/jobs/{id}",
        item="data",
        write={
            "note": WriteRule("/api/jobs/{id}", "PATCH", {"note": "{text}"}),
            "assign": WriteRule("/api/jobs/{id}", "PATCH", {"technician_id": "{assignee:int}"}),
        },
    )


@pytest.fixture
async def fieldservice(sb, job_conf):
    from pollers.rest import Rest

    async with _closing(Rest(job_conf, now=sb.clock.now)) as source:
        yield source


@contextlib.asynccontextmanager
async def _closing(source):
    yield source
    await source.close()


@dataclass
class Reading:
    """What a desk would hold after some polls of a source."""

    source: object
    cursor: dict = field(default_factory=dict)
    records: dict = field(default_factory=dict)
    pages: list = field(default_factory=list)

    async def poll(self):
        """The records that this poll brought, by id."""
        brought = {}
        async for page in self.source.changes(json.loads(json.dumps(self.cursor))):
            self.pages.append(page)
            self.cursor = page.cursor
            brought |= {record.id: record for record in page.records}
        self.records |= brought
        return brought

    @property
    def complete(self):
        return self.pages[-1].complete


@pytest.fixture
def reading():
    return Reading
