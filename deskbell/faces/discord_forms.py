"""What a tap opens in Discord (a menu, a picker, a form), and the names by which it comes back. Pure.

A custom_id says all there is: "desk:TOKEN" on a card; "desk:TOKEN:r:30m" in what a tap opened for one person, where r
says that the card stands in this room, and p that only this person sees it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deskbell.core.card import Reply
from deskbell.core.text import clean
from deskbell.faces.discord import CUSTOM_ID, EPHEMERAL, NOBODY, PREFIX, Json, button, reply
from deskbell.faces.discord_text import plain
from deskbell.faces.shared import NO_COLLEAGUE, OWN_WORDS, REASONS, TOLD_AT_ONCE, WHY_OVER, Colleague

# https://docs.discord.com/developers/components/reference#string-select and #label
OPTIONS = 25
OPTION = 100
PLACEHOLDER = 150
MODAL_TITLE = 45
FIELD_LABEL = 45
FIELD_HINT = 100
INPUT = 2000  # Discord takes 4000; this is as much as a note may hold
CODE = 100  # people paste "/desk link CODE", too

CONNECT = "desk+connect"  # the button that asks for the code, and the form that brings it
ANSWER, QUICK = "answer", "quick"  # the fields of a form
PERSON, USER = "person", "user"  # the two menus of the picker
_ROW, _STRING_SELECT, _INPUT, _USER_SELECT, _LABEL = 1, 3, 4, 5, 18


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a custom_id of ours says. `where`: "" on the card itself, else "r" or "p"."""

    token: str
    where: str = ""
    what: str = ""


def pressed(custom_id: str) -> Pressed | None:
    """None for what is not ours."""
    if not custom_id.startswith(PREFIX):
        return None
    token, where, what, *_ = [*custom_id.removeprefix(PREFIX).split(":", 2), "", ""]
    return Pressed(token, where, what)


def _id(token: str, where: str, what: str) -> str:
    return f"{PREFIX}{token}:{where}:{what}"[:CUSTOM_ID]


# ---------------------------------------------------------------- menus for one person


def menu(ref: str, token: str, where: str, choices: Sequence[tuple[str, str]]) -> Json:
    """The choices of a button, as buttons: one more tap and it is done."""
    made = [button(words, _id(token, where, value)) for value, words in choices]
    return reply(Reply(lines=(f"{ref}: for how long?",)), *made)


def picker(ref: str, token: str, where: str, people: Sequence[Colleague]) -> Json:
    """The likeliest colleagues in a menu; where they are too many for one, everybody of the server in a second."""
    if not people:
        return reply(Reply(lines=(NO_COLLEAGUE,)))
    options = [_option(person, name, note) for person, name, note in people[:OPTIONS]]
    rows = [_row(_select(_id(token, where, PERSON), "Choose a colleague", options))]
    if len(people) > OPTIONS:
        anybody = {"type": _USER_SELECT, "custom_id": _id(token, where, USER), "placeholder": "\u2026 or anybody else"}
        rows.append(_row(anybody))
    text = f"{ref}: who takes it? {TOLD_AT_ONCE}"
    return {"content": text, "components": rows, "flags": EPHEMERAL, "allowed_mentions": NOBODY}


def _row(component: Json) -> Json:
    return {"type": _ROW, "components": [component]}


def _select(custom_id: str, placeholder: str, options: list[Json]) -> Json:
    words = plain(placeholder, PLACEHOLDER)
    return {"type": _STRING_SELECT, "custom_id": custom_id, "placeholder": words, "options": options}


def _option(value: str, words: str, note: str = "") -> Json:
    out = {"label": plain(clean(words, OPTION), OPTION), "value": value[:OPTION]}
    return out | ({"description": plain(clean(note, OPTION), OPTION)} if note else {})


# ---------------------------------------------------------------- forms


def resolve(ref: str, token: str) -> Json:
    quick = _select(QUICK, "Choose", [_option(words, words) for words in REASONS]) | {"required": False}
    fields = [_field(WHY_OVER, quick), _field(OWN_WORDS, _text(required=False))]
    return _modal(PREFIX + token, f"Resolve {ref}", fields)


def note(ref: str, token: str) -> Json:
    return _modal(PREFIX + token, f"Note on {ref}", [_field("Note", _text(required=True))])


def code(command: str) -> Json:
    """Asks for the code that another chat gave."""
    hint = f"{command} link in a chat that knows you gives one; or an administrator does."
    box = {"type": _INPUT, "custom_id": ANSWER, "style": 1, "required": True, "max_length": CODE}
    return _modal(CONNECT, "Connect your account", [_field("Code", box, hint)])


# The verbs whose button opens a form instead of acting.
TEXT_FORMS: Mapping[str, Callable[[str, str], Json]] = {"resolve": resolve, "note": note}


def connect() -> Json:
    """The button that lets somebody unknown say who they are."""
    return button("Connect", CONNECT, 1)


def args_of(verb: str, fields: Mapping[str, str]) -> dict[str, str] | None:
    """What was filled in, as the desk wants it; None when nothing was."""
    said = ": ".join(part for part in (fields.get(QUICK, ""), fields.get(ANSWER, "").strip()) if part)
    return {"resolve": {"reason": said}}.get(verb, {"text": said}) if said else None


def _modal(custom_id: str, title: str, fields: list[Json]) -> Json:
    return {"custom_id": custom_id[:CUSTOM_ID], "title": plain(title, MODAL_TITLE), "components": fields}


def _field(label: str, component: Json, hint: str = "") -> Json:
    out: Json = {"type": _LABEL, "label": plain(label, FIELD_LABEL), "component": component}
    return out | ({"description": plain(hint, FIELD_HINT)} if hint else {})


def _text(*, required: bool) -> Json:
    return {"type": _INPUT, "custom_id": ANSWER, "style": 2, "required": required, "max_length": INPUT}
