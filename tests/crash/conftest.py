from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from tests.crash.lives import QUICK, Lives, Town
from tests.town import Town as City
from tests.town import running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        stand_ins.slack.no_limits()
        yield stand_ins


@pytest.fixture
async def lives(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Lives]:
    made = Lives(sandbox, tmp_path)
    yield made
    await made.bury()


@pytest.fixture
def town(lives: Lives) -> Town:
    return Town(lives)


@pytest.fixture
def changes() -> dict[str, str]:
    """Words of config.toml to replace, for tests whose daemon runs in their own process."""
    return {}


@pytest.fixture
async def city(sandbox: Sandbox, tmp_path: Path, changes: dict[str, str]) -> AsyncIterator[City]:
    async with running(sandbox, tmp_path, **QUICK, **changes) as made:
        await made.until(made.daemon.gateway.healthy)
        yield made
