"""Opening a database: what is set up, and what is refused, in words that say what to do."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage import revision, sqlite
from storage.errors import SchemaError, StoreError


def test_the_database_is_set_up_as_it_must_be(store, database):
    def pragma(name):
        return store._writer._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)
    assert pragma("busy_timeout") == sqlite.BUSY_MS
    assert database.path.stat().st_mode & 0o077 == 0, "nobody else may read it"
    assert database.head_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("postgresql://localhost/desk", "not in postgresql"),
        ("deskbell.db", "not a database URL"),
        ("sqlite:////proc/nowhere/deskbell.db", "can't be written"),
    ],
)
def test_a_url_that_can_not_be_is_refused(url, said, make, database):
    database.url = url
    with pytest.raises(StoreError, match=said):
        database.open()


def test_a_file_that_is_no_database_is_refused(database):
    database.path.write_text("Dear diary, " * 1000)
    with pytest.raises(StoreError, match=r"deskbell\.db can't be opened: file is not a database"):
        database.open()


def test_somebody_elses_database_is_refused(database):
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


def test_two_first_starts_at_once_make_one_database(make, tmp_path):
    def start():
        desk = make.Desk(tmp_path, head_file=None)
        store = desk.open()
        store.write_now(lambda uow: uow.put_value("a", "b"))
        desk.close()
        return True

    for _ in range(3):
        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(lambda _: start(), range(6)))
        for file in tmp_path.iterdir():
            file.unlink()
