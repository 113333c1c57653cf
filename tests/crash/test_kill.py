"""kill -9 at every named point of the program, and a restart: nothing lost, nothing twice, the audit whole."""

import asyncio
import re
from pathlib import Path

import pytest

from deskbell.sandbox.server import Sandbox
from deskbell.torture.nursery import Nursery
from deskbell.vendors.chats import CHATS
from tests.crash.lives import ROOT, Flows, Lives, Town

TWICE = (1, 2)
# Which passing of a point kills each life in turn.
STRIKES = {
    "store.commit.before": (1, 20),
    "store.commit.after": (1, 20),
    "audit.append.before": (1, 4),
    "audit.append.after": (1, 4),
    "audit.head.before": (1, 4),
    "audit.head.after": (1, 4),
    "outbox.claim.before": (1, 10),
    "outbox.claim.after": (1, 10),
    "outbox.settle.before": (2, 9),
    "outbox.settle.after": (2, 9),
    "courier.claim.after": (1, 10),
    "courier.send.before": (2, 9),
    "courier.send.after": (2, 9),
    "courier.find.before": TWICE,
    "slack.send.before": (1, 5),
    "slack.send.after": (1, 5),
    "slack.edit.before": TWICE,
    "slack.edit.after": TWICE,
    "slack.ack.after": (1, 3),
    "teams.send.before": (1, 3),
    "teams.send.after": (1, 3),
    "teams.edit.before": TWICE,
    "teams.edit.after": TWICE,
    "teams.tap.before": TWICE,
    "teams.tap.after": TWICE,
    "telegram.send.before": TWICE,
    "telegram.send.after": TWICE,
    "telegram.edit.before": TWICE,
    "telegram.edit.after": TWICE,
    "telegram.offset.before": TWICE,
    "telegram.offset.after": TWICE,
    "discord.send.before": (1, 3),
    "discord.send.after": (1, 3),
    "discord.edit.before": TWICE,
    "discord.edit.after": TWICE,
    "workflows.send.before": TWICE,
    "workflows.send.after": TWICE,
    "clerk.act.before": TWICE,
    "clerk.act.after": TWICE,
    "desk.act.before": TWICE,
    "desk.act.after": TWICE,
    "desk.observe.before": TWICE,
    "desk.observe.after": TWICE,
    "desk.settle.before": (1, 4),
    "desk.settle.after": (1, 4),
    "poll.fetch.before": (1, 5),
    "poll.fetch.after": (1, 5),
    "poll.observe.before": TWICE,
    "poll.observe.after": TWICE,
}
OF_A_FLOW = ("workflows.send.before", "workflows.send.after")
# Passed by `deskbell db upgrade` alone: a start creates a new database without it, and refuses an old one.
MIGRATION = ("migration.before", "migration.after")
PACKAGES = ("deskbell", "bot", "pollers", "channels", "storage")


def points_in(folder: Path) -> set[str]:
    found: set[str] = set()
    for package in PACKAGES:
        for file in (folder / package).rglob("*.py"):
            found |= set(re.findall(r'(?<!`)\bpoint\("([^"]+)"\)', file.read_text()))
    return found


def test_every_point_in_the_source_is_struck_here() -> None:
    assert points_in(ROOT) == {*STRIKES, *MIGRATION}


def test_a_point_that_nobody_strikes_is_seen(tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "new.py").write_text('def work():\n    point("bot.new.before")\n')
    assert points_in(tmp_path) == {"bot.new.before"}


def where(point: str) -> str:
    """The chat in which people act: a chat's own points are passed there, the others by each chat in its turn."""
    name = point.partition(".")[0]
    return name if name in CHATS else list(CHATS)[list(STRIKES).index(point) % len(CHATS)]


@pytest.mark.parametrize("point", [point for point in STRIKES if point not in OF_A_FLOW])
async def test_killed_at(lives: Lives, town: Town, point: str) -> None:
    people, chat = [], where(point)
    for nth in STRIKES[point]:
        job, ticket = town.late_job(), town.urgent_ticket()
        people += [asyncio.create_task(work) for work in town.people(job, ticket, chat)]
        if point == "courier.find.before":  # reached only where an answer was lost
            for faults in (one.faults for one in lives.sandbox.chats.values()):
                faults.set("lost", times=1)
        await lives.start(f"{point}@{nth}:kill")
        await lives.killed()
    await lives.start()
    await asyncio.gather(*people)
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()


@pytest.mark.parametrize("point", OF_A_FLOW)
async def test_killed_before_a_one_way_card(
    sandbox: Sandbox, nursery: Nursery, flows: Flows, tmp_path: Path, point: str
) -> None:
    """A flow can't be asked what it posted: each death may double the card that was just on its way."""
    first = "[destinations.dispatch]"
    flow = f'[destinations.flow]\nplatform = "workflows"\naddress = "{flows.url}"\n\n{first}'
    lives = Lives(sandbox, tmp_path, nursery, {'destinations = ["dispatch", ': 'destinations = ["flow", ', first: flow})
    town, works = Town(lives), []
    try:
        for nth in STRIKES[point]:
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


@pytest.mark.parametrize("point", MIGRATION)
async def test_killed_in_a_migration(lives: Lives, town: Town, point: str) -> None:
    for _ in range(2):
        await lives.start(f"{point}@1:kill", command=("db", "upgrade"), real=True)
        await lives.killed()
        assert lives.ask("SELECT name FROM sqlite_master") == [], "a migration is carried out whole or not at all"
    await lives.start(command=("db", "upgrade"), real=True)
    assert await lives.done() == 0
    job, ticket = town.late_job(), town.urgent_ticket()
    await lives.start(real=True)
    await asyncio.gather(*town.people(job, ticket))
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()
