"""Retry-After and dates, in every shape that vendors write them."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Retry
from deskbell.core.ports import SourceFault
from deskbell.net.answers import Dialect, Reply, http_date, outcome_of, retry_after, source_error_of

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1.5),
        ("999999999", 3600),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2099 11:00:00 GMT", 3600),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value, seconds):
    assert retry_after({"retry-after": value}, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "soon", "-5", "NaN", "1e999999", "Fri, 99 Nov", "\u0663"])
def test_retry_after_that_says_nothing(value):
    assert retry_after({"retry-after": value}, NOW) in (None, timedelta(hours=1), timedelta(seconds=3))


def test_a_date_is_taken_by_the_vendors_own_clock():
    headers = {"retry-after": "Fri, 20 Nov 2026 13:00:30 GMT", "date": "Fri, 20 Nov 2026 13:00:00 GMT"}
    assert retry_after(headers, NOW) == timedelta(seconds=30)


def test_a_date_that_is_none():
    assert http_date("yesterday") is None
    assert http_date("Fri, 20 Nov 2026 12:01:00 GMT") == NOW + timedelta(minutes=1)


def test_a_limit_that_is_told_with_another_status_is_one():
    dialect = Dialect(limited=lambda reply: reply.status == 403 and reply.data == "too often")
    told = Reply(403, {"retry-after": "7"}, "too often")
    assert source_error_of(told, "Vendor /x", dialect).fault is SourceFault.LIMITED
    outcome = outcome_of(told, "Vendor /x", dialect)
    assert isinstance(outcome, Retry)
    assert outcome.limited
    assert source_error_of(Reply(403, {}, "no"), "Vendor /x", dialect).fault is SourceFault.AUTH
