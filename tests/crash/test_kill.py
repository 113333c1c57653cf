"""kill -9 at every named point of the program, and a restart: nothing lost, nothing twice, the audit whole."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from deskbell.torture.nursery import Nursery
from deskbell.torture.plan import DRAIN, ELSEWHERE, MIGRATION, POINTS
from deskbell.vendors.chats import CHATS
from tests.crash.lives import ROOT, Flows, Lives, Town

FIRST, SECOND = 1, 2
LAST = 3  # at least: what a life without trouble passes more often is struck then
PACKAGES = ("deskbell", "bot", "pollers", "channels", "storage")


def points_in(folder: Path) -> set[str]:
    found: set[str] = set()
    for package in PACKAGES:
        for file in (folder / package).rglob("*.py"):
            found |= set(re.findall(r'(?<!`)\bpoint\("([^"]+)"\)', file.read_text()))
    return found


def test_every_point_in_the_source_is_struck() -> None:
    assert points_in(ROOT) == {*POINTS, *MIGRATION, *DRAIN, *ELSEWHERE}


def test_a_point_that_nobody_strikes_is_seen(tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "new.py").write_text('def work():\n    point("bot.new.before")\n')
    assert points_in(tmp_path) == {"bot.new.before"}


def where(point: str) -> str:
    """The chat in which people act: a chat's own points are passed there, the others by each chat in its turn."""
    name = point.partition(".")[0]
    return name if name in CHATS else list(CHATS)[POINTS.index(point) % len(CHATS)]


passed: dict[str, dict[str, int]] = {}  # by chat: how often a life without trouble passes each point


async def last(lives: Lives, town: Town, chat: str, point: str) -> int:
    """Which passing of the point is the last of a life in which one job is late and one ticket urgent."""
    if chat not in passed:
        job, ticket = town.late_job(), town.urgent_ticket()
        await lives.start()
        await asyncio.gather(*town.people(job, ticket, chat))
        await town.quiet()
        assert await lives.stop() == 0
        passed[chat] = lives.passed()
    return max(LAST, passed[chat].get(point, 0))


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(lives: Lives, town: Town, point: str) -> None:
    people, chat = [], where(point)
    for nth in (FIRST, SECOND, await last(lives, town, chat, point)):
        job, ticket = town.late_job(), town.urgent_ticket()
        people += [asyncio.create_task(work) for work in town.people(job, ticket, chat)]
        if point.startswith("courier.find"):  # reached only where an answer was lost
            town.lose_an_answer()
        await lives.start(f"{point}@{nth}:kill")
        await (lives.killed() if nth <= SECOND else town.killed_or_quiet())
    await town.begin()
    await asyncio.gather(*people)
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()


@pytest.mark.parametrize("point", DRAIN)
async def test_killed_in_the_middle_of_a_stop(lives: Lives, town: Town, point: str) -> None:
    people = []
    for _ in range(LAST):
        job, ticket = town.late_job(), town.urgent_ticket()
        people += [asyncio.create_task(work) for work in town.people(job, ticket)]
        await lives.start(f"{point}@1:kill")
        await town.until(lambda job=job: town.cards(job, "slack"), "a card of the job")
        lives.process.send_signal(signal.SIGTERM)
        await lives.killed()
    await town.begin()
    await asyncio.gather(*people)
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()


@pytest.mark.parametrize("point", ELSEWHERE)
async def test_killed_before_a_one_way_card(
    sandbox: Sandbox, nursery: Nursery, flows: Flows, tmp_path: Path, point: str
) -> None:
    """A flow can't be asked what it posted: each death may double the card that was just on its way."""
    first = "[destinations.dispatch]"
    flow = f'[destinations.flow]\nplatform = "workflows"\naddress = "{flows.url}"\n\n{first}'
    lives = Lives(sandbox, tmp_path, nursery, {'destinations = ["dispatch", ': 'destinations = ["flow", ', first: flow})
    town, works = Town(lives), []
    try:
        for nth in (FIRST, SECOND):
            works.append(town.late_job())
            await lives.start(f"{point}@{nth}:kill")
            await lives.killed()
        await lives.start()
        await town.until(lambda: all(flows.cards(work.subject) for work in works), "a card of everything in the flow")
        await town.until(lambda: not lives.left(), "an empty outbox")
        assert await lives.stop() == 0
    finally:
        await lives.bury()
    counts = [flows.cards(work.subject) for work in works]
    assert sum(counts) <= len(works) + lives.deaths, counts
    town.audit_is_whole()


REVISIONS = len(list((ROOT / "storage/migrations/versions").glob("0*.py")))
STEPS = [("migration.before", 1), ("migration.step", 1), ("migration.step", 2), ("migration.step", REVISIONS)]


@pytest.mark.parametrize(("point", "nth"), [*STEPS, ("migration.after", 1)])
async def test_killed_in_a_migration(lives: Lives, town: Town, point: str, nth: int) -> None:
    for _ in range(2):
        await lives.start(f"{point}@{nth}:kill", command=("db", "upgrade"))
        await lives.killed()
        assert lives.ask("SELECT name FROM sqlite_master") == [], "a migration is carried out whole or not at all"
    await lives.start(command=("db", "upgrade"))
    assert await lives.done() == 0
    job, ticket = town.late_job(), town.urgent_ticket()
    await lives.start(real=True)
    await asyncio.gather(*town.people(job, ticket))
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()
