"""PostgreSQL's own programs for copies: pg_dump and pg_restore, which come with its client."""

import os
import shutil
import subprocess
from pathlib import Path

from psycopg import conninfo

from storage.errors import StoreError

_LINES = 3


def dump(address: str, to: Path) -> None:
    """All of a database at one moment, in pg_dump's custom format."""
    _run("pg_dump", address, "--format=custom", f"--file={to}")


def load(address: str, copy: Path) -> None:
    """Whole or not at all."""
    _run("pg_restore", address, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(copy))


def _run(name: str, address: str, *options: str) -> None:
    """The password goes in the environment: the command line of a process is for everybody to read."""
    program = shutil.which(name)
    if program is None:
        raise StoreError(f"{name} is not here. Install PostgreSQL's client programs, of the server's version or newer.")
    parts = conninfo.conninfo_to_dict(address)
    password = {"PGPASSWORD": str(parts.pop("password"))} if parts.get("password") else {}
    where = conninfo.make_conninfo("", **parts)
    done = subprocess.run(
        [program, "--no-password", f"--dbname={where}", *options],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split("\n")[:_LINES]).strip()
        raise StoreError(f"{name} failed: {said}")
