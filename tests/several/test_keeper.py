"""The keeper over a real database: one holder at a time, told at once when it is no longer the one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from deskbell import instance
from deskbell.core.store import LeaseLost
from deskbell.instance import Held, Keeper
from storage.store import SqlStore

TTL = timedelta(seconds=1)
NAME = "source:desk"


class Life:
    """An instance as far as leases go: its keeper, and what it did with one."""

    def __init__(self, url: str) -> None:
        self.store = SqlStore.open(url, audit_key=b"the audit's key in these tests")
        self.keeper = Keeper(self.store, several=self.store.several, ttl=TTL)
        self.held: list[Held] = []
        self.ended = 0
        self.working = asyncio.Event()
        self.tasks = [asyncio.create_task(self.keeper.run())] if self.store.several else []

    async def work(self, held: Held) -> None:
        self.held.append(held)
        self.working.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1
            self.working.clear()

    def compete(self, name: str = NAME) -> None:
        self.tasks.append(asyncio.create_task(self.keeper.while_held(name, self.work)))

    async def fall(self) -> None:
        """As if its process stood still: nothing is renewed, and nothing is given back."""
        self.tasks[0].cancel()
        await asyncio.wait(self.tasks[:1])

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.keeper.close()
        self.store.close()


@asynccontextmanager
async def lives(url: str, count: int = 2) -> AsyncIterator[list[Life]]:
    made = [Life(url) for _ in range(count)]
    try:
        yield made
    finally:
        for life in made:
            with suppress(Exception):
                await life.stop()


async def until(seen: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not seen():
            await asyncio.sleep(0.01)


async def test_one_works_and_the_others_stand_by(url: str) -> None:
    async with lives(url, 3) as (first, second, third):
        first.compete()
        await first.working.wait()
        for other in (second, third):
            other.compete()
        await asyncio.sleep(2 * TTL.total_seconds())  # renewed meanwhile
        assert [len(life.held) for life in (first, second, third)] == [1, 0, 0]
        assert first.keeper.holds(NAME)
        assert not second.keeper.holds(NAME)
        assert first.held[0].ours


async def test_who_stops_leaves_it_free_at_once_and_is_off_the_roster(url: str) -> None:
    async with lives(url) as (first, second):
        first.compete()
        await first.working.wait()
        second.compete()
        await until(lambda: second.keeper.others)
        await first.stop()
        leases = second.store.read_now(lambda reader: reader.leases())
        assert [lease for lease in leases if lease.holder == first.keeper.holder] == []
        await asyncio.wait_for(second.working.wait(), 10)
        await until(lambda: not second.keeper.others)


async def test_who_stands_still_loses_it_by_its_own_clock_before_another_one_has_it(url: str) -> None:
    async with lives(url) as (first, second):
        first.compete()
        await first.working.wait()
        second.compete()
        await first.fall()
        await asyncio.wait_for(second.working.wait(), 10)
        assert first.held[0].lost
        assert first.ended == 1, "its work was ended"
        assert second.held[0].fence > first.held[0].fence


async def test_what_it_changes_afterwards_is_refused(url: str) -> None:
    async with lives(url) as (first, second):
        first.compete()
        await first.working.wait()
        second.compete()
        await first.fall()
        await asyncio.wait_for(second.working.wait(), 10)
        with pytest.raises(LeaseLost):
            await first.store.write(first.held[0].guard)
        await second.store.write(second.held[0].guard)


async def test_who_was_paused_knows_it_when_it_wakes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any timer of its loop has run."""
    async with lives(url, 1) as (life,):
        life.compete()
        await life.working.wait()
        held = life.held[0]
        held.check()
        now = instance.ticks()
        monkeypatch.setattr(instance, "ticks", lambda: now + 60)
        with pytest.raises(LeaseLost):
            held.check()
        assert not life.keeper.holds(NAME)


async def test_work_that_finds_its_lease_lost_stands_by_again(url: str) -> None:
    async with lives(url, 1) as (life,):
        seen: list[int] = []

        async def work(held: Held) -> None:
            seen.append(held.fence)
            if len(seen) == 1:
                await life.store.write(lambda uow: uow.release_lease(NAME, held.fence))
                await life.store.write(held.guard)
            await asyncio.Event().wait()

        life.tasks.append(asyncio.create_task(life.keeper.while_held(NAME, work)))
        await until(lambda: len(seen) == 2)
        assert seen[1] > seen[0]


async def test_an_error_of_the_work_is_told_and_frees_the_lease(url: str) -> None:
    async with lives(url) as (first, second):

        async def broken(_held: Held) -> None:
            raise RuntimeError("a bug")

        with pytest.raises(RuntimeError, match="a bug"):
            await first.keeper.while_held(NAME, broken)
        second.compete()
        await asyncio.wait_for(second.working.wait(), 10)


async def test_all_leases_are_renewed_in_one_write(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lives(url, 1) as (life,):
        for number in range(5):
            life.compete(f"source:{number}")
        await until(lambda: len(life.held) == 5)
        writes = 0
        write = life.store.write

        async def counted(*args: object) -> object:
            nonlocal writes
            writes += 1
            return await write(*args)

        monkeypatch.setattr(life.store, "write", counted)
        until_then = {held.name: held.until for held in life.held}
        await until(lambda: all(held.until > until_then[held.name] for held in life.held))
        assert writes <= 2


async def test_a_database_that_is_away_is_told_and_costs_the_lease(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lives(url, 1) as (life,):
        life.compete()
        await life.working.wait()

        async def away(*_: object) -> None:
            raise OSError("no route to the database")

        with monkeypatch.context() as patched:
            patched.setattr(life.store, "write", away)
            await until(lambda: life.ended == 1)
            await until(lambda: life.keeper.trouble)
            assert "no route to the database" in life.keeper.trouble
        await until(lambda: len(life.held) == 2)
        assert life.keeper.trouble == ""


async def test_a_second_start_takes_nothing_from_the_first(url: str) -> None:
    async with lives(url) as (first, second):
        first.store.lock_instance()
        first.compete()
        await first.working.wait()
        second.store.lock_instance()
        await first.store.write(first.held[0].guard)


async def test_instances_hear_what_the_others_say(url: str) -> None:
    async with lives(url) as (first, second):
        first.keeper.say = lambda: {"ears": {"slack": ""}}
        await until(lambda: second.keeper.others.get(first.keeper.holder, {}).get("ears") == {"slack": ""})
        await first.fall()
        await until(lambda: not second.keeper.others)


async def test_where_one_daemon_is_allowed_everything_is_granted_without_a_write(tmp_path: Path) -> None:
    async with lives(f"sqlite:///{tmp_path}/deskbell.db", 1) as (life,):
        life.compete()
        await life.working.wait()
        assert life.keeper.holds(NAME)
        await life.store.write(life.held[0].guard)
        life.held[0].check()
        assert life.keeper.trouble == ""
        await life.stop()
        with sqlite3.connect(tmp_path / "deskbell.db") as connection:
            assert connection.execute("SELECT count(*) FROM leases").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM settings WHERE name = 'instances'").fetchone() == (0,)
