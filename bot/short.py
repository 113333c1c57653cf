"""Meant answers: what people type where there are no buttons (SMS, mail, a key of a phone), and what it means.

`ACK 4821`, `A 4821`, `ack`, `1`; `NOTE 4821 on my way`. A carrier's own words (STOP, HELP, YES) are never a command.
"""

import re

from deskbell.core.alert import MAX_TEXT
from deskbell.core.heard import Meant
from deskbell.core.text import clean, clean_lines

# https://help.twilio.com/articles/223134027: what carriers act on themselves, in every country we know of.
CARRIER = {
    **dict.fromkeys(
        ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "opt-out", "revoke", "arret", "alto"),
        "stop",
    ),
    **dict.fromkeys(("start", "yes", "unstop"), "start"),
    **dict.fromkeys(("help", "info"), "help"),
}
KEYS = {"1": "ack", "2": "escalate", "3": "resolve", "4": "show"}  # as a message or a voice asks
WORDS = {
    "ack": "ack",
    "a": "ack",
    "acknowledge": "ack",
    "ok": "ack",
    "esc": "escalate",
    "escalate": "escalate",
    "resolve": "resolve",
    "done": "resolve",
    "note": "note",
    "status": "show",
    "show": "show",
}
_FIRST = re.compile(r"\s*([^\W\d_][\w-]*|[1-4](?!\d))[\s.:,!]*")
_REF = re.compile(r"(?:d\s*[-\u2010-\u2015\u2212]?\s*|#\s*)?(\d{1,15})(?!\d)[\s.:,!]*", re.IGNORECASE)
_QUOTE = re.compile(
    r"^(>|on .{1,200} wrote:|-{2,}|_{5,}|from: |am .{1,200} schrieb|le .{1,200} a \u00e9crit)", re.IGNORECASE
)


def read_short(text: str) -> Meant:
    """The first line that says something; what is quoted below it in a mail is left out."""
    line = _own_words(text)
    alone = re.sub(r"[^\w-]", "", line.casefold())
    if alone in CARRIER:
        return Meant(carrier=CARRIER[alone])
    found = _FIRST.match(line)
    word = found[1].casefold() if found else ""
    verb = KEYS.get(word) or WORDS.get(word, "")
    if not verb or found is None:
        return _ref_first(line)
    ref, rest = _ref(line[found.end() :])
    return Meant(verb, ref, rest)


def _ref_first(line: str) -> Meant:
    """`4821 ack`; anything else is no command."""
    ref, rest = _ref(line)
    word, _, more = rest.partition(" ")
    verb = WORDS.get(word.casefold().rstrip(".!,:"), "") if ref else ""
    return Meant(verb, ref, more.strip()) if verb else Meant(rest=line)


def _ref(text: str) -> tuple[str, str]:
    found = _REF.match(text)
    return (f"D-{int(found[1])}", text[found.end() :].strip()) if found else ("", text.strip())


def _own_words(text: str) -> str:
    own: list[str] = []
    for line in clean_lines(text, MAX_TEXT).splitlines():
        if _QUOTE.match(line.strip()):
            break
        own.append(line.strip())
    return clean(" ".join(filter(None, own)), MAX_TEXT)
