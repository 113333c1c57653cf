# ruff: noqa: INP001 - it stands beside the script that uses it
"""Values and types in words: as config.toml has them, as people read them, and tables of them in Markdown."""

import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from deskbell.core.access import Role
from deskbell.core.alert import Severity


def short(span: timedelta) -> str:
    """90s, 15m, 2h, 1d: as config.toml takes it."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s" if seconds else "0m"


def toml(value: Any) -> str:
    """A value as it would stand in config.toml."""
    match value:
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case tuple() | list() | frozenset():
            items = sorted(value) if isinstance(value, frozenset) else value
            return f"[{', '.join(toml(item) for item in items)}]"
        case Severity() | timedelta() | time() | str():
            return _quoted(value)
        case bool():
            return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def _quoted(value: Severity | timedelta | time | str) -> str:
    text = short(value) if isinstance(value, timedelta) else f"{value:%H:%M}" if isinstance(value, time) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _key(name: object) -> str:
    text = str(name)
    return text if re.fullmatch(r"[\w-]+", text) else toml(text)


_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "span",
    time: "time of day",
    date: "day",
    datetime: "moment",
    Severity: "P1 to P4",
    Role: "role",
    Any: "anything",
}


def kind(hint: Any) -> str:
    """A type in words."""
    if hint in _NAMES:
        return _NAMES[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _or(f"`{toml(arg)}`" for arg in args)
    if origin in (Union, types.UnionType):
        return _or(kind(arg) for arg in args if arg is not type(None))
    if origin in (tuple, frozenset):
        inner = [arg for arg in args if arg is not Ellipsis]
        several = len(inner) > 1
        return f"[{', '.join(kind(arg) for arg in inner)}]" if several else f"list of {_plural(kind(inner[0]))}"
    if origin is not None and issubclass(origin, Mapping):
        return "table" if args[1] is Any else f"table of {_plural(kind(args[1]))}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _or(f"`{toml(item.value)}`" for item in hint)
    return "table"


def _or(words: Iterable[str]) -> str:
    listed = list(words)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def _plural(word: str) -> str:
    return f"{word}s" if word in {"text", "span", "role", "day", "table", "whole number", "number"} else word


def default(field: Any) -> str:
    if field.default is not MISSING:
        return "" if field.default is None else f"`{toml(field.default)}`"
    if field.default_factory is MISSING:
        return "**needed**"
    made = field.default_factory()
    return "" if is_dataclass(made) else f"`{toml(made)}`"


def table(*rows: Iterable[str]) -> str:
    """A Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    width = lines[0].count(" | ") + 1
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
