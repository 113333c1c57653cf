"""Asking vendors: each at its own pace, at once when poked, and only while it is ours to ask."""

import asyncio
from datetime import UTC, datetime

import pytest

from deskbell.core.heard import Words
from deskbell.core.outcome import Retry
from deskbell.core.ports import Destination
from deskbell.core.store import LeaseLost
from deskbell.courier import Asker
from deskbell.instance import Held
from storage.store import SqlStore

AT = datetime(2026, 11, 22, tzinfo=UTC)


class Inbox:
    """A channel with one question. `answers`: what it gives, in turn; "hang" waits for ever."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), asyncio.Queue()
        self.of, self.most, self.asks = "inbox", 1, [self]

    async def ask(self, question, to, waiting):
        self.asked.put_nowait(waiting)
        answer = self.answers.pop(0) if self.answers else []
        if answer == "hang":
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def kept(self, question, to):
        return None


@pytest.fixture
def store(tmp_path):
    made = SqlStore.open(f"sqlite:///{tmp_path}/desk.db", audit_key=b"k" * 32)
    yield made
    made.close()


@pytest.fixture
async def running(store):
    tasks = []

    def run(held, **channels):
        taken = asyncio.Queue()

        async def take(channel, heard, asked):
            for one in heard:
                taken.put_nowait((channel, one))

        rooms = {name: Destination(name, name, "") for name in channels}
        asker = Asker(store, rooms, channels, take, every=3600)
        stopping = asyncio.Event()
        tasks.append(asyncio.create_task(asker.run(stopping, held)))
        return asker, taken, stopping, tasks[-1]

    yield run
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def within(work):
    return await asyncio.wait_for(work, 20)


async def test_one_that_hangs_or_breaks_delays_no_other(running):
    well = Inbox([Words("+1", "ACK 1", "m1")], [Words("+1", "ACK 2", "m2")])
    broken = Inbox(ValueError("broken"), Retry("not now"), [Words("+2", "ACK 3", "m3")])
    asker, taken, _, _ = running(Held("asks"), hangs=Inbox("hang"), well=well, broken=broken)
    assert (await within(taken.get()))[1].id == "m1"
    first = await within(well.asked.get())
    asker.poke("well")
    assert (await within(taken.get()))[1].id == "m2"
    second = await within(well.asked.get())
    assert second.since > first.since, "it goes on where it was heard"
    for _ in range(3):
        since = await within(broken.asked.get())
        asker.poke("broken")
    assert (await within(taken.get()))[1].id == "m3"
    assert since.since < second.since, "what was not heard is asked for again"
    asker.poke("nobody")


async def test_a_lost_lease_ends_it_and_another_may_ask(running):
    held = Held("asks")
    well = Inbox()
    asker, _, _, task = running(held, well=well)
    await within(well.asked.get())
    held.lost = True
    asker.poke("well")
    with pytest.raises(LeaseLost):
        await within(task)
    assert well.asked.empty()


async def test_a_stop_ends_it(running):
    well = Inbox()
    asker, _, stopping, task = running(Held("asks"), well=well)
    await within(well.asked.get())
    stopping.set()
    asker.poke("well")
    await within(task)
