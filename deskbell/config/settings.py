"""config.toml as the program uses it: every section read strictly, cross-checked, handed down as dataclasses."""

import hashlib
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bot.server import ServerConf
from deskbell import instance
from deskbell.config.channels import ChannelSetting, read_channels, records_of, secret_addresses, silent_of
from deskbell.config.customers import lanes_of, with_customers
from deskbell.config.rules import read_rules, tables
from deskbell.config.sense import General, SourceSetting, check_chats, check_ranges, check_rooms, cross_check, named
from deskbell.config.strict import ConfigError, Reading, environment, is_plain, unknown
from deskbell.core.access import Person, Role
from deskbell.core.calendar import Calendar
from deskbell.core.decision import DecisionConf
from deskbell.core.duty import HANDOVER, POLICY
from deskbell.core.history import Recording
from deskbell.core.policy import DEFAULTS, Policy
from deskbell.core.ports import Destination
from deskbell.core.rota import Rota
from deskbell.core.route import Route
from deskbell.core.rules import RuleConf
from deskbell.core.rules.repeats import RepeatConf
from deskbell.core.silence import Window
from deskbell.desk.house import House, OwnRules, SourceFacts
from deskbell.faces.wording import LANGUAGES, Wording, WordingError
from deskbell.net import egress, redact
from deskbell.vendors import workflows
from deskbell.vendors.chats import CHATS
from deskbell.vendors.hooks import Door, HookConf
from deskbell.watch import WatchConf
from pollers import catalog as sources_catalog


@dataclass(frozen=True, slots=True)
class Settings:
    general: General
    house: House
    server: ServerConf
    watch: WatchConf
    chats: Mapping[str, Any]  # platform -> its conf, as deskbell.vendors.chats says
    channels: Mapping[str, ChannelSetting]
    sources: Mapping[str, SourceSetting]
    destinations: Mapping[str, Destination]
    doors: Mapping[str, Door]  # the hooks of sources, by source
    file: Path
    raw: Mapping[str, Any] = field(repr=False, default_factory=dict)
    plain_secrets: tuple[str, ...] = ()  # the keys of secrets that stand in the file itself
    secret_keys: frozenset[str] = frozenset()

    @property
    def database(self) -> str:
        return self.general.database

    @property
    def ways(self) -> dict[str, Destination]:
        """Everything that the courier carries something to: the rooms, and the ways to customers."""
        return {**self.destinations, **lanes_of(self.house)}

    def redacted(self) -> dict[str, Any]:
        """The effective settings for people to see, secrets starred out."""
        starred: dict[str, Any] = _starred(self.raw, "", self.secret_keys)
        return starred


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the file. Raises ConfigError with every mistake at once, before anything was started."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise ConfigError(
            [f"there is no such file that can be read. `deskbell init {path.name}` writes one."], str(path)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"is not valid TOML: {error}"], str(path)) from None
    reading = Reading(environ if environ is not None else environment(), path.parent)
    settings = _settings(reading, raw, path)
    redact.learn(*reading.secrets)
    if reading.problems or settings is None:
        raise ConfigError(reading.problems, path.name)
    egress.allow(settings.general.private_networks)
    return settings


def with_roles(settings: Settings, words: str) -> Settings:
    """With the roles that the command line names, if any ("poll,courier"). Raises ConfigError."""
    asked = [word.strip() for word in words.split(",") if word.strip()]
    if strange := [word for word in asked if word not in instance.ROLES]:
        known = ", ".join(instance.ROLES)
        raise ConfigError([f"there is no role {word[:40]!r}; the roles are {known}" for word in strange], "--roles")
    roles = tuple(role for role in instance.ROLES if role in asked)
    return replace(settings, general=replace(settings.general, roles=roles)) if roles else settings


_SECTIONS = (
    "deskbell",
    "server",
    "watch",
    "calendar",
    "calendars",
    "people",
    "rotas",
    "policies",
    "routes",
    "maintenance",
    "destinations",
    *CHATS,
    "channels",
    "customers",
    "sources",
    "rules",
    "own_rules",
    "repeats",
    "decision",
    "history",
)


