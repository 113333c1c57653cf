"""A few words to say what a JSON value must look like; a violation reads as Slack words it.

Every check takes the value and its JSON pointer and yields complaints such as
`must be less than 151 characters [json-pointer:/blocks/0/text/text]`.
"""

from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def complaint(text: str, at: str) -> str:
    return f"{text} [json-pointer:{at or '/'}]"


def string(limit: int | None = None, *, least: int = 0, one_of: tuple[str, ...] = ()) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield complaint("must be a string", at)
        elif limit is not None and len(value) > limit:
            yield complaint(f"must be less than {limit + 1} characters", at)
        elif len(value) < least:
            yield complaint(f"must be more than {least - 1} characters", at)
        elif one_of and value not in one_of:
            yield complaint("must be a valid enum value", at)

    return check


def boolean(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield complaint("must be a boolean", at)


def integer(low: int, high: int) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield complaint("must be an integer", at)
        elif not low <= value <= high:
            yield complaint(f"must be between {low} and {high}", at)

    return check


def anything(value: Any, at: str) -> Iterator[str]:  # noqa: ARG001 - a Check that has no complaint
    yield from ()


def array(low: int, high: int, each: Check) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield complaint("must be an array", at)
        elif len(value) < low:
            yield complaint(f"no fewer than {low} items allowed", at)
        elif len(value) > high:
            yield complaint(f"no more than {high} items allowed", at)
        else:
            for index, item in enumerate(value):
                yield from each(item, f"{at}/{index}")

    return check


def obj(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    known = required | (optional or {})

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield complaint("must be an object", at)
            return
        yield from (complaint(f"missing required field: {name}", at) for name in required if name not in value)
        for name, part in value.items():
            if name not in known:
                yield complaint(f"invalid additional property: {name}", at)
            elif part is not None or name in required:
                yield from known[name](part, f"{at}/{name}")

    return check


def by_type(kinds: dict[str, Check], what: str) -> Check:
    """Objects told apart by their `type`."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield complaint("must be an object", at)
        elif value.get("type") not in kinds:
            yield complaint(f"unsupported type: {value.get('type')} ({what})", f"{at}/type")
        else:
            yield from kinds[value["type"]](value, at)

    return check


def in_turn(*checks: Check) -> Check:
    """Each check may rely on the one before: the first that complains is the last."""

    def check(value: Any, at: str) -> Iterator[str]:
        for one in checks:
            found = list(one(value, at))
            yield from found
            if found:
                return

    return check
