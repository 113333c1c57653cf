"""One tiny run of the whole bench serves all tests: what takes time in it are the starts of daemons."""

import pytest

from deskbell.bench import memory, poll, storm
from deskbell.bench.run import MEASURES, Wish, run


@pytest.fixture(scope="session")
def report():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "REST_S", 0.5)
        patch.setattr(memory, "SETTLE_S", 0.1)
        patch.setattr(poll, "WARM_S", 0.1)
        patch.setattr(storm, "GLIMPSE_S", 1.5)
        return run(Wish(MEASURES, rounds=1, scale=0.001))
