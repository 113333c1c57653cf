"""Numbers that something is wrong with, the same for every stand-in that sends to phones."""

from collections.abc import Mapping

SAID_STOP, NOBODY, LANDLINE, ABROAD = "+15005550190", "+15005550191", "+15005550192", "+8835100000190"


def wrong_with(number: str, codes: Mapping[str, str]) -> str:
    """The vendor's code for what is wrong with a number; `codes` are by the number with its plus."""
    return codes.get("+" + number.lstrip("+"), "")
