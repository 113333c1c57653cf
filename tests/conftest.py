"""For all tests: machines are noisy, so no test fails for being slow; and the run says which PostgreSQL it used."""

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres

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
    for words in sorted(set(postgres.used)):
        terminalreporter.write_line(f"The tests of the database used {words}")
