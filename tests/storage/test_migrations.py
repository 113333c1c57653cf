"""Migrations and the metadata make one schema, and a migration is carried out whole or not at all."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from storage import migrate, schema
from storage.backend import backend_of
from storage.errors import InstanceRunning, SchemaError


def made(desk):
    """What the database holds, as the database itself tells it."""
    return made_in_sqlite(desk) if desk.name == "sqlite" else made_in_postgresql(desk)


def made_in_sqlite(desk):
    """As SQL with its blanks evened out; and what SQLite makes of it, column by column."""
    objects = {}
    for kind, name, sql in desk.sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        text = re.sub(r"\s+", " ", sql)
        objects[kind, name] = re.sub(r"(?<=\() | (?=\))", "", text)
        if kind == "table":
            objects["columns", name] = desk.sql(f"PRAGMA table_info({name})")
    return objects


def made_in_postgresql(desk):
    queries = {
        "columns": """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), obj_description(c.oid)
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
            ORDER BY c.relname, a.attnum""",
        "indexes": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
        "rules": """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
        "triggers": """SELECT t.tgname, pg_get_triggerdef(t.oid), p.prosrc FROM pg_trigger t
            JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal ORDER BY 1""",
    }
    return {what: desk.sql(query) for what, query in queries.items()}


@pytest.fixture
def migrated(fresh):
    desk = fresh("migrated")
    migrate.upgrade(desk.url)
    return desk


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


def test_a_new_database_has_no_revision(fresh):
    assert migrate.current(fresh().url) is None


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(make, database, store):
    store.write_now(make.raised)
    store.close()
    before = made(database)
    assert migrate.upgrade(database.url) == schema.REVISIONS[-1]
    assert made(database) == before
    assert database.open().read_now(lambda reader: reader.count_alerts()) == 1


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_no_upgrade_beside_a_running_daemon(database, store):
    store.lock_instance()
    with pytest.raises(InstanceRunning):
        migrate.upgrade(database.url)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_an_upgrade_beside_running_instances_stops_nobody(make, fresh, database, store):
    """A migration leaves what the version before needs; only one is carried out at a time."""
    store.lock_instance()
    desk = fresh("new")
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: migrate.upgrade(desk.url), range(3))) == [schema.REVISIONS[-1]] * 3
    assert migrate.upgrade(database.url) == schema.REVISIONS[-1]
    assert store.write_now(make.raised).key


def test_no_upgrade_of_a_newer_database(database, store):
    store.close()
    database.sql("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(SchemaError, match="newer Deskbell"):
        migrate.upgrade(database.url)


def test_no_upgrade_of_somebody_elses_database(fresh):
    database = fresh()
    database.sql("CREATE TABLE diary (day TEXT)")
    with pytest.raises(SchemaError, match="not one of Deskbell's"):
        migrate.upgrade(database.url)


@pytest.mark.parametrize("point", ["migration.before", "migration.after"])
def test_a_migration_that_was_killed_is_done_again(make, fresh, point):
    desk = fresh()
    script = "import sys; from storage import migrate; migrate.upgrade(sys.argv[1])"
    environment = {**os.environ, "DESKBELL_FAULTS": f"{point}:kill"}
    killed = subprocess.run([sys.executable, "-c", script, desk.url], cwd=make.ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert desk.tables() == []
    migrate.upgrade(desk.url)
    assert desk.open().write_now(make.raised).id == 1


def test_a_migration_that_fails_leaves_nothing(fresh, armed):
    desk = fresh()
    armed("migration.after:raise")
    with pytest.raises(Exception, match=r"migration\.after"):
        migrate.upgrade(desk.url)
    assert desk.tables() == []


def test_the_triggers_are_the_same_in_both(migrated):
    backend = backend_of(migrated.url)
    with closing(backend.connect_reading()) as connection:
        assert backend.missing_triggers(connection) == []


def test_no_driver_but_the_one_that_is_needed_is_loaded(make):
    script = "import sys, storage.store, deskbell.daemon; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=make.ROOT, check=False).returncode == 0


def test_alembic_is_not_loaded_with_the_store(make):
    script = "import sys, storage.store; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=make.ROOT, check=False).returncode == 0
