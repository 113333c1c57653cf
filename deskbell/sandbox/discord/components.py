"""Buttons, menus and forms as Discord takes them. https://docs.discord.com/developers/components/reference"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from deskbell.sandbox.discord.api import Complaint
from deskbell.sandbox.web import Json

IS_V2 = 1 << 15
ROW, BUTTON, STRING_SELECT, TEXT_INPUT, USER_SELECT, ROLE_SELECT, MENTIONABLE, CHANNEL_SELECT = range(1, 9)
LABEL = 18
SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE, CHANNEL_SELECT)
ROWS = 5
IN_ROW = 5
V2_TOTAL = 40
CUSTOM_ID = 100
OPTIONS = 25
_LINK = 5


def _length(at: str, value: Any, most: int, least: int = 0) -> Iterator[Complaint]:
    if value is None and not least:
        return
    if not isinstance(value, str) or not least <= len(value.encode("utf-16-le", "surrogatepass")) // 2 <= most:
        yield at, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."


def walk(components: Any) -> Iterator[Json]:
    """Everything that can be pressed, chosen from or typed into, in order."""
    for component in components or ():
        inner = component.get("components") or ([component["component"]] if "component" in component else [])
        if inner:
            yield from walk(inner)
        elif component.get("type") != ROW:
            yield component


def numbered(components: Any) -> list[Json]:
    """With the ids that Discord gives to what has none, counted through the whole message."""
    return _numbered(components or [], itertools.count(1))


def _numbered(components: list[Json], numbers: Iterator[int]) -> list[Json]:
    out = []
    for component in components:
        own = {**component, "id": component.get("id") or next(numbers)}
        if "components" in component:
            own["components"] = _numbered(component["components"], numbers)
        out.append(own)
    return out


def check_rows(components: Any) -> Iterator[Complaint]:
    """The components of a message."""
    if components is None:
        return
    if not isinstance(components, list) or len(components) > ROWS:
        yield "components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {ROWS} in length."
        return
    for number, row in enumerate(components):
        at = f"components.{number}"
        if row.get("type") != ROW:
            yield f"{at}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1,)."
            continue
        yield from _check_row(at, row.get("components") or [])
    yield from _check_unique(components)


def _check_row(at: str, inner: list[Json]) -> Iterator[Complaint]:
    if not 1 <= len(inner) <= IN_ROW:
        yield f"{at}.components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {IN_ROW} in length."
    if len(inner) > 1 and any(one.get("type") in SELECTS for one in inner):
        yield f"{at}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width"
    for number, one in enumerate(inner):
        here = f"{at}.components.{number}"
        if one.get("type") == BUTTON:
            yield from _check_button(here, one)
        elif one.get("type") in SELECTS:
            yield from check_select(here, one)
        else:
            yield f"{here}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (2, 3, 5, 6, 7, 8)."


def _check_button(at: str, button: Json) -> Iterator[Complaint]:
    yield from _length(f"{at}.label", button.get("label"), 80)
    if not button.get("label") and not button.get("emoji"):
        yield at, "BUTTON_COMPONENT_LABEL_REQUIRED", "A button needs a label or an emoji"
    if button.get("style") == _LINK:
        yield from _length(f"{at}.url", button.get("url"), 512, 1)
        if "custom_id" in button:
            yield (
                f"{at}.custom_id",
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A URL button has no custom id",
            )
    elif button.get("style") in (1, 2, 3, 4):
        yield from _length(f"{at}.custom_id", button.get("custom_id"), CUSTOM_ID, 1)
    else:
        yield f"{at}.style", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6)."


def check_select(at: str, select: Json) -> Iterator[Complaint]:
    yield from _length(f"{at}.custom_id", select.get("custom_id"), CUSTOM_ID, 1)
    yield from _length(f"{at}.placeholder", select.get("placeholder"), 150)
    for name, least in (("min_values", 0), ("max_values", 1)):
        if not least <= select.get(name, 1) <= OPTIONS:
            yield f"{at}.{name}", "NUMBER_TYPE_MAX", f"int value should be less than or equal to {OPTIONS}."
    if select.get("type") != STRING_SELECT:
        return
    options = select.get("options") or []
    if not 1 <= len(options) <= OPTIONS:
        yield f"{at}.options", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {OPTIONS} in length."
    for number, option in enumerate(options):
        yield from _length(f"{at}.options.{number}.label", option.get("label"), 100, 1)
        yield from _length(f"{at}.options.{number}.value", option.get("value"), 100, 1)
        yield from _length(f"{at}.options.{number}.description", option.get("description"), 100)
    values = [option.get("value") for option in options]
    if len(set(values)) != len(values):
        yield f"{at}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used"


def _check_unique(components: list[Json]) -> Iterator[Complaint]:
    names = [one["custom_id"] for one in walk(components) if one.get("custom_id")]
    if len(set(names)) != len(names):
        yield "components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"


def check_v2(body: Mapping[str, Any]) -> Iterator[Complaint]:
    """https://docs.discord.com/developers/components/reference#legacy-message-component-behavior."""
    for name in ("content", "embeds", "poll", "stickers"):
        if body.get(name):
            yield name, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "may not be used with IS_COMPONENTS_V2"
    if sum(1 for _ in _all(body.get("components"))) > V2_TOTAL:
        yield "components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {V2_TOTAL} in length."


def _all(components: Any) -> Iterator[Json]:
    for component in components or ():
        yield component
        yield from _all(component.get("components"))


# ---------------------------------------------------------------- forms


def check_modal(body: Json) -> Iterator[Complaint]:
    """https://docs.discord.com/developers/interactions/receiving-and-responding#modal."""
    yield from _length("custom_id", body.get("custom_id"), CUSTOM_ID, 1)
    yield from _length("title", body.get("title"), 45, 1)
    parts = body.get("components") or []
    if not 1 <= len(parts) <= ROWS:
        yield "components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {ROWS} in length."
    for number, part in enumerate(parts):
        yield from _check_field(f"components.{number}", part)
    yield from _check_unique(parts)


def _check_field(at: str, part: Json) -> Iterator[Complaint]:
    if part.get("type") == LABEL:
        yield from _length(f"{at}.label", part.get("label"), 45, 1)
        yield from _length(f"{at}.description", part.get("description"), 100)
        inner = [part.get("component") or {}]
    elif part.get("type") == ROW:
        inner = part.get("components") or []
        if [one.get("type") for one in inner] != [TEXT_INPUT]:
            yield f"{at}.components", "COMPONENT_TYPE_INVALID", "A row of a modal holds one text input"
    else:
        yield f"{at}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1, 10, 18)."
        return
    for one in inner:
        yield from _check_input(f"{at}.component", one)


def _check_input(at: str, one: Json) -> Iterator[Complaint]:
    if one.get("type") in SELECTS:
        yield from check_select(at, one)
    elif one.get("type") == TEXT_INPUT:
        yield from _length(f"{at}.custom_id", one.get("custom_id"), CUSTOM_ID, 1)
        yield from _length(f"{at}.placeholder", one.get("placeholder"), 100)
        yield from _length(f"{at}.value", one.get("value"), 4000)
        if not 1 <= one.get("max_length", 4000) <= 4000:
            yield f"{at}.max_length", "NUMBER_TYPE_MAX", "int value should be less than or equal to 4000."
    else:
        yield f"{at}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (3, 4, 5, 6, 7, 8, 19)."
