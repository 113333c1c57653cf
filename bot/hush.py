"""What `silence` says: which alerts, for how long, and why. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.grammar import BY_WORD, Problem, read_span, read_text
from deskbell.core.silence import FIELDS, MOST
from deskbell.core.text import clean

WORD = 40  # how much of an unknown word is said back


@dataclass(frozen=True, slots=True)
class Hush:
    """What `silence` says: the patterns of each field, and for how long and why, where that was said."""

    matchers: Mapping[str, tuple[str, ...]]
    span: timedelta | None = None
    reason: str = ""


_MATCHER = re.compile(r"(\w{2,12})\s*=\s*(?:[\"\u201c\u201e]([^\"\u201d\u201c]{1,100})[\"\u201d\u201c]|(\S{1,100}))\s*")
_HARMLESS = re.compile(r"[*?\s]*")


def read_hush(rest: str) -> Hush | Problem:
    """`rule=late* team=north,south site="Plant 4" 2h reason`. Several patterns of a field go with commas."""
    spec, matchers = BY_WORD["silence"], {}
    while match := _MATCHER.match(rest):
        name, patterns = match[1].casefold(), tuple(one.strip() for one in (match[2] or match[3]).split(","))
        if name not in FIELDS:
            return Problem(f"I know no field “{clean(name, WORD)}”. There are: {', '.join(FIELDS)}.", spec)
        matchers[name] = tuple(one for one in patterns if one)[:MOST]
        rest = rest[match.end() :]
    if not matchers or all(_HARMLESS.fullmatch(one) for some in matchers.values() for one in some):
        return Problem("Say what is to be held: at least one field with a pattern that is not everything.", spec)
    if not rest.strip():
        return Hush(matchers)
    span, more = read_span(rest)
    if span is None:
        return Problem("For how long? From 1m to 30d, behind the fields.", spec)
    reason = read_text(more, spec, "reason")
    return reason if isinstance(reason, Problem) else Hush(matchers, span, reason)
