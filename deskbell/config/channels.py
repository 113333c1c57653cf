"""[channels.NAME]: the systems that people and records are told through, beside the chats."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from channels.catalog import SERVICES, service
from channels.engine import TELLS
from channels.service import Role, Service
from deskbell.config.strict import Reading, unknown
from deskbell.core.ports import Destination
from deskbell.net.egress import Forbidden, checked_base
from deskbell.vendors.hears import Ear, VendorHook

COMMON = ("kind", "hook", "answers")  # the settings of every channel, beside the vendor's own
MAY_ANSWER = ("ack", "note", "escalate", "resolve")
OPTIONS = {"tells": f"what it is told: {', '.join(TELLS)}"}


@dataclass(frozen=True, slots=True)
class ChannelSetting:
    """`answers`: what people may do by writing back. `ear`: where the vendor calls us, if it may."""

    name: str
    kind: str
    conf: Any
    answers: frozenset[str] = frozenset()
    ear: Ear | None = None

    @property
    def service(self) -> Service:
        return service(self.kind)

    @property
    def hook_address(self) -> str:
        """What the vendor is told to call, with the secret where that is the end of the address."""
        if self.ear is None:
            return ""
        return f"{self.ear.address}/{self.ear.hook.secrets[0]}" if self.ear.in_path else self.ear.address

    @property
    def hears(self) -> bool:
        """Whether what people write there is heard."""
        asked = any(ask.of == "inbox" and ask.ready(self.conf) for ask in self.service.asks)
        return Role.ACKNOWLEDGE in self.service.roles and (asked or (self.ear is not None and self.ear.hears.words))

    @property
    def receipted(self) -> bool:
        """Whether the vendor says when a message has arrived."""
        asked = any(ask.of in ("messages", "answers") and ask.ready(self.conf) for ask in self.service.asks)
        return bool(self.service.receipts) and (asked or self.ear is not None)


def kind_of(name: str, table: object) -> str:
    """Which vendor it is: what `kind` says, or else the table's own name."""
    return str(table.get("kind", name)) if isinstance(table, Mapping) else name


def read_channels(reading: Reading, data: object, public_url: str = "") -> dict[str, ChannelSetting]:
    out: dict[str, ChannelSetting] = {}
    if not isinstance(data, Mapping):
        reading.wrong("channels", "must be tables, like [channels.NAME]")
        return out
    for name, table in data.items():
        where, kind = f"channels.{name}", kind_of(name, table)
        if kind not in SERVICES:
            reading.wrong(f"{where}.kind", unknown(kind, SERVICES).replace("setting", "kind of channel"))
            continue
        given = table if isinstance(table, Mapping) else {}
        rest = {key: value for key, value in given.items() if key not in COMMON} if given else table
        conf = reading.table(service(kind).conf, rest, where)
        answers = _answers(reading, given, service(kind), where)
        hook = reading.table(VendorHook, given["hook"], f"{where}.hook") if "hook" in given else None
        if conf is not None and _complete(reading, service(kind), conf, where):
            ear = _ear(reading, name, service(kind), conf, hook, public_url) if hook else None
            if "hook" not in given and (hears := service(kind).hears) and hears.needed:
                reading.wrong(f"{where}.hook", f"is missing: {service(kind).title} asks us what to say")
            out[name] = ChannelSetting(name, kind, conf, answers, ear)
    return out


def _answers(reading: Reading, table: Mapping[str, Any], row: Service, where: str) -> frozenset[str]:
    """A number and a sender can be forged, so that little may be done from there unless somebody says otherwise."""
    given = table.get("answers", list(row.answers))
    if not isinstance(given, list) or not all(verb in MAY_ANSWER for verb in given):
        reading.wrong(f"{where}.answers", f"must be a list of {', '.join(MAY_ANSWER)}")
        return frozenset()
    return frozenset(given)


def _ear(reading: Reading, name: str, row: Service, conf: Any, hook: VendorHook, public_url: str) -> Ear | None:
    """[channels.NAME.hook], with what it alone can't know."""
    where = f"channels.{name}.hook"
    if row.hears is None:
        reading.wrong(where, f"{row.title} does not call us")
        return None
    if not public_url:
        reading.wrong(where, "nobody can call us: set server.public_url")
    if hook.raises and Role.TRIGGER not in row.roles:
        reading.wrong(f"{where}.raises", f"{row.title} raises no alerts")
    if not hook.raises and row.roles == {Role.NOTIFY, Role.TRIGGER}:
        reading.wrong(f"{where}.raises", "is missing: the team of the alerts that its calls raise")
    ear = Ear.of(name, row.hears, conf, hook, public_url)
    if row.hears.secrets and not hook.secrets:
        reading.wrong(f"{where}.secrets", f"is missing: {row.hears.secrets}")
        return None
    return ear


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


def check_raises(
    reading: Reading, data: object, teams: Collection[str], destinations: Mapping[str, Destination]
) -> None:
    """Alerts that channels raise: for a team that there is, and never by what we say ourselves."""
    for name, table in _tables(data).items():
        given = _tables(table)
        team = _tables(given.get("hook")).get("raises")
        if not team:
            continue
        if teams and team not in teams:
            reading.wrong(f"channels.{name}.hook.raises", unknown(str(team), teams).replace("setting", "team"))
        topics = given.get("topics")
        for to in destinations.values():
            if isinstance(topics, list) and to.address in topics:
                reading.wrong(
                    f"destinations.{to.name}.address",
                    f"is a topic that raises alerts (channels.{name}): our own words would come back as another one",
                )


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
