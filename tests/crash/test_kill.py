"""kill -9 at every named point of the program, and a restart: nothing lost, nothing twice, the audit whole."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.crash.lives import ROOT, Lives, Town

TWICE = (1, 2)
# Which passing of a point kills each life in turn.
STRIKES = {
    "store.commit.before": (1, 7, 20),
    "store.commit.after": (1, 7, 20),
    "audit.append.before": (1, 4),
    "audit.append.after": (1, 4),
    "audit.head.before": (1, 4),
    "audit.head.after": (1, 4),
    "outbox.claim.before": (1, 3, 6),
    "outbox.claim.after": (1, 3, 6),
    "outbox.settle.before": (1, 2, 5),
    "outbox.settle.after": (1, 2, 5),
    "courier.claim.after": (1, 3, 6),
    "courier.send.before": (1, 2, 5),
    "courier.send.after": (1, 2, 5),
    "courier.find.before": TWICE,
    "slack.send.before": (1, 3, 5, 6),
    "slack.send.after": (1, 3, 5, 6),
    "slack.edit.before": TWICE,
    "slack.edit.after": TWICE,
    "slack.tap.before": TWICE,
    "slack.tap.after": TWICE,
    "slack.ack.after": (1, 2, 3),
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


@pytest.mark.parametrize("point", STRIKES)
async def test_killed_at(lives: Lives, town: Town, point: str) -> None:
    people = []
    for nth in STRIKES[point]:
        job, ticket = town.late_job(), town.urgent_ticket()
        people += [asyncio.create_task(work) for work in town.people(job, ticket)]
        if point == "courier.find.before":  # reached only where an answer was lost
            lives.sandbox.slack.faults.set("lost", where="chat.postMessage", times=1)
        await lives.start(f"{point}@{nth}:kill")
        await lives.killed()
    await lives.start()
    await asyncio.gather(*people)
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()


@pytest.mark.parametrize("point", MIGRATION)
async def test_killed_in_a_migration(lives: Lives, town: Town, point: str) -> None:
    for _ in range(2):
        await lives.start(f"{point}@1:kill", command=("db", "upgrade"))
        await lives.killed()
        assert lives.ask("SELECT name FROM sqlite_master") == [], "a migration is carried out whole or not at all"
    await lives.start(command=("db", "upgrade"))
    assert await lives.done() == 0
    job, ticket = town.late_job(), town.urgent_ticket()
    await lives.start()
    await asyncio.gather(*town.people(job, ticket))
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()
