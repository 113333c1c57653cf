"""A feed in iCalendar (RFC 5545) as plain rows: one for each occurrence that begins in the window.

What a feed changes by itself at each fetch (DTSTAMP) and what says nothing of the event is left out, so that equal
rows are the same reading.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

MOST = 5_000  # occurrences of one feed in the window
_TEXT = 500
_YEARS = range(1970, 2200)
_TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})  # no visit does; unrolling such a series takes for ever


class NotACalendar(ValueError):
    """An answer that is no feed."""


def parsed(text: str) -> Any:
    """The calendar. Slow: a megabyte takes about a second, so it belongs into a thread."""
    if not text.lstrip("\ufeff \r\n").upper().startswith("BEGIN:VCALENDAR"):
        raise NotACalendar("no BEGIN:VCALENDAR")
    if "END:VCALENDAR" not in text[-200:].upper():
        raise NotACalendar("it is cut off: no END:VCALENDAR")
    try:
        return icalendar.Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError) as error:
        raise NotACalendar(str(error)[:200]) from error


def rows(calendar: Any, begins: datetime, ends: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The occurrences of series in the window, or moved out of it to later; every single event that is not over before
    it; and what is broken."""
    every = calendar.walk("VEVENT")
    events = [event for event in every if event.get("UID")]
    broken = [event for event in every if not event.get("UID") or _wrong(event)]
    series = {str(event["UID"]) for event in events if any(name in event for name in _REPEATS)}
    found = [_plain(event, zone, again=True) for event in _occurrences(calendar, begins, ends) if uid(event) in series]
    single = [_plain(event, zone, again=False) for event in events if uid(event) not in series and not _wrong(event)]
    moved = (event for event in events if "RECURRENCE-ID" in event and not _wrong(event))
    far = [_plain(event, zone, again=True) for event in moved if _moment(event["DTSTART"].dt, zone) >= ends]
    last = begins.timestamp()
    return [
        *found,
        *far,
        *(row for row in single if _end(row) >= last),
        *({"uid": uid(event), "wrong": _wrong(event) or "it has no UID"} for event in broken),
    ]


_REPEATS = ("RRULE", "RDATE", "RECURRENCE-ID")


def uid(event: Any) -> str:
    return str(event.get("UID", ""))


def _occurrences(calendar: Any, begins: datetime, ends: datetime) -> Sequence[Any]:
    bad = {uid(event) for event in calendar.walk("VEVENT") if _wrong(event)}
    calendar.subcomponents = [part for part in calendar.subcomponents if uid(part) not in bad or part.name != "VEVENT"]
    query = recurring_ical_events.of(calendar, skip_bad_series=True)
    found: list[Any] = []
    for event in _until(query.after(begins), ends):
        found.append(event)
        if len(found) > MOST:
            raise NotACalendar(f"more than {MOST} occurrences in the window; narrow it")
    return found


def _until(events: Iterator[Any], ends: datetime) -> Iterator[Any]:
    for event in events:
        if _moment(event["DTSTART"].dt, UTC) >= ends:
            return
        yield event


def _plain(event: Any, zone: Any, *, again: bool) -> dict[str, Any]:
    start = event["DTSTART"].dt
    end = event.end if event.get("DTEND") or event.get("DURATION") else start
    first = event.get("RECURRENCE-ID")
    return {
        "uid": uid(event),
        "again": _moment(first.dt, zone).isoformat() if again and first is not None else "",
        "start": _moment(start, zone).isoformat(),
        "end": _moment(end, zone).isoformat(),
        "all_day": not isinstance(start, datetime),
        "zone": str(getattr(start.tzinfo, "key", "")) if isinstance(start, datetime) else "",
        "status": _text(event, "STATUS"),
        "free": _text(event, "TRANSP").upper() == "TRANSPARENT",
        "summary": _text(event, "SUMMARY"),
        "location": _text(event, "LOCATION"),
        "url": _text(event, "URL"),
    }


def version(row: dict[str, Any]) -> str:
    return hashlib.blake2b(repr(sorted(row.items())).encode(), digest_size=8).hexdigest()


def _wrong(event: Any) -> str:
    errors = "; ".join(f"{name}: {why}" for name, why in event.errors if name in {"DTSTART", "DTEND", "DURATION"})
    if errors or not event.get("DTSTART"):
        return errors[:_TEXT] or "it has no DTSTART"
    if event["DTSTART"].dt.year not in _YEARS:
        return "it begins in a year that no visit is in"
    rule = event.get("RRULE")
    often = {str(one).upper() for one in (rule.get("FREQ", []) if isinstance(rule, dict) else [])} & _TOO_OFTEN
    return f"it repeats {often.pop().lower()}" if often else ""


def _text(event: Any, name: str) -> str:
    value = event.get(name)
    return str(value[0] if isinstance(value, list) and value else value or "")[:_TEXT]


def _moment(value: Any, zone: Any) -> datetime:
    """A day begins at midnight in `zone`, in which a stamp without an offset is as well."""
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _end(row: dict[str, Any]) -> float:
    return max(datetime.fromisoformat(row[name]).timestamp() for name in ("start", "end"))


__all__ = ["MOST", "NotACalendar", "parsed", "rows", "uid", "version"]
