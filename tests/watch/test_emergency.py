"""The way to people past the database: real channels, no store anywhere, the stand-ins' own chats as the judges."""

import asyncio

import pytest
import structlog

from deskbell.config import load
from deskbell.core.ports import Destination
from deskbell.net.session import open_session
from deskbell.parts import build_channels
from deskbell.sandbox.server import Sandbox
from deskbell.watch import LastKnown, emergency
from deskbell.watch.emergency import Emergency, rooms_of
from tests.town import ROOMS, configured, environ

CHATS = ("slack", "teams", "telegram", "discord")


class NoDatabase:
    """What the channels may ask of the store."""

    async def recall(self, name):
        raise OSError("the database is gone")

    async def remember(self, name, value):
        raise OSError("the database is gone")


async def nobody(platform, person):
    raise OSError("the database is gone")


@pytest.fixture
async def sandbox():
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        yield stand_ins


@pytest.fixture
async def way(sandbox, tmp_path):
    """An Emergency over the rooms of config.toml, as a daemon that can't read its database has them."""
    settings = load(configured(sandbox.url, tmp_path), environ(sandbox.url, tmp_path))
    session = open_session()
    channels = build_channels(settings, nobody, session, LastKnown(NoDatabase()))
    rooms = {name: room for name, room in settings.destinations.items() if room.platform in CHATS}
    yield lambda *first: Emergency(rooms_of(first, rooms), channels)
    for channel in channels.values():
        await channel.close()
    await session.close()


def told(sandbox, words):
    """Which chats show these words, and how often."""
    found = {}
    for chat in CHATS:
        texts = [text for room in ROOMS[chat].values() for text in sandbox.chats[chat].texts(room) if words in text]
        if texts:
            found[chat] = len(texts)
    return found


async def test_a_trouble_is_told_once_and_once_when_it_is_over(way, sandbox):
    one = way()
    for _ in range(3):
        one.report("database", "the disk is full")
        await one.tell_all()
    assert told(sandbox, "the disk is full") == {"slack": 1}
    assert one.reasons == ["the disk is full"]
    for _ in range(3):
        one.report("database", "")
        await one.tell_all()
    assert told(sandbox, "can be written again") == {"slack": 1}
    assert one.reasons == []


@pytest.mark.parametrize("first", CHATS)
async def test_every_chat_can_be_the_one(way, sandbox, first):
    room = next(name for name, d in rooms_named(way) if d == first)
    one = way(room)
    one.report("database", "the disk is full")
    await one.tell_all()
    assert told(sandbox, "the disk is full") == {first: 1}


def rooms_named(way):
    return [(room.name, room.platform) for room in way()._rooms]


async def test_a_chat_that_refuses_is_passed_over(way, sandbox):
    for _, platform in rooms_named(way)[:3]:
        sandbox.chats[platform].faults.set("500")
    one = way()
    one.report("database", "the disk is full")
    await one.tell_all()
    assert list(told(sandbox, "the disk is full")) == [rooms_named(way)[3][1]]


async def test_when_nobody_takes_it_the_log_has_it_and_it_is_tried_again(way, sandbox, monkeypatch):
    monkeypatch.setattr(emergency, "AGAIN_S", 0.1)
    for platform in CHATS:
        sandbox.chats[platform].faults.set("500")
    one = way()
    one.report("database", "the disk is full")
    with structlog.testing.capture_logs() as logs:
        await one.tell_all()
    unheard = [line["text"] for line in logs if line["event"] == "emergency_unheard"]
    assert len(unheard) == 1
    assert "the disk is full" in unheard[0]
    running = asyncio.create_task(one.run())
    for platform in CHATS:
        sandbox.chats[platform].faults.heal()
    async with asyncio.timeout(20):
        while not told(sandbox, "the disk is full"):
            await asyncio.sleep(0.05)
    running.cancel()


async def test_a_trouble_that_nobody_heard_of_is_not_told_to_be_over(way, sandbox):
    one = way()
    one.report("database", "the disk is full")
    one.report("database", "")
    await one.tell_all()
    assert told(sandbox, "the database") == {}


async def test_a_trouble_that_comes_and_goes_is_told_now_and_then(way, sandbox, monkeypatch):
    one = way()
    for _ in range(5):
        one.report("database", "the disk is full")
        await one.tell_all()
        one.report("database", "")
        await one.tell_all()
    assert told(sandbox, "the disk is full") == {"slack": 1}
    monkeypatch.setattr(emergency, "QUIET_S", 0.0)
    one.report("database", "the disk is full")
    await one.tell_all()
    assert told(sandbox, "the disk is full") == {"slack": 2}


def test_the_rooms_that_are_named_come_first_then_one_of_each_chat():
    names = {"a": "slack", "b": "slack", "c": "teams", "d": "telegram", "e": "teams"}
    rooms = {name: Destination(name, platform, "x") for name, platform in names.items()}
    assert [room.name for room in rooms_of([], rooms)] == ["a", "c", "d", "b", "e"]
    assert [room.name for room in rooms_of(["e", "b"], rooms)] == ["e", "b", "d", "a", "c"]
