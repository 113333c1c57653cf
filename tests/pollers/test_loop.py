"""The loop: never overlapping, never hurrying, never falling silent."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.ports import Page, SourceError, SourceFault, SourceState
from deskbell.core.store import LeaseLost
from deskbell.instance import Held
from deskbell.net import faults
from pollers.loop import AUTH_PATIENCE, Loop, Surroundings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Script:
    """A source that does what each poll's entry says: pages, an error, or a wait."""

    name, title, interval = "desk", "Desk", timedelta(seconds=30)

    def __init__(self, *polls):
        self.polls = list(polls)
        self.cursors = []

    async def changes(self, cursor):
        self.cursors.append(dict(cursor))
        step = self.polls.pop(0) if self.polls else []
        if isinstance(step, Exception):
            raise step
        if callable(step):
            await step()
            step = []
        for page in step:
            if isinstance(page, Exception):
                raise page
            yield page


class Book:
    def __init__(self):
        self.cursor = {}
        self.pages, self.failed, self.read = [], [], []
        self.broken = 0
        self.fence = 7

    def holds_lease(self, name, fence):
        return name == "source:desk" and fence == self.fence

    async def source_state(self, name, _guard):
        return SourceState(name, self.cursor)

    async def observe(self, page, guard):
        guard(self)
        if self.broken:
            self.broken -= 1
            raise RuntimeError("the disk is full")
        self.pages.append(page)
        self.cursor = dict(page.cursor)

    async def source_failed(self, name, error, _guard):
        self.failed.append(error.fault)

    async def source_read(self, name, skew_s, _guard):
        self.read.append(skew_s)


class Time:
    """A clock that only pauses move."""

    def __init__(self):
        self.at = 100.0
        self.pauses = []

    async def pause(self, seconds):
        self.pauses.append(round(seconds, 3))
        await asyncio.sleep(0)
        self.at += seconds

    def around(self, chance=1.0):
        return Surroundings(self.pause, lambda: self.at, lambda: NOW, lambda: chance)


def page(number, **more):
    return Page("desk", (), {"n": number}, **more)


def error(fault=SourceFault.UNREACHABLE, after=None):
    return SourceError(fault, "no", after)


async def test_pages_are_kept_one_by_one_and_the_next_poll_goes_on_from_the_last():
    source, book = Script([page(1), page(2, complete=True)], [page(3)]), Book()
    loop = Loop(source, book, Time().around())
    await loop.poll_once()
    await loop.poll_once()
    assert [p.cursor["n"] for p in book.pages] == [1, 2, 3]
    assert source.cursors == [{}, {"n": 2}]


async def test_a_failure_in_mid_sweep_keeps_the_pages_before_it():
    source, book = Script([page(1), error()], [page(2)]), Book()
    loop = Loop(source, book, Time().around())
    await loop.poll_once()
    await loop.poll_once()
    assert source.cursors == [{}, {"n": 1}]


async def test_the_clocks_difference_is_told():
    book = Book()
    await Loop(Script([page(1, read_at=NOW + timedelta(seconds=300))]), book, Time().around()).poll_once()
    assert book.read == [300]


async def test_pauses_double_up_to_five_minutes_and_the_interval_comes_back():
    loop = Loop(Script(*[error()] * 12, []), Book(), Time().around())
    pauses = [(await loop.poll_once()).total_seconds() for _ in range(13)]
    assert pauses[:12] == [4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300]
    assert pauses[12] == pytest.approx(33)


async def test_pauses_are_full_jitter_but_never_none():
    loop = Loop(Script(*[error()] * 3), Book(), Time().around(chance=0.0))
    assert [(await loop.poll_once()).total_seconds() for _ in range(3)] == [0.5] * 3


async def test_retry_after_is_obeyed_even_when_poked():
    time, book = Time(), Book()
    loop = Loop(Script(error(SourceFault.LIMITED, timedelta(seconds=90)), [page(1)]), book, time.around(chance=0.0))
    stop = asyncio.Event()
    started = time.at
    running = asyncio.ensure_future(loop.run(stop, Held("source:desk")))
    await asyncio.sleep(0)
    loop.poke()
    while not book.pages:
        await asyncio.sleep(0)
    assert time.at - started >= 90
    stop.set()
    await running


