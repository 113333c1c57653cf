"""Text that strangers wrote, made fit for Discord: nothing in it is live, nothing of it is over a limit. Pure.

https://docs.discord.com/developers/reference#message-formatting
"""

import re
from functools import lru_cache
from urllib.parse import quote

from deskbell.core.text import clean, cut
from deskbell.faces.shared import web_address

NOTHING = "\u2013"  # where there is no text: Discord refuses an empty one
LINK = 300  # a longer address is left out: the words of the card need the room
_HOST = 60
_NAME = re.compile(r"[\w.-]+")

_ZERO_WIDTH = "\u200b"
_ALWAYS = re.compile(r"[\\*_`~|<\[\]]")
# A heading, small print, a quotation or a list, where a line begins with it.
_LINE_START = re.compile(r"(?m)^(\s*)(#{1,3}|-#|>{1,3}|[-+]|[0-9]{1,9}(?=\.))")
# What becomes a link without any sign around it: an address, and an invitation to a server.
_ADDRESS = re.compile(r":(?=//)")
_INVITATION = re.compile(r"(?i)\b(discord(?:app)?)\.(?=gg|com|new|me)")
_EMOJI = re.compile(r":(?=[\w+-]{2,}:)")
_MENTION = re.compile(r"@(?=everyone|here|[!&]?[0-9])")


def size(text: str) -> int:
    """Characters as the strictest client counts them: most emoji are two."""
    return len(text.encode("utf-16-le", "replace")) // 2


@lru_cache(maxsize=2048)  # the same labels and names stand on card after card, and each edit shows most of a card again
def inert(text: str) -> str:
    """The same text to read, and no mention, link, emoji or formatting to Discord."""
    text = _ALWAYS.sub(lambda match: f"\\{match[0]}", text)
    text = _LINE_START.sub(_guarded, text)
    text = _EMOJI.sub("\\:", _ADDRESS.sub("\\:", text))
    text = _INVITATION.sub(lambda match: f"{match[1]}\\.", text)
    return _MENTION.sub(f"@{_ZERO_WIDTH}", text)


def _guarded(match: re.Match[str]) -> str:
    """`1.` is made harmless at its point, everything else at its first sign."""
    sign = match[2]
    return f"{match[1]}{sign}\\" if sign[0].isdigit() else f"{match[1]}\\{sign}"


def fit(text: str, limit: int) -> str:
    """Inert, and not over the limit after that; cut between characters, never inside an escape."""
    out, most = inert(text), len(text)
    while size(out) > limit and most > 0:
        most = min(most - 1, most * limit // size(out))
        out = inert(cut(text, most))
    return out


def plain(text: str, limit: int) -> str:
    """For places that know no formatting: buttons, options, titles of forms, the foot of an embed."""
    out, most = text, len(text)
    while size(out) > limit and most > 0:
        most = min(most - 1, most * limit // size(out))
        out = cut(text, most)
    return out or NOTHING


def line(text: object, limit: int) -> str:
    """One inert line of something from data."""
    return fit(clean(text, limit), limit)


def link(url: str, words: str = "") -> str:
    """A link with its host for all to see, unless we know better words; nothing for what is no web address."""
    parts = web_address(url, LINK)
    host = str(parts.hostname) if parts else ""
    if not _NAME.fullmatch(host) or " " in url.strip():
        return ""
    # Percent-encoding takes the signs away with which text could leave the link.
    target = quote(clean(url, LINK), safe="/:?#@!$&'*+,;=%~-._").replace("*", "%2A").replace("_", "%5F")
    return f"[{line(words or host, _HOST)}](<{target}>)" if size(target) <= LINK * 2 else ""
