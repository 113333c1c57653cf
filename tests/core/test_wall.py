"""Moments as people write them, in the two odd nights as well."""

from datetime import UTC, datetime

import pytest

from deskbell.core.wall import moment

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday
ROME = "Europe/Rome"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", "2026-11-21T12:00+00:00"),
        ("Now", "2026-11-21T12:00+00:00"),
        ("2027-03-01T02:30", "2027-03-01T01:30+00:00"),
        ("2027-03-01 02:30", "2027-03-01T01:30+00:00"),
        ("2027-03-01T02:30+05:00", "2027-02-28T21:30+00:00"),
        ("2027-03-01T02:30Z", "2027-03-01T02:30+00:00"),
        ("8:05", "2026-11-21T07:05+00:00"),
        ("today at 23:59", "2026-11-21T22:59+00:00"),
        ("tomorrow 0:00", "2026-11-21T23:00+00:00"),
        ("Sat 9:00", "2026-11-21T08:00+00:00"),
        ("friday  18:00", "2026-11-27T17:00+00:00"),
    ],
)
def test_what_people_write(text, at):
    found = moment(text, ROME, NOW)
    assert (found.at, found.note) == (datetime.fromisoformat(at), "")


@pytest.mark.parametrize(
    "text", ["24:00", "8:60", "t 8:00", "s 8:00", "someday 8:00", "8", "-1:00", "2027-02-30", "🕗"]
)
def test_what_is_no_moment(text):
    assert moment(text, ROME, NOW) is None


def test_an_hour_that_the_clocks_skip():
    found = moment("2027-03-28T02:30", ROME, NOW)
    assert found.at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert "skip 02:30" in found.note
    assert "03:30 is meant" in found.note


def test_an_hour_that_comes_twice():
    found = moment("2027-10-31T02:30", ROME, NOW)
    assert found.at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert "twice" in found.note
