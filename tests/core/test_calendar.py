"""Business time: additions and differences agree, over weekends, holidays, nights and daylight saving."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.calendar import ALWAYS, WEEKDAYS, Calendar

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE = Calendar("Europe/Berlin", WEEKDAYS, time(9), time(17))
NIGHT = Calendar("Europe/Berlin", frozenset(range(7)), time(22), time(6))

zones = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Africa/Casablanca",
        "Asia/Tehran",
    ]
)
hours = st.times().map(lambda at: at.replace(second=0, microsecond=0))
calendars = st.builds(
    Calendar,
    zone=zones,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    opens=hours,
    closes=hours,
    holidays=st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5),
)
moments = st.datetimes(
    datetime.fromisoformat("2010-01-01"), datetime.fromisoformat("2027-12-31"), timezones=st.just(UTC)
)
amounts = st.timedeltas(timedelta(), timedelta(days=6))


def berlin(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("a", "b", "hours"),
    [
        (berlin(20, 10), berlin(20, 12), 2),
        (berlin(20, 16), berlin(23, 10), 2),  # over a weekend
        (berlin(20, 18), berlin(23, 8), 0),
        (berlin(21, 0), berlin(22, 23), 0),
        (berlin(16, 9), berlin(23, 9), 40),
        (berlin(23, 10), berlin(20, 16), -2),
    ],
)
def test_between(a, b, hours):
    assert OFFICE.business_time_between(a, b) == hours * HOUR


@pytest.mark.parametrize(
    ("at", "amount", "expected"),
    [
        (berlin(20, 10), 2 * HOUR, berlin(20, 12)),
        (berlin(20, 16), 2 * HOUR, berlin(23, 10)),
        (berlin(20, 18), HOUR, berlin(23, 10)),
        (berlin(20, 9), 8 * HOUR, berlin(20, 17)),  # the end of the day, not the beginning of the next
        (berlin(20, 14), DAY, berlin(23, 14)),
        (berlin(17, 14), 2 * DAY, berlin(19, 14)),
        (berlin(17, 14), DAY + HOUR, berlin(18, 15)),
        (berlin(23, 10), -2 * HOUR, berlin(20, 16)),
        (berlin(21, 12), timedelta(), berlin(21, 12)),
    ],
)
def test_add(at, amount, expected):
    assert OFFICE.add_business(at, amount) == expected


def test_a_holiday_does_not_open():
    closed = Calendar("Europe/Berlin", WEEKDAYS, time(9), time(17), frozenset({date(2026, 11, 23)}))
    assert closed.add_business(berlin(20, 16), 2 * HOUR) == berlin(24, 10)
    assert not closed.is_open(berlin(23, 12))


def test_without_hours_it_never_closes():
    now = berlin(21, 3)
    assert ALWAYS.is_open(now)
    assert ALWAYS.add_business(now, DAY) == now + DAY
    assert ALWAYS.business_time_between(now, now + 400 * HOUR) == 400 * HOUR


def test_a_night_belongs_to_the_day_it_begins_on():
    friday_night = Calendar("Europe/Berlin", frozenset({4}), time(22), time(6))
    assert friday_night.hours == 8 * HOUR
    assert friday_night.is_open(berlin(21, 5))
    assert not friday_night.is_open(berlin(21, 6))
    assert not friday_night.is_open(berlin(20, 5))


@pytest.mark.parametrize(
    ("evening", "length"),
    [
        (datetime(2026, 3, 28, 22, tzinfo=ZoneInfo("Europe/Berlin")), 7),
        (datetime(2026, 10, 24, 22, tzinfo=ZoneInfo("Europe/Berlin")), 9),
    ],
)
def test_the_nights_of_the_change_are_shorter_and_longer(evening, length):
    assert NIGHT.business_time_between(evening, evening + 14 * HOUR) == length * HOUR


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="at least one day"):
        Calendar(days=frozenset())
    with pytest.raises(ValueError, match="at least one day"):
        Calendar(days=frozenset({7}))
    for zone in ("Mars/Phobos", "", "../etc", "Europe"):
        with pytest.raises(ValueError, match="no time zone"):
            Calendar(zone)


@given(calendars, moments, amounts)
def test_adding_and_subtracting_agree_with_the_difference(calendar, at, amount):
    wanted = calendar.amount(amount)
    later, earlier = calendar.add_business(at, amount), calendar.add_business(at, -amount)
    assert earlier <= at <= later
    assert calendar.business_time_between(at, later) == wanted
    assert calendar.business_time_between(earlier, at) == wanted
    if wanted:  # the first moment, and the last before
        assert calendar.business_time_between(at, later - timedelta(microseconds=1)) < wanted
        assert calendar.business_time_between(earlier + timedelta(microseconds=1), at) < wanted


@given(calendars, moments, moments, moments)
def test_differences_add_up(calendar, a, b, c):
    between = calendar.business_time_between
    assert between(a, b) + between(b, c) == between(a, c)
    assert timedelta() <= between(min(a, b), max(a, b)) <= abs(b - a)


@given(calendars, st.datetimes(timezones=st.just(UTC)), amounts)
def test_no_moment_is_too_far(calendar, at, amount):
    if datetime(2, 1, 1, tzinfo=UTC) < at < datetime(9998, 1, 1, tzinfo=UTC):
        assert calendar.add_business(at, amount) >= at