def _settings(reading: Reading, raw: Mapping[str, Any], path: Path) -> Settings | None:
    for key in raw:
        if key not in _SECTIONS:
            reading.wrong(key, unknown(key, _SECTIONS))
    general = reading.table(General, raw.get("deskbell", {}), "deskbell")
    server = reading.table(ServerConf, raw.get("server", {}), "server")
    watch = reading.table(WatchConf, raw.get("watch", {}), "watch")
    command = general.command if general else "/desk"
    chats = _chats(reading, raw, command)
    sources = _sources(reading, raw.get("sources", {}))
    doors = _doors(reading, raw.get("sources", {}), sources, server.public_url if server else "")
    destinations = _named(reading, Destination, raw, "destinations")
    channels = read_channels(reading, raw.get("channels", {}), server.public_url if server else "")
    _keep_secret(reading, general or General(), destinations, channels)
    people = _people(reading, raw.get("people", {}), (*named(raw, "sources"), *named(raw, "channels")))
    house = _house(reading, raw, general or General(), people, destinations, sources)
    house = replace(house, records=records_of(destinations, channels), silent=silent_of(destinations, channels))
    house = replace(
        house,
        titles={name: setting.service.title for name, setting in channels.items()},
        answers={name: setting.answers for name, setting in channels.items()},
        sirens=frozenset(name for name, setting in channels.items() if setting.service.hush),
        receipted=frozenset(name for name, setting in channels.items() if setting.receipted),
        public_url=server.public_url if server else "",
    )
    if "customers" in raw:
        house = with_customers(reading, house, raw["customers"], channels, chats)
    cross_check(reading, house, general, raw)
    check_chats(reading, chats)
    check_ranges(reading, general, sources)
    check_rooms(reading, watch, raw)
    if reading.problems or general is None or server is None or watch is None:
        return None
    keys = frozenset(reading.secret_keys)
    plain = tuple(sorted(_plain(raw, "", keys)))
    return Settings(
        general, house, server, watch, chats, channels, sources, destinations, doors, path, raw, plain, keys
    )


def _chats(reading: Reading, raw: Mapping[str, Any], command: str) -> dict[str, Any]:
    """The chats that the file has a section for."""
    made = {
        name: reading.table(chat.conf, raw[name], name, command=command) for name, chat in CHATS.items() if name in raw
    }
    return {name: conf for name, conf in made.items() if conf is not None}


def _keep_secret(
    reading: Reading,
    general: General,
    destinations: Mapping[str, Destination],
    channels: Mapping[str, ChannelSetting],
) -> None:
    """Whoever has the address of a flow may post there; the address of a database may hold a password."""
    for name, address in secret_addresses(destinations, channels).items():
        reading.secret_keys.append(f"destinations.{name}.address")
        reading.secrets.append(address)
    if password := _password(general.database):
        reading.secret_keys.append("deskbell.database")
        reading.secrets += [password, unquote(password)]
    for name, destination in destinations.items():
        if destination.platform == workflows.PLATFORM:
            reading.secret_keys.append(f"destinations.{name}.address")
            reading.secrets += workflows.secrets_of(destination.address)


