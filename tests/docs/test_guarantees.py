"""docs/guarantees.md: each promise has a proof, and each proof can be run."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

from deskbell.bench.run import known
from deskbell.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
PROMISES = {
    f"G{number}": part for number, part in enumerate(re.split(r"^## G\d .*$", PAGE, flags=re.MULTILINE)) if number
}
PATHS = sorted(set(re.findall(r"`(tests/[\w/]+(?:\.py)?)`", PAGE)))
COMMANDS = sorted(set(re.findall(r"`deskbell ([^`]+)`", PAGE)))


def proofs(part):
    return re.findall(r"^\| (`.*`) \| .+ \|$", part.partition("\n## ")[0], re.MULTILINE)


def test_all_seven_are_there():
    assert list(PROMISES) == [f"G{number}" for number in range(1, 8)]


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_has_proofs(promise):
    assert len(proofs(PROMISES[promise])) >= 2


@pytest.mark.parametrize("path", PATHS)
def test_each_path_holds_tests(path):
    file = ROOT / path
    files = [file] if file.is_file() else sorted(file.glob("test_*.py"))
    names = [node.name for one in files for node in ast.walk(ast.parse(one.read_text())) if hasattr(node, "name")]
    assert any(name.startswith("test_") for name in names), path


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_takes_its_words(line):
    command, words = typer.main.get_command(app), shlex.split(line)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert command.name != "deskbell", line
    named = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= named, line
    if command.name == "bench":
        assert {word for word in words if not word.startswith("--")} <= set(known()), line


def test_there_is_something_to_check():
    assert len(PATHS) > 20
    assert len(COMMANDS) >= 8
