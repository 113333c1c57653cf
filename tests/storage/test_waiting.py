"""While a PostgreSQL is waited for, all other threads go on: the event loop is one of them."""

import threading
import time

import psycopg
import pytest

from deskbell.torture import postgres
from storage.libpq import Session


@pytest.fixture
def session():
    try:
        postgres.server()
    except postgres.Unavailable as why:
        pytest.skip(str(why))
    with postgres.database() as url, psycopg.connect(url, autocommit=True) as connection:
        yield Session(connection)


@pytest.mark.parametrize("together", [False, True])
def test_others_go_on(session, together):
    if together:
        session.later("SELECT 1 WHERE 1 = %s", [1])
    waiting = threading.Thread(target=lambda: session.execute("SELECT pg_sleep(%s)", [0.5]))
    waiting.start()
    turns = 0
    while waiting.is_alive():
        time.sleep(0.01)
        turns += 1
    assert turns > 5
