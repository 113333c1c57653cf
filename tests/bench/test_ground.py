"""What the bench stands on: a card that never came is noticed, and one that came twice; floods, limits, chains."""

import asyncio
import json
import sqlite3

import pytest

from deskbell.bench import chain, ground, storm
from deskbell.bench.audit import KEY
from deskbell.bench.ground import Run, Short, fitting, in_turn
from deskbell.bench.machine import Ended, running
from deskbell.bench.rows import at
from deskbell.bench.run import Wish, measured, opened
from deskbell.bench.wire import Broken, request
from storage.store import SqlStore


def post(number):
    body = json.dumps({"channel": "C0DISPATCH", "text": f"N{number:08d} is late"})
    return request("POST", "/ours/slack/api/chat.postMessage", body.encode())


@pytest.fixture
async def floor(monkeypatch):
    monkeypatch.setattr(ground, "WAIT_S", 10.3)
    async with opened(Wish(())) as here:
        yield here


async def test_a_card_that_never_came_is_noticed(floor):
    numbers = floor.some(10)
    await ground.hurl([floor.sink], [n for n in numbers if n != numbers[4]], post)
    with pytest.raises(Short, match="1 of 10 messages never came"):
        await floor.until(numbers, ["slack"])


async def test_a_card_that_came_twice_is_counted(floor):
    numbers = floor.some(10)
    await ground.hurl([floor.sink], [*numbers, numbers[4]], post)
    assert await floor.until(numbers, ["slack"]) > 0
    assert await floor.doubled(numbers, ["slack"]) == 1


async def test_a_card_that_comes_late_is_waited_for(floor):
    numbers = floor.some(3)
    waiting = asyncio.ensure_future(floor.until(numbers, ["slack"]))
    await asyncio.sleep(0.05)
    await ground.hurl([floor.sink], numbers, post)
    assert await waiting > 0


async def test_a_vendor_that_is_down_refuses_for_one_and_not_for_others(floor):
    await floor.ask("down", who="ours", vendors=["slack"])
    with pytest.raises(Broken, match="503"):
        await ground.hurl([floor.sink], floor.some(1), post)
    await ground.hurl([floor.sink], floor.some(1), lambda n: post(n).replace(b"/ours/", b"/dark/"))


async def test_a_measure_that_breaks_off_is_told_and_the_others_go_on(monkeypatch):
    async def breaks(_ground):
        raise Short("a card never came")

    monkeypatch.setattr("deskbell.bench.isolation.run", breaks)
    report = await measured(Wish(("isolation", "render"), rounds=1, scale=0.01))
    assert report.failed == ["isolation: a card never came"]
    assert {row.key for row in report.rows} == {"render"}


async def test_rounds_are_taken_in_turn():
    order = []

    def measure(name):
        async def one():
            order.append(name)
            return Run(1, 1.0, 0.0)

        return one

    await in_turn(3, measure("a"), measure("b"))
    assert order == ["a", "b", "b", "a", "a", "b"]


async def test_a_round_takes_as_many_as_fit():
    async def slow(count):
        return Run(count, count / 20, 0.0)  # twenty a second

    assert await fitting(1000, slow) == round(20 * ground.ROUND_S)
    assert await fitting(11, slow) == 11


def test_a_program_that_ends_by_itself_says_its_last_words(tmp_path):
    log = tmp_path / "log"
    with (
        running("-c", "raise SystemExit('no more oil')", log=log) as program,
        pytest.raises(Ended, match="no more oil"),
    ):
        program.line()


@pytest.mark.parametrize(
    ("windows", "seconds", "most"),
    [
        (((1, 1.0),), 60.0, 60),
        (((5, 5.0),), 60.0, 60),
        (((5, 5.0),), 12.0, 15),
        (((1, 1.0), (20, 60.0)), 60.0, 20),
        (((7, 1.0), (8, 2.0), (60, 30.0)), 60.0, 120),
    ],
)
def test_what_a_vendor_allows(windows, seconds, most):
    assert storm.allowed(windows, seconds) == most


def test_what_is_beyond_a_limit_is_counted():
    assert storm.beyond(((1, 1.0),), [0.0, 1.0, 1.99, 2.5]) == 1
    assert storm.beyond(((2, 1.0), (3, 10.0)), [0.0, 0.1, 1.2, 5.0]) == 1


def test_quantiles():
    assert at(range(1, 101), 50) == 51
    assert at(range(1, 101), 99) == 100
    assert at([7.0], 99) == 7.0


def test_the_raw_chain_notices_a_change(tmp_path):
    path = tmp_path / "raw.db"
    SqlStore.open(f"sqlite:///{path}", audit_key=KEY).close()
    chain.append(str(path), KEY, 250)
    chain.append(str(path), KEY, 50)
    assert chain.verify(str(path), KEY) == 300
    db = sqlite3.connect(path)
    for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {trigger}")
    db.execute("UPDATE audit SET actor = 'somebody' WHERE seq = 120")
    db.commit()
    db.close()
    with pytest.raises(ValueError, match="entry 120"):
        chain.verify(str(path), KEY)
