"""The failure modes of incremental polling, one test each, against a source that is only numbers."""

from datetime import timedelta

import pytest

from deskbell.core.ports import SourceError, SourceFault
from pollers import cursor as cursors
from pollers.cursor import SEEN_AT_MOST, Cursor, Fetched, Pace, Row
from tests.pollers.conftest import START

OVERLAP = 60


def put_many(ledger, count, at=0):
    for n in range(count):
        ledger.put(n, at=at if isinstance(at, int) else at(n), lag=0)


async def test_page_drift_while_paging(ledger, reader):
    put_many(ledger, 100, at=lambda n: n)
    ledger.now = 200

    def a_row_leaves_the_front():
        ledger.now += 1
        ledger.put(ledger.requests, lag=0)

    ledger.each_request = a_row_leaves_the_front
    await reader.poll()
    ledger.each_request = None
    await reader.poll()
    assert reader.lost() == set()


async def test_more_equal_stamps_than_a_page_holds(ledger, reader):
    put_many(ledger, 95, at=7)
    ledger.now = 1000
    assert await reader.poll()
    assert reader.lost() == set()


async def test_equal_stamps_that_are_updated_while_they_are_read(ledger, reader):
    put_many(ledger, 95, at=-50_000)
    ledger.put(200, at=-40_000)
    gone = iter([3, 14, 27, 41])

    def one_of_them_changes():
        ledger.now += 1
        if (n := next(gone, None)) is not None and ledger.requests > 2:
            ledger.put(n, lag=0)

    ledger.each_request = one_of_them_changes
    await reader.poll()
    assert reader.lost() == set()


async def test_row_updated_twice_between_polls_is_handed_over_once_with_its_newest_version(ledger, reader):
    put_many(ledger, 3)
    ledger.now = 10
    await reader.poll()
    ledger.put(1), ledger.put(1)
    ledger.now = 20
    reader.handed.clear()
    await reader.poll()
    assert reader.handed == [("1", "3")]


async def test_row_updated_during_the_sweep_comes_with_it_or_with_the_next(ledger, reader):
    put_many(ledger, 40, at=lambda n: n)
    ledger.now = 100
    ledger.each_request = lambda: ledger.put(0, lag=0) if ledger.requests == 2 else None
    await reader.poll()
    assert reader.lost() == set()


async def test_late_visible_row_within_the_overlap_is_found(ledger, reader):
    put_many(ledger, 5, at=100)
    ledger.now = 100
    ledger.put(9, at=95, lag=40)
    ledger.now = 110
    await reader.poll()
    assert reader.lost() == {9}
    ledger.now = 140
    await reader.poll()
    assert reader.lost() == set()


