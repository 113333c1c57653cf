import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deskbell.cli import app
from deskbell.sandbox.server import Sandbox
from tests.crash.lives import ROOT


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


Cli = Callable[..., Awaitable[Done]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        stand_ins.slack.no_limits()
        yield stand_ins


def inside(*words: str, env: dict[str, str]) -> Done:
    """The same in this process, which is quicker: for commands that only read what lies there."""
    result = CliRunner().invoke(app, words, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """`python -m deskbell ...` as a person runs it, in a folder of its own."""

    async def run(*words: str, env: dict[str, str] | None = None, typed: str = "") -> Done:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deskbell", *words),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(env or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), 60)
        assert "Traceback" not in err.decode(), err.decode()
        return Done(process.returncode, out.decode(), err.decode())

    return run
