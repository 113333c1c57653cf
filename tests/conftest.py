"""For all tests: none fails for being slow, the vendors' descriptions are at hand, the PostgreSQL used is named."""

import importlib.util
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deskbell.torture import postgres

settings.register_profile("noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noisy")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    postgres.stop()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["postgres"] = postgres.used


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    postgres.used += getattr(node, "workeroutput", {}).get("postgres", [])


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("minutes of each suite, over all workers")
    for suite, seconds in sorted(spent(terminalreporter).items(), key=lambda each: -each[1]):
        terminalreporter.write_line(f"{seconds / 60:6.2f}  {suite}")
    for words in sorted(set(postgres.used)):
        terminalreporter.write_line(f"The tests of the database used {words}")


def spent(terminalreporter):
    """Seconds by folder, set-up and clean-up counted, whichever worker ran them."""
    seconds = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            path = Path(report.nodeid.partition("::")[0])
            seconds[str(path.parent if path.parent.name != "tests" else path)] += report.duration
    return seconds


def specs_folder():
    named = os.environ.get("DESKBELL_SPECS")
    folder = Path(named) if named else Path(__file__).parents[1].parent / "shared" / "specs"
    if (folder / "oracle.py").is_file():
        return folder
    if named:
        pytest.fail(f"DESKBELL_SPECS names {named}, and there is no oracle.py in it")
    return None


@pytest.fixture(scope="session")
def oracle_module():
    folder = specs_folder()
    if folder is None:
        return None
    spec = importlib.util.spec_from_file_location("deskbell_test_oracle", folder / "oracle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
