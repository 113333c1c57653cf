"""Records as JSON-ready data and back, and what counts as a change of one."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, get_args

from deskbell.core.records.kinds import KINDS, Record, kind_of

# A source moves these whenever anything happens, our own notes included; alone they are no change.
_BLANK: tuple[Any, ...] = ("", None, [])
_NOT_A_CHANGE = frozenset({"updated_at"})


def to_data(record: Record) -> dict[str, Any]:
    """The record as JSON-ready data, blanks left out; `from_data` reverses it."""
    data: dict[str, Any] = {"kind": kind_of(record)}
    cls: Any = type(record)
    for name, needed in _names(cls):
        value = _plain(getattr(record, name))
        if needed or value not in _BLANK:
            data[name] = value
    return data


@cache
def _names(cls: Any) -> tuple[tuple[str, bool], ...]:
    """The fields, and whether each is needed to make one."""
    return tuple((f.name, f.default is MISSING) for f in fields(cls))


def from_data(data: Mapping[str, Any]) -> Record:
    """The record that `to_data` wrote; fields a newer version wrote are ignored, so that a rollback can read them."""
    made: Record = _made(KINDS[data["kind"]], data)
    return made


def fingerprint(record: Record) -> str:
    """Equal for two readings of a record in which nothing that matters differs."""
    data = {k: v for k, v in to_data(record).items() if k not in _NOT_A_CHANGE}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def moments_of(cls: type[Any]) -> frozenset[str]:
    """The fields of a kind of record that hold a moment."""
    return frozenset(f.name for f in fields(cls) if _holds(f.type, datetime))


def days_of(cls: type[Any]) -> frozenset[str]:
    """Those that hold a day."""
    return frozenset(f.name for f in fields(cls) if _holds(f.type, date))


def amounts_of(cls: type[Any]) -> frozenset[str]:
    """Those that hold an amount of money."""
    return frozenset(f.name for f in fields(cls) if _holds(f.type, Decimal))


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [{name: _plain(getattr(item, name)) for name, _ in _names(item.__class__)} for item in value]
    return value


def _made(cls: Any, data: Mapping[str, Any]) -> Any:
    revive = _revivers(cls)
    return cls(**{name: _revived(revive[name], value) for name, value in data.items() if name in revive})


def _revived(revive: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if revive is None or value is None else revive(value)


@cache
def _revivers(cls: Any) -> Mapping[str, Callable[[Any], Any] | None]:
    """For each field what makes its value of the data; None where that is the value itself."""
    return {f.name: _reviver(f.type) for f in fields(cls)}


def _reviver(hint: Any) -> Callable[[Any], Any] | None:
    for kind, revive in ((datetime, datetime.fromisoformat), (date, date.fromisoformat), (Decimal, _amount)):
        if _holds(hint, kind):
            return revive
    inner = (get_args(hint) or (hint,))[0]
    if is_dataclass(inner):
        return lambda items: tuple(_made(inner, item) for item in items)
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        # A newer version's word, after a rollback: told to people where there is a word for that.
        known, spare = {word.value: word for word in inner}, _spare(inner)
        return lambda value: known.get(value, spare)
    return None


def _spare(words: type[StrEnum]) -> StrEnum:
    names = words.__members__
    return names.get("UNKNOWN") or names.get("NORMAL") or next(iter(names.values()))


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _holds(hint: Any, kind: type[Any]) -> bool:
    return kind in (get_args(hint) or (hint,))
