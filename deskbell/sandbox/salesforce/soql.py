"""SOQL, a subset: read, refused and worked out as Salesforce does it.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox.clock import parse as seconds
from deskbell.sandbox.web import Json

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))|(?P<day>\d{4}-\d\d-\d\d)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w.]*)|(?P<sign><=|>=|!=|=|<|>|\(|\)|,))"
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
MOST = 100_000  # characters

Value = Callable[[Json, str], Any]  # row, dotted field -> its value
Test = Callable[[Json, Value], bool]


class Malformed(ValueError):
    """400, with Salesforce's code."""

    def __init__(self, message: str, code: str = "MALFORMED_QUERY") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Query:
    fields: list[str] = field(default_factory=list)
    children: "dict[str, Query]" = field(default_factory=dict)
    what: str = ""
    test: Test = lambda _row, _value: True
    named: list[str] = field(default_factory=list)  # fields of the conditions and of the order
    order: list[tuple[str, bool]] = field(default_factory=list)
    limit: int | None = None

    def rows(self, rows: Sequence[Json], value: Value) -> list[Json]:
        found = [row for row in rows if self.test(row, value)]
        for name, descending in reversed(self.order):
            found.sort(key=lambda row: rank(value(row, name)), reverse=descending)
        return found if self.limit is None else found[: self.limit]


def parse(text: str) -> Query:
    if len(text) > MOST:
        raise Malformed("SOQL statements cannot be longer than 100000 characters", "QUERY_TOO_COMPLICATED")
    reader = Reader(tokens(text))
    query = reader.query()
    reader.end()
    return query


def tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Malformed(f"unexpected token: {text[at : at + 20]!r}")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


class Reader:
    """Recursive descent over the tokens."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found, self.at = found, 0

    def peek(self) -> tuple[str, str]:
        return self.found[self.at] if self.at < len(self.found) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def word(self, *wanted: str) -> bool:
        """Takes a keyword if it is there."""
        if self.peek()[1].upper() in wanted:
            self.at += 1
            return True
        return False

    def need(self, wanted: str) -> None:
        if not self.word(wanted):
            raise Malformed(f"expecting {wanted}, found {self.peek()[1]!r}")

    def end(self) -> None:
        if self.at < len(self.found):
            raise Malformed(f"unexpected token: {self.peek()[1]!r}")

    def query(self) -> Query:
        query = Query()
        self.need("SELECT")
        while True:
            if self.word("("):
                child = self.query()
                self.need(")")
                query.children[child.what] = child
            else:
                query.fields.append(self.name())
            if not self.word(","):
                break
        self.need("FROM")
        query.what = self.name()
        if self.word("WHERE"):
            query.test = self.either(query)
        if self.word("ORDER"):
            self.need("BY")
            query.order = self.ordering(query)
        if self.word("LIMIT"):
            query.limit = int(self.literal())
        return query

    def name(self) -> str:
        kind, text = self.take()
        if kind != "word":
            raise Malformed(f"unexpected token: {text!r}")
        return text

    def ordering(self, query: Query) -> list[tuple[str, bool]]:
        found = []
        while True:
            name = self.name()
            query.named.append(name)
            descending = self.word("DESC")
            if not descending:
                self.word("ASC")
            found.append((name, descending))
            if not self.word(","):
                return found

    def either(self, query: Query) -> Test:
        """One kind of AND or OR on a level: mixed ones need parentheses."""
        parts, joint = [self.part(query)], ""
        while self.peek()[1].upper() in ("AND", "OR"):
            one = self.take()[1].upper()
            if joint not in ("", one):
                raise Malformed(f"unexpected token: {one!r}")
            joint = one
            parts.append(self.part(query))
        join = any if joint == "OR" else all
        return lambda row, value: join(part(row, value) for part in parts)

    def part(self, query: Query) -> Test:
        if self.word("("):
            inner = self.either(query)
            self.need(")")
            return inner
        name = self.name()
        query.named.append(name)
        if self.word("IN"):
            wanted = self.listed()
            return lambda row, value: value(row, name) in wanted
        sign, literal = self.take()[1], self.literal()
        return compared(name, sign, literal)

    def listed(self) -> list[Any]:
        self.need("(")
        found = [self.literal()]
        while self.word(","):
            found.append(self.literal())
        self.need(")")
        return found

    def literal(self) -> Any:
        kind, text = self.take()
        if kind == "text":
            return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text[1:-1])
        if kind in ("moment", "day"):
            return seconds(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        words = {"TRUE": True, "FALSE": False, "NULL": None}
        if kind == "word" and text.upper() in words:
            return words[text.upper()]
        raise Malformed(f"unexpected token: {text!r}")


def compared(name: str, sign: str, wanted: Any) -> Test:
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda have: have == wanted,
        "!=": lambda have: have != wanted,
        "<": lambda have: have is not None and have < wanted,
        "<=": lambda have: have is not None and have <= wanted,
        ">": lambda have: have is not None and have > wanted,
        ">=": lambda have: have is not None and have >= wanted,
    }
    if sign not in tests:
        raise Malformed(f"unexpected token: {sign!r}")
    test = tests[sign]
    return lambda row, value: test(value(row, name))


def rank(value: Any) -> tuple[bool, Any]:
    """Nothing comes first."""
    return (value is not None, value if value is not None else 0)
