"""The file is opened by SQLite alone: another hand that closes it would let go of SQLite's own locks."""

import sqlite3
import subprocess
import sys
from contextlib import closing

from storage.sqlite import connect_writing

LOOK = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM t').fetchone())"


def seen(path):
    """As another process sees it, like the command line beside a daemon; the last to close takes the log away."""
    looking = [sys.executable, "-c", LOOK, str(path)]
    return int(subprocess.run(looking, capture_output=True, text=True, check=True).stdout)


def test_another_connection_leaves_the_locks_of_the_first(tmp_path):
    path = tmp_path / "desk.db"
    with closing(connect_writing(path)) as first:
        first.execute("CREATE TABLE t (n)")
        connect_writing(path).close()
        assert seen(path) == 0
        first.execute("INSERT INTO t VALUES (1)")
        assert seen(path) == 1, "written into a log that somebody else had deleted"
    with closing(sqlite3.connect(path)) as later:
        assert later.execute("SELECT count(*) FROM t").fetchone() == (1,)
