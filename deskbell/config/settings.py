"""config.toml as the program uses it: every section read strictly, cross-checked, handed down as dataclasses."""

import hashlib
import re
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.server import ServerConf
from deskbell.config.strict import ConfigError, Reading, environment, unknown
from deskbell.core.access import Person, Role
from deskbell.core.calendar import Calendar
from deskbell.core.policy import DEFAULTS, Policy
from deskbell.core.ports import Destination
from deskbell.core.rota import Rota
from deskbell.core.route import Route
from deskbell.core.rules import RULES, RuleConf
from deskbell.core.rules.timing import NotEnRouteConf
from deskbell.desk.house import House, SourceFacts
from deskbell.faces.wording import LANGUAGES, Wording, WordingError
from deskbell.net import redact
from deskbell.vendors.slack import SlackConf, Way
from pollers import catalog as sources_catalog

SHORTEST = 16  # characters of the secret
_PLATFORMS = ("slack", "webhook")
_SLACK_ADDRESS = re.compile(r"[CGD][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class General:
    """[deskbell]"""

    database: str = "sqlite:///deskbell.db"
    secret: str = ""  # signs the buttons and the audit's head; long and random
    zone: str = "UTC"
    command: str = "/desk"
    observe: bool = False
    summary_at: str = "08:00"
    backfill: timedelta = timedelta(hours=2)
    stale_after: int = 3
    tick: timedelta = timedelta(seconds=5)
    log_level: str = "info"
    language: str = "en"
    templates: str = ""  # a folder with sentences of your own


@dataclass(frozen=True, slots=True)
class SourceSetting:
    name: str
    kind: str
    conf: Any


@dataclass(frozen=True, slots=True)
class Settings:
    general: General
    house: House
    server: ServerConf
    slack: SlackConf | None
    sources: Mapping[str, SourceSetting]
    destinations: Mapping[str, Destination]
    file: Path
    raw: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def plain_secrets(self) -> list[str]:
        """The keys of secrets that stand in the file itself instead of being referred to."""
        return sorted(_plain_secrets(self.raw, ""))

    @property
    def database(self) -> str:
        return self.general.database

    def redacted(self) -> dict[str, Any]:
        """The effective settings for people to see, secrets starred out."""
        starred: dict[str, Any] = _starred(self.raw)
        return starred


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the file. Raises ConfigError with every mistake at once, before anything was started."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"there is no such file. `deskbell init {path.name}` writes one."], str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"is not valid TOML: {error}"], str(path)) from None
    reading = Reading(environ if environ is not None else environment(), path.parent)
    settings = _settings(reading, raw, path)
    redact.learn(*reading.secrets)
    if reading.problems or settings is None:
        raise ConfigError(reading.problems, path.name)
    return settings


_SECTIONS = (
    "deskbell",
    "server",
    "calendar",
    "people",
    "rotas",
    "policies",
    "routes",
    "destinations",
    "slack",
    "sources",
    "rules",
)


def _settings(reading: Reading, raw: Mapping[str, Any], path: Path) -> Settings | None:
    for key in raw:
        if key not in _SECTIONS:
            reading.wrong(key, unknown(key, _SECTIONS))
    general = reading.table(General, raw.get("deskbell", {}), "deskbell")
    server = reading.table(ServerConf, raw.get("server", {}), "server")
    command = general.command if general else "/desk"
    slack = reading.table(SlackConf, raw["slack"], "slack", command=command) if "slack" in raw else None
    sources = _sources(reading, raw.get("sources", {}))
    destinations = _named(reading, Destination, raw, "destinations")
    people = _people(reading, raw.get("people", {}), tuple(_names(raw, "sources")))
    house = _house(reading, raw, general or General(), people, destinations, sources)
    _cross_check(reading, house, general, raw)
    _check_slack(reading, slack)
    if reading.problems or general is None or server is None:
        return None
    return Settings(general, house, server, slack, sources, destinations, path, raw)


def _named(reading: Reading, cls: type[Any], raw: Mapping[str, Any], section: str) -> dict[str, Any]:
    """A section of tables whose keys are names: [rotas.dispatch] is a Rota called dispatch."""
    out = {}
    for name, table in _tables(reading, raw.get(section, {}), section):
        if (made := reading.table(cls, table, f"{section}.{name}", name=name)) is not None:
            out[name] = made
    return out


def _names(raw: Mapping[str, Any], section: str) -> frozenset[str]:
    """The names that a section gives, also those whose tables could not be read: one mistake is told once."""
    data = raw.get(section)
    return frozenset(data) if isinstance(data, Mapping) else frozenset()


def _tables(reading: Reading, data: object, section: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(data, Mapping):
        reading.wrong(section, f"must be tables, like [{section}.name]")
        return ()
    return data.items()


def _people(reading: Reading, data: object, sources: tuple[str, ...]) -> dict[str, Person]:
    """[people.ana]; besides the person's own fields, `slack = "U..."` or `freshdesk = "123"` give accounts there."""
    out = {}
    known = (*_PLATFORMS[:1], *sources)
    for name, table in _tables(reading, data, "people"):
        if not isinstance(table, Mapping):
            reading.wrong(f"people.{name}", "must be a table")
            continue
        accounts = {key: str(value) for key, value in table.items() if key in known}
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
    for name, table in _tables(reading, data, "sources"):
        where = f"sources.{name}"
        if not isinstance(table, Mapping):
            reading.wrong(where, "must be a table")
            continue
        kind = str(table.get("kind", name))
        if kind not in sources_catalog.KINDS:
            reading.wrong(f"{where}.kind", unknown(kind, sources_catalog.KINDS).replace("setting", "kind of source"))
            continue
        rest = {key: value for key, value in table.items() if key != "kind"}
        conf = reading.table(sources_catalog.KINDS[kind].load_conf(), rest, where, name=name)
        if conf is not None:
            out[name] = SourceSetting(name, kind, conf)
    return out


def _rules(reading: Reading, data: object) -> dict[str, RuleConf]:
    tables = dict(_tables(reading, data, "rules"))
    for name in tables:
        if name not in RULES:
            reading.wrong(f"rules.{name}", unknown(name, RULES).replace("setting", "rule"))
    made = {n: reading.table(rule.conf_class, tables.get(n, {}), f"rules.{n}") for n, rule in RULES.items()}
    return {name: conf for name, conf in made.items() if conf is not None}


def _seeing(rules: dict[str, RuleConf], sources: Mapping[str, SourceSetting]) -> dict[str, RuleConf]:
    """A schedule that never tells when a technician sets out must not have everybody rung for not setting out."""
    conf = rules.get("not_en_route")
    if not isinstance(conf, NotEnRouteConf):
        return rules
    blind = [name for name, setting in sources.items() if _tells_no_travel(setting.conf)]
    return {**rules, "not_en_route": replace(conf, blind=tuple(dict.fromkeys((*conf.blind, *blind))))}


def _tells_no_travel(conf: Any) -> bool:
    mapped = getattr(conf, "fields", None)
    if not isinstance(mapped, Mapping):
        return False
    return "travel_started_at" not in mapped and "en_route" not in conf.status_map.values()


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
    rules = _seeing(_rules(reading, raw.get("rules", {})), sources)
    return House(
        secret=general.secret.encode(),
        people=people,
        rules=rules,
        calendar=reading.table(Calendar, raw.get("calendar", {}), "calendar") or Calendar(),
        policies={**DEFAULTS, **_named(reading, Policy, raw, "policies")},
        rotas=_named(reading, Rota, raw, "rotas"),
        routes=_routes(reading, raw.get("routes", [])),
        destinations=destinations,
        sources={name: _facts(setting) for name, setting in sources.items()},
        observe=general.observe,
        backfill=general.backfill,
        stale_after=general.stale_after,
        command=general.command,
        zone=general.zone,
        summary_at=general.summary_at,
        words=_words(reading, general),
        version=hashlib.sha256(repr(sorted(rules.items())).encode()).hexdigest()[:16],
    )


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


def _cross_check(reading: Reading, house: House, general: General | None, raw: Mapping[str, Any]) -> None:
    """What each section alone can't know: that every name meant elsewhere exists."""
    if general is not None and len(general.secret) < SHORTEST and "deskbell.secret" not in str(reading.problems):
        reading.wrong("deskbell.secret", f"must be at least {SHORTEST} characters of chance, from env: or file:")
    for name, zone in _zones(house, general):
        if not _is_zone(zone):
            reading.wrong(name, f"{zone[:40]!r} is no time zone; write it like Europe/Berlin")
    for d in house.destinations.values():
        _check_destination(reading, d, has_slack="slack" in raw)
    for i, route in enumerate(house.routes):
        for name in route.destinations:
            if name not in _names(raw, "destinations"):
                reading.wrong(f"routes[{i}].destinations", f"there is no [destinations.{name[:40]}]")
    for rota in house.rotas.values():
        _check_people(reading, _names(raw, "people"), rota.people, f"rotas.{rota.name}.people")
    _check_policies(reading, house, raw)


def _check_slack(reading: Reading, slack: SlackConf | None) -> None:
    if slack is None:
        return
    if slack.way is Way.HTTP and not any(slack.signing_secrets):
        reading.wrong("slack.signing_secrets", 'is needed with way = "http": without it anybody could tap buttons')
    if slack.way is Way.SOCKET and not slack.app_token:
        reading.wrong("slack.app_token", 'is needed with way = "socket"; it begins with xapp-')


def _check_policies(reading: Reading, house: House, raw: Mapping[str, Any]) -> None:
    written = _names(raw, "policies")
    for policy in (house.policies[name] for name in sorted(written) if name in house.policies):
        for n, level in enumerate(policy.levels):
            for target in level.targets:
                _check_target(reading, raw, target, f"policies.{policy.name}.levels[{n}].targets")
    for name, conf in house.rules.items():
        if conf.policy and conf.policy not in {*house.policies, *written}:
            reading.wrong(f"rules.{name}.policy", f"there is no [policies.{conf.policy}]")
        if conf.route and conf.route not in {route.name for route in house.routes}:
            reading.wrong(f"rules.{name}.route", f"there is no [[routes]] with the name {conf.route}")


def _zones(house: House, general: General | None) -> Iterable[tuple[str, str]]:
    yield "deskbell.zone", general.zone if general else "UTC"
    yield "calendar.zone", house.calendar.zone
    for person in house.people.values():
        yield f"people.{person.id}.zone", person.zone
    for rota in house.rotas.values():
        yield f"rotas.{rota.name}.zone", rota.zone


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check_destination(reading: Reading, d: Destination, *, has_slack: bool) -> None:
    where = f"destinations.{d.name}"
    if d.platform not in _PLATFORMS:
        reading.wrong(f"{where}.platform", unknown(d.platform, _PLATFORMS).replace("setting", "platform"))
    if d.platform == "slack" and not has_slack:
        reading.wrong(f"{where}.platform", "needs a [slack] section")
    if d.platform == "slack" and not _SLACK_ADDRESS.fullmatch(d.address):
        reading.wrong(f"{where}.address", "must be the channel's id (C0...), found at the end of the channel's link")


def _check_people(reading: Reading, known: Container[str], people: Iterable[str], where: str) -> None:
    for person in people:
        if person not in known:
            reading.wrong(where, f"{person[:40]!r} is not in [people]")


def _check_target(reading: Reading, raw: Mapping[str, Any], target: str, where: str) -> None:
    kind, _, name = target.partition(":")
    known: Mapping[str, Container[str]] = {
        "person": _names(raw, "people"),
        "rota": _names(raw, "rotas"),
        "destination": _names(raw, "destinations"),
        "role": tuple(Role),
    }
    if target in ("room", "assignee"):
        return
    if kind not in known or name not in known[kind]:
        reading.wrong(where, f"{target[:40]!r} names nobody; write room, person:, rota:, role: or destination:")


_SECRET_KEYS = re.compile(r"secret|token|password|key$", re.IGNORECASE)


def _plain_secrets(value: Any, where: str) -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _plain_secrets(inner, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _plain_secrets(inner, where)
    elif (
        isinstance(value, str)
        and value
        and _SECRET_KEYS.search(where.rpartition(".")[2])
        and not value.startswith(("env:", "file:", "$"))
    ):
        yield where


def _starred(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _starred(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_starred(v, key) for v in value]
    if isinstance(value, str) and _SECRET_KEYS.search(key) and not value.startswith(("env:", "file:")):
        return "****"
    return value
