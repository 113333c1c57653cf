"""Adaptive Cards as Teams accepts them from bots: version 1.5, known types, what each must and may have.

https://adaptivecards.io/explorer
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
"""

import re
from collections.abc import Iterator
from typing import Any

from deskbell.sandbox.slack.shapes import Check, anything, array, boolean, by_type, complaint, integer, obj, string
from deskbell.sandbox.web import Json

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")
PRIMARY = 6  # https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
REFRESHED = 60

text = string()
SPACING = string(one_of=("Default", "None", "Small", "Medium", "Large", "ExtraLarge", "Padding"))
STYLE = string(one_of=("default", "emphasis", "good", "attention", "warning", "accent"))
COLOUR = string(one_of=("Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"))
SIZE = string(one_of=("Default", "Small", "Medium", "Large", "ExtraLarge"))
WEIGHT = string(one_of=("Default", "Lighter", "Bolder"))
FONT = string(one_of=("Default", "Monospace"))
ALIGN = string(one_of=("Left", "Center", "Right"))
HEIGHT = string(one_of=("auto", "stretch"))


def by_name(value: Any, at: str) -> Iterator[str]:
    yield from ELEMENT(value, at)


def an_action(value: Any, at: str) -> Iterator[str]:
    yield from ACTION(value, at)


def a_card(value: Any, at: str) -> Iterator[str]:
    yield from CARD(value, at)


# ------------------------------------------------------------------ elements

COMMON: dict[str, Check] = {
    "id": text,
    "spacing": SPACING,
    "separator": boolean,
    "isVisible": boolean,
    "height": HEIGHT,
    "requires": anything,
    "fallback": anything,
}


