"""[channels.NAME]: the systems that people and records are told through, beside the chats."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.catalog import SERVICES, service
from channels.engine import TELLS
from channels.service import Role, Service
from deskbell.config.strict import Reading, unknown
from deskbell.core.ports import Destination
from deskbell.net.egress import Forbidden, checked_base

OPTIONS = {"tells": f"what it is told: {', '.join(TELLS)}"}


@dataclass(frozen=True, slots=True)
class ChannelSetting:
    name: str
    kind: str
    conf: Any

    @property
    def service(self) -> Service:
        return service(self.kind)


def kind_of(name: str, table: object) -> str:
    """Which vendor it is: what `kind` says, or else the table's own name."""
    return str(table.get("kind", name)) if isinstance(table, Mapping) else name


def read_channels(reading: Reading, data: object) -> dict[str, ChannelSetting]:
    out: dict[str, ChannelSetting] = {}
    if not isinstance(data, Mapping):
        reading.wrong("channels", "must be tables, like [channels.NAME]")
        return out
    for name, table in data.items():
        where, kind = f"channels.{name}", kind_of(name, table)
        if kind not in SERVICES:
            reading.wrong(f"{where}.kind", unknown(kind, SERVICES).replace("setting", "kind of channel"))
            continue
        rest = {key: value for key, value in table.items() if key != "kind"} if isinstance(table, Mapping) else table
        conf = reading.table(service(kind).conf, rest, where)
        if conf is not None and _complete(reading, service(kind), conf, where):
            out[name] = ChannelSetting(name, kind, conf)
    return out


def _complete(reading: Reading, row: Service, conf: Any, where: str) -> bool:
    """A setting that was left blank is as good as missing."""
    before = len(reading.problems)
    for key in row.needed():
        if not getattr(conf, key) and f"{where}.{key}: " not in "\n".join(reading.problems):
            reading.wrong(f"{where}.{key}", f"is empty; {row.title} needs it, see {row.docs}")
    if base := getattr(conf, "base_url", ""):
        try:
            checked_base(base, allow_http=getattr(conf, "allow_http", False))
        except Forbidden as error:
            reading.wrong(f"{where}.base_url", str(error))
    return len(reading.problems) == before


def check_destination(reading: Reading, to: Destination, data: object) -> None:
    """Whether a destination fits the channel of [channels] that it names as its platform."""
    where, kind = f"destinations.{to.name}", kind_of(to.platform, _tables(data).get(to.platform))
    if kind not in SERVICES:
        return  # told where the channel is read
    row = service(kind)
    if not row.address.pattern.fullmatch(to.address):
        reading.wrong(f"{where}.address", row.address.hint)
    for key in to.options:
        if key not in {**OPTIONS, **row.options}:
            reading.wrong(f"{where}.options.{key}", unknown(key, {**OPTIONS, **row.options}))
    if to.options.get("tells", TELLS[0]) not in TELLS:
        reading.wrong(f"{where}.options.tells", f"must be one of {', '.join(TELLS)}")


def secret_addresses(destinations: Mapping[str, Destination], channels: Mapping[str, ChannelSetting]) -> dict[str, str]:
    """The addresses that nobody may read, by destination."""
    found = {name: to for name, to in destinations.items() if to.platform in channels}
    return {
        name: to.address for name, to in found.items() if to.address and channels[to.platform].service.address.secret
    }


def records_of(destinations: Mapping[str, Destination], channels: Mapping[str, ChannelSetting]) -> dict[str, str]:
    """The destinations that keep a record of each alert, and what people call them."""
    found = {name: channels[to.platform].service for name, to in destinations.items() if to.platform in channels}
    return {name: row.title for name, row in found.items() if row.open is not None}


def silent_of(destinations: Mapping[str, Destination], channels: Mapping[str, ChannelSetting]) -> frozenset[str]:
    """The destinations whose system tells nobody."""
    found = {name: channels[to.platform].service for name, to in destinations.items() if to.platform in channels}
    return frozenset(name for name, row in found.items() if Role.NOTIFY not in row.roles)


def _tables(data: object) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}
