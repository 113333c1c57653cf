"""From a TOML table to a frozen dataclass, strictly: no unknown key, no wrong type, every mistake named with its key.

A mistake never shows a value, since the value may be a secret under a mistyped key.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import orjson
from pydantic import TypeAdapter, ValidationError

from deskbell.core.text import parse_span

T = TypeVar("T")

_ENV = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_SEVERITY = re.compile(r"P[1-4]")


class ConfigError(Exception):
    """The configuration can't be used. One line a mistake: the key, what is wrong, what to do."""

    def __init__(self, problems: Iterable[str], file: str = "config.toml") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


@dataclass(slots=True)
class Reading:
    """One reading of a file: the mistakes found so far, and the secrets, which nothing may ever print."""

    environ: Mapping[str, str]
    folder: Path
    problems: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    secret_keys: list[str] = field(default_factory=list)  # where they stand; a secret is a field that has no repr

    def wrong(self, where: str, why: str) -> None:
        self.problems.append(f"{where}: {why}")

    def table(self, cls: type[T], data: Any, where: str, **given: Any) -> T | None:
        """The table as a `cls`, with the fields in `given` filled in by us; None when there was a mistake."""
        if not isinstance(data, Mapping):
            self.wrong(where, "must be a table, like [" + where + "]")
            return None
        before = len(self.problems)
        self._unknown(cls, data, where, given)
        values = {key: self._value(cls, key, value, f"{where}.{key}") for key, value in data.items()}
        if len(self.problems) > before:
            return None
        try:
            made: T = adapter(cls).validate_json(orjson.dumps({**values, **_plain(given)}), strict=True)
        except TypeError:
            self.wrong(where, "a number in it is too large")
            return None
        except ValidationError as error:
            for path, words in _told(cls, where, error).items():
                self.wrong(path, ", or ".join(words))
            return None
        return made

    def _unknown(self, cls: type[Any], data: Mapping[str, Any], where: str, given: Mapping[str, Any]) -> None:
        known = [f.name for f in fields(cls) if f.name not in given]
        for key in data:
            if key not in known:
                self.wrong(f"{where}.{key}", unknown(key, known))

    def _value(self, cls: type[Any], key: str, value: object, where: str) -> object:
        found = next((f for f in fields(cls) if f.name == key), None)
        hint = found.type if found else None
        if found is not None and not found.repr:
            self.secret_keys.append(where)
            self.secrets += [str(one) for one in (value if isinstance(value, list) else [value]) if is_plain(one)]
        inner = _inner(hint)
        if inner is not None and isinstance(value, Mapping) and get_origin(hint) is Mapping:
            return {name: self.plain(item, f"{where}.{name}", cls=inner) for name, item in value.items()}
        return self.plain(value, where, spans="timedelta" in str(hint), severities="Severity" in str(hint), cls=inner)

    def plain(
        self, value: Any, where: str, *, spans: bool = False, severities: bool = False, cls: type | None = None
    ) -> Any:
        """The value with references followed and our short forms ("15m", "P2") written as data."""
        if isinstance(value, Mapping):
            return {
                k: self._member(v, f"{where}.{k}", k, cls, spans=spans, severities=severities) for k, v in value.items()
            }
        if isinstance(value, list):
            items = enumerate(value)
            return [self.plain(v, f"{where}[{i}]", spans=spans, severities=severities, cls=cls) for i, v in items]
        if not isinstance(value, str):
            return value  # a number, a truth value, a date
        text = self.text(value, where)
        if severities and _SEVERITY.fullmatch(text):
            return int(text[1])
        if spans and (span := parse_span(text)) is not None:
            return f"PT{span.total_seconds():g}S" if span.total_seconds() < 1e6 else f"P{span.days}D"
        return text

    def _member(
        self, value: object, where: str, key: str, cls: type | None, *, spans: bool, severities: bool
    ) -> object:
        if cls is not None and is_dataclass(cls):
            if key not in {f.name for f in fields(cls)}:
                self.wrong(where, unknown(key, [f.name for f in fields(cls)]))
            return self._value(cls, key, value, where)
        return self.plain(value, where, spans=spans, severities=severities)

    def text(self, value: str, where: str) -> str:
        """Follows `env:NAME`, `file:path` and `${NAME:-default}`. What came by reference is a secret."""
        if value.startswith("env:"):
            return self._secret(self.environ.get(value[4:]), where, f"set the environment variable {value[4:]}")
        if value.startswith("file:"):
            path = self.folder / Path(value[5:]).expanduser()
            return self._secret(_content(path), where, f"create the file {value[5:]}, with the secret as text")
        return _ENV.sub(lambda match: self._variable(match, where), value)

    def _secret(self, value: str | None, where: str, remedy: str) -> str:
        if not value:
            self.wrong(where, f"is missing or empty: {remedy}")
            return ""
        self.secrets.append(value)
        return value

    def _variable(self, match: re.Match[str], where: str) -> str:
        name, default = match.groups()
        value: str | None = self.environ.get(name, default) or default
        if value is None:
            self.wrong(where, f"set the environment variable {name}, or give a default: ${{{name}:-...}}")
        return value or ""


def is_plain(value: object) -> bool:
    """A secret written into the file itself instead of being referred to."""
    return isinstance(value, str) and bool(value) and not value.startswith(("env:", "file:", "${"))


def unknown(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    return "is no setting" + (f"; did you mean {close[0]}?" if close else f"; known are: {', '.join(names)}")


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(cls: type[Any]) -> TypeAdapter[Any]:
    """Built once a class: it costs milliseconds."""
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def _inner(hint: Any) -> type | None:
    """The dataclass that a field holds (alone, in a tuple or in a mapping), if any."""
    found = [arg for arg in (hint, *get_args(hint)) if isinstance(arg, type) and is_dataclass(arg)]
    return found[0] if found else None


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, set | frozenset) else value for key, value in given.items()}


def _told(cls: type[Any], where: str, error: ValidationError) -> dict[str, list[str]]:
    """What is wrong, by key. A value that is none of the several kinds that a setting may be is one mistake."""
    told: dict[str, list[str]] = {}
    kinds = {f.name: [kind for kind in get_args(f.type) if kind is not type(None)] for f in fields(cls)}
    several = {f.name for f in fields(cls) if get_origin(f.type) in (Union, UnionType) and len(kinds[f.name]) > 1}
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        loc = problem["loc"][:1] if problem["loc"] and problem["loc"][0] in several else problem["loc"]
        told.setdefault(_path(where, loc), []).append(_words(problem))
    return told


def _path(where: str, loc: tuple[int | str, ...]) -> str:
    return where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)


_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "time_delta_type": 'must be a span like "90s", "15m", "2h" or "1d"',
    "time_delta_parsing": 'must be a span like "90s", "15m", "2h" or "1d"',
    "tuple_type": "must be a list in [ ]",
    "frozen_set_type": "must be a list in [ ]",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "dataclass_type": "must be a table",
    "time_parsing": 'must be a time of day like "08:00"',
    "time_type": 'must be a time of day like "08:00"',
}


def _words(problem: Mapping[str, Any]) -> str:
    kind = str(problem["type"])
    said = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return _WORDS.get(kind) or said.replace("should be", "must be")


def environment() -> Mapping[str, str]:
    return os.environ


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


class Placeholders(dict[str, str]):
    """The environment, with something made up for what is not set: for commands that need no secret to be real."""

    def __init__(self) -> None:
        super().__init__(os.environ)

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(key) or default or f"not set: {key}"
