"""Opening a database: what is set up, and what is refused, in words that say what to do."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from storage import revision, sqlite
from storage.errors import SchemaError, StoreError

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@SQLITE
def test_the_database_is_set_up_as_it_must_be(store, database):
    def pragma(name):
        return store._writer._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)
    assert pragma("busy_timeout") == sqlite.BUSY_MS
    assert database.path.stat().st_mode & 0o077 == 0, "nobody else may read it"
    assert database.head_file.stat().st_mode & 0o077 == 0


@SQLITE
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("mysql://localhost/desk", "not in mysql"),
        ("postgresql://ana:pw@127.0.0.1:1/desk", r"postgresql://127.0.0.1:1/desk can't be reached.*refused"),
        ("deskbell.db", "not a database URL"),
        ("sqlite:////proc/nowhere/deskbell.db", "can't be written"),
    ],
)
def test_a_url_that_can_not_be_is_refused(url, said, make, database):
    database.url = url
    with pytest.raises(StoreError, match=said):
        database.open()


@SQLITE
def test_a_file_that_is_no_database_is_refused(database):
    database.path.write_text("Dear diary, " * 1000)
    with pytest.raises(StoreError, match=r"deskbell\.db is damaged: it can't be opened: file is not a database"):
        database.open()


def test_somebody_elses_database_is_refused(fresh):
    database = fresh()
    database.sql("CREATE TABLE diary (day TEXT)")
    with pytest.raises(SchemaError, match="not one of Deskbell's"):
        database.open()


def test_a_missing_key_is_refused(database):
    with pytest.raises(StoreError, match=r"deskbell\.secret"):
        database.open(audit_key=b"")


def test_a_newer_schema_is_refused_and_an_older_one_told_how(database, store, monkeypatch):
    store.close()
    database.sql("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(SchemaError, match="newer version of Deskbell"):
        database.open()
    monkeypatch.setattr(revision, "REVISIONS", ("0099", "0100"))
    with pytest.raises(SchemaError, match="deskbell db upgrade"):
        database.open()


def test_two_first_starts_at_once_make_one_database(kind, fresh):
    for number in range(2):
        desk = fresh(f"{number}", head_file=None)

        def start(_, desk=desk):
            store = desk.open()
            store.write_now(lambda uow: uow.put_value("a", "b"))
            return True

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(start, range(6)))


@POSTGRESQL
def test_the_sessions_are_set_up_as_they_must_be(store, database):
    def shown(name):
        return store._writer._connection.execute(f"SHOW {name}").fetchone()[0]

    assert shown("lock_timeout") == "500ms"
    assert shown("idle_in_transaction_session_timeout") == "5s"
    assert shown("synchronous_commit") == "on"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        store.read_now(lambda reader: reader.db.connection.execute("DELETE FROM settings"))


@POSTGRESQL
def test_a_server_that_is_not_there_is_told_without_its_password(database):
    database.url = sa.make_url(database.url).set(username="ana", password="hidden").render_as_string(False)
    database.url = database.url.replace("/deskbell_", "/nothing_")
    with pytest.raises(StoreError, match="can't be reached") as refused:
        database.open()
    assert "hidden" not in str(refused.value)


@POSTGRESQL
def test_comments_tell_what_columns_mean(database, store):
    found = dict(database.sql("SELECT c.relname, obj_description(c.oid) FROM pg_class c WHERE c.relkind = 'r'"))
    assert found["audit"].startswith("Append-only")
