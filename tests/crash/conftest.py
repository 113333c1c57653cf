from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.workflows import Workflows
from deskbell.torture.nursery import Nursery
from tests.crash.lives import QUICK, Flows, Lives, Town
from tests.town import Town as City
from tests.town import running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        for chat in stand_ins.chats.values():
            chat.no_limits()
        yield stand_ins


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
async def lives(sandbox: Sandbox, tmp_path: Path, nursery: Nursery, changes: dict[str, str]) -> AsyncIterator[Lives]:
    made = Lives(sandbox, tmp_path, nursery, changes)
    yield made
    await made.bury()


@pytest.fixture
async def flows(sandbox: Sandbox) -> AsyncIterator[Flows]:
    stand_in, app = Workflows(sandbox.clock, sandbox.ledger), web.Application()
    stand_in.add_routes(app.router)
    stand_in.no_limits()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Flows(stand_in, stand_in.address(f"http://127.0.0.1:{runner.addresses[0][1]}", "dispatch"))
    await runner.cleanup()


@pytest.fixture
def town(lives: Lives) -> Town:
    return Town(lives)


@pytest.fixture
def changes() -> dict[str, str]:
    """Words of config.toml to replace."""
    return {}


@pytest.fixture
async def city(sandbox: Sandbox, tmp_path: Path, changes: dict[str, str]) -> AsyncIterator[City]:
    async with running(sandbox, tmp_path, **{**QUICK, **changes}) as made:
        yield made
