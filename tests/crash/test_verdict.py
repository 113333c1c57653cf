"""The judge of the kills is no yes-man: each thing that it is to find is done once behind Deskbell's back."""

import asyncio
import copy
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.crash.lives import Lives, Town, Work


@pytest.fixture
async def over(lives: Lives, town: Town) -> Town:
    """A life without any trouble, which has ended."""
    job, ticket = town.late_job(), town.urgent_ticket()
    await lives.start()
    await asyncio.gather(*town.people(job, ticket))
    await town.quiet()
    assert await lives.stop() == 0
    town.verdict()
    return town


def of(town: Town, kind: str) -> Work:
    return next(work for work in town.made if work.kind == kind)


@contextmanager
def hidden(town: Town) -> Iterator[None]:
    """Accepted by Slack, and shown to nobody."""
    card = town.cards(of(town, "job"))[0]
    card.dropped = True
    yield
    card.dropped = False


@contextmanager
def doubled(town: Town) -> Iterator[None]:
    card = town.cards(of(town, "job"))[0]
    again = town.slack.workspace.say(card.channel, card.user, card.text, blocks=card.blocks, metadata=card.metadata)
    yield
    again.deleted = True


@contextmanager
def told_twice(town: Town) -> Iterator[None]:
    notes = of(town, "ticket").record.conversations
    notes.append(copy.deepcopy(notes[0]))
    yield
    notes.pop()


@contextmanager
def not_told(town: Town) -> Iterator[None]:
    notes = of(town, "ticket").record.conversations
    kept = notes[:]
    notes.clear()
    yield
    notes.extend(kept)


@contextmanager
def promise_broken(town: Town) -> Iterator[None]:
    town.promised.append((of(town, "job"), "Acknowledged by nobody"))
    yield
    town.promised.pop()


@contextmanager
def rung_again(town: Town) -> Iterator[None]:
    """One exception, two alerts."""
    card = town.cards(of(town, "job"))[0]
    other = copy.deepcopy(card.metadata)
    other["event_payload"]["alert"] = "D-999"
    again = town.slack.workspace.say(card.channel, card.user, card.text, blocks=card.blocks, metadata=other)
    yield
    again.deleted = True


FOUND = [
    (hidden, "no live card|accepted, not live"),
    (doubled, "identity"),
    (told_twice, "called about"),
    (not_told, r"^\[\]"),
    (promise_broken, "was promised"),
    (rung_again, "has 2 cards"),
]


async def test_everything_is_found(over: Town) -> None:
    for wrong, said in FOUND:
        with wrong(over), pytest.raises(AssertionError, match=said):
            over.verdict()
        over.verdict()


SCARS: list[Callable[[sqlite3.Connection], object]] = [
    lambda db: db.execute("UPDATE posts SET state = 'dead', due_at = NULL WHERE id = 1"),
    lambda db: db.executescript("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 3"),
]


@pytest.mark.parametrize("scar", SCARS)
async def test_a_scar_in_the_database_is_found(over: Town, scar: Callable[[sqlite3.Connection], object]) -> None:
    with closing(sqlite3.connect(over.lives.folder / "deskbell.db")) as connection:
        triggers = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        assert triggers
        scar(connection)
        connection.commit()
    with pytest.raises(AssertionError):
        over.verdict()
