"""How long a text may be where it goes, in the unit in which the vendor counts, and how it is cut to that.

What people need to act is never cut: a ref ("D-4821") and a link stay whole, or are left out.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from deskbell.core.text import whole


class Unit(StrEnum):
    CHARACTERS = "characters"
    BYTES = "bytes"  # as UTF-8
    UTF16 = "utf16"  # units of UTF-16, as most vendors that say "characters" count an emoji as two
    PARTS = "parts"  # messages that an SMS is sent as


@dataclass(frozen=True, slots=True)
class Size:
    most: int
    unit: Unit = Unit.CHARACTERS


# GSM 03.38: https://www.3gpp.org/dynareport/23038.htm, tables 6.2.1 and 6.2.1.1
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
_ONE_PART = {True: 160, False: 70}  # by whether the text is all GSM
_A_PART = {True: 153, False: 67}  # of several
_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2026": "...",
        "\u00a0": " ",
        "\u2022": "-",
        "\u00d7": "x",
        "\u2192": "->",
        "\t": " ",
    }
)


def plain(text: str) -> str:
    """With typists' signs for the printers' ones, one of which would halve what fits into an SMS."""
    return text.translate(_PLAIN)


def parts(text: str) -> int:
    """How many messages an SMS of this text is sent as."""
    gsm = _is_gsm(text)
    units = _septets(text) if gsm else _utf16(text)
    return 1 if units <= _ONE_PART[gsm] else -(-units // _A_PART[gsm])


def measure(text: str, unit: Unit) -> int:
    match unit:
        case Unit.BYTES:
            return _bytes(text)
        case Unit.UTF16:
            return _utf16(text)
        case Unit.PARTS:
            return parts(text)
    return len(text)


def fit(text: str, size: Size, keep: Iterable[str] = ()) -> str:
    """The text within the size. Whatever of `keep` stands in it stays whole, and is left out where it can't."""
    if size.unit is Unit.PARTS:
        text = plain(text)
    if measure(text, size.unit) <= size.most:
        return text
    cost, room, dots = _budget(text, size)
    pieces = _pieces(text, keep)
    kept = _affordable([piece for piece, held in pieces if held], room - cost(dots), cost)
    left = room - cost(dots) - sum(cost(f" {piece}") for piece in kept)
    out = ""
    for piece, held in pieces:
        if held and piece in kept:
            kept.remove(piece)
            out += _apart(out) + piece
        elif held and cost(f" {piece}") <= left:  # once more
            left -= cost(f" {piece}")
            out += _apart(out) + piece
        elif not held and left > 0:
            taken = _taken(piece, left, cost)
            left = left - cost(taken) if taken == piece else 0
            out += taken if taken == piece else taken.rstrip() + dots
    return out.strip()


def _budget(text: str, size: Size) -> tuple[Callable[[str], int], int, str]:
    """What a text costs, how much there is, and what stands where something was left out."""
    match size.unit:
        case Unit.BYTES:
            return _bytes, size.most, "\u2026"
        case Unit.UTF16:
            return _utf16, size.most, "\u2026"
        case Unit.PARTS:
            gsm = _is_gsm(text)
            room = _ONE_PART[gsm] if size.most == 1 else size.most * _A_PART[gsm]
            return _septets if gsm else _utf16, room, "..."
    return len, size.most, "\u2026"


def _pieces(text: str, keep: Iterable[str]) -> list[tuple[str, bool]]:
    """The text in order, in pieces that may be cut and such that may not."""
    longest_first = sorted({word for word in keep if word}, key=len, reverse=True)
    if not longest_first:
        return [(text, False)]
    held = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
    return [(piece, bool(n % 2)) for n, piece in enumerate(held.split(text)) if piece]


def _apart(before: str) -> str:
    return " " if before and not before[-1].isspace() else ""


def _affordable(held: Iterable[str], room: int, cost: Callable[[str], int]) -> list[str]:
    kept: list[str] = []
    for piece in dict.fromkeys(held):
        if (price := cost(f" {piece}")) <= room:
            kept.append(piece)
            room -= price
    return kept


def _taken(piece: str, room: int, cost: Callable[[str], int]) -> str:
    """The longest beginning that costs no more, cut between graphemes."""
    low, high = 0, len(piece)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(piece[:middle]) <= room else (low, middle - 1)
    return piece[: whole(piece, low)]


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _septets(text: str) -> int:
    return len(text) + sum(char in _GSM_TWICE for char in text)


def _is_gsm(text: str) -> bool:
    return all(char in _GSM or char in _GSM_TWICE for char in text)
