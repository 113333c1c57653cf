"""Instances share the rooms without a word about it, and with them what a chat allows its account."""

import asyncio
from pathlib import Path

from deskbell.config import load
from deskbell.instance import Keeper
from deskbell.parts import Lot
from storage.store import SqlStore
from tests.town import configured, environ


async def test_each_room_is_ones_and_no_account_is_used_twice(url: str, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    settings = load(configured(nobody, tmp_path), environ(nobody, tmp_path))
    store = SqlStore.open(url, audit_key=b"the audit's key in these tests")
    rooms = tuple(settings.destinations)
    keepers = [Keeper(store, several=True, say=lambda: {"lanes": rooms}) for _ in range(3)]
    lots = [Lot(settings, keeper) for keeper in keepers]
    assert [lots[0].part(chat) for chat in settings.chats] == [1.0] * 4, "who knows of nobody else has all"

    tasks = [asyncio.create_task(keeper.run()) for keeper in keepers]
    async with asyncio.timeout(20):
        while any(len(keeper.others) < 2 for keeper in keepers):
            await asyncio.sleep(0.01)

    assert [sum(lot.mine(room) for lot in lots) for room in rooms] == [1] * len(rooms)
    for chat in settings.chats:
        assert round(sum(lot.part(chat) for lot in lots), 6) == 1.0
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    store.close()
