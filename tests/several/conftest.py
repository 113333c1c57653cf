"""Two real daemons on one PostgreSQL, against the stand-ins."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchmarks.takeover import Several, several
from deskbell.torture import postgres
from deskbell.torture.nursery import Nursery

LEASE_S = 2.0  # a fifth of the usual, so that nobody waits for long


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
def url() -> Iterator[str]:
    try:
        postgres.server()
    except postgres.Unavailable as error:
        pytest.skip(str(error))
    with postgres.database() as found:
        yield found


@pytest.fixture
async def house(url: str, tmp_path: Path, nursery: Nursery) -> AsyncIterator[Several]:
    async with several(tmp_path, url, nursery, lease_s=LEASE_S) as made:
        yield made
