"""Pages by a key: also where reading goes on in the middle of them without one."""

from datetime import UTC, datetime

from pollers.chain import Chain
from pollers.cursor import Fetched, Row

SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def chain(pages):
    asked = []

    async def ask(_since, key):
        asked.append(key)
        at = int(key or 0)
        more = at + 1 < len(pages)
        return Fetched([Row(one, SINCE, "1", {}) for one in pages[at]], more=more), str(at + 1) if more else ""

    return Chain(ask), asked


async def ids(found):
    return [row.id for row in found.rows]


async def test_each_page_costs_one_call():
    pages, asked = chain(["a", "b", "c"])
    assert [await ids(await pages.fetch(SINCE, step)) for step in (0, 1, 2)] == [["a"], ["b"], ["c"]]
    assert asked == ["", "1", "2"]


async def test_a_page_behind_is_read_again_by_the_key_it_had():
    pages, asked = chain(["a", "b", "c"])
    for step in (0, 1, 2, 1):
        got = await pages.fetch(SINCE, step)
    assert await ids(got) == ["b"]
    assert asked == ["", "1", "2", "1"]


async def test_without_a_key_it_is_walked_to():
    pages, asked = chain(["a", "b", "c"])
    assert await ids(await pages.fetch(SINCE, 2)) == ["c"]
    assert asked == ["", "1", "2"]


async def test_a_page_that_is_no_longer_there_is_empty():
    pages, _ = chain(["a"])
    got = await pages.fetch(SINCE, 3)
    assert not got.rows
    assert not got.more
