from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from tests.crash.lives import Lives, Town


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
