"""What is agreed about rotas, the times that people write, quiet hours and ladders: whatever the clock does."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.alert import Severity
from deskbell.core.duty import AWAY, Agreed, Kind, blocked, changed, shifts_of, staying
from deskbell.core.feed import calendar
from deskbell.core.prefs import Prefs, Quiet, Rung, from_data, to_data, usual
from deskbell.core.rota import Rota, Shift, on_duty
from deskbell.core.wall import days, stretch
from tests.core.test_layers import ZONES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROTA = Rota("dispatch", ("ana", "ben"), "daily", time(8), "Europe/Rome", date(2026, 11, 22))
HOURS = st.integers(0, 24 * 20).map(lambda hours: NOW + hours * HOUR)
PEOPLE = st.sampled_from(["ana", "ben", "carla"])


@st.composite
def agreements(draw):
    start, kind = draw(HOURS), draw(st.sampled_from(Kind))
    rota = "" if kind in AWAY else draw(st.sampled_from(["dispatch", "support"]))
    return Agreed(
        "k", kind, rota, draw(PEOPLE), start, start + draw(st.integers(1, 60)) * HOUR, settled=draw(st.booleans())
    )


@given(st.lists(agreements(), max_size=8), HOURS)
def test_the_last_agreement_counts_and_what_is_only_asked_for_never_does(agreed, at):
    found = on_duty(changed(ROTA, agreed), at)
    now = [one for one in agreed if one.settled and one.start <= at < one.end and one.rota in ("", "dispatch")]
    placed = [one for one in now if one.kind in (Kind.COVER, Kind.SWAP, Kind.OVERRIDE)]
    imported = [one for one in now if one.kind is Kind.IMPORTED]
    away = {one.person for one in now if one.kind in AWAY}
    if placed or imported:
        assert found == (placed or imported)[-1].person
    else:
        assert found == (None if on_duty(ROTA, at) in away else on_duty(ROTA, at))
    asked = [one for one in agreed if not one.settled or one.rota == "support" or one.kind is Kind.HANDOVER]
    assert on_duty(changed(ROTA, asked), at) == on_duty(ROTA, at)


@given(st.lists(agreements(), max_size=6), PEOPLE, HOURS, st.integers(1, 90))
def test_the_shifts_of_a_person_are_when_they_are_on_duty(agreed, person, start, hours):
    rota, end = changed(ROTA, agreed), start + hours * HOUR
    found = shifts_of(rota, person, start, end)
    at = start
    while at < end:
        inside = any(one.start <= at < one.end for one in found)
        assert inside is (on_duty(rota, at) == person)
        at += HOUR
    lost = blocked(rota, person, start, end)
    assert sum((one.end - one.start for one in lost), timedelta()) >= sum((o.end - o.start for o in found), timedelta())


def test_who_has_not_handed_over_stays_until_the_end_of_it():
    row = Agreed("k", Kind.HANDOVER, "dispatch", "ana", NOW, NOW + HOUR)
    assert [staying("dispatch", [row], NOW + n * HOUR) for n in (-1, 0, 1)] == [(), ("ana",), ()]
    assert staying("support", [row], NOW) == ()


# ---------------------------------------------------------------- times as people write them


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES), HOURS)
def test_from_to_is_read_by_the_clock_on_the_wall(hour, minute, end_hour, end_minute, zone, now):
    found = stretch(f"{hour:02}:{minute:02}-{end_hour:02}:{end_minute:02}", zone, now)
    assert found is not None
    assert timedelta() < found.end - found.start <= DAY + HOUR
    if not found.note:
        walls = [at.astimezone(ZoneInfo(zone)).time() for at in (found.start, found.end)]
        assert walls == [time(hour, minute), time(end_hour, end_minute)]


@pytest.mark.parametrize(
    ("text", "start", "hours"),
    [
        ("fri 18:00 to sat 8:00", "2026-11-27T18:00", 14),
        ("22:00 \u2013 06:00", "2026-11-22T22:00", 8),
        ("from tomorrow 8:00 until tomorrow 12:00", "2026-11-23T08:00", 4),
        ("mon 18:00-mon 08:00", "2026-11-23T18:00", 7 * 24 - 10),
        ("today 14:00 to tomorrow 6:00", "2026-11-22T14:00", 16),
        ("2026-11-28T18:00:00+01:00/2026-11-28T20:00:00+01:00", "2026-11-28T18:00", 2),
    ],
)
def test_other_ways_to_write_times(text, start, hours):
    found = stretch(text, "Europe/Rome", NOW)
    assert f"{found.start.astimezone(ZoneInfo('Europe/Rome')):%Y-%m-%dT%H:%M}" == start
    assert found.end - found.start == hours * HOUR


@pytest.mark.parametrize(
    "text", ["", "18:00", "-", "18:00-", "25:00-26:00", "ana 18:00-22:00", "18:00-22:00 ana", "a to b"]
)
def test_what_is_no_stretch_of_time(text):
    assert stretch(text, "Europe/Rome", NOW) is None


@given(st.text(max_size=60), st.sampled_from(ZONES))
def test_any_text_is_times_or_none(text, zone):
    for read in (stretch, days):
        found = read(text, zone, NOW)
        assert found is None or found.start < found.end


@pytest.mark.parametrize(
    ("text", "first", "count"),
    [
        ("today", date(2026, 11, 22), 1),
        ("fri to mon", date(2026, 11, 27), 4),
        ("until tue", date(2026, 11, 22), 3),
        ("2026-12-24 to 2026-12-31", date(2026, 12, 24), 8),
        ("2026-12-24 2026-12-24", date(2026, 12, 24), 1),
    ],
)
def test_days_are_whole_and_both_are_in(text, first, count):
    found, rome = days(text, "Europe/Rome", NOW), ZoneInfo("Europe/Rome")
    assert found.start.astimezone(rome).replace(tzinfo=None) == datetime.combine(first, time())
    assert (found.end.astimezone(rome).date() - first).days == count


# ---------------------------------------------------------------- how people are rung


@given(st.times(), st.times(), st.sampled_from(ZONES), st.integers(0, 2 * 365 * 24 * 60))
def test_quiet_hours_end_on_the_wall_and_are_over_then(begins, ends, zone, minutes):
    begins, ends = (at.replace(second=0, microsecond=0) for at in (begins, ends))
    if begins == ends:
        return
    quiet, now = Quiet(begins, ends), NOW + minutes * timedelta(minutes=1)
    until = quiet.over_at(now, zone)
    wall = now.astimezone(ZoneInfo(zone)).time()
    inside = begins <= wall < ends if begins < ends else wall >= begins or wall < ends
    if until is None:
        there = now.astimezone(ZoneInfo(zone))
        # Where the clocks are set back, the end may be shown twice, and counts the first time.
        assert not inside or there.fold, (there, begins, ends)
        return
    assert inside
    assert now < until <= now + DAY + 2 * HOUR
    assert Prefs(quiet=quiet).waits_until(Severity.P1, now, zone) is None
    assert Prefs(quiet=quiet).waits_until(Severity.P2, now, zone) == until


RUNGS = st.lists(
    st.builds(Rung, st.sampled_from(["slack", "sms", "call"]), st.timedeltas(timedelta(), 2 * HOUR)), max_size=3
)


@given(RUNGS, RUNGS, st.none() | st.just(Quiet(time(22), time(7))))
def test_prefs_come_back_as_they_were_stored(high, low, quiet):
    whole = [
        tuple(Rung(r.way, timedelta(seconds=int(r.after.total_seconds()))) for r in rungs) for rungs in (high, low)
    ]
    prefs = Prefs(*whole, quiet)
    assert from_data(to_data(prefs)) == prefs


@given(RUNGS, st.sets(st.sampled_from(["slack", "telegram", "sms"])), st.sampled_from(Severity))
def test_a_ladder_has_only_ways_that_reach_the_person_and_some_if_there_is_any(rungs, ways, severity):
    ladder = Prefs(tuple(rungs), tuple(rungs)).ladder(severity, sorted(ways))
    assert {rung.way for rung in ladder} <= ways
    assert bool(ladder) is bool(ways)
    assert usual(severity, sorted(ways))[:1] == () or not usual(severity, sorted(ways))[0].after


# ---------------------------------------------------------------- the calendar of shifts


@given(
    st.lists(st.tuples(st.text(max_size=40), HOURS), max_size=10, unique_by=lambda pair: pair[1]), st.text(max_size=120)
)
def test_a_calendar_of_shifts_is_read_by_others_as_it_was_meant(pairs, name):
    shifts = [(rota, Shift("ana", start, start + HOUR)) for rota, start in pairs]
    text = calendar(name, shifts, NOW)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert [(event["dtstart"].dt, event["dtend"].dt) for event in events] == [(s.start, s.end) for _, s in shifts]
    assert len({str(event["uid"]) for event in events}) == len(shifts)