async def test_a_poke_wakes_early():
    time, book = Time(), Book()
    slow = asyncio.Event()

    async def never(_seconds):
        await slow.wait()

    loop = Loop(Script([page(1)], [page(2)]), book, Surroundings(never, lambda: time.at, lambda: NOW))
    stop = asyncio.Event()
    running = asyncio.ensure_future(loop.run(stop, Held("source:desk")))
    while not book.pages:
        await asyncio.sleep(0)
    loop.poke()
    async with asyncio.timeout(5):
        while len(book.pages) < 2:
            await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(5):
        await running


async def test_refused_credentials_slow_the_loop_down_after_three():
    loop = Loop(Script(*[error(SourceFault.AUTH)] * 4), Book(), Time().around())
    pauses = [(await loop.poll_once()).total_seconds() for _ in range(4)]
    assert pauses[AUTH_PATIENCE - 1 :] == [300, 300]
    quick = Script(*[error(SourceFault.AUTH)] * 3)
    quick.interval = timedelta(seconds=2)
    loop = Loop(quick, Book(), Time().around())
    assert [(await loop.poll_once()).total_seconds() for _ in range(3)][-1] == 60


async def test_every_failure_is_told_to_the_desk_but_logged_once_and_so_is_the_recovery(caplog):
    import structlog

    with structlog.testing.capture_logs() as logs:
        book = Book()
        loop = Loop(Script(error(), error(), error(), [], []), book, Time().around())
        for _ in range(5):
            await loop.poll_once()
    assert len(book.failed) == 3
    assert [entry["event"] for entry in logs] == ["source_failed", "source_recovered"]


async def test_a_mistake_of_ours_counts_as_the_sources_so_that_people_hear_of_it():
    book = Book()
    loop = Loop(Script(ValueError("a bug"), [page(1)]), book, Time().around())
    await loop.poll_once()
    assert book.failed == [SourceFault.ANSWER]
    await loop.poll_once()
    assert book.pages


async def test_a_page_that_can_not_be_kept_is_read_again_and_blames_nobody():
    book = Book()
    book.broken = 1
    loop = Loop(Script([page(1)], [page(1)]), book, Time().around())
    await loop.poll_once()
    assert book.failed == []
    await loop.poll_once()
    assert [p.cursor["n"] for p in book.pages] == [1]


async def test_a_page_of_one_who_has_lost_the_lease_is_not_kept_and_ends_its_reading():
    book = Book()
    held = Held("source:desk", 7)
    loop = Loop(Script([page(1)], [page(2)]), book, Time().around())
    running = asyncio.ensure_future(loop.run(asyncio.Event(), held))
    async with asyncio.timeout(5):
        while not book.pages:
            await asyncio.sleep(0)
        book.fence = 8  # another instance has it
        with pytest.raises(LeaseLost):
            await running
    assert [p.cursor["n"] for p in book.pages] == [1]
    assert book.failed == []


async def test_one_who_wakes_without_the_lease_asks_the_source_nothing():
    source = Script([page(1)])
    with pytest.raises(LeaseLost):
        await Loop(source, Book(), Time().around()).run(asyncio.Event(), Held("source:desk", 7, until=0.0))
    assert source.cursors == []


async def test_two_polls_never_overlap():
    gate, inside = asyncio.Event(), 0

    async def slow():
        nonlocal inside
        inside += 1
        await gate.wait()

    source = Script(slow, slow)
    loop = Loop(source, Book(), Time().around())
    first = asyncio.ensure_future(loop.poll_once())
    await asyncio.sleep(0)
    await loop.poll_once()
    assert inside == 1
    gate.set()
    await first
    assert len(source.cursors) == 1


async def test_the_fault_points_are_passed():
    faults.arm("")
    await Loop(Script([page(1)]), Book(), Time().around()).poll_once()
    names = faults.reached()
    faults.disarm()
    assert names == ["poll.fetch.before", "poll.fetch.after", "poll.observe.before", "poll.observe.after"]
