"""A PostgreSQL that lets nobody in for a while: the same promises, and the same words to people."""

import pytest

from deskbell.torture import postgres
from tests.crash.lives import Lives, Town
from tests.faults.conftest import told
from tests.faults.test_disk import GONE, WRITTEN, heard, unsaved


@pytest.fixture
def database():
    try:
        server = postgres.server()
    except postgres.Unavailable as why:
        pytest.skip(str(why))
    name = server.create()
    yield server, name
    server.run(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
    server.drop(name)


@pytest.fixture
def changes(changes, database, tmp_path):
    server, name = database
    url = 'database = "sqlite:///${DESKBELL_DATA:-.}/deskbell.db"'
    return {**changes, url: f'database = "{server.address(name)}"\nhead_file = "{tmp_path}/deskbell.head"'}


async def test_a_server_that_lets_nobody_in(lives: Lives, town: Town, database):
    server, name = database
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")

    server.run(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
    server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
    await heard(town, GONE)
    assert await unsaved(town, job)
    late = town.urgent_ticket()

    server.run(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
    await heard(town, WRITTEN)
    await town.acknowledge(job, "slack")
    await town.acknowledge(late, "teams")
    assert (told(lives, GONE), told(lives, WRITTEN)) == (1, 1)
    assert [len(town.cards(work, "discord")) for work in (job, late)] == [1, 1]
    assert await lives.stop() == 0
