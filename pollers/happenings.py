"""What was added to a case, as sources tell it: hints of texts, our own notes left out, the newest kept."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape, unescape

from deskbell.core.records import HAPPENINGS, Happening
from pollers.rows import line

HINT = 120  # characters: enough to see what it is about, not what was said
_MARKER = re.compile(r"\[[\w-]{1,20} #\d{1,18}\]\s*\Z")  # the last line of whatever the courier writes
_LOOKED_AT = 20_000  # characters of a text; behind them is what was quoted
_TAG = re.compile(r"<[^<>]{0,2000}>")


@dataclass(frozen=True, slots=True)
class Requests:
    """[sources.NAME.documents]: how what our people write asks for a document, which no helpdesk has a field for.

    Empty `words`: nothing does.
    """

    words: tuple[str, ...] = ()  # one of them in a note or an answer of ours, like "please send us"
    within: timedelta = timedelta(days=7)  # until when it is needed

    def asked(self, text: str, at: datetime) -> datetime | None:
        """Until when the document is needed; None when none was asked for."""
        said = text[:_LOOKED_AT].casefold()
        return at + self.within if any(word.casefold() in said for word in self.words if word.strip()) else None


def plain(markup: object) -> str:
    """A text without its HTML."""
    return unescape(_TAG.sub(" ", markup)).strip() if isinstance(markup, str) else ""


def ours(text: object) -> bool:
    """Whether we wrote it ourselves, so that it is no news."""
    return isinstance(text, str) and _MARKER.search(text[-60:].rstrip()) is not None


def hint(text: object) -> str:
    return line(text, HINT)


def newest(found: Iterable[Happening]) -> tuple[Happening, ...]:
    """The newest of them, oldest first, each once."""
    once = {(one.kind, one.id): one for one in found}
    return tuple(sorted(once.values(), key=lambda one: (one.at, one.id))[-HAPPENINGS:])


def as_html(text: str) -> str:
    """A note for systems whose notes are HTML."""
    return "<br>".join(escape(one) for one in text.splitlines())
