"""The rooms that Deskbell was removed from in Teams. Teams tells one instance, and all must know."""

import asyncio
from collections.abc import Mapping

from deskbell.core.store import Memory

LOOK_S = 20.0

_SO = "removed"


class Gone:
    """`rooms`: address -> name of those that are configured."""

    def __init__(self, rooms: Mapping[str, str], memory: Memory | None) -> None:
        self._rooms, self._memory = rooms, memory
        self._addresses: set[str] = set()

    @property
    def names(self) -> list[str]:
        return sorted(self._rooms[address] for address in self._addresses)

    async def keep_looking(self) -> None:
        """Takes over what other instances heard, for ever."""
        while self._memory is not None:
            words = {address: await self._memory.recall(_name(address)) for address in self._rooms}
            self._addresses = {address for address, word in words.items() if word == _SO}
            await asyncio.sleep(LOOK_S)

    async def add(self, address: str) -> None:
        self._addresses.add(address)
        if self._memory is not None:
            await self._memory.remember(_name(address), _SO)

    async def discard(self, address: str) -> None:
        if address in self._addresses:
            self._addresses.discard(address)
            if self._memory is not None:
                await self._memory.remember(_name(address), "")


def _name(address: str) -> str:
    return f"teams.gone.{address}"
