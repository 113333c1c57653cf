"""A store on each database that Deskbell speaks, and short ways to make what goes into it."""

import sqlite3
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy as sa

from deskbell.core.alert import Alert, Severity
from deskbell.core.ports import Dispatch, DispatchKind, Entry, Lane, StoredRecord
from deskbell.core.records import Case, CaseStatus, Visit, VisitStatus
from deskbell.net import faults
from deskbell.torture import postgres
from storage import postgres_schema, sqlite, verify
from storage.store import SqlStore

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
COMMITS, EACH = 6, 3  # of the audit that `filled` holds
KEY = b"the audit's key in these tests"


def make_alert(number=1, **values):
    return Alert(
        **{
            "key": f"field:{number}:late",
            "rule": "technician_late",
            "source": "field",
            "record_id": str(number),
            "subject": f"J-{number}",
            "title": "Technician late",
            "summary": f"Ben Ito is 20 min late for J-{number}",
            "severity": Severity.P2,
            "opened_at": NOW,
            "updated_at": NOW,
            "facts": (("Customer", "Paint shop Novak"), ("Technician", "Ben Ito")),
        }
        | values
    )


def make_visit(ident="1", number="J-1", **values):
    known = {"source": "field", "id": ident, "number": number, "status": VisitStatus.SCHEDULED, "start": NOW}
    return StoredRecord(Visit(**(known | values)), NOW, None, "f")


def make_case(ident="1", number="1", **values):
    known = {"source": "desk", "id": ident, "number": number, "status": CaseStatus.OPEN}
    return StoredRecord(Case(**(known | values)), NOW, None, "f")


def make_note(key, alert_id=1, destination="ops", kind=DispatchKind.NOTE, payload=None, **values):
    return Dispatch(key, destination, kind, {"text": key} if payload is None else payload, alert_id, **values)


def raise_alert(uow, number=1, destinations=("ops",), **values):
    """An alert with a card in each destination, and its entry in the audit."""
    stored = uow.insert_alert(make_alert(number, **values))
    for destination in destinations:
        uow.want_post(stored.id, destination, Lane.PAGE, stored.severity, NOW)
    uow.audit(Entry("deskbell", "raised", stored.id, {"key": stored.key}), NOW)
    return stored


def make_entry(number, **personal):
    data = {"n": number, "reason": "customer called", "nested": {"b": [1, 2], "a": None}}
    return Entry(f"person{number}", "ack", number % 4 + 1, data, personal)


class Desk:
    """One database and the stores on it, with the short words that the tests use."""

    def __init__(self, folder, url, **options):
        self.folder = folder
        self.url = url
        self.head_file = folder / "deskbell.head"
        self.options = {"audit_key": KEY, "head_file": self.head_file, "clock": lambda: NOW} | options
        self.stores = []

    def open(self, **options):
        store = SqlStore.open(self.url, **(self.options | options))
        self.stores.append(store)
        return store

    def close(self):
        for store in self.stores:
            store.close()

    def sql(self, *statements):
        """Behind Deskbell's back, as an intruder or a broken tool would."""
        with self.connected() as connection:
            rows = []
            for statement in statements:
                text, values = statement if isinstance(statement, tuple) else (statement, ())
                rows = self.run(connection, text, values)
            connection.commit()
        return rows


class SqliteDesk(Desk):
    name = "sqlite"
    triggers = sqlite.TRIGGERS

    def __init__(self, folder, **options):
        self.path = folder / "deskbell.db"
        super().__init__(folder, f"sqlite:///{self.path}", **options)

    def connected(self):
        return closing(sqlite3.connect(self.path))

    def run(self, connection, text, values):
        return connection.execute(text, values).fetchall()

    def drop_triggers(self, names):
        return [f"DROP TRIGGER {name}" for name in names]

    def tables(self):
        return [name for (name,) in self.sql("SELECT name FROM sqlite_master WHERE type = 'table'")]


class PostgresDesk(Desk):
    name = "postgresql"
    triggers = postgres_schema.TRIGGERS

    def connected(self):
        return closing(psycopg.connect(self.url))

    def run(self, connection, text, values):
        cursor = connection.execute(text.replace("?", "%s") if values else text, values or None)
        return cursor.fetchall() if cursor.description else []

    def drop_triggers(self, names):
        return [f"DROP TRIGGER {name} ON {postgres_schema.TRIGGERS[name].split()[6]}" for name in names]

    def tables(self):
        return [name for (name,) in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def kind(request):
    """Each test runs on each database, but for those that name theirs: parametrize("kind", [...], indirect=True)."""
    return request.param


@pytest.fixture(scope="session")
def template():
    """A database of PostgreSQL with the schema in it, to be copied."""
    with postgres.database() as url:
        SqlStore.open(url, audit_key=KEY).close()
        yield sa.make_url(url).database


@pytest.fixture
def fresh(kind, tmp_path):
    """Makes databases in which there is nothing yet, or (PostgreSQL; it saves time) the schema and nothing else."""
    with ExitStack() as later:

        def make(folder="", like="template1", **options):
            (tmp_path / folder).mkdir(exist_ok=True)
            if kind == "sqlite":
                desk = SqliteDesk(tmp_path / folder, **options)
            else:
                desk = PostgresDesk(tmp_path / folder, later.enter_context(postgres.database(like)), **options)
            later.callback(desk.close)
            return desk

        yield make


@pytest.fixture
def database(request, kind, fresh):
    if kind == "sqlite":
        return fresh()
    try:
        postgres.server()
    except postgres.Unavailable as why:
        pytest.skip(str(why))
    return fresh(like=request.getfixturevalue("template"))


@pytest.fixture
def store(database):
    return database.open()


@pytest.fixture
def write(store):
    """Runs a change, or one method of the unit of work by its name."""

    def run(change, *args, **values):
        if isinstance(change, str):
            return store.write_now(lambda uow: getattr(uow, change)(*args, **values))
        return store.write_now(lambda uow: change(uow, *args, **values))

    return run


@pytest.fixture
def read(store):
    def run(query, *args, **values):
        if isinstance(query, str):
            return store.read_now(lambda reader: getattr(reader, query)(*args, **values))
        return store.read_now(query)

    return run


@pytest.fixture
def make():
    return SimpleNamespace(
        NOW=NOW,
        LEASE=LEASE,
        KEY=KEY,
        ROOT=Path(__file__).parents[2],
        alert=make_alert,
        visit=make_visit,
        case=make_case,
        note=make_note,
        entry=make_entry,
        COMMITS=COMMITS,
        EACH=EACH,
        raised=raise_alert,
        later=lambda **span: NOW + timedelta(**span),
    )


@pytest.fixture
def armed():
    """Arms fault points for one test."""
    yield faults.arm
    faults.disarm()


@pytest.fixture
def filled(make, database):
    """A closed database with some commits of several entries each, some of them with personal values."""
    store = database.open()
    for commit in range(COMMITS):

        def change(uow, first=commit * EACH + 1):
            for number in range(first, first + EACH):
                uow.audit(make_entry(number, **({"phone": f"+43 660 {number}"} if number % 2 else {})), make.NOW)

        store.write_now(change)
    assert store.verify().ok
    store.close()
    return database


@pytest.fixture
def judge(make, filled):
    def look(**options):
        return verify.verify(filled.url, **{"audit_key": make.KEY, "head_file": filled.head_file} | options)

    return look


@pytest.fixture
def tamper(filled):
    """Changes rows with the triggers out of the way, and puts these back: an intruder who knows what he does."""

    def run(*statements):
        filled.sql(*filled.drop_triggers(filled.triggers), *statements, *filled.triggers.values())

    return run
