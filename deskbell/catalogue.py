"""What Deskbell can be connected to, told from the tables that the program itself works by."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import orjson

from channels.catalog import SERVICES, service
from channels.service import Role, Service
from deskbell.core.rules import RULES
from deskbell.vendors.hooks import usual
from pollers.catalog import KINDS, Row

# Every source against its stand-in; whatever stands in there is tried by `deskbell check --sandbox`.
SANDBOX = Path(__file__).parent / "sandbox" / "sources.toml"
# The requests that each system is known to get; they come with the tests.
GOLDEN = Path(__file__).parents[1] / "tests" / "vendors" / "golden"


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


# ---------------------------------------------------------------- the ways out beside the chats


@dataclass(frozen=True, slots=True)
class System:
    """A system that people and records are told through. `roles`: N notify, R record, T trigger, A acknowledge;
    `idempotency`: what happens after a lost answer; `golden`: so many of its requests are kept as files.
    """

    name: str
    title: str
    roles: tuple[str, ...]
    auth: str
    idempotency: str
    acks: str
    receipts: str
    docs: str
    golden: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def systems() -> list[System]:
    """By name."""
    return [_system(service(name)) for name in SERVICES]


def _system(row: Service) -> System:
    return System(
        name=row.name,
        title=row.title,
        roles=tuple(role for role in Role if role in row.roles),
        auth=row.auth(_any(row.conf)).kind.replace("_", " "),
        idempotency=row.again,
        acks=row.acks,
        receipts=row.receipts,
        docs=row.docs,
        golden=_kept(row.name),
    )


def _kept(name: str) -> int:
    file = GOLDEN / f"{name}.json"
    return len(orjson.loads(file.read_bytes())) if file.is_file() else 0


def _any(conf: type[Any]) -> Any:
    """Settings of which only the kind of login counts."""
    hints = get_type_hints(conf)
    needed = (f.name for f in fields(conf) if f.default is MISSING and f.default_factory is MISSING)
    return conf(**{name: {} if hints[name] not in (str, int) else hints[name]() for name in needed})
