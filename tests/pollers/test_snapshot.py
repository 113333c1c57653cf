"""What is gone, told by comparing complete readings; and what looks gone and is not."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.ports import SourceError
from deskbell.core.records import Leave, LeaveStatus, Visit, VisitStatus
from pollers.cursor import Fetched, Row
from pollers.mapped import Mapped
from pollers.rest import Rest
from pollers.snapshot import Held, Known, Window, from_json, held_of, mark_of, pages, to_json, until, with_rows

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = 3600


@dataclass
class Board:
    """A board of jobs that knows no time of change; `polls` reads it as a source would be."""

    size: int = 10
    now: datetime = NOW
    rows: dict = field(default_factory=dict)  # id -> (title, hours from NOW to its end)
    elsewhere: dict = field(default_factory=dict)  # outside the window
    broken: int = 0  # this page fails
    mark: str = "1"
    looks: bool = False
    ends: timedelta | None = None  # how far ahead the window goes
    asked: list = field(default_factory=list)
    cursor: dict = field(default_factory=dict)
    mapped: list = field(default_factory=list)
    gone: list = field(default_factory=list)
    complete: bool = False

    def put(self, *ids, title="Lift", ends=5):
        self.rows |= {str(one): (title, ends) for one in ids}

    def take(self, *ids):
        for one in ids:
            del self.rows[str(one)]

    async def fetch(self, step):
        if self.broken == step + 1:
            raise SourceError("unreachable", "broke off")
        all_rows = [row_of(key, value) for key, value in self.rows.items()]
        page = all_rows[step * self.size : (step + 1) * self.size]
        return Fetched(page, more=len(all_rows) > (step + 1) * self.size, date=self.now)

    async def map_rows(self, rows):
        self.mapped += [row.id for row in rows]
        return Mapped(tuple(visit_of(row.id, *row.raw) for row in rows))

    async def look(self, ids):
        self.asked += ids
        return {one: row_of(one, self.elsewhere[one]) if one in self.elsewhere else None for one in ids}

    async def poll(self, later=timedelta(minutes=1)):
        self.now += later
        self.mapped, self.gone, self.complete = [], [], False
        look = self.look if self.looks else None
        ends = self.ends and self.now + self.ends
        window = Window(self.fetch, self.map_rows, NOW - timedelta(days=2), look, self.mark, ends=ends)
        async for page in pages(self.cursor, "board", window, self.now):
            self.cursor = page.cursor or self.cursor
            self.gone += page.gone
            self.complete = page.complete
        return self


def row_of(key, value):
    return Row(key, None, str(value), value)


def visit_of(key, title, ends):
    end = NOW + timedelta(hours=ends)
    return Visit("board", key, key, VisitStatus.SCHEDULED, title=title, start=end - timedelta(hours=1), end=end)


@pytest.fixture
async def board():
    board = Board()
    board.put(*range(25))
    await board.poll()
    assert len(board.mapped) == 25
    return board


async def test_only_what_changed_is_handed_on(board):
    assert not (await board.poll()).mapped
    board.put(3, title="Boiler")
    board.put(99)
    assert (await board.poll()).mapped == ["3", "99"]
    assert board.complete


async def test_gone_is_what_two_complete_readings_in_a_row_did_not_have(board):
    board.take(7)
    assert not (await board.poll()).gone
    assert (await board.poll()).gone == ["7"]
    assert not (await board.poll()).gone, "it is told once"


async def test_once_missing_and_back_is_nothing(board):
    kept = board.rows.pop("7")
    await board.poll()
    board.rows["7"] = kept
    await board.poll()
    del board.rows["7"]
    assert not (await board.poll()).gone, "the count begins anew"


async def test_a_reading_that_broke_off_judges_nothing(board):
    board.take(7)
    await board.poll()
    board.broken = 3
    before = board.cursor
    with pytest.raises(SourceError):
        await board.poll()
    assert board.cursor == before
    assert not board.gone


async def test_less_than_half_is_told_and_believed_only_after_an_hour(board):
    board.take(*range(13))
    for _ in range(3):
        with pytest.raises(SourceError, match="less than half of the 25 rows"):
            await board.poll()
        assert not board.gone
        assert not board.complete
    board.put(*range(13))
    await board.poll()
    assert board.complete
    board.take(*range(13))
    with pytest.raises(SourceError):
        await board.poll()
    await board.poll(later=timedelta(hours=1))
    assert board.gone == [str(n) for n in range(13)]
    assert board.complete


async def test_what_changed_is_handed_on_also_from_a_short_reading(board):
    board.rows = {"1": ("Boiler", 5)}
    with pytest.raises(SourceError):
        await board.poll()
    assert board.mapped == ["1"]


async def test_half_is_enough(board):
    board.take(*range(12))
    await board.poll()
    assert len((await board.poll()).gone) == 12


async def test_what_is_over_leaves_the_window_without_a_word(board):
    board.put(*range(100, 110), ends=-30)
    await board.poll()
    board.take(*range(100, 110))
    await board.poll()
    assert not (await board.poll()).gone
    assert len(from_json(board.cursor["snapshot"]).rows) == 25


async def test_what_was_moved_out_of_the_window_is_looked_at_and_not_gone(board):
    board.looks = True
    board.elsewhere = {"7": ("Lift", 24 * 30)}
    board.take(7, 8)
    await board.poll()
    await board.poll()
    assert board.gone == ["8"]
    assert board.mapped == ["7"], "it is handed on as it is now"


async def test_what_was_moved_out_of_the_window_is_looked_at_once_and_missed_when_its_time_comes(board):
    board.looks, board.ends = True, timedelta(days=14)
    board.elsewhere = {"7": ("Lift", 24 * 30)}
    board.take(7)
    for _ in range(8):
        await board.poll()
    assert board.asked == ["7"]
    del board.elsewhere["7"]
    await board.poll(later=timedelta(days=18))
    assert (await board.poll()).gone == ["7"]


async def test_a_row_without_a_time_is_looked_at_once_alone(board):
    board.looks, board.ends = True, timedelta(days=14)
    board.elsewhere = {"7": ("Lift", 5)}
    board.take(7)
    for _ in range(3):
        await board.poll()
    assert "7" in board.asked
    held = held_of(Row("7", None, "v", {}), Visit("board", "7", "7", VisitStatus.UNSCHEDULED))
    assert (held.begins, held.until) == (0.0, 0.0)


def test_rows_that_were_read_otherwise_are_known_too_but_for_those_that_are_gone():
    rows = [row_of("1", ("Lift", 5)), row_of("2", ("Lift", 5)), row_of("3", None)]
    mapped = Mapped((visit_of("1", "Lift", 5), visit_of("2", "Lift", 5)), gone=("2",))
    known = with_rows(Known({"9": Held("a")}), rows, mapped)
    assert set(known.rows) == {"1", "9"}
    assert known.rows["1"].until == (NOW + timedelta(hours=5)).timestamp()


async def test_another_mapping_hands_everything_on_once_more(board):
    board.mark = mark_of({"status": "phase"}, "Europe/Berlin")
    assert len((await board.poll()).mapped) == 25
    assert not (await board.poll()).mapped


async def test_a_window_that_can_not_be_read_whole_is_told(board):
    window = Window(board.fetch, board.map_rows, max_pages=2)
    with pytest.raises(SourceError, match="more than 2 pages"):
        async for _ in pages({}, "board", window, NOW):
            pass


async def test_one_row_twice_in_a_reading_counts_once(board):
    whole = board.fetch

    async def twice(step):
        got = await whole(step)
        return Fetched([*got.rows, *got.rows], got.more, got.date)

    board.fetch = twice
    board.put(3, title="Boiler")
    assert (await board.poll()).mapped == ["3"]


def test_what_is_known_survives_being_stored():
    known = Known({"1": Held("a", 17.0, 1, 5.0), "2": Held("b")}, "m", NOW, NOW)
    assert from_json(to_json(known)) == known
    assert from_json({}) == Known()


def test_the_time_of_a_visit_is_over_with_its_last_moment():
    visit = Visit("s", "1", "1", VisitStatus.SCHEDULED, start=NOW, window_end=NOW + timedelta(hours=1))
    assert until(visit) == (NOW + timedelta(hours=1)).timestamp()
    assert until(replace(visit, start=None, window_end=None)) == 0.0
    assert until(Leave("s", "1", "1", LeaveStatus.APPROVED, end=NOW)) == NOW.timestamp()


# ---------------------------------------------------------------- over HTTP, as `rest` has it


@pytest.fixture
def jobs(sb, job_conf):
    now = sb.clock.time()
    for n in range(12):
        sb.fieldservice.add(start=now + HOUR, end=now + 2 * HOUR, technician=1, id=100 + n)
    params = {"page": "{page}", "per_page": "{size}"}
    return Rest(replace(job_conf, strategy="snapshot", params=params), now=sb.clock.now)


async def test_a_deleted_job_is_gone_at_the_second_poll(sb, jobs, reading):
    held = reading(jobs)
    await held.poll()
    del sb.fieldservice.jobs[105]
    await held.poll()
    assert not held.pages[-1].gone
    await held.poll()
    assert held.pages[-1].gone == ("105",)
    await jobs.close()


async def test_a_job_that_the_list_hides_is_read_by_itself(sb, jobs, reading):
    held = reading(jobs)
    await held.poll()
    hidden = sb.fieldservice.jobs[105] | {"updated_at": "2020-01-01T00:00:00Z"}
    sb.fieldservice.jobs[105] = hidden
    narrowed = {**jobs.conf.params, "updated_since": "{since}"}
    jobs.conf = replace(jobs.conf, params=narrowed)
    for _ in range(3):
        await held.poll()
        assert not held.pages[-1].gone
    await jobs.close()
