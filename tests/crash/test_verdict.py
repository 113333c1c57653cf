"""The judge of the kills is no yes-man: each thing that it is to find is done once behind Deskbell's back."""

import asyncio
import copy
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pytest

from deskbell.sandbox.chat import Card
from deskbell.vendors.chats import CHATS
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


Messages = dict[Any, Any]


def message_of(town: Town, card: Card) -> tuple[Messages, Any]:
    """Where the stand-in keeps a card among others, and its key there."""
    sandbox = town.sandbox
    if card.chat == "slack":
        return sandbox.slack.workspace.channels[card.room].messages, card.id
    if card.chat == "teams":
        return sandbox.teams.tenant.conversations[card.room].messages, card.id
    if card.chat == "telegram":
        return sandbox.telegram.room(card.room)[0].messages, int(card.id)
    return sandbox.discord.world.channels[card.room].messages, card.id


@contextmanager
def hidden(town: Town, chat: str) -> Iterator[None]:
    """Accepted by the chat, and shown to nobody."""
    messages, key = message_of(town, town.cards(of(town, "job"), chat)[0])
    messages[key].dropped = True
    yield
    messages[key].dropped = False


@contextmanager
def doubled(town: Town, chat: str) -> Iterator[None]:
    messages, key = message_of(town, town.cards(of(town, "job"), chat)[0])
    again = copy.copy(messages[key])
    number = type(key)(int(key) + 1) if chat != "slack" else f"{float(key) + 1:.6f}"
    setattr(again, "ts" if chat == "slack" else "id", number)
    if chat == "teams":
        again.root = number  # it begins a thread of its own
    messages[number] = again
    yield
    del messages[number]


@contextmanager
def gone(town: Town, chat: str) -> Iterator[None]:
    """Taken away by nobody who says so."""
    messages, key = message_of(town, town.cards(of(town, "job"), chat)[0])
    kept = messages.pop(key)
    yield
    messages[key] = kept


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
    card = town.cards(of(town, "job"), "slack")[0]
    message = town.slack.workspace.message(card.room, card.id)
    other = copy.deepcopy(message.metadata)
    other["event_payload"]["alert"] = "D-999"
    again = town.slack.workspace.say(card.room, message.user, message.text, blocks=message.blocks, metadata=other)
    yield
    again.deleted = True


IN_EACH_CHAT = [
    (hidden, "no live card|accepted, not live"),
    (doubled, "identity|ids"),
    (gone, "no card in|no live card"),
]
FOUND = [
    *((partial(wrong, chat=chat), said) for wrong, said in IN_EACH_CHAT for chat in CHATS),
    (told_twice, "called about"),
    (not_told, r"^\[\]"),
    (promise_broken, "was promised"),
    (rung_again, "no card in"),
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
