from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from tests.town import Town, running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        for chat in stand_ins.chats.values():
            chat.no_limits()
        yield stand_ins


@pytest.fixture
async def town(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    async with running(sandbox, tmp_path) as made:
        yield made


@pytest.fixture
async def veiled(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    """Where cards don't say who the customer is."""
    async with running(sandbox, tmp_path, **{'customers = "shown"': 'customers = "revealed"'}) as made:
        yield made
