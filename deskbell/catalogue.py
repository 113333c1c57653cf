"""What Deskbell can be connected to, told from the tables that the program itself works by."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deskbell.core.rules import RULES
from deskbell.vendors.hooks import usual
from pollers.catalog import KINDS, Row

# Every source against its stand-in; whatever stands in there is tried by `deskbell check --sandbox`.
SANDBOX = Path(__file__).parent / "sandbox" / "sources.toml"


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of source. `hook` is how its system usually proves a call to POST /hooks/NAME, `rules` look at a record
    of its own or at one that has to do with it, `sandbox`: there is a stand-in of it.
    """

    name: str
    title: str
    roles: tuple[str, ...]
    records: tuple[str, ...]
    rules: tuple[str, ...]
    auth: tuple[str, ...]
    hook: str
    docs: str
    sandbox: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sources() -> list[Source]:
    """In the order in which the program lists them."""
    tried = stand_ins()
    return [_source(name, row, sandbox=name in tried) for name, row in KINDS.items()]


def stand_ins() -> frozenset[str]:
    """The kinds of sources of the sandbox's own configuration."""
    tables: Mapping[str, Mapping[str, Any]] = tomllib.loads(SANDBOX.read_text(encoding="utf-8"))["sources"]
    return frozenset(str(table.get("kind", name)) for name, table in tables.items())


def _source(name: str, row: Row, *, sandbox: bool) -> Source:
    return Source(
        name=name,
        title=row.title,
        roles=("poll", "hooks", *(["write-back"] if row.writes else [])),
        records=row.records,
        rules=tuple(r.name for r in RULES.values() if r.kind in row.records or set(r.related) & set(row.records)),
        auth=row.login,
        hook=usual(name).way,
        docs=row.docs,
        sandbox=sandbox,
    )
