"""Pipedrive's fields of one's own: a hash each where they are read and written, a name and labels for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pollers.rest_map import word
from pollers.rows import child, line


@dataclass(frozen=True, slots=True)
class Own:
    """One field: its code (a hash), its name as one word, and the labels of its options by their ids."""

    code: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def shown(self, value: Any) -> Any:
        """A value as people know it: an option's label, an amount without its currency."""
        if isinstance(value, Mapping):
            return value.get("value")
        if isinstance(value, list):
            return ", ".join(self.options.get(line(one), line(one)) for one in value)
        return self.options.get(line(value), value) if self.options else value

    def stored(self, value: str) -> Any:
        """The other way. ValueError when it is the label of no option."""
        if not self.options:
            return value
        for key, label in self.options.items():
            if label.lower() == value.lower():
                return int(key) if key.isdigit() else key
        raise ValueError(f"{value!r} is no option of {self.name}; there are {', '.join(self.options.values())}")


def fields_of(rows: Sequence[Any]) -> dict[str, Own]:
    """By code. Version 2 calls code and name otherwise than version 1."""
    found: dict[str, Own] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        code = line(row.get("field_code") or row.get("key"), 100)
        name = word(row.get("field_name") or row.get("name"))
        options = row.get("options")
        listed = [one for one in options if isinstance(one, Mapping)] if isinstance(options, list) else []
        if code and name:
            found[code] = Own(code, name, {line(one.get("id"), 50): line(one.get("label"), 100) for one in listed})
    return found


def flat(raw: Any, fields: Mapping[str, Own]) -> Any:
    """A row with its own fields by their names; a name that Pipedrive uses itself stays Pipedrive's."""
    if not isinstance(raw, Mapping):
        return raw
    own = child(raw, "custom_fields")
    named = {fields[code].name: fields[code].shown(value) for code, value in own.items() if code in fields}
    return {**named, **{name: value for name, value in raw.items() if name != "custom_fields"}}
