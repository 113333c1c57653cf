"""Any instance takes a source's call; the one that reads the source follows it, or the next one that does."""

import tomllib
from contextlib import suppress
from typing import Any

import aiohttp
import psycopg
import pytest

from benchmarks.takeover import Instance, Several
from deskbell.torture.house import as_toml

SECRET = "hook-of-the-tests"
_READ = "SELECT 1 FROM sources WHERE name = 'fieldservice' AND NOT baseline"
_HINTS = "SELECT record_id FROM hints"


@pytest.fixture
def hooked(house: Several) -> Several:
    """Nothing is seen by a poll: there is one an hour."""
    for one in house.instances:
        raw: dict[str, Any] = tomllib.loads(one.config.read_text())
        raw["sources"]["fieldservice"] |= {"interval": "1h", "hook": {"secrets": [SECRET]}}
        one.config.write_text(as_toml(raw))
    return house


async def tell(instance: Instance, job: str) -> None:
    body, headers = {"id": job.removeprefix("J-")}, {"X-Deskbell-Secret": SECRET}
    url = f"http://127.0.0.1:{instance.port}/hooks/fieldservice"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
        assert answer.status == 200


async def begin(house: Several) -> tuple[Instance, Instance]:
    """Who reads the source, and the other one; from here on its list can't be read."""

    async def read() -> bool:
        with suppress(psycopg.errors.UndefinedTable):
            return bool(await house.ask(_READ))
        return False

    await house.until(read, "the first read")
    house.sandbox.fieldservice.faults.set("500", where="/jobs")
    holder = (await house.holders())["source:fieldservice"]
    return holder, next(one for one in house.instances if one is not holder)


async def test_who_takes_a_call_need_not_read(hooked: Several) -> None:
    inner, outer = hooked.instances
    hooked.start(inner, "--roles", "poll,courier")
    hooked.start(outer, "--roles", "bot,web")
    hooked.sandbox.introduce(f"http://127.0.0.1:{outer.port}")
    assert await begin(hooked) == (inner, outer)
    jobs = [hooked.late_job() for _ in range(5)]
    for job in jobs:
        await tell(outer, job)
    await hooked.quiet()
    assert await hooked.ask(_HINTS) == []
    assert hooked.lost() == hooked.twice() == []


async def test_a_call_outlives_who_would_have_read(hooked: Several) -> None:
    for one in hooked.instances:
        hooked.start(one)
    holder, other = await begin(hooked)
    hooked.sandbox.introduce(f"http://127.0.0.1:{other.port}")
    hooked.sandbox.fieldservice.faults.set("500", seconds=1.0)
    job = hooked.late_job()
    await tell(holder, job)
    holder.process.kill()
    await hooked.quiet()
    assert await hooked.ask(_HINTS) == []
    assert hooked.lost() == hooked.twice() == []
