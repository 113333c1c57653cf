"""The forms that Teams shows one person, in place of the card, and what comes back in any of them. Pure.

A colleague is chosen in a form that a tap asks us for, because who may be given an alert depends on the alert; a list
on the room's card would be old by then. Reasons and snooze times are on the card itself, and open without us.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deskbell.core.card import Card
from deskbell.core.text import clean, parse_span
from deskbell.faces.shared import NO_COLLEAGUE, TOLD_AT_ONCE, Colleague, named
from deskbell.faces.teams import REFRESH, first_line, live
from deskbell.faces.teams_parts import (
    PREFIX,
    PRIMARY,
    Json,
    adaptive,
    block,
    choice_set,
    execute,
    run,
    text_input,
    title_of,
    words,
)

PERSON = "person"
CODE = "code"
LINK = "link"  # the verb of the form in which somebody unknown says who they are
PEOPLE = "desk.people:"  # the data set that is searched while somebody types; behind it stands the button's token
SEARCHED = 10  # where there are more colleagues than that, typing finds them
CHOICES = 40
ANSWER = 2000
CODE_LENGTH = 64


def reassign(card: Card, token: str, people: Sequence[Colleague]) -> Json:
    """Instead of the card, for the one who asked: whom to give it to. The likeliest stand first."""
    body = [_about(card), words(f"Who takes it? {TOLD_AT_ONCE}")]
    if not people:
        body.append(words(NO_COLLEAGUE))
        return adaptive(body, [back(token)], first_line(card))
    menu = choice_set(PERSON, "Colleague", [(one[0], described(one)) for one in people[:CHOICES]])
    if len(people) > SEARCHED:
        menu |= {"style": "filtered", "placeholder": "Type a name"}
    if len(people) > CHOICES:
        menu["choices.data"] = {"type": "Data.Query", "dataset": f"{PEOPLE}{token}"}
    send = execute("reassign", "Reassign", {"token": token, "input": PERSON}, "positive")
    return adaptive([*body, menu], [send, back(token)], first_line(card))


def back(token: str) -> Json:
    """To the card, and nothing done."""
    return execute(REFRESH, "Back", {"token": token}, inputs=False)


def connect(text: str, token: str = "", card: Card | None = None) -> Json:
    """For somebody whom the desk does not know: how to become known, and where to put the code."""
    body = [_about(card)] if card else []
    body.append(block(run(clean(text, ANSWER))))
    body.append(text_input(CODE, "Code", most=CODE_LENGTH, lines=False) | {"placeholder": "Type the code here"})
    ways = [execute(LINK, "Connect", {"token": token, "input": CODE}, "positive")]
    return adaptive(body, ways + ([back(token)] if token and card else []), text)


def with_back(shown: Json, token: str) -> Json:
    """The card with the way back as its last button."""
    if len(shown.get("actions", ())) < PRIMARY:
        return shown | {"actions": [*shown.get("actions", ()), back(token)]}
    return shown | {"body": [*shown["body"], {"type": "ActionSet", "actions": [back(token)]}]}


def suggestions(people: Sequence[Colleague], typed: str, most: int) -> list[Json]:
    """The colleagues whose name holds what was typed."""
    return [{"value": one[0], "title": described(one)} for one in named(people, typed)[:most]]


def described(colleague: Colleague) -> str:
    _, name, note = colleague
    return title_of(f"{name} ({note})" if note else name)


def _about(card: Card) -> Json:
    """What the form is about: the head of the card, so that nobody answers the wrong one."""
    return live(card)["body"][0]  # type: ignore[no-any-return]


# ---------------------------------------------------------------- what comes back


def verb_of(data: Mapping[str, Any], verb: str = "") -> str:
    """The verb of an action: from what it carries, or from its own name."""
    return str(data.get("desk") or verb.removeprefix(PREFIX))


def args_of(verb: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was chosen or filled in, as the desk wants it; None when the form wants an answer and there is none."""
    if verb == "snooze":
        return {"span": parse_span(_value(data, "choice") or _typed(data, "input"))}
    if verb == "reassign":
        person = _typed(data, "input")
        return {"person": person} if person else None
    if verb in ("resolve", "note"):
        said = ": ".join(part for part in (_typed(data, "quick"), _typed(data, "text")) if part)
        return {"reason" if verb == "resolve" else "text": said} if said else None
    choice = _value(data, "choice") or _typed(data, "input")
    return {"choice": choice} if choice else {}


def typed_code(data: Mapping[str, Any]) -> str:
    """People paste "/desk link CODE", too."""
    return (_typed(data, "input").split() or [""])[-1][:CODE_LENGTH]


def _typed(data: Mapping[str, Any], pointer: str) -> str:
    """The value of the input that the action names."""
    return _value(data, str(data.get(pointer) or ""))


def _value(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name) if name else ""
    return str(value).strip()[:ANSWER] if isinstance(value, str | int) else ""
