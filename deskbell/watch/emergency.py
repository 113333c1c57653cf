"""The way to people when the database is not there: a plain message straight through the chats, nothing stored.

Each trouble is told once, and once when it is over. The rooms are tried in their order until one takes the message.
What was told is known to this process alone, and a trouble that comes and goes is told a few times an hour at most.
"""

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from deskbell.core.card import Note
from deskbell.core.outcome import Sent
from deskbell.core.ports import Channel, Destination, Identity
from deskbell.core.text import clean
from deskbell.net import metrics
from deskbell.watch.conf import WatchConf

log = structlog.get_logger("deskbell.emergency")

ROOM_S = 10.0  # how long one room may take
AGAIN_S = 10.0  # until the rooms are tried anew when none took it
QUIET_S = 600.0  # a trouble that came back so soon is not told anew before
_LONGEST = 400


@dataclass(slots=True)
class _Trouble:
    why: str
    began: float
    told: bool = False


class Emergency:
    """`rooms`: who hears, first come first served; `report` a trouble, and `run` carries it there."""

    def __init__(self, rooms: Sequence[Destination], channels: Mapping[str, Channel]) -> None:
        self._rooms, self._channels = rooms, channels
        self._standing: dict[str, _Trouble] = {}
        self._over: dict[str, _Trouble] = {}  # told, and gone since: that is to be told as well
        self._told_at: dict[str, float] = {}
        self._news = asyncio.Event()

    @property
    def reasons(self) -> list[str]:
        """The troubles that stand, for /readyz."""
        return [trouble.why for trouble in self._standing.values()]

    def report(self, name: str, why: str) -> None:
        """The trouble of this name stands, or (`why` is "") is over."""
        standing = self._standing.get(name)
        if why and standing is None:
            log.error("emergency", trouble=name, why=why)
            self._standing[name] = _Trouble(why, time.monotonic())
            self._over.pop(name, None)
        elif standing is not None and not why:
            log.warning("emergency_over", trouble=name, after_s=round(time.monotonic() - standing.began))
            del self._standing[name]
            if standing.told:
                self._over[name] = standing
        else:
            return
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._news.clear()
            await self.tell_all()
            wait = AGAIN_S if self._untold() or self._over else None
            try:
                await asyncio.wait_for(self._news.wait(), wait)
            except TimeoutError:
                continue

    async def tell_all(self) -> None:
        """Tries to tell what is new. What no room takes stays to be told."""
        for name, trouble in self._untold():
            if await self.tell(f"{_WHAT.get(name, name)} {clean(trouble.why, _LONGEST)}"):
                trouble.told = True
                self._told_at[name] = time.monotonic()
        for name, trouble in list(self._over.items()):
            lasted = round(time.monotonic() - trouble.began)
            if await self.tell(f"{_OVER.get(name, name)} It lasted {lasted} s."):
                self._over.pop(name, None)

    def _untold(self) -> list[tuple[str, _Trouble]]:
        now = time.monotonic()
        return [
            (name, trouble)
            for name, trouble in self._standing.items()
            if not trouble.told and now - self._told_at.get(name, -QUIET_S) >= QUIET_S
        ]

    async def tell(self, text: str) -> bool:
        """Whether a room took it."""
        note = Note(f"Deskbell on {socket.gethostname()}: {text}", broadcast=True)
        for room in self._rooms:
            why = await self._refusal(room, note)
            metrics.delivered(room.name, "refused" if why else "emergency")
            if not why:
                return True
            log.warning("emergency_refused", room=room.name, why=why)
        log.error("emergency_unheard", text=note.text)
        return False

    async def _refusal(self, room: Destination, note: Note) -> str:
        number = time.time_ns() // 1_000_000
        try:
            async with asyncio.timeout(ROOM_S):
                outcome = await self._channels[room.platform].note(
                    room, {}, note, Identity("note", "", room.name, number)
                )
        except TimeoutError:
            return f"no answer in {ROOM_S:g} s"
        except Exception as error:  # noqa: BLE001 - a channel may ask the database, which is what is gone
            return f"{type(error).__name__}: {error}"
        if isinstance(outcome, Sent):
            return "it was passed over" if outcome.skipped else ""
        return outcome.why


_WHAT = {
    "database": (
        "the database can't be written. Until this is over nothing that people tap or type is kept, and new alerts "
        "come late. Why:"
    ),
    "astray": "the database is gone.",
    "audit": "the audit can't be trusted to be whole.",
    "integrity": "the database is damaged. Stop Deskbell and go back to a backup (deskbell restore). Found:",
}
_OVER = {
    "database": 'the database can be written again. What was answered "not saved" must be tapped once more.',
    "astray": "the database is where it was.",
    "audit": "the audit's head is kept again.",
    "integrity": "the database was found whole.",
}


async def tell_once(
    conf: WatchConf, destinations: Mapping[str, Destination], channels: Mapping[str, Channel], text: str
) -> None:
    """For a process that will not live to tell it twice."""
    await Emergency(rooms_of(conf.rooms, destinations), channels).tell(clean(text, _LONGEST))


def rooms_of(names: Iterable[str], destinations: Mapping[str, Destination]) -> tuple[Destination, ...]:
    """Those that are named, then the others, one chat after the other: trouble is seldom one room's alone."""
    named = [destinations[name] for name in names if name in destinations]
    rest = [room for room in destinations.values() if room not in named]
    return (*named, *_in_turn(rest, {room.platform for room in named}))


def _in_turn(rooms: Sequence[Destination], seen: set[str]) -> Iterator[Destination]:
    """The first of each chat that was not asked yet, then all others."""
    later = []
    for room in rooms:
        if room.platform in seen:
            later.append(room)
        else:
            seen.add(room.platform)
            yield room
    yield from later
