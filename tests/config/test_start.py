"""`deskbell --help` is instant: it imports nothing that a command might need later."""

import subprocess
import sys

import pytest

from tests.crash.lives import ROOT

HEAVY = (
    "aiohttp",
    "alembic",
    "httpx",
    "jinja2",
    "prometheus_client",
    "pydantic",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "structlog",
)
LOOK = """
import sys
from deskbell.cli import app
try:
    app({words!r})
except SystemExit as end:
    status = end.code
print("status", status, "heavy", sorted({{name.partition(".")[0] for name in sys.modules}} & set({heavy!r})))
"""


def ran(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout


def looked(words: list[str], heavy: tuple[str, ...] = HEAVY) -> str:
    code = LOOK.format(words=words, heavy=heavy)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.splitlines()[-1]


def test_help_imports_nothing_heavy() -> None:
    assert looked(["--help"]) == "status 0 heavy []"


@pytest.mark.parametrize("command", ["run", "check", "audit", "outbox", "init"])
def test_help_of_a_command_imports_no_more_than_typer_does(command: str) -> None:
    assert looked([command, "--help"]) in ("status 0 heavy []", "status 0 heavy ['pydantic']")


def test_what_is_heavy_is_seen() -> None:
    assert "'typer'" in looked(["--help"], ("typer", "sqlalchemy"))


def test_a_configuration_without_slack_imports_no_sdk() -> None:
    code = """
import sys
from deskbell import daemon
print(sorted({name.partition(".")[0] for name in sys.modules} & {"slack_sdk", "slack_bolt", "alembic"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
