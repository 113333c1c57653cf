from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from tests.crash.lives import QUICK
from tests.town import Town, running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        for chat in stand_ins.chats.values():
            chat.no_limits()
        yield stand_ins


@pytest.fixture
def changes() -> dict[str, str]:
    """Words of config.toml to replace."""
    return {}


@pytest.fixture
async def town(sandbox: Sandbox, tmp_path: Path, changes: dict[str, str]) -> AsyncIterator[Town]:
    async with running(sandbox, tmp_path, **{**QUICK, **changes}) as made:
        await made.until_async(lambda: linked(made), 4)
        yield made


async def linked(town: Town) -> int:
    """How many of those who tap here Deskbell knows by now."""
    accounts = [await town.daemon.desk.person("slack", account) for account in ("U0ANA", "U0BEN", "U0CARLA", "U0DAN")]
    return sum(person is not None for person in accounts)
