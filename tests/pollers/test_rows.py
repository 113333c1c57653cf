"""Values of strangers: stamps of every make, texts, ids."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pollers import rows

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T12:00:00Z",
        "2026-11-20T13:00:00+01:00",
        "2026-11-20 12:00:00",
        "2026-11-20T12:00:00.000Z",
        int(NOON.timestamp()),
        int(NOON.timestamp()) * 1000,
        str(int(NOON.timestamp())),
    ],
)
def test_one_moment_in_many_spellings(value):
    assert rows.moment(value) == NOON


def test_a_stamp_without_an_offset_is_in_the_sources_zone():
    assert rows.moment("2026-11-20 13:00:00", BERLIN) == NOON


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-10-25T01:59:59", "2026-10-24T23:59:59+00:00"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),  # shown twice: the first is meant
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),  # an offset leaves no doubt
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00+00:00"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00+00:00"),  # never shown: an hour after 01:30
    ],
)
def test_zone_less_stamps_around_daylight_saving(local, utc):
    assert rows.moment(local, BERLIN) == datetime.fromisoformat(utc)


def test_a_date_is_its_beginning_in_the_zone():
    assert rows.moment("2026-11-20", BERLIN) == datetime(2026, 11, 19, 23, 0, tzinfo=UTC)


def test_what_is_no_stamp_is_none(hostile):
    for value in hostile:
        at = rows.moment(value)
        assert at is None or 1970 <= at.year < 2200, value


def test_texts_numbers_and_flags_never_raise(hostile):
    for value in hostile:
        rows.line(value), rows.number(value), rows.flag(value), rows.printable(value), rows.version(value)


@pytest.mark.parametrize("value", [None, "", " ", True, 1.5, [], {}, "\u200b"])
def test_a_row_without_an_id_is_bad(value):
    with pytest.raises(rows.BadRow):
        rows.ident(value)


def test_rows_without_an_id_are_told_apart():
    one, two = (rows.as_row({"a": n}, None, None) for n in (1, 2))
    assert one.id != two.id


def test_a_bad_row_is_kept_small_and_printable():
    kept = rows.bad(None, ValueError("no \ud83d id"), {"subject": "x" * 1_000_000})
    assert kept.record_id == "?"
    assert len(kept.raw) <= 4000
    kept.error.encode()


def test_the_marker_is_the_last_line_of_what_is_written():
    assert rows.note_text("acked\nby Ana", "[D-12 #3]") == "acked\nby Ana\n[D-12 #3]"
    assert rows.note_text("", "[D-12 #3]") == "[D-12 #3]"
    assert rows.note_text("x" * 100_000, "[D-12 #3]").endswith("[D-12 #3]")
    assert rows.note_text("acked [D-12 #3]", "[D-12 #3]") == "acked [D-12 #3]"
