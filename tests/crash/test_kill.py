"""kill -9 at every named point of the program, and a restart: nothing lost, nothing twice, the audit whole."""

import asyncio
import contextlib
import itertools
import json
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from deskbell.sandbox.server import Sandbox
from deskbell.torture.nursery import Nursery
from deskbell.torture.plan import BACK, DRAIN, ELSEWHERE, HOOKS, MIGRATION, POINTS, VENDOR
from deskbell.vendors.chats import CHATS
from tests.crash.lives import ROOT, Flows, Lives, Town, Work

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
    assert points_in(ROOT) == {*POINTS, *MIGRATION, *DRAIN, *HOOKS, *BACK, *VENDOR, *ELSEWHERE}


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


@pytest.mark.parametrize("point", VENDOR)
async def test_killed_around_a_record(sandbox: Sandbox, nursery: Nursery, tmp_path: Path, point: str) -> None:
    """What may have been opened in the last life is looked up in the next: one card of Trello for each job."""
    trello = sandbox.vendors["trello"]
    settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in trello.settings().items())
    first = "[destinations.dispatch]"
    room = f'[destinations.cards]\nplatform = "trello"\naddress = "{trello.address()}"\n\n'
    changes = {
        'destinations = ["dispatch", ': 'destinations = ["cards", ',
        first: f"[channels.trello]\n{settings}\n{room}{first}",
    }
    lives = Lives(sandbox, tmp_path, nursery, changes)
    town, works = Town(lives), []

    def cards(work: Work) -> int:
        return sum(told.way == "open" and work.subject in told.fields["name"] for told in trello.told)

    try:
        for _ in (FIRST, SECOND):
            works.append(town.late_job())
            await lives.start(f"{point}@1:kill")
            await lives.killed()
        await lives.start()
        await town.until(lambda: all(map(cards, works)), "a card of everything in Trello")
        await town.until(lambda: not lives.left(), "an empty outbox")
        assert await lives.stop() == 0
    finally:
        await lives.bury()
    assert [cards(work) for work in works] == [1] * len(works)
    town.audit_is_whole()


@pytest.mark.parametrize("point", HOOKS)
async def test_killed_between_a_call_and_its_card(
    sandbox: Sandbox, nursery: Nursery, tmp_path: Path, point: str
) -> None:
    """What was answered with 200 rings, though the source can't be polled in any life; what was not is called again."""
    secret, before = "hook-of-the-tests", "[sources.fieldservice.write]"
    hook = {before: f'[sources.fieldservice.hook]\nsecrets = ["{secret}"]\n\n{before}'}
    url = {'public_url = ""': 'public_url = "https://desk.example.org"'}
    lives = Lives(sandbox, tmp_path, nursery, {**hook, **url})
    town, calls = Town(lives), itertools.count()

    async def tells(work: Work) -> None:
        """As a vendor's webhook does: until it is taken."""
        target = f"http://127.0.0.1:{lives.port}/hooks/fieldservice"
        body = {"id": work.record["id"], "nth": next(calls)}
        async with aiohttp.ClientSession(headers={"X-Deskbell-Secret": secret}) as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.post(target, json=body) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    read = "SELECT 1 FROM sources WHERE name = 'fieldservice' AND baseline = 0"
    try:
        await town.begin()
        await town.until(lambda: lives.ask(read), "the first read")
        assert await lives.stop() == 0
        sandbox.fieldservice.faults.set("500", where="/jobs")  # the list; single jobs can be read
        people = []
        for nth in (FIRST, SECOND):
            people += [asyncio.create_task(tells(town.late_job())) for _ in range(nth)]
            await lives.start(f"{point}@{nth}:kill")
            await lives.killed()
        await lives.start()
        await asyncio.gather(*people)
        await asyncio.gather(*(town.acknowledge(work, "slack") for work in town.made))
        await town.quiet()
        await town.until(lambda: not lives.ask("SELECT 1 FROM hints"), "all is read")
        assert await lives.stop() == 0
    finally:
        await lives.bury()
    town.verdict()


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
