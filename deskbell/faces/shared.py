"""What every face shows alike: icons, the words of menus and forms, and which address may be a link. Pure."""

from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from deskbell.core.card import Tone
from deskbell.core.text import clean

ICONS: Mapping[Tone, str] = {
    Tone.CRITICAL: "\U0001f534",  # red circle
    Tone.HIGH: "\U0001f7e0",  # orange circle
    Tone.MEDIUM: "\U0001f7e1",  # yellow circle
    Tone.LOW: "\U0001f535",  # blue circle
    Tone.ACKED: "\U0001f440",  # eyes
    Tone.SNOOZED: "\U0001f4a4",  # zzz
    Tone.RESOLVED: "\u2705",  # white check mark
}

REASONS = ("Customer informed", "Rescheduled", "Technician on site", "Fixed", "Not a real problem")  # end most alerts
WHY_OVER = "Why is it over?"
OWN_WORDS = "In your own words"
TOLD_AT_ONCE = "They are told at once, and it counts as acknowledged."
NO_COLLEAGUE = "There is no colleague who could take it. Ask an administrator to add some to Deskbell."
OPEN_CARD = "Open the card"

Colleague = tuple[str, str, str]  # person id, name, a note like "on duty"


def named(people: Sequence[Colleague], typed: str) -> list[Colleague]:
    """The colleagues whose name holds what was typed."""
    wanted = typed.casefold().split()
    return [one for one in people if all(word in one[1].casefold() for word in wanted)]


def missing(verb: str) -> str:
    """What to say of a form that came back empty."""
    return {"reassign": "Choose a colleague.", "resolve": "Choose a reason or write one."}.get(verb, "Write something.")


def web_address(url: str, longest: int) -> SplitResult | None:
    """The parts of an address that may become a link; None for what is no web address, and for one that is too long."""
    if len(url) > longest:
        return None
    try:
        parts = urlsplit(clean(url, longest))
        host = parts.hostname
    except ValueError:
        return None
    return parts if host and parts.scheme in ("http", "https") else None
