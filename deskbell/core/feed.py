"""A person's shifts as a calendar that phones subscribe to. https://www.rfc-editor.org/rfc/rfc5545"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from deskbell.core.rota import Shift
from deskbell.core.text import clean

_OCTETS = 75  # of a line; what is longer goes on behind a space
_HEAD = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Deskbell//Shifts//EN",
    "CALSCALE:GREGORIAN",
    "METHOD:PUBLISH",
    "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
    "X-PUBLISHED-TTL:PT15M",
)


def calendar(name: str, shifts: Iterable[tuple[str, Shift]], now: datetime) -> str:
    """`shifts`: (rota, shift). The same shift has the same UID each time, so that a phone shows it once."""
    lines = [*_HEAD, f"X-WR-CALNAME:{_text(name)}"]
    for rota, shift in shifts:
        lines += _event(rota, shift, now)
    return "\r\n".join(piece for line in (*lines, "END:VCALENDAR") for piece in _folded(line)) + "\r\n"


def _event(rota: str, shift: Shift, now: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(rota)}-{_at(shift.start)}-{_text(shift.person or '')}@deskbell"
    yield f"DTSTAMP:{_at(now)}"
    yield f"DTSTART:{_at(shift.start)}"
    yield f"DTEND:{_at(shift.end)}"
    yield f"SUMMARY:{_text(f'On duty: {rota}')}"
    yield "TRANSP:OPAQUE"
    yield "END:VEVENT"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    return clean(value, 200).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> Iterator[str]:
    """Never inside a character."""
    piece, size = "", 0
    for char in line:
        width = len(char.encode())
        if size + width > _OCTETS:
            yield piece
            piece, size = " ", 1
        piece, size = piece + char, size + width
    yield piece