def _password(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:  # the database tells what is wrong with it
        return ""


def _named(
    reading: Reading, cls: type[Any], raw: Mapping[str, Any], section: str, *, knows_its_name: bool = True
) -> dict[str, Any]:
    """A section of tables whose keys are names: [rotas.dispatch] is a Rota called dispatch."""
    out = {}
    for name, table in tables(reading, raw.get(section, {}), section):
        given = {"name": name} if knows_its_name else {}
        if (made := reading.table(cls, table, f"{section}.{name}", **given)) is not None:
            out[name] = made
    return out


def _people(reading: Reading, data: object, sources: tuple[str, ...]) -> dict[str, Person]:
    """[people.ana]; besides the person's own fields, `slack = "U..."` or `freshdesk = "123"` give accounts there."""
    out = {}
    # A person's `teams` are the teams of this house; the account in Microsoft Teams has another key.
    known = {chat.account or name: name for name, chat in CHATS.items()} | {name: name for name in sources}
    for name, table in tables(reading, data, "people"):
        if not isinstance(table, Mapping):
            reading.wrong(f"people.{name}", "must be a table")
            continue
        accounts = {known[key]: str(value) for key, value in table.items() if key in known}
        rest = {key: value for key, value in table.items() if key not in known}
        roles = rest.get("roles", [])
        for role in roles if isinstance(roles, list) else ():
            if role not in tuple(Role):
                what = unknown(str(role), Role).replace("setting", "role")
                reading.wrong(f"people.{name}.roles", f"{str(role)[:20]!r} {what}")
                rest["roles"] = []  # told once
        if person := reading.table(Person, rest, f"people.{name}", id=name, accounts=accounts):
            out[name] = person
    return out


def _sources(reading: Reading, data: object) -> dict[str, SourceSetting]:
    out = {}
    for name, table in tables(reading, data, "sources"):
        where = f"sources.{name}"
        if not isinstance(table, Mapping):
            reading.wrong(where, "must be a table")
            continue
        kind = str(table.get("kind", name))
        if kind not in sources_catalog.KINDS:
            reading.wrong(f"{where}.kind", unknown(kind, sources_catalog.KINDS).replace("setting", "kind of source"))
            continue
        rest = {key: value for key, value in table.items() if key not in ("kind", "hook")}
        conf = reading.table(sources_catalog.KINDS[kind].load_conf(), rest, where, name=name)
        if conf is not None:
            out[name] = SourceSetting(name, kind, conf)
    return out


def _doors(reading: Reading, data: object, sources: Mapping[str, SourceSetting], public_url: str) -> dict[str, Door]:
    """[sources.NAME.hook], for those that say it."""
    given = data.items() if isinstance(data, Mapping) else ()
    doors = {}
    for name, hook in (
        (name, table["hook"]) for name, table in given if isinstance(table, Mapping) and "hook" in table
    ):
        where = f"sources.{name}.hook"
        conf = reading.table(HookConf, hook, where)
        if conf is None or name not in sources:
            continue
        doors[name] = door = Door.of(name, sources[name].kind, conf, public_url)
        for key, why in door.problems(public_url):
            reading.wrong(f"{where}.{key}", why)
    return doors


def _routes(reading: Reading, data: object) -> tuple[Route, ...]:
    if not isinstance(data, list):
        reading.wrong("routes", "must be a list of tables, each begun with [[routes]]")
        return ()
    made = [reading.table(Route, table, f"routes[{i}]") for i, table in enumerate(data)]
    return tuple(route for route in made if route is not None)


def _house(
    reading: Reading,
    raw: Mapping[str, Any],
    general: General,
    people: Mapping[str, Person],
    destinations: Mapping[str, Destination],
    sources: Mapping[str, SourceSetting],
) -> House:
    calendar = reading.table(Calendar, raw.get("calendar", {}), "calendar") or Calendar()
    calendars = _named(reading, Calendar, raw, "calendars", knows_its_name=False)
    rules, custom = read_rules(reading, raw.get("rules", {}), sources)
    return House(
        secret=general.secret.encode(),
        people=people,
        rules=rules,
        custom=custom,
        repeats=reading.table(RepeatConf, raw.get("repeats", {}), "repeats") or RepeatConf(),
        decision=reading.table(DecisionConf, raw.get("decision", {}), "decision") or DecisionConf(),
        recording=reading.table(Recording, raw.get("history", {}), "history") or Recording(),
        own=reading.table(OwnRules, raw.get("own_rules", {}), "own_rules") or OwnRules(),
        calendar=calendar,
        calendars=calendars,
        policies={**DEFAULTS, HANDOVER: POLICY, **_named(reading, Policy, raw, "policies")},
        rotas=_named(reading, Rota, raw, "rotas"),
        routes=_routes(reading, raw.get("routes", [])),
        maintenance=tuple(_named(reading, Window, raw, "maintenance").values()),
        destinations=destinations,
        sources={name: _facts(setting) for name, setting in sources.items()},
        observe=general.observe,
        hides_customers=general.customers == "revealed",
        backfill=general.backfill,
        stale_after=general.stale_after,
        delivered_within=general.delivered_within,
        command=general.command,
        zone=general.zone,
        summary_at=general.summary_at,
        digest=general.digest,
        words=_words(reading, general),
        version=_version(rules, {**calendars, "": calendar}, sources),
    )


def _version(
    rules: Mapping[str, RuleConf], calendars: Mapping[str, Calendar], sources: Mapping[str, SourceSetting]
) -> str:
    """Changes with whatever decides what is an exception and when, so that due times are worked out anew."""
    maps = [(s.name, getattr(s.conf, "fields", ()), getattr(s.conf, "status_map", ())) for s in sources.values()]
    said = repr(
        (
            sorted(rules.items(), key=_first),
            sorted(calendars.items(), key=_first),
            sorted(maps, key=lambda item: item[0]),
        )
    )
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _first(item: tuple[str, Any]) -> str:
    return item[0]


def _words(reading: Reading, general: General) -> Wording:
    if general.language not in LANGUAGES:
        reading.wrong("deskbell.language", f"there are no words in it; there are: {', '.join(LANGUAGES)}")
        return Wording()
    folder = reading.folder / general.templates if general.templates else None
    try:
        return Wording(folder, general.language)
    except WordingError as error:
        reading.wrong("deskbell.templates", str(error))
        return Wording()


def _facts(setting: SourceSetting) -> SourceFacts:
    row = sources_catalog.KINDS[setting.kind]
    return SourceFacts(
        title=setting.conf.title or row.title,
        interval=setting.conf.interval,
        # A schedule described without a way to write can't be told anything.
        writes=setting.conf.writeback.enabled and bool(getattr(setting.conf, "write", True)),
        resolves=setting.conf.writeback.resolve,
    )


def _plain(value: Any, where: str, secret: Collection[str]) -> Iterable[str]:
    """The secrets that are written out in the file."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _plain(inner, f"{where}.{key}".lstrip("."), secret)
    elif isinstance(value, list) and where not in secret:
        for i, inner in enumerate(value):
            yield from _plain(inner, f"{where}[{i}]", secret)
    elif where in secret and any(map(is_plain, value if isinstance(value, list) else [value])):
        yield where


def _starred(value: Any, where: str, secret: Collection[str]) -> Any:
    if where in secret:
        return [_star(one) for one in value] if isinstance(value, list) else _star(value)
    if isinstance(value, Mapping):
        return {key: _starred(inner, f"{where}.{key}".lstrip("."), secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_starred(inner, f"{where}[{i}]", secret) for i, inner in enumerate(value)]
    return value


def _star(value: Any) -> Any:
    return "****" if is_plain(value) else value
