"""Each night the whole database is looked through, and what is wrong is told."""

import asyncio
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
import time_machine

from deskbell.watch.conf import WatchConf
from deskbell.watch.database import Database

ZONE = "Europe/Berlin"


@pytest.fixture
def night():
    """Just before half past three."""
    with time_machine.travel(datetime(2026, 11, 22, 3, 29, 59, 900_000, tzinfo=ZoneInfo(ZONE)), tick=True):
        yield


async def checked(check):
    """What is reported of the first check."""
    told = asyncio.get_running_loop().create_future()
    database = Database(
        None, WatchConf(check_at=time(3, 30)), check, lambda *said: told.set_result(said), datetime.now, lambda: None
    )
    nights = asyncio.create_task(database.check_each_night(ZONE))
    try:
        return await asyncio.wait_for(told, 20)
    finally:
        nights.cancel()
        await asyncio.gather(nights, return_exceptions=True)


@pytest.mark.usefixtures("night")
async def test_it_is_looked_through_at_its_time_by_the_clock_of_the_house():
    asked = []

    async def check():
        asked.append(datetime.now(ZoneInfo(ZONE)))
        return ["page 5 is damaged", "page 9 is damaged"]

    assert await checked(check) == ("integrity", "page 5 is damaged; page 9 is damaged")
    (at,) = asked
    assert (at.hour, at.minute) == (3, 30)


@pytest.mark.usefixtures("night")
async def test_what_can_not_be_looked_through_is_told_too():
    async def check():
        raise OSError("no such disk")

    what, why = await checked(check)
    assert what == "integrity"
    assert "could not be looked through" in why
    assert "no such disk" in why