async def test_late_visible_row_is_found_although_the_sweep_was_cut_off_near_it(ledger, simulated):
    """The cut comes at the source's present; going on from there without stepping back would pass the row by."""
    _, reader_class = simulated
    reader = reader_class(ledger, Pace(timedelta(seconds=OVERLAP), max_pages=2))
    put_many(ledger, 40, at=lambda n: 80 + n // 2)
    ledger.now = 100
    ledger.put(99, at=81, lag=30)
    await reader.poll()
    ledger.now = 400
    for _ in range(12):
        await reader.poll()
    assert reader.lost() == set()


async def test_clock_of_the_source_five_minutes_ahead_changes_nothing(ledger, reader):
    """Stamps are the source's own, and so is the bound: our clock is in neither."""
    ledger.now = 300
    put_many(ledger, 30, at=295)
    await reader.poll()
    ledger.now = 310
    ledger.put(4)
    await reader.poll()
    assert reader.lost() == set()


async def test_stamp_in_the_future_does_not_pull_the_cursor_along(ledger, reader):
    ledger.put(1, at=50, lag=0)
    ledger.rows[2] = (999_999, 1, 0)
    ledger.now = 100
    await reader.poll()
    ledger.now = 110
    ledger.put(3)
    await reader.poll()
    assert reader.seen["3"] == 1


async def test_stamp_going_backwards_is_found_by_the_full_sweep(ledger, reader):
    put_many(ledger, 3, at=5000)
    ledger.now = 5000
    await reader.poll()
    ledger.put(1, at=10)  # an import with an old date
    await reader.poll()
    assert reader.lost() == {1}
    reader.cursor = {}  # a full sweep begins from nothing
    await reader.poll()
    assert reader.lost() == set()


async def test_hidden_rows_make_pages_short_but_not_last(ledger, reader):
    put_many(ledger, 60, at=lambda n: n)
    ledger.now = 100
    ledger.hidden = set(range(5, 38))
    assert await reader.poll()
    assert set(reader.seen) == {str(n) for n in range(60)} - {str(n) for n in ledger.hidden}


async def test_lost_filter_is_refused_rather_than_read_as_news(ledger, reader):
    put_many(ledger, 30, at=lambda n: n)
    ledger.now = 100_000
    ledger.put(77)
    await reader.poll()
    honest = ledger.fetch

    async def everything(_since, step):
        return await honest(reader_start, step)

    reader_start = (await honest(cursors.from_json(reader.cursor).at, 0)).date - timedelta(days=30)
    ledger.fetch = everything
    with pytest.raises(SourceError, match="ignored the time filter") as raised:
        await reader.poll()
    assert raised.value.fault is SourceFault.ANSWER


async def test_refusal_in_mid_sweep_keeps_what_was_read(ledger, reader):
    put_many(ledger, 50, at=lambda n: n)
    ledger.now = 100

    def third_is_refused():
        if ledger.requests == 3:
            raise SourceError(SourceFault.LIMITED, "429")

    ledger.each_request = third_is_refused
    with pytest.raises(SourceError):
        await reader.poll()
    first = len(reader.handed)
    assert first > 0
    assert await reader.poll()
    assert reader.lost() == set()
    assert len(reader.handed) == 50, "what the committed pages held is not read as news again"


async def test_crash_between_a_page_and_its_commit_reads_the_page_again(ledger, reader):
    put_many(ledger, 50, at=lambda n: n)
    ledger.now = 100
    await reader.poll(crash_after=2)
    assert await reader.poll()
    assert reader.lost() == set()


async def test_duplicate_ids_in_one_page_are_one_row_the_last_of_them():
    rows = [Row("a", None, "1", {}), Row("b", None, "1", {}), Row("a", None, "2", {"newest": True})]

    async def fetch(_since, _step):
        return Fetched(rows, more=False)

    batches = [batch async for batch in cursors.sweep(Cursor(), fetch, some_time(), Pace())]
    assert [(row.id, row.version) for row in batches[0].rows] == [("a", "2"), ("b", "1")]


async def test_unsorted_pages_are_read_by_number_and_the_cursor_waits_for_the_end():
    stamps = [some_time(second) for second in (50, 10, 40, 20, 30)]
    rows = [Row(str(n), stamp, "1", {}) for n, stamp in enumerate(stamps)]

    async def fetch(_since, step):
        return Fetched(rows[step * 2 : step * 2 + 2], more=step < 2)

    batches = [batch async for batch in cursors.sweep(Cursor(), fetch, some_time(), Pace())]
    assert [row.id for batch in batches for row in batch.rows] == ["0", "1", "2", "3", "4"]
    assert [batch.cursor.at for batch in batches] == [None, None, some_time(50)]


async def test_unsorted_pages_without_end_are_an_error_that_says_what_to_do():
    async def fetch(_since, step):
        return Fetched([Row(str(step), some_time(1000 - step), "1", {}), Row("x", some_time(1), "1", {})], more=True)

    with pytest.raises(SourceError, match="sort"):
        [batch async for batch in cursors.sweep(Cursor(), fetch, some_time(), Pace(max_pages=3))]


async def test_a_row_without_a_stamp_is_handed_over_and_anchors_nothing():
    async def fetch(_since, _step):
        return Fetched([Row("a", None, "1", {}), Row("b", some_time(5), "1", {})], more=False)

    (batch,) = [batch async for batch in cursors.sweep(Cursor(), fetch, some_time(), Pace())]
    assert [row.id for row in batch.rows] == ["a", "b"]
    assert batch.cursor.at == some_time(5)


async def test_what_is_remembered_of_seen_rows_is_bounded(ledger, reader):
    ledger.size = 1000
    put_many(ledger, 2 * SEEN_AT_MOST, at=99)
    ledger.now = 100
    await reader.poll()
    assert len(reader.cursor["seen"]) == SEEN_AT_MOST
    assert cursors.to_json(cursors.from_json(reader.cursor)) == reader.cursor


def some_time(second=0):
    from datetime import UTC, datetime

    return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=second)


async def test_nothing_is_passed_where_nothing_was_yet(ledger, reader):
    """A list that is empty when it is first read is read on from there, however long the next reading lets wait."""
    reader.lookback = 60  # as of a list of which the past does not matter
    await reader.poll()
    for pause in (500, 700):
        ledger.now += pause
        reader.lookback += pause
        assert await reader.poll()
    begun = cursors.from_json(reader.cursor).floor
    assert begun is not None, "how far it was read"
    seconds = (begun - START).total_seconds()
    assert seconds >= ledger.now - 60, "up to the present, but for what may still become visible"
