"""Asks vendors once a minute what they do not tell by themselves, or might not have: what became of messages, what was
answered, how the records of live alerts stand. One instance does it at a time.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from deskbell.core.heard import Heard, Message, Waiting
from deskbell.core.outcome import Outcome
from deskbell.core.ports import Channel, Destination
from deskbell.core.store import NotKept, Reader, Store
from deskbell.instance import Held
from deskbell.net.clock import wall
from deskbell.net.faults import point

EVERY_S = 60.0
MOST = 200  # messages, or records of a destination, that are asked about at a time
LONGEST = timedelta(hours=24)  # so long a message is asked about
_OVERLAP = timedelta(minutes=5)
_FIRST = timedelta(hours=1)

log = structlog.get_logger("deskbell.asks")

Take = Callable[[str, Sequence[Heard], Mapping[str, str] | None], Awaitable[object]]


class Question(Protocol):
    """One of a vendor's `asks` (channels.service.Ask)."""

    @property
    def of(self) -> str: ...
    @property
    def most(self) -> int: ...
    def fits(self, ident: str, /) -> bool: ...


class Askable(Protocol):
    @property
    def asks(self) -> Sequence[Any]: ...
    async def ask(self, question: Any, to: Destination, waiting: Waiting) -> Sequence[Heard] | Outcome: ...
    async def kept(self, question: Any, to: Destination) -> Outcome | None: ...


class Asker:
    """`take` keeps what was heard; `every` is in seconds."""

    def __init__(
        self,
        store: Store,
        destinations: Mapping[str, Destination],
        channels: Mapping[str, Channel],
        take: Take,
        every: float = EVERY_S,
    ) -> None:
        self._store, self._take, self._every = store, take, every
        self.asks: Mapping[str, Any] = {
            name: channel for name, channel in channels.items() if getattr(channel, "asks", ())
        }
        self._rooms = {name: [to for to in destinations.values() if to.platform == name] for name in self.asks}
        self._heard: dict[str, datetime] = {}  # until when the inbox of a channel was read
        self._wakes = {name: asyncio.Event() for name in self.asks}

    def poke(self, channel: str) -> None:
        """Something has happened there: it is asked at once."""
        if channel in self._wakes:
            self._wakes[channel].set()

    async def run(self, stopping: asyncio.Event, held: Held) -> None:
        """Each at its own pace: one that hangs delays no other. Raises LeaseLost when another instance asks now."""
        async with asyncio.TaskGroup() as group:
            for name in self.asks:
                group.create_task(self._keep_asking(name, stopping, held))
        if not stopping.is_set():
            held.check()

    async def _keep_asking(self, name: str, stopping: asyncio.Event, held: Held) -> None:
        wait = 0.0  # what was said while nobody ran is asked for first
        while not stopping.is_set() and held.ours:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wakes[name].wait()
            self._wakes[name].clear()
            if held.ours:
                await self.ask(name)
            wait = self._every

    async def ask(self, name: str) -> None:
        """All that is to be asked of one channel. What fails is asked again a minute later."""
        channel: Askable = self.asks[name]
        for question in channel.asks:
            try:
                await self._all(name, channel, question)
            except NotKept as error:
                log.warning("not_kept", channel=name, why=str(error))
            except Exception:
                log.exception("ask_failed", channel=name)

    async def _all(self, name: str, channel: Askable, question: Question) -> None:
        began = wall()
        for to, waiting in await self._waiting(name, question):
            point("ask.before")
            heard = await channel.ask(question, to, waiting)
            if not isinstance(heard, Sequence):  # it would not answer the next one either
                log.info("not_answered", channel=name, why=getattr(heard, "why", ""))
                return
            await self._take(name, heard, waiting.states if question.of == "records" else None)
            point("ask.after")
            untold = await channel.kept(question, to)
            if untold is not None:  # it says the same again, which does nothing
                log.info("not_answered", channel=name, why=getattr(untold, "why", ""))
        if question.of == "inbox":
            self._heard[name] = began

    async def _waiting(self, name: str, question: Question) -> list[tuple[Destination, Waiting]]:
        """What there is to ask, by destination, in pieces that fit into one request."""
        rooms = {to.name: to for to in self._rooms[name]}
        now = wall()
        if question.of == "inbox":
            since = self._heard.get(name, now - _FIRST) - _OVERLAP
            return [(next(iter(rooms.values())), Waiting(since=since))]
        if question.of == "records":
            return await self._store.read(lambda reader: _records(reader, rooms.values(), question.most, now - LONGEST))
        found = await self._store.read(lambda reader: _messages(reader, name, question.of, now))
        fit = [one for one in found if question.fits(one.id)]
        by_room = {room: [one.id for one in fit if one.destination == room] for room in rooms}
        return [
            (rooms[room], Waiting(ids, rooms[room].address))
            for room, every in by_room.items()
            for ids in _parts(every, question.most)
        ]


def _parts(ids: Sequence[str], most: int) -> list[tuple[str, ...]]:
    return [tuple(ids[start : start + most]) for start in range(0, len(ids), most)]


def _messages(reader: Reader, channel: str, of: str, now: datetime) -> list[Message]:
    if of == "answers":
        return reader.messages_open(channel, now - LONGEST, MOST)
    return reader.messages_waiting(channel, now - LONGEST, MOST)


def _records(
    reader: Reader, rooms: Iterable[Destination], most: int, since: datetime
) -> list[tuple[Destination, Waiting]]:
    out: list[tuple[Destination, Waiting]] = []
    for to in rooms:
        states = {
            post.ref["id"]: post.ref.get("state", "open")
            for post in reader.records_in(to.name, MOST)
            if post.ref.get("id") and post.wanted == post.shown
        }
        parts = _parts(list(states), most)
        out += [(to, Waiting(ids, to.address, to.options, since, {one: states[one] for one in ids})) for ids in parts]
    return out
