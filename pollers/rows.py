"""What strangers' rows are made of, read without trust: any value may have any type, and none may raise."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from deskbell.core.ports import Bad
from deskbell.core.text import clean, clean_lines
from pollers.cursor import Row

_RAW_KEPT = 4000
_EPOCH_MS = 100_000_000_000  # numbers from here on count milliseconds: as seconds they would be the year 5138
_AMOUNT = re.compile(r"-?[0-9]{1,15}([.][0-9]{1,6})?")
_YEARS = range(1970, 2200)  # outside, a stamp is a vendor's "never"; sums with it would overflow


class BadRow(ValueError):
    """A row without the few things that make it a record."""


def mapping(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise BadRow(f"a row must be an object, this is {type(raw).__name__}")
    return raw


def ident(value: Any, name: str = "id") -> str:
    """The row's id. BadRow when there is none."""
    text = line(value, 100)
    if not text or isinstance(value, bool | float):
        raise BadRow(f"the row has no usable {name}")
    return text


def line(value: Any, limit: int = 500) -> str:
    """A scalar as one clean line; nothing for null and for whatever is no scalar."""
    return clean(value, limit) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) > 18:  # no vendor counts that far; longer ones cost time to parse
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def flag(value: Any) -> bool:
    """True for true, "true" and "1", as vendors write it."""
    return value is True or (isinstance(value, str | int) and str(value).strip().lower() in {"true", "1"})


def child(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def moment(value: Any, zone: ZoneInfo | None = None) -> datetime | None:
    """A stamp in UTC: ISO 8601, `YYYY-MM-DD HH:MM:SS`, a date, or an epoch; without an offset it is in `zone`.

    None when it is none of these. Of the two times that a clock shows twice in autumn the first is meant.
    """
    try:
        at = _moment(value, zone or ZoneInfo("UTC"))
    except (ValueError, OverflowError, OSError):
        return None
    return at if at is not None and at.year in _YEARS else None


def day(value: Any) -> date | None:
    """A day: of `2026-11-21`, or of a stamp the day that it names itself. None when it is none."""
    if isinstance(value, str) and len(value.strip()) > 10:
        value = value.strip()[:10]
    at = moment(value)
    return at.date() if at is not None else None


def amount(value: Any) -> Decimal | None:
    """An amount of money, exact; None when it is none. Digits are not grouped: `1,200.50` is refused, not guessed."""
    text = line(value, 40)
    if not _AMOUNT.fullmatch(text):
        return None
    return Decimal(text)


def measure(value: Any) -> float | None:
    """A finite number, such as a coordinate."""
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def as_row(raw: Any, id: Any, stamp: datetime | None) -> Row:
    """A row for the sweep; one without an id gets its hash for one, so that it is seen and put into quarantine."""
    reading = version(raw)
    return Row(line(id, 100) or f"?{reading}", stamp, reading, raw)


def version(raw: Any) -> str:
    """A short hash of the whole row: what differs in no field is the same reading."""
    return hashlib.blake2b(printable(raw).encode(), digest_size=8).hexdigest()


def printable(raw: Any) -> str:
    """The row as ASCII JSON, whatever it holds."""
    try:
        return json.dumps(raw, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(raw).encode("ascii", "backslashreplace").decode()


def bad(record_id: Any, error: Exception, raw: Any) -> Bad:
    """A row for the quarantine, cut to a size that people can look at."""
    return Bad(line(record_id, 100) or "?", clean(f"{type(error).__name__}: {error}", 300), printable(raw)[:_RAW_KEPT])


def note_text(text: str, marker: str) -> str:
    """What is written into a source: the text, and the marker as the last line, by which it is found again."""
    body = clean_lines(text)
    return body if marker in body else f"{body}\n{marker}".lstrip()


def known_zone(name: Any, default: str) -> str:
    """The IANA name if it is one, else the default."""
    try:
        return ZoneInfo(name).key if isinstance(name, str) and name else default
    except (KeyError, ValueError, OSError):
        return default


def _moment(value: Any, zone: ZoneInfo) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    if isinstance(value, str) and not value.strip().isdigit():
        return _from_text(value.strip(), zone)
    seconds = float(value)
    return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= _EPOCH_MS else seconds, UTC)


def _from_text(value: str, zone: ZoneInfo) -> datetime:
    if len(value) == 10:
        return datetime.combine(date.fromisoformat(value), time(), zone).astimezone(UTC)
    at = datetime.fromisoformat(value)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
