"""Migrations and the metadata make one schema, and a migration is carried out whole or not at all."""

import os
import re
import signal
import subprocess
import sys

import pytest

from storage import migrate, schema, sqlite
from storage.errors import InstanceRunning, SchemaError


def made(desk):
    """What the file holds, as SQL with its blanks evened out; and what SQLite makes of it, column by column."""
    objects = {}
    for kind, name, sql in desk.sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        text = re.sub(r"\s+", " ", sql)
        objects[kind, name] = re.sub(r"(?<=\() | (?=\))", "", text)
        if kind == "table":
            objects["columns", name] = desk.sql(f"PRAGMA table_info({name})")
    return objects


@pytest.fixture
def migrated(make, tmp_path):
    desk = make.Desk(tmp_path / "migrated")
    migrate.upgrade(desk.url)
    yield desk
    desk.close()


def test_migrations_and_metadata_give_the_same_schema(database, migrated):
    database.open()
    assert made(migrated) == made(database)


def test_a_migrated_database_works(make, migrated):
    store = migrated.open()
    assert store.write_now(make.raised).ref == "D-1"
    assert store.verify().ok


def test_the_revisions_are_those_that_the_code_knows(migrated):
    assert tuple(migrate.revisions()) == schema.REVISIONS
    assert migrate.head() == schema.REVISIONS[-1] == migrate.current(migrated.url)


def test_a_new_database_has_no_revision(make, tmp_path):
    assert migrate.current(make.Desk(tmp_path).url) is None


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(make, database, store):
    store.write_now(make.raised)
    store.close()
    before = made(database)
    assert migrate.upgrade(database.url) == schema.REVISIONS[-1]
    assert made(database) == before
    assert database.open().read_now(lambda reader: reader.count_alerts()) == 1


def test_no_upgrade_beside_a_running_daemon(database, store):
    store.lock_instance()
    with pytest.raises(InstanceRunning):
        migrate.upgrade(database.url)


def test_no_upgrade_of_a_newer_database(database, store):
    store.close()
    database.sql("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(SchemaError, match="newer Deskbell"):
        migrate.upgrade(database.url)


def test_no_upgrade_of_somebody_elses_database(database):
    database.sql("CREATE TABLE diary (day TEXT)")
    with pytest.raises(SchemaError, match="not one of Deskbell's"):
        migrate.upgrade(database.url)


@pytest.mark.parametrize("point", ["migration.before", "migration.after"])
def test_a_migration_that_was_killed_is_done_again(make, tmp_path, point):
    desk = make.Desk(tmp_path)
    script = "import sys; from storage import migrate; migrate.upgrade(sys.argv[1])"
    environment = {**os.environ, "DESKBELL_FAULTS": f"{point}:kill"}
    killed = subprocess.run([sys.executable, "-c", script, desk.url], cwd=make.ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert desk.sql("SELECT name FROM sqlite_master") == []
    migrate.upgrade(desk.url)
    assert desk.open().write_now(make.raised).id == 1
    desk.close()


def test_a_migration_that_fails_leaves_nothing(make, tmp_path, armed):
    desk = make.Desk(tmp_path)
    armed("migration.after:raise")
    with pytest.raises(Exception, match=r"migration\.after"):
        migrate.upgrade(desk.url)
    assert desk.sql("SELECT name FROM sqlite_master") == []


def test_the_triggers_are_the_same_in_both(migrated):
    connection = sqlite.connect_reading(migrated.path)
    assert sqlite.missing_triggers(connection) == []
    connection.close()


def test_alembic_is_not_loaded_with_the_store(make):
    script = "import sys, storage.store; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=make.ROOT, check=False).returncode == 0
