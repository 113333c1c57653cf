"""What a button asks before it acts: menus in place of a card's buttons, and prompts to reply to. Pure.

Telegram has no forms. A choice travels in the button itself, behind the signed token; a prompt carries the token in a
link within its text, so that nothing has to be kept between the question and the answer.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deskbell.core.text import clean, parse_span
from deskbell.faces.shared import REASONS, WHY_OVER, Colleague
from deskbell.faces.telegram import DATA, Json, Rows, escape, inert, person, press

PAGE = 8
PLACEHOLDER = 64
SEPARATOR = "|"  # base 64 has none
TEXT_VERBS = {"resolve": "reason", "note": "text"}  # what may be answered in one's own words, and the desk's name of it
BACK = "\u2039 Back"
_ID_ROOM = DATA - 28 - 2  # what the token, the bar and the code leave
_FIRST_ASKED = {"snooze": "For how long?", "reassign": "To whom?", "resolve": WHY_OVER}


@dataclass(frozen=True, slots=True)
class Data:
    """What a pressed button sent: the signed token, and what it stands for beside that.

    `code`: "" act, m menu, p page, c choice of a span, u person, h person by digest, r reason, t own words, b back.
    """

    token: str
    code: str = ""
    value: str = ""

    @property
    def asks(self) -> bool:
        """Whether nothing is done yet."""
        return self.code in ("m", "p", "t", "b")


def read(data: str) -> Data:
    token, _, rest = data.partition(SEPARATOR)
    return Data(token, rest[:1], rest[1:])


def question(verb: str) -> str:
    return _FIRST_ASKED.get(verb, "")


# ---------------------------------------------------------------- menus


def spans(token: str, choices: Sequence[tuple[str, str]]) -> Rows:
    made = [press(words, f"{token}|c{value}") for value, words in choices]
    return [made[at : at + 2] for at in range(0, len(made), 2)] + _back(token)


def people(token: str, colleagues: Sequence[Colleague], page: int) -> Rows:
    """Eight a page, the likeliest first."""
    last = max(0, (len(colleagues) - 1) // PAGE)
    page = min(max(page, 0), last)
    shown = colleagues[page * PAGE : (page + 1) * PAGE]
    rows = [[press(_colleague(name, note), f"{token}|{person_code(who)}")] for who, name, note in shown]
    turn = [press("\u2039 Previous", f"{token}|p{page - 1}")] if page else []
    turn += [press(f"Next {page + 2}/{last + 1} \u203a", f"{token}|p{page + 1}")] if page < last else []
    return rows + ([turn] if turn else []) + _back(token)


def reasons(token: str) -> Rows:
    rows = [[press(words, f"{token}|r{number}")] for number, words in enumerate(REASONS)]
    return [*rows, [press("Other reason\u2026", f"{token}|t")], *_back(token)]


def _back(token: str) -> Rows:
    return [[press(BACK, f"{token}|b")]]


def _colleague(name: str, note: str) -> str:
    return f"{clean(name, 24)} \u00b7 {clean(note, 20)}" if note else name


def person_code(id: str) -> str:
    """A person's id where there is room for it, else a digest of it."""
    return f"u{id}" if len(id.encode()) <= _ID_ROOM else f"h{_digest(id)}"


def _digest(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()[:24]


# ---------------------------------------------------------------- what was chosen


def args_of(data: Data, people: Sequence[str]) -> Mapping[str, Any] | None:
    """The choice as the desk wants it; None when it makes no sense. `people`: who there is, by id."""
    match data.code:
        case "":
            return {}
        case "c":
            span = parse_span(data.value)
            return {"span": span} if span else None
        case "u" | "h":
            known = [who for who in people if person_code(who) == data.code + data.value]
            return {"person": known[0]} if known else None
        case "r":
            number = int(data.value) if data.value.isascii() and data.value.isdigit() else -1
            return {"reason": REASONS[number]} if 0 <= number < len(REASONS) else None
        case _:
            return None


# ---------------------------------------------------------------- prompts

_PROMPTS = {"resolve": "why is {} over?", "note": "what is the note on {}?"}
_HINTS = {"resolve": "The reason", "note": "The note"}


def prompt(verb: str, ref: str, token: str, bot: str, account: str, name: str) -> Json:
    """A message to reply to. The ref in it is a link to the bot that carries the token."""
    subject = f'<a href="{escape(start_link(bot, token))}">{inert(clean(ref, 40))}</a>'
    asked = _PROMPTS.get(verb, _PROMPTS["note"]).format(subject)
    markup = {
        "force_reply": True,
        "selective": True,
        "input_field_placeholder": f"{_HINTS.get(verb, _HINTS['note'])} for {clean(ref, 40)}"[:PLACEHOLDER],
    }
    text = f"{person(account, name)}, {asked}\nReply to this message."
    return {"text": text, "parse_mode": "HTML", "reply_markup": markup}


def start_link(bot: str, payload: str) -> str:
    """https://core.telegram.org/bots/features#deep-linking: opens the private chat, and Start sends the payload."""
    return f"https://t.me/{bot}?start={payload}"


def payload_of(url: str, bot: str) -> str:
    """What a link to our own bot carries; "" for any other."""
    try:
        parts = urlsplit(url)
        found = parse_qs(parts.query).get("start", [""])
    except ValueError:
        return ""
    own = parts.hostname == "t.me" and parts.path == f"/{bot}"
    return found[0] if own else ""
