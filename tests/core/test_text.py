"""Text from strangers made fit to show, and the words for times and spans."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.text import clean, clean_lines, clock, cut, local, parse_span, span

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
hostile = st.text(st.characters(), max_size=80) | st.text(
    st.sampled_from("a\u202e\u200b\ud800\x00\x1b\n\r\t\x85\u2028\u0301\U000e0041\u00ad\ufeff<>@!{}"), max_size=80
)
OVER = {"Cc", "Cs"}  # control characters and lone surrogates


@given(hostile, st.integers(1, 40))
def test_one_clean_line(text, limit):
    line = clean(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])
    assert not {unicodedata.category(char) for char in line} & OVER
    line.encode()
    assert line == line.strip()
    assert clean(line, limit) == line


@given(hostile, st.integers(1, 40))
def test_lines_stay_lines(text, limit):
    lines = clean_lines(text, limit)
    assert len(lines) <= limit
    lines.encode()
    assert not {unicodedata.category(char) for char in lines if char != "\n"} & OVER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u202egnp.exe", "a gnp.exe"),
        ("zero\u200bwidth", "zero width"),
        ("two\r\nlines", "two lines"),
        ("<!channel> @everyone {{7*7}}", "<!channel> @everyone {{7*7}}"),  # each face escapes for its own platform
        ("\ud800", ""),
        (None, "None"),
        ("e\u0301", "e\u0301"),
    ],
)
def test_examples(text, expected):
    assert clean(text) == expected


def test_a_megabyte_costs_no_more_than_a_line():
    assert len(clean("x" * 1_000_000)) == 500


def test_a_flood_of_combining_marks_is_thinned():
    assert clean("Z" + "\u0336" * 400) == "Z" + "\u0336" * 4


@pytest.mark.parametrize("limit", range(14, 60))
def test_an_address_is_cut_out_whole(limit):
    """Half of one leads somewhere else."""
    address = "https://desk.example.org/a/?next=https://x.example"
    kept = cut(f"Look it up at {address} and answer", limit + 14)
    assert kept == "Look it up at\u2026" or kept.startswith(f"Look it up at {address}")
    assert len(kept) <= limit + 14


def test_an_address_alone_is_cut_like_any_word():
    assert cut("https://desk.example.org/a/b", 20) == "https://desk.exampl\u2026"


def test_cut():
    assert [cut("hello", n) for n in (0, 1, 3, 5)] == ["", "\u2026", "he\u2026", "hello"]
    assert cut("aaae\u0301bb", 6) == "aaae\u0301\u2026"
    assert cut("abcd\u0301\u0301efgh", 6) == "abc\u2026"  # never inside a combined character


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("30", 1800),
        (" 2H ", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("1 h 5 min", 3900),
        ("0m", 0),
        ("", None),
        ("soon", None),
        ("-5m", None),
        ("5m later", None),
        ("99999999999999d", None),
        ("9" * 6000, None),
        ("\u00b2", None),
    ],
)
def test_parse_span(text, seconds):
    assert parse_span(text) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text(max_size=20))
def test_parse_span_never_raises(text):
    parse_span(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (45, "45 s"),
        (720, "12 min"),
        (3600, "1 h"),
        (3900, "1 h 05 min"),
        (273600, "3 d 4 h"),
        (86400, "1 d"),
    ],
)
def test_span(seconds, words):
    assert span(timedelta(seconds=seconds)) == words


@given(st.integers(1, 60), st.sampled_from("mhd"))
def test_a_span_that_is_said_can_be_read(count, unit):
    delta = parse_span(f"{count}{unit}")
    assert parse_span(span(delta)) == delta


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW, "15:00"),
        (NOW + timedelta(hours=10), "Sun 01:00"),
        (NOW - timedelta(days=5), "Mon 15:00"),
        (NOW - timedelta(days=7), "2026-11-14 15:00"),
    ],
)
def test_clock(at, words):
    assert clock(at, "Europe/Berlin", NOW) == words


@pytest.mark.parametrize("zone", ["", "Mars/Phobos", "../../etc/passwd", "/etc/passwd", "Europe", "\x00", "x" * 5000])
def test_a_zone_that_there_is_not_is_utc(zone):
    assert local(NOW, zone) == NOW
    assert clock(NOW, zone, NOW) == "14:00"
