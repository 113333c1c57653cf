"""How a database is described in the configuration, checked when it is read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

from pollers.conf import Writeback
from pollers.cursor import OVERLAP
from pollers.rest_conf import fields_of, mapping_problems

_BEGINS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
_PARAMETERS = frozenset({"since", "last_id", "limit", "window_start", "window_end"})


@dataclass(frozen=True, slots=True)
class SqlConf:
    """Any database that SQLAlchemy speaks to, by one SELECT; best of a view made for it. Nothing is ever written.

    `query` may hold :since, :last_id, :limit, :window_start and :window_end. strategy `keyset` needs the first three:
    `WHERE updated_at > :since OR (updated_at = :since AND id > :last_id) ORDER BY updated_at, id LIMIT :limit`;
    `snapshot` reads all rows of the query each time, page by page where it holds :last_id (sorted by id) and :limit.
    A column that has one of our names needs no entry in `fields`.
    """

    url: str = field(repr=False)
    query: str
    name: str = "sql"
    title: str = "Database"
    records: Literal["visit", "case", "account", "order", "invoice", "contract", "leave"] = "visit"
    fields: Mapping[str, str] = field(default_factory=dict)
    strategy: Literal["keyset", "snapshot"] = "keyset"
    one: str = ""  # a SELECT of a single row by :id; needed to refresh a record between polls
    ids: Literal["text", "number"] = "text"  # what :id and :last_id are compared with
    date_format: str = "native"  # of :since and the window; or local (without an offset, in zone), iso_z, epoch_s ...
    timeout: timedelta = timedelta(seconds=30)
    page_size: int = 500
    max_pages: int = 20
    status_map: Mapping[str, str] = field(default_factory=dict)
    priority_map: Mapping[str, str] = field(default_factory=dict)
    web_url: str = ""
    zone: str = "UTC"
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    window_back: timedelta = timedelta(days=2)
    window_ahead: timedelta = timedelta(days=14)
    writeback: Writeback = field(default_factory=lambda: Writeback(enabled=False))

    write: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(problem)
        object.__setattr__(self, "fields", {**self._named_as_ours(), **self.fields})

    def _named_as_ours(self) -> dict[str, str]:
        """Our names that the query speaks of are columns of that name."""
        words = set(re.findall(r"\w+", self.query.lower()))
        every = bool(re.search(r"\*(?!\s*\))", self.query))
        return {name: name for name in fields_of(self.records) if every or name in words}

    def _problems(self) -> Iterator[str]:
        for name, text in (("query", self.query), ("one", self.one or "select")):
            if not _BEGINS.match(text) or ";" in text.rstrip().rstrip(";"):
                yield f"{name}: must be one SELECT"
        if self.one and ":id" not in self.one:
            yield "one: holds no :id"
        used = set(_PARAMETER.findall(_without_texts(self.query)))
        yield from (f"query: :{name} is no parameter" for name in sorted(used - _PARAMETERS))
        if self.strategy == "keyset":
            yield from (f"query: a keyset needs :{n}" for n in ("since", "last_id", "limit") if n not in used)
        elif ("last_id" in used) != ("limit" in used):
            yield "query: :last_id and :limit go together"
        yield from mapping_problems(self)
        needed = ["id", "status", *(["updated_at"] if self.strategy == "keyset" else [])]
        named = {**self._named_as_ours(), **self.fields}
        yield from (f"fields: {name} is missing" for name in needed if name not in named)

    @property
    def paged(self) -> bool:
        return ":last_id" in self.query


def _without_texts(query: str) -> str:
    """Without what stands in quotes: '12:30' holds no parameter."""
    return re.sub(r"'[^']*'", "", query)
