"""Encoded queries, a subset. What it does not understand it drops without a word, as ServiceNow does.

https://www.servicenow.com/docs/bundle/utah-platform-user-interface/page/use/common-ui-elements/reference/r_OpAvailableFiltersQueries.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from deskbell.sandbox.web import Json

Value = Callable[[Json, str], str | None]  # row, dotted field -> its stored value; None: no such field
Test = Callable[[str], bool]

OPERATORS = ("ISNOTEMPTY", "ISEMPTY", "STARTSWITH", "ENDSWITH", "BETWEEN", "NOT LIKE", "NOT IN", "LIKE", "IN",
             "!=", ">=", "<=", ">", "<", "=")  # fmt: skip
PART = re.compile(r"([A-Za-z_][\w.]*?)(" + "|".join(map(re.escape, OPERATORS)) + r")(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    test: Test


@dataclass(slots=True)
class Query:
    """A union (^NQ) of conjunctions (^) of alternatives (^OR)."""

    groups: list[list[list[Condition]]] = field(default_factory=lambda: [[]])
    order: list[tuple[str, bool]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)  # what it did not understand

    def matches(self, row: Json, value: Value) -> bool:
        return any(all(any(holds(c, row, value) for c in either) for either in group) for group in self.groups)

    def sort(self, rows: list[Json], value: Value) -> list[Json]:
        for name, descending in reversed(self.order):
            rows = sorted(rows, key=lambda row: sort_key(value(row, name) or ""), reverse=descending)
        return rows


def holds(condition: Condition, row: Json, value: Value) -> bool:
    return condition.test(value(row, condition.field) or "")


def parse(text: str, known: Callable[[str], bool]) -> Query:
    """`^OR` binds to the condition directly before it. A field nobody knows, or an operator, is left out silently."""
    query = Query()
    for part in re.split(r"\^(?!\^)", text):
        if part == "EQ" or not part:
            continue
        if part.startswith("ORDERBY"):
            descending = part.startswith("ORDERBYDESC")
            name = part.removeprefix("ORDERBYDESC" if descending else "ORDERBY")
            query.order += [(name, descending)] if known(name) else []
            continue
        if part.startswith("NQ"):
            query.groups.append([])
            part = part[2:]  # noqa: PLW2901 - the rest is an ordinary condition
        if not _add(query.groups[-1], part, known):
            query.dropped.append(part)
    return query


def _add(group: list[list[Condition]], part: str, known: Callable[[str], bool]) -> bool:
    """Whether it was understood."""
    alternative = part.startswith("OR")
    condition = read(part[2:] if alternative else part, known)
    if condition is None:
        return False
    if alternative and group:
        group[-1].append(condition)
    else:
        group.append([condition])
    return True


def read(text: str, known: Callable[[str], bool]) -> Condition | None:
    match = PART.fullmatch(text)
    if match is None or not known(match[1]):
        return None
    return Condition(match[1], test_of(match[2], match[3]))


def test_of(operator: str, wanted: str) -> Test:
    low = wanted.lower()
    low_end, _, high_end = wanted.partition("@")
    tests: dict[str, Test] = {
        "=": lambda have: have.lower() == low,
        "!=": lambda have: have.lower() != low,
        ">": lambda have: compare(have, wanted) > 0,
        ">=": lambda have: compare(have, wanted) >= 0,
        "<": lambda have: compare(have, wanted) < 0,
        "<=": lambda have: compare(have, wanted) <= 0,
        "IN": lambda have: have in wanted.split(","),
        "NOT IN": lambda have: have not in wanted.split(","),
        "LIKE": lambda have: low in have.lower(),
        "NOT LIKE": lambda have: low not in have.lower(),
        "STARTSWITH": lambda have: have.lower().startswith(low),
        "ENDSWITH": lambda have: have.lower().endswith(low),
        "ISEMPTY": lambda have: not have,
        "ISNOTEMPTY": bool,
        "BETWEEN": lambda have: compare(have, low_end) >= 0 >= compare(have, high_end),
    }
    return tests[operator]


def compare(have: str, wanted: str) -> int:
    """Numbers as numbers; stored date-times are made to sort as text. An empty value is on neither side."""
    if not have:
        return -1
    left, right = sort_key(have), sort_key(wanted)
    return (left > right) - (left < right)


def sort_key(text: str) -> tuple[float, str]:
    return (float(text), "") if re.fullmatch(r"-?\d+(\.\d+)?", text) else (float("inf"), text)
