"""Rotas in layers: what lies above counts, hours and holidays, who is away; and a year in forty zones."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.rota import Hours, Layer, Override, Rota, on_duty, on_duty_until, shifts, with_changes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORKDAYS = frozenset(range(5))
OFFICE = Layer(("dora", "eve"), "weekly", time(9), date(2026, 1, 5), Hours(WORKDAYS, time(9), time(17)))
ROTA = Rota(
    "dispatch", ("ana", "ben"), "daily", time(8), "Europe/Rome", date(2026, 1, 5), layers=(OFFICE,),
    holidays=frozenset({date(2026, 1, 6)}),
)  # fmt: skip
ROME = ZoneInfo("Europe/Rome")
ZONES = (
    "UTC", "Europe/Rome", "Europe/London", "Europe/Lisbon", "Europe/Athens", "Europe/Moscow", "Europe/Istanbul",
    "Europe/Chisinau", "Atlantic/Azores", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Johannesburg",
    "Africa/Lagos", "Asia/Beirut", "Asia/Dubai", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kathmandu", "Asia/Kolkata",
    "Asia/Shanghai", "Asia/Tehran", "Asia/Tokyo", "America/Asuncion", "America/Bogota", "America/Chicago",
    "America/Halifax", "America/Havana", "America/Los_Angeles", "America/New_York", "America/Nuuk", "America/Phoenix",
    "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Australia/Adelaide",
    "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
)  # fmt: skip


def rome(*at):
    return datetime(*at, tzinfo=ROME)


@pytest.mark.parametrize(
    ("at", "person"),
    [
        (rome(2026, 1, 5, 8, 30), "ana"),  # before the office opens
        (rome(2026, 1, 5, 9), "dora"),
        (rome(2026, 1, 5, 16, 59), "dora"),
        (rome(2026, 1, 5, 17), "ana"),
        (rome(2026, 1, 6, 12), "ben"),  # Epiphany: the office stays shut
        (rome(2026, 1, 10, 12), "ben"),  # a Saturday
        (rome(2026, 1, 12, 12), "eve"),
    ],
)
def test_the_layer_above_counts_in_its_hours(at, person):
    assert on_duty(ROTA, at) == person


def test_who_is_away_has_no_shift_and_the_layer_below_takes_over():
    away = with_changes(ROTA, away=[Override("dora", rome(2026, 1, 5, 12), rome(2026, 1, 5, 14))])
    on = [on_duty(away, rome(2026, 1, 5, hour)) for hour in (11, 12, 13, 14)]
    assert on == ["dora", "ana", "ana", "dora"]
    nobody = with_changes(away, away=[Override("ana", rome(2026, 1, 5, 12), rome(2026, 1, 5, 13))])
    assert [on_duty(nobody, rome(2026, 1, 5, hour)) for hour in (12, 13)] == [None, "ana"]


def test_a_cover_goes_before_all_even_of_who_was_away():
    cover = Override("dora", rome(2026, 1, 5, 20), rome(2026, 1, 6, 8))
    rota = with_changes(ROTA, [cover], [cover])
    assert on_duty(rota, rome(2026, 1, 6, 3)) == "dora"
    assert rota.everybody == ("ana", "ben", "dora", "eve")


def test_a_day_as_shifts():
    day = [
        (shift.person, shift.start.astimezone(ROME).hour)
        for shift in shifts(ROTA, rome(2026, 1, 5), rome(2026, 1, 6, 12))
    ]
    assert day == [(None, 0), ("ana", 8), ("dora", 9), ("ana", 17), ("ben", 8)]


def test_a_rota_that_never_changes_is_one_shift():
    (shift,) = shifts(Rota("r", ("ana",)), rome(2026, 1, 1), rome(2027, 1, 1))
    assert (shift.person, shift.end - shift.start) == ("ana", 365 * DAY)
    (shift,) = shifts(Rota("r"), rome(2026, 1, 1), rome(2027, 1, 1))
    assert shift.person is None


def test_hours_around_the_clock_have_no_edges():
    rota = Rota("r", ("ana",), hours=Hours())
    assert on_duty_until(rota, rome(2026, 1, 1)) is None


def test_hours_over_midnight():
    night = Layer(("nina",), hours=Hours(frozenset({4}), time(22), time(6)))  # Friday night
    rota = Rota("r", ("ana",), zone="Europe/Rome", layers=(night,))
    assert [on_duty(rota, rome(2026, 1, 9, 23)), on_duty(rota, rome(2026, 1, 10, 5, 59))] == ["nina", "nina"]
    assert on_duty(rota, rome(2026, 1, 10, 6)) == "ana"
    assert on_duty_until(rota, rome(2026, 1, 9, 23)) == rome(2026, 1, 10, 6)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2026, 2027])
def test_a_year_without_gap_or_overlap_and_constant_on_the_wall(zone, year):
    """A day layer and a night rota, both at odd hours at which clocks are turned somewhere."""
    there = ZoneInfo(zone)
    day = Layer(("d1", "d2", "d3"), "daily", time(2, 30), date(2025, 1, 1), Hours(WORKDAYS, time(6), time(18)))
    rota = Rota("r", ("n1", "n2"), "weekly", time(0, 30), zone, date(2025, 1, 1), layers=(day,))
    start, end = datetime(year, 1, 1, 12, tzinfo=UTC), datetime(year + 1, 1, 1, 12, tzinfo=UTC)
    found = list(shifts(rota, start, end))
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert all(shift.person and shift.start < shift.end for shift in found)
    planned = {time(6), time(18), time(0, 30)}
    for shift in found[1:]:
        wall = shift.start.astimezone(there)
        meant = {datetime.combine(wall.date(), at, there) for at in planned}
        exact = any(shift.start == at.astimezone(UTC) for at in meant)
        assert exact, (zone, wall)
    assert sum((shift.end - shift.start for shift in found), timedelta()) == end - start


MINUTES = st.integers(0, 2 * 365 * 24 * 60)
YEARS = MINUTES.map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(YEARS, st.sampled_from(ZONES))
def test_shifts_agree_with_the_moment(at, zone):
    rota = Rota("r", ("n1", "n2"), "daily", time(3), zone, date(2025, 1, 1), layers=(OFFICE,))
    for shift in shifts(rota, at, at + 9 * DAY):
        assert (
            on_duty(rota, shift.start) == on_duty(rota, (shift.start + (shift.end - shift.start) / 2)) == shift.person
        )
