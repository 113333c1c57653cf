"""Moments as people write them: by the clock on the wall, which in two nights of the year skips or repeats an hour."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(?:(?P<day>[a-z]+)\s+(?:at\s+)?)?(?P<hour>\d{1,2}):(?P<minute>\d{2})")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """`note` says what became of an hour that there is not, or twice."""

    at: datetime
    note: str = ""


def moment(text: str, zone: str, now: datetime) -> Moment | None:
    """`2027-03-28T02:30`, `02:30`, `tomorrow 8:00` or `fri 18:00` in that zone; with an offset, just that moment.

    Nothing is now. A day of the week is the next one of that name, today included; an hour alone is today's. None when
    it can't be read.
    """
    words = " ".join(text.casefold().split())
    if words in {"", "now"}:
        return Moment(now)
    try:
        found = datetime.fromisoformat(words.upper())
    except ValueError:
        return _spoken(words, zone, now)
    return Moment(found.astimezone(UTC)) if found.tzinfo else on_wall(found, zone)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to `end`; `note` as a Moment's."""

    start: datetime
    end: datetime
    note: str = ""


_FROM = re.compile(r"^(?:from|on)\s+", re.IGNORECASE)
# 18:00-22:00 has its hyphen behind the minutes; dates are full of others.
_BETWEEN = re.compile(
    r"\s*/\s*|\s+(?:to|until|till)\s+|\s+[-\u2010-\u2015]\s+|\s*[\u2010-\u2015]\s*|(?<=\d:\d\d)\s*-\s*", re.IGNORECASE
)


_DAYS_APART = re.compile(r"\s+(?:(?:to|until|till|-|/)\s+)?|\s*/\s*")


def stretch(text: str, zone: str, now: datetime) -> Stretch | None:
    """`18:00-22:00`, `fri 18:00 to sat 8:00`, `2027-03-28T02:30 / 2027-03-28T06:00`; an end that is not later than the
    beginning is of the next day. None when it can't be read.
    """
    parts = _BETWEEN.split(_FROM.sub("", text.strip()), maxsplit=1)
    if len(parts) != 2 or not all(parts):
        return None
    begins = moment(parts[0], zone, now)
    ends = _ends(" ".join(parts[1].split()), zone, begins.at, now) if begins else None
    if begins is None or ends is None or ends.at <= begins.at:
        return None
    return Stretch(begins.at, ends.at, " ".join(filter(None, (begins.note, ends.note))))


def _ends(text: str, zone: str, begins: datetime, now: datetime) -> Moment | None:
    """A day that is named counts from now, an hour alone from the beginning; the next such day or hour after that."""
    clock = _CLOCK.fullmatch(text.casefold())
    named = clock is not None and bool(clock["day"])
    found = moment(text, zone, now if named else begins)
    if found is None or clock is None or found.at > begins:
        return found
    found = moment(text, zone, begins)
    if found is None or found.at > begins:
        return found
    wall = found.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return on_wall(wall + _DAY * (7 if named else 1), zone)


def days(text: str, zone: str, now: datetime) -> Stretch | None:
    """Whole days of that zone, both included: `2026-12-24 to 2026-12-31`, `fri to mon`, `today`, `until fri`."""
    words = _FROM.sub("", text.strip().casefold())
    parts = [part for part in _DAYS_APART.split(f" {words} ") if part]
    today = now.astimezone(ZoneInfo(zone)).date()
    if words.startswith(("until ", "till ")):
        parts = ["today", *parts]
    first = _date(parts[0], today) if parts else None
    last = _date(parts[-1], first) if first and len(parts) <= 2 else None
    if first is None or last is None or last < first:
        return None
    return Stretch(
        on_wall(datetime.combine(first, time()), zone).at, on_wall(datetime.combine(last + _DAY, time()), zone).at
    )


def _date(word: str, today: date) -> date | None:
    try:
        return date.fromisoformat(word)
    except ValueError:
        return _day(word, today)


def on_wall(wall: datetime, zone: str) -> Moment:
    """The moment at which the clock of the zone shows that. An hour shown twice is the first of the two."""
    there = ZoneInfo(zone)
    at = wall.replace(tzinfo=there).astimezone(UTC)
    shown = at.astimezone(there)
    if shown.replace(tzinfo=None) != wall:
        return Moment(at, f"The clocks skip {wall:%H:%M} on {wall:%d %B %Y} in {zone}; {shown:%H:%M} is meant.")
    if wall.replace(tzinfo=there, fold=1).astimezone(UTC) != at:
        return Moment(at, f"{wall:%H:%M} comes twice on {wall:%d %B %Y} in {zone}; the first is meant.")
    return Moment(at)


def _spoken(words: str, zone: str, now: datetime) -> Moment | None:
    found = _CLOCK.fullmatch(words)
    if found is None:
        return None
    try:
        clock = time(int(found["hour"]), int(found["minute"]))
    except ValueError:
        return None
    day = _day(found["day"] or "today", now.astimezone(ZoneInfo(zone)).date())
    return on_wall(datetime.combine(day, clock), zone) if day else None


def _day(word: str, today: date) -> date | None:
    if word in {"today", "tomorrow"}:
        return today + _DAY * (word == "tomorrow")
    meant = [number for number, name in enumerate(_DAYS) if len(word) > 1 and name.startswith(word)]
    return today + _DAY * ((meant[0] - today.weekday()) % 7) if len(meant) == 1 else None
