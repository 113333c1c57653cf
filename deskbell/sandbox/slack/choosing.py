"""How a person finds on the screen what they mean: buttons, options and inputs by the words that stand on them."""

from collections.abc import Sequence
from typing import Any

from deskbell.sandbox.chat import Refused
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.payloads import label, options_of
from deskbell.sandbox.slack.views import View
from deskbell.sandbox.web import Json


def words_of(element: Json) -> str:
    """What a button says, or a menu that nothing was chosen from."""
    return str((element.get("text") or element.get("placeholder") or {}).get("text", ""))


def labels(message: Message) -> tuple[str, ...]:
    return tuple(words_of(element) for _, element in message.elements())


def begins(text: str, beginning: str) -> bool:
    return text.casefold().startswith(beginning.casefold())


def find(message: Message, wanted: str) -> Json | None:
    return next((element for _, element in message.elements() if begins(words_of(element), wanted)), None)


def pick(element: Json, wanted: str) -> str:
    """The value of the option that begins so."""
    for option in options_of(element):
        if begins(label(option), wanted):
            return str(option["value"])
    raise Refused(f"{words_of(element)} has no {wanted!r}, only {', '.join(map(label, options_of(element)))}")


def entries(view: View, answers: Sequence[str]) -> Json:
    """The answers, each in the next input that takes it: a menu by an option's words, else where one can type."""
    values: dict[str, Any] = {}
    inputs = iter(view.inputs())
    for answer in answers:
        for block in inputs:
            element = block["element"]
            if options_of(element):
                chosen = next((str(o["value"]) for o in options_of(element) if begins(label(o), answer)), None)
            else:
                chosen = answer[: element.get("max_length", 3000)]
            if chosen is not None:
                values[block["block_id"]] = chosen
                break
        else:
            raise Refused(f"{answer!r} fits nowhere in {view.body['title']['text']!r}")
    return values
