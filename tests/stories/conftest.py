from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from tests.town import Town, running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        yield stand_ins


@pytest.fixture
async def town(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    async with running(sandbox, tmp_path) as made:
        await made.until(made.daemon.gateway.healthy)
        yield made
