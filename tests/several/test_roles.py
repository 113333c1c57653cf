"""What an instance does is said by its roles."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks.takeover import Several
from deskbell.torture.house import API_TOKEN
from tests.town import environ

ROOT = Path(__file__).parents[2]


async def get(port: int, path: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await (answer.json() if "json" in answer.content_type else answer.text())


async def is_ready(port: int) -> bool:
    try:
        return (await get(port, "/readyz"))[0] == 200
    except aiohttp.ClientError:
        return False


async def test_two_instances_share_the_roles(house: Several) -> None:
    inner, outer = house.instances
    house.start(inner, "--roles", "poll,courier")
    house.start(outer, "--roles", "bot,web")
    house.sandbox.introduce(f"http://127.0.0.1:{outer.port}")  # where Teams calls
    await house.ready()

    held = await house.holders()

    assert {name for name, one in held.items() if one is outer} == {"telegram:7000000", "discord:900000000000009900"}
    assert {name.partition(":")[0] for name, one in held.items() if one is inner} - {"lane"} == {"source", "timers"}
    for instance in house.instances:
        await house.until(lambda port=instance.port: is_ready(port), f"{instance.name} is ready")
        assert (await get(instance.port, "/healthz"))[1]["alive"]
        assert "deskbell_" in (await get(instance.port, "/metrics"))[1]
    assert (await get(inner.port, "/api/v1/alerts"))[0] == 404
    assert (await get(outer.port, "/api/v1/alerts"))[0] == 200


async def test_each_is_ready_or_not_by_its_own_roles(house: Several) -> None:
    """A source that is down is no matter of who only listens to people."""
    inner, outer = house.instances
    house.start(inner, "--roles", "poll")
    house.start(outer, "--roles", "bot,web,courier")
    for instance in house.instances:
        await house.until(lambda port=instance.port: is_ready(port), f"{instance.name} is ready")

    house.sandbox.sources["freshdesk"].faults.set("401")

    async def inner_is_not() -> bool:
        return not await is_ready(inner.port)

    await house.until(inner_is_not, "the reader says what is wrong")
    status, said = await get(inner.port, "/readyz")
    assert status == 503
    assert "Freshdesk" in str(said["reasons"])
    assert await is_ready(outer.port)


@pytest.mark.parametrize(
    ("given", "words"), [("poll,cook", "there is no role 'cook'"), ("Bot", "there is no role 'Bot'")]
)
def test_an_unknown_role_is_refused(tmp_path: Path, given: str, words: str) -> None:
    command = [sys.executable, "-m", "deskbell", "run", "--roles", given]
    known = {**os.environ, **environ("http://127.0.0.1:1", tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=known, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "poll, courier, bot, web" in done.stderr
