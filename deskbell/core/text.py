"""Text from strangers made fit to show, and the few words that every card uses: times, spans, names."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

# Characters that reorder or hide what a person reads (bidirectional controls, zero width), and control characters.
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_COMBINING_AT_MOST = 4  # in a row; more is a flood that covers neighbouring lines
_SHORT = 200
_SPAN = re.compile(r"\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?\s*", re.IGNORECASE)


def clean(text: object, limit: int = 500) -> str:
    """One line of plain text: nothing invisible, no control characters, no lone surrogates, not over `limit`."""
    raw = str(text)[: limit * 4]  # a megabyte of subject costs no more than a line
    return _clean_known(raw, limit) if len(raw) <= _SHORT else _clean(raw, limit)


def _clean(raw: str, limit: int) -> str:
    line = " ".join(_INVISIBLE.sub(" ", raw.replace("\t", " ").replace("\n", " ")).split())
    return cut(_thin(line), limit)


# The same labels, names and titles go onto card after card, and onto the card of one alert in every chat.
_clean_known = lru_cache(maxsize=4096)(_clean)


def clean_lines(text: object, limit: int = 2000) -> str:
    """As `clean`, but line breaks stay."""
    return cut("\n".join(clean(line, limit) for line in str(text)[: limit * 4].splitlines()).strip(), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis where something was left out, never inside what people see as one.

    Nor inside a web address, which would lead somewhere else: it is left out whole, unless nothing stands before it.
    """
    if len(text) <= limit:
        return text
    if limit <= 0:
        return ""
    return text[: _before_link(text, whole(text, limit - 1))].rstrip() + "\u2026"


def _before_link(text: str, end: int) -> int:
    """The same place, or the beginning of the web address that it is in."""
    word = max(text.rfind(space, 0, end) for space in " \n\t") + 1
    return word if word and "://" in text[word:end] and not text[end].isspace() else end


def whole(text: str, end: int) -> int:
    """The last place up to `end` at which the text may be cut: between two graphemes, not inside one.

    The rules of https://www.unicode.org/reports/tr29/ that what people write needs: combining marks and skin tones
    stay with what they belong to, joined emoji and the two letters of a flag stay together, so does a Hangul syllable.
    """
    if text.isascii():
        return min(end, len(text))
    while 0 < end < len(text) and _joined(text, end):
        end -= 1
    return min(end, len(text))


_JOINER = "\u200d"
_HANGUL = re.compile(
    "[\u1100-\u115f\ua960-\ua97c][\u1100-\u11ff\uac00-\ud7a3]|[\u1160-\u11a7\uac00-\ud7a3][\u1160-\u11ff]"
)


def _joined(text: str, at: int) -> bool:
    """Whether what stands before `at` and what stands there are one."""
    before, here = text[at - 1], text[at]
    if unicodedata.category(here) in ("Mn", "Mc", "Me") or here == _JOINER or "\U0001f3fb" <= here <= "\U0001f3ff":
        return True
    if before == _JOINER or "\U000e0020" <= here <= "\U000e007f":
        return True
    if _is_flag(before) and _is_flag(here):
        start = at
        while start and _is_flag(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return bool(_HANGUL.fullmatch(before + here))


def _is_flag(char: str) -> bool:
    """One of the letters of which two make a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _thin(text: str) -> str:
    if text.isascii():
        return text
    out, run = [], 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= _COMBINING_AT_MOST:
            out.append(char)
    return "".join(out)


def parse_span(text: str) -> timedelta | None:
    """`90s`, `30m`, `2h`, `1d`, `1h30m`; a bare number is minutes. None when it is none of these."""
    if text.strip().isdigit():
        text = f"{text.strip()}m"
    match = _SPAN.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    try:
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):  # ValueError: thousands of digits
        return None


def span(delta: timedelta) -> str:
    """`45 s`, `12 min`, `1 h 05 min`, `3 d 4 h`: as a person would say it."""
    seconds = max(0, int(delta.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 60:
        return f"{seconds} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60:02} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def clock(at: datetime, zone: str, now: datetime) -> str:
    """The wall-clock time at the site: `14:02`, `Fri 14:02` within the week, else `2026-11-21 14:02`."""
    there, today = local(at, zone), local(now, zone)
    if there.date() == today.date():
        return f"{there:%H:%M}"
    if abs(there - today) < timedelta(days=6):
        return f"{there:%a %H:%M}"
    return f"{there:%Y-%m-%d %H:%M}"


def local(at: datetime, zone: str) -> datetime:
    """The moment by the wall clock of a zone; by UTC when the source named a zone that there is not."""
    return at.astimezone(_zone(zone))


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such name, a path, a folder of the zone database
        return UTC
