"""The forms that a tap opens in Slack, and what comes back in them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import orjson

from deskbell.faces.shared import NO_COLLEAGUE, OWN_WORDS, REASONS, TOLD_AT_ONCE, WHY_OVER, Colleague, named
from deskbell.faces.slack import OPTIONS, PLACEHOLDER, Json, option, plain

# https://docs.slack.dev/reference/views/modal-views
TITLE = 24
LABEL = 2000
PRIVATE_METADATA = 3000
CODE = 100
INPUT = 2000  # Slack takes 3000; this is as much as a note may hold
ERROR = 300

CALLBACK_PREFIX = "desk."
PEOPLE = "desk.people"  # the action id under which Slack asks for suggestions
ANSWER = "answer"  # the block that every form has, and where a refusal is shown
QUICK = "quick"
CONNECT = "connect"  # not a verb of the desk: it makes the account somebody's


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the tap came from; travels with the form, and only Slack's servers hold it meanwhile."""

    token: str
    channel: str = ""  # where an answer can be put
    room: str = ""  # the same, unless it was in private


def reassign(ref: str, origin: Origin, people: Sequence[Colleague]) -> Json:
    """A menu of colleagues; one that is searched while typing where they are too many for a menu."""
    menu: Json = {"action_id": PEOPLE, "placeholder": plain("Choose a colleague", PLACEHOLDER)}
    if len(people) > OPTIONS:
        menu |= {"type": "external_select", "min_query_length": 0}
    else:
        menu |= {"type": "static_select", "options": suggestions(people, "")}
    body = [_input(ANSWER, "Colleague", menu, hint=TOLD_AT_ONCE)]
    return _modal("reassign", f"Reassign {ref}", "Reassign", origin, body)


def suggestions(people: Sequence[Colleague], typed: str) -> list[Json]:
    """The colleagues whose name holds what was typed."""
    return [option(person, name, note) for person, name, note in named(people, typed)[:OPTIONS]]


def resolve(ref: str, origin: Origin) -> Json:
    quick: Json = {
        "type": "static_select",
        "action_id": QUICK,
        "placeholder": plain("Choose", PLACEHOLDER),
        "options": [option(words, words) for words in REASONS],
    }
    blocks = [
        _input(QUICK, WHY_OVER, quick, optional=True),
        _input(ANSWER, OWN_WORDS, _text_input(), optional=True),
    ]
    return _modal("resolve", f"Resolve {ref}", "Resolve", origin, blocks)


def note(ref: str, origin: Origin) -> Json:
    return _modal("note", f"Note on {ref}", "Add note", origin, [_input(ANSWER, "Note", _text_input())])


def connect(origin: Origin, command: str) -> Json:
    """For an account that nobody is known by; the code comes from a chat that knows its person."""
    code: Json = {"type": "plain_text_input", "action_id": "text", "max_length": CODE, "focus_on_load": True}
    hint = f"Type {command} link in a chat where Deskbell knows you, or ask an administrator for a code."
    return _modal(CONNECT, "Connect to Deskbell", "Connect", origin, [_input(ANSWER, "Code", code, hint=hint)])


def nobody(ref: str, origin: Origin) -> Json:
    """Instead of an empty menu, which Slack refuses."""
    text = {"type": "section", "text": plain(NO_COLLEAGUE, LABEL)}
    view = _modal("nobody", f"Reassign {ref}", "", origin, [text])
    return {key: value for key, value in view.items() if key != "submit"}


# The verbs whose button opens a form instead of acting, but for those that need more than these.
TEXT_FORMS: Mapping[str, Callable[[str, Origin], Json]] = {"resolve": resolve, "note": note}
FORM_VERBS = frozenset({"reassign", CONNECT, *TEXT_FORMS})


# ---------------------------------------------------------------- what comes back


def origin_of(private_metadata: str) -> Origin | None:
    try:
        data = orjson.loads(private_metadata)
        return Origin(str(data["token"]), str(data.get("channel", "")), str(data.get("room", "")))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def args_of(verb: str, values: Mapping[str, Any]) -> dict[str, str] | None:
    """What was filled in, as the desk wants it; None when nothing was."""
    answer, quick = _value(values, ANSWER), _value(values, QUICK)
    said = ": ".join(part for part in (quick, answer) if part)
    name = {"reassign": "person", "resolve": "reason", CONNECT: "code"}.get(verb, "text")
    return {name: said} if said else None


def _value(values: Mapping[str, Any], block: str) -> str:
    """The one element of a block, whether it was typed or chosen."""
    for element in cast("Mapping[str, Any]", values.get(block) or {}).values():
        chosen = element.get("selected_option") or {}
        return str(element.get("value") or chosen.get("value") or "").strip()
    return ""


def _modal(verb: str, title: str, submit: str, origin: Origin, blocks: list[Json]) -> Json:
    return {
        "type": "modal",
        "callback_id": f"{CALLBACK_PREFIX}{verb}",
        "title": plain(title, TITLE),
        "submit": plain(submit, TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": orjson.dumps(asdict(origin)).decode(),
        "blocks": blocks,
    }


def _input(block: str, label: str, element: Json, *, hint: str = "", optional: bool = False) -> Json:
    out: Json = {"type": "input", "block_id": block, "label": plain(label, LABEL), "element": element}
    return out | ({"hint": plain(hint, LABEL)} if hint else {}) | ({"optional": True} if optional else {})


def _text_input() -> Json:
    return {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": INPUT}
