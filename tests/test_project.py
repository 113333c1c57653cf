"""What keeps the project itself in order: its names, its locks, its layout."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"deskbell", "bot", "pollers", "channels", "storage"}
LOCKS = ("requirements.txt", "requirements-dev.txt")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(extra: str | None = None) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {normal(re.match(r"[\w.-]+", line).group()) for line in wanted}


def locked(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def outside_imports(module: Path) -> set[str]:
    """The names a file imports that are neither the standard library's nor ours."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    allowed = sys.stdlib_module_names | {"deskbell"}  # which rooms of ours it may import is import-linter's to say
    return {name for name in names if name.split(".")[0] not in allowed}


def test_no_other_distribution_provides_our_names():
    installed = packages_distributions()
    takers = {name: set(installed.get(name, ())) - {"deskbell"} for name in OURS}
    assert {name: who for name, who in takers.items() if who} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_download_from(lock):
    lines = (ROOT / lock).read_text().splitlines()
    pin = re.compile(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+-]+( ; [\w '\".<>=!()]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lines if not pin.fullmatch(line) and not digest.fullmatch(line)] == []


def test_the_locks_hold_what_the_project_asks_for():
    run, dev = locked("requirements.txt"), locked("requirements-dev.txt")
    assert asked_for() - run.keys() == set()
    assert asked_for("dev") - dev.keys() == set()
    assert run.items() <= dev.items()


def test_the_core_imports_the_standard_library_only():
    found = {path.name: outside_imports(path) for path in (ROOT / "deskbell" / "core").rglob("*.py")}
    assert {name: names for name, names in found.items() if names} == {}


# Packages that are imported by another name than they are asked for.
IMPORTED_AS = {
    "botbuilder-core": "botbuilder",
    "botbuilder-integration-aiohttp": "botbuilder",
    "discord-py": "discord",
    "pyjwt": "jwt",
    "python-telegram-bot": "telegram",
}


def test_the_core_contract_forbids_every_package_we_ask_for():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    forbidden = next(c["forbidden_modules"] for c in contracts if c.get("source_modules") == ["deskbell.core"])
    imported = {IMPORTED_AS.get(name, name) for name in asked_for()}
    assert imported - {normal(name) for name in forbidden} == set()


def test_tests_are_files_and_not_packages():
    assert [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("__init__.py")] == []