def element(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return obj({"type": text, **required}, {**COMMON, **(optional or {})})


LOOK: dict[str, Check] = {"color": COLOUR, "size": SIZE, "weight": WEIGHT, "fontType": FONT, "isSubtle": boolean}
TEXT_BLOCK = element(
    {"text": text},
    {
        **LOOK,
        "horizontalAlignment": ALIGN,
        "maxLines": integer(1, 1000),
        "wrap": boolean,
        "style": string(one_of=("default", "heading", "columnHeader")),
    },
)
RUN = obj(
    {"type": string(one_of=("TextRun",)), "text": text},
    {
        **LOOK,
        "highlight": boolean,
        "italic": boolean,
        "strikethrough": boolean,
        "underline": boolean,
        "selectAction": an_action,
    },
)
RICH = element({"inlines": array(1, 200, RUN)}, {"horizontalAlignment": ALIGN})
CONTAINER = element(
    {"items": array(1, 200, by_name)},
    {
        "style": STYLE,
        "bleed": boolean,
        "verticalContentAlignment": string(one_of=("top", "center", "bottom")),
        "minHeight": text,
        "selectAction": an_action,
        "backgroundImage": anything,
        "rtl": boolean,
    },
)
FACTS = element({"facts": array(1, 50, obj({"title": text, "value": text}))})
COLUMN = obj(
    {"type": string(one_of=("Column",))},
    {
        **COMMON,
        "items": array(0, 100, by_name),
        "width": anything,
        "style": STYLE,
        "bleed": boolean,
        "verticalContentAlignment": anything,
        "minHeight": text,
        "selectAction": an_action,
        "backgroundImage": anything,
        "rtl": boolean,
    },
)
COLUMNS = element(
    {"columns": array(1, 20, COLUMN)},
    {"style": STYLE, "bleed": boolean, "minHeight": text, "horizontalAlignment": ALIGN, "selectAction": an_action},
)
ASKED: dict[str, Check] = {"label": text, "isRequired": boolean, "errorMessage": text}


def field(optional: dict[str, Check]) -> Check:
    return element({"id": string(least=1)}, {**ASKED, "value": text, **optional})


CHOICE = obj({"title": string(least=1), "value": text})
QUERY = obj(
    {"type": string(one_of=("Data.Query",)), "dataset": string(least=1)}, {"count": integer(1, 100), "skip": anything}
)
INPUT_CHOICES = field(
    {
        "choices": array(0, 2000, CHOICE),
        "choices.data": QUERY,
        "isMultiSelect": boolean,
        "style": string(one_of=("compact", "expanded", "filtered")),
        "placeholder": text,
        "wrap": boolean,
    }
)
INPUT_TEXT = field(
    {
        "isMultiline": boolean,
        "maxLength": integer(1, 100_000),
        "placeholder": text,
        "regex": text,
        "style": string(one_of=("text", "tel", "url", "email", "password")),
        "inlineAction": an_action,
    }
)
INPUT_TOGGLE = element(
    {"id": string(least=1), "title": text},
    {**ASKED, "value": text, "valueOn": text, "valueOff": text, "wrap": boolean},
)
INPUT_NUMBER = element({"id": string(least=1)}, {**ASKED, "value": anything, "max": anything, "min": anything})
ELEMENT = by_type(
    {
        "TextBlock": TEXT_BLOCK,
        "RichTextBlock": RICH,
        "Container": CONTAINER,
        "FactSet": FACTS,
        "ColumnSet": COLUMNS,
        "ActionSet": element({"actions": array(1, 50, an_action)}),
        "Input.Text": INPUT_TEXT,
        "Input.ChoiceSet": INPUT_CHOICES,
        "Input.Toggle": INPUT_TOGGLE,
        "Input.Number": INPUT_NUMBER,
        "Input.Date": field({"max": text, "min": text, "placeholder": text}),
        "Input.Time": field({"max": text, "min": text, "placeholder": text}),
        "Image": element({"url": string(least=1)}, {"altText": text, "size": anything, "style": anything}),
    },
    "element of a card",
)

# ------------------------------------------------------------------ actions

PRESSED: dict[str, Check] = {
    "id": text,
    "title": string(least=1),
    "iconUrl": text,
    "style": string(one_of=("default", "positive", "destructive")),
    "fallback": anything,
    "tooltip": text,
    "isEnabled": boolean,
    "mode": string(one_of=("primary", "secondary")),
    "requires": anything,
}
ASSOCIATED = string(one_of=("auto", "none"))


def action(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return obj({"type": text, **required}, {**PRESSED, **(optional or {})})


def web_address(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, str) or not re.match(r"https?://[^\s/]+", value):
        yield complaint("must be a web address", at)


EXECUTE = action({"verb": string(least=1)}, {"data": anything, "associatedInputs": ASSOCIATED})
SUBMIT = action({}, {"data": anything, "associatedInputs": ASSOCIATED, "msteams": anything})
ACTION = by_type(
    {
        "Action.Execute": EXECUTE,
        "Action.Submit": SUBMIT,
        "Action.OpenUrl": action({"url": web_address}),
        "Action.ShowCard": action({"card": a_card}),
        "Action.ToggleVisibility": action({"targetElements": array(1, 100, anything)}),
    },
    "action",
)


def version(value: Any, at: str) -> Iterator[str]:
    if value not in VERSIONS:
        yield complaint(f"{value!r} is no version that Teams draws", at)


MENTION = obj(
    {
        "type": string(one_of=("mention",)),
        "text": string(least=1),
        "mentioned": obj({"id": string(least=1), "name": string(least=1)}),
    }
)
TEAMS = obj({}, {"width": string(one_of=("Full",)), "entities": array(1, 100, MENTION)})
REFRESH = obj({"action": by_type({"Action.Execute": EXECUTE}, "refresh")}, {"userIds": array(0, REFRESHED, text)})
CARD = obj(
    {"type": string(one_of=("AdaptiveCard",))},
    {
        "version": version,
        "$schema": text,
        "body": array(0, 500, by_name),
        "actions": array(0, 50, an_action),
        "fallbackText": text,
        "lang": text,
        "speak": text,
        "minHeight": text,
        "refresh": REFRESH,
        "msteams": TEAMS,
        "selectAction": an_action,
        "backgroundImage": anything,
        "verticalContentAlignment": anything,
        "authentication": anything,
        "rtl": boolean,
    },
)


def check_card(card: Any) -> list[str]:
    """Everything that is wrong with a card; nothing when Teams would draw it."""
    found = list(CARD(card, "/"))
    if found:
        return found
    if "version" not in card:
        found.append(complaint("missing required field: version", "/"))
    if not card.get("body"):
        found.append(complaint("there is nothing on it", "/body"))
    found += [complaint(f"two inputs are called {name}", "/") for name in doubled([one["id"] for one in inputs(card)])]
    words = "\n".join(readable(card))
    for entity in card.get("msteams", {}).get("entities", []):
        if entity["text"] not in words:
            found.append(complaint(f"nothing on the card says {entity['text']}", "/msteams/entities"))
    return found


def doubled(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


# ------------------------------------------------------------------ what people see


def walk(node: Any, *, opened: bool = True) -> Iterator[Json]:
    """Every table in a card, in the order in which it is read; what stands in for another is left out. `opened`: with
    what opens below a button."""
    if isinstance(node, dict):
        yield node
        if opened or not str(node.get("type", "")).startswith("Action."):
            for key, part in node.items():
                if key not in ("fallback", "refresh", "msteams", "data"):
                    yield from walk(part, opened=opened)
    elif isinstance(node, list):
        for part in node:
            yield from walk(part, opened=opened)


def readable(card: Json) -> list[str]:
    """All that can be read on a card, line by line; buttons are not among it, nor what opens below them."""
    lines: list[str] = []
    for part in walk(card, opened=False):
        match part.get("type"):
            case "TextBlock":
                lines.append(part["text"])
            case "RichTextBlock":
                lines.append("".join(run["text"] for run in part["inlines"]))
            case "FactSet":
                lines += [f"{fact['title']} {fact['value']}" for fact in part["facts"]]
            case "Input.Text" | "Input.ChoiceSet" if part.get("label"):
                lines.append(part["label"])
    return lines


def inputs(card: Json, *, opened: bool = True) -> list[Json]:
    return [part for part in walk(card, opened=opened) if str(part.get("type", "")).startswith("Input.")]


def own_inputs(card: Json) -> list[Json]:
    """Those of this card itself, without what opens below a button."""
    return inputs(card, opened=False)


def shown_actions(card: Json) -> list[Json]:
    """The buttons that a person sees, as they are read: six of each row, and those that say they are secondary."""
    sets = [part for part in walk(card.get("body", []), opened=False) if part.get("type") == "ActionSet"]
    rows = [part["actions"] for part in sets]
    return [one for row in [*rows, card.get("actions", [])] for one in kept(row)]


def kept(row: list[Json]) -> list[Json]:
    primary = [one for one in row if one.get("mode") != "secondary"]
    dropped = {id(one) for one in primary[PRIMARY:]}
    return [one for one in row if id(one) not in dropped]
