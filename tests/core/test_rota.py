"""Rotas: shifts change at their hour on the wall, without gap or overlap, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.rota import Override, Rota, on_duty, on_duty_until

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PEOPLE = ("ana", "ben", "cleo")
BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Rota("dispatch", PEOPLE, "weekly", time(8), "Europe/Berlin", date(2026, 1, 5))

zones = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Tehran",
        "Asia/Tokyo",
    ]
)
lengths = st.sampled_from(["daily", "weekly", 8 * HOUR, 12 * HOUR, 36 * HOUR, 3 * DAY, HOUR])
rotas = st.builds(
    Rota,
    name=st.just("r"),
    people=st.sampled_from([PEOPLE, PEOPLE[:2], ("a", "b", "c", "d", "e")]),
    every=lengths,
    handover=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    zone=zones,
    start=st.dates(date(2024, 1, 1), date(2026, 1, 1)),
)
moments = st.datetimes(
    datetime.fromisoformat("2026-01-03"), datetime.fromisoformat("2027-12-31"), timezones=st.just(UTC)
)


@pytest.mark.parametrize(
    ("at", "person"),
    [
        (datetime(2026, 1, 5, 8, tzinfo=BERLIN), "ana"),
        (datetime(2026, 1, 12, 7, 59, tzinfo=BERLIN), "ana"),
        (datetime(2026, 1, 12, 8, tzinfo=BERLIN), "ben"),
        (datetime(2026, 1, 26, 8, tzinfo=BERLIN), "ana"),
        (datetime(2026, 3, 30, 7, 59, tzinfo=BERLIN), "cleo"),  # the Monday after the clocks went forward
        (datetime(2026, 3, 30, 8, tzinfo=BERLIN), "ana"),
        (datetime(2026, 1, 5, 7, 59, tzinfo=BERLIN), None),
    ],
)
def test_weekly(at, person):
    assert on_duty(WEEKLY, at) == person


def test_a_fixed_list_is_its_first_person():
    rota = Rota("fixed", PEOPLE)
    assert on_duty(rota, datetime(1999, 1, 1, tzinfo=UTC)) == "ana"
    assert on_duty_until(rota, datetime(1999, 1, 1, tzinfo=UTC)) is None


def test_nobody():
    assert on_duty(Rota("empty", ()), datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert on_duty(Rota("empty", (), "daily"), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_overrides():
    start = datetime(2026, 1, 6, 12, tzinfo=UTC)
    rota = Rota(
        "dispatch",
        PEOPLE,
        "weekly",
        zone="Europe/Berlin",
        start=date(2026, 1, 5),
        overrides=(Override("dora", start, start + 4 * HOUR), Override("ben", start + HOUR, start + 2 * HOUR)),
    )
    minute = timedelta(minutes=1)
    on = [on_duty(rota, start + delta) for delta in (-minute, minute, HOUR, 2 * HOUR, 4 * HOUR)]
    assert on == ["ana", "dora", "ben", "dora", "ana"]
    assert on_duty_until(rota, start - minute) == start
    assert on_duty_until(rota, start + minute) == start + HOUR


def test_an_hour_shown_twice_does_not_hand_a_shift_back():
    """Summer time ends on 25 October 2026: 02:00 to 03:00 comes twice, and the handover is at 02:30."""
    rota = Rota("night", ("ana", "ben"), "daily", time(2, 30), "Europe/Berlin", date(2026, 10, 24))
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN).astimezone(UTC)
    quarters = [on_duty(rota, first + n * timedelta(minutes=15)) for n in range(-2, 9)]
    assert quarters == ["ana"] * 2 + ["ben"] * 9


def test_shifts_too_short_for_a_wall_clock_are_refused():
    with pytest.raises(ValueError, match="an hour or longer"):
        Rota("mad", PEOPLE, timedelta(minutes=10))


def test_a_zone_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        Rota("lost", PEOPLE, "daily", zone="Mars/Phobos")


def handovers(rota, now, count):
    out = []
    for _ in range(count):
        now = on_duty_until(rota, now)
        out.append(now)
    return out


@given(rotas, moments)
def test_handovers_stay_at_their_hour_on_the_wall(rota, now):
    zone = ZoneInfo(rota.zone)
    wall = datetime.combine(rota.start, rota.handover)
    for at in handovers(rota, now, 12):
        local = at.astimezone(zone).replace(tzinfo=None)
        planned = wall + round((local - wall) / rota.turns[0].layer.length) * rota.turns[0].layer.length
        there = planned.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        assert local == planned or there != planned  # or the clocks skip that hour on that day


@given(rotas, moments)
def test_shifts_follow_each_other_without_gap_or_overlap(rota, now):
    edges = handovers(rota, now, 12)
    tick = timedelta(microseconds=1)
    assert now < edges[0]
    assert on_duty(rota, edges[0] - tick) == on_duty(rota, now)
    for start, end in pairwise(edges):
        assert start < end
        person = on_duty(rota, start)
        assert person is not None
        assert on_duty(rota, start + (end - start) / 2) == person
        assert on_duty(rota, end - tick) == person


@given(rotas, moments)
def test_everybody_gets_a_turn_in_order(rota, now):
    if rota.every == HOUR:
        return  # the hour that summer time skips is somebody's whole shift
    turns = [rota.people.index(on_duty(rota, at)) for at in handovers(rota, now, 12)]
    assert all((b - a) % len(rota.people) == 1 for a, b in pairwise(turns))
