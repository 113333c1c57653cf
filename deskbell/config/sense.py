"""Whether the sections make sense together, and each value on its own: what types alone can't tell."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deskbell import instance
from deskbell.config.channels import check_destination, check_raises
from deskbell.config.strict import Reading, unknown
from deskbell.core.access import Role
from deskbell.core.calendar import SITE
from deskbell.core.policy import DEFAULTS, VIA, Level
from deskbell.core.ports import Destination
from deskbell.core.records import KINDS
from deskbell.core.route import OTHER, Route
from deskbell.core.rules import RULES
from deskbell.desk.house import House
from deskbell.net import egress
from deskbell.vendors import workflows
from deskbell.vendors.chats import CHATS
from deskbell.watch import WatchConf

_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
# What Deskbell rings about itself, and by hand, and when; routes may name them.
OWN_RULES: Mapping[str, str] = {
    "manual_trigger": "somebody raised it by hand, or a program did",
    "source_stale": "a source was not read for three intervals (P3), for ten or a quarter of an hour (P1)",
    "source_auth_failed": "a source refuses our login (P1)",
    "channel_unreachable": "a chat or a room takes nothing, or nobody can answer in it (P1); told in another",
    "delivery_dead_letter": "a message could not be delivered for good (P2)",
    "escalation_exhausted": "every level was rung and nobody answered (P1)",
    "oncall_unreachable": "who is on duty within a day is known in no chat, or takes no direct message (P3)",
    "writeback_failed": "a source could not be told what somebody did (P3)",
    "unmapped_status": "a source says a status or a value that no map knows (P3)",
    "unreadable_record": "a record can't be read and was set aside (P3)",
    "source_rate_limited": "a source has limited us for five minutes (P3)",
    "clock_skew": "a source's clock and ours differ by more than half a minute (P3)",
    "cover_request": "somebody asks for cover, or to swap shifts; whoever taps has it (P3)",
    "handover": "a shift is over while alerts are open; whoever comes has to accept them (P2)",
    "reach_check": "asks a person on each way whether it works; seen by that person alone (P4)",
    "shift_blocked": "leave or vacation takes somebody's shift; it says who has it then (P3)",
    "nobody_on_call": "a rota has a gap: now (P1), or within three days (P3)",
    "technician_asked": "a technician who is five minutes late is asked when they will be there; told to them alone",
    "ack_stale": "acknowledged, and nothing happened for three hours (P1: 45 min); later it is open again",
    "audit_chain_broken": "the audit does not verify (P1); only compliance ends it",
    "customer_answered": "a customer wrote back, and no alert is there that it belongs to (P3)",
    "second_person": "somebody asks for what takes two people: a long silence, all of a storm resolved (P3)",
    "storm": "ten cards of a rule in one team within five minutes (P2 or worse)",
    "detection_slow": "in the last hour, cards about a source came later than its goal (P3)",
    "flapping": "the same thing came for the fourth time in an hour (P3)",
    "repeat_exceptions": "a technician, site or customer with three exceptions in thirty days (P4); to managers",
}
SHORTEST = 16  # characters of the secret
PLATFORMS = (*CHATS, workflows.PLATFORM, "webhook")


@dataclass(frozen=True, slots=True)
class General:
    """[deskbell]"""

    database: str = "sqlite:///deskbell.db"
    head_file: str = ""  # the end of the audit, outside the database
    secret: str = field(default="", repr=False)  # signs the buttons and the audit's head; long and random
    zone: str = "UTC"
    command: str = "/desk"
    observe: bool = False
    customers: Literal["shown", "revealed"] = "shown"  # on cards; revealed: to one person who asks, and audited
    summary_at: time = time(8)
    digest: bool = True
    backfill: timedelta = timedelta(hours=2)
    stale_after: int = 3
    tick: timedelta = timedelta(seconds=5)
    delivered_within: timedelta = timedelta(
        minutes=3
    )  # a P1 that has not reached a person by then goes another way too
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    language: str = "en"
    templates: str = ""  # a folder with sentences of your own
    private_networks: tuple[str, ...] = ()  # "10.20.0.0/16": may be called although private, by any source or channel
    roles: tuple[instance.Role, ...] = instance.ROLES  # what an instance does
    lease: timedelta = instance.TTL  # how long one that stands still keeps what one of several does alone

    def __post_init__(self) -> None:
        egress.networks(self.private_networks)
        if not timedelta(seconds=2) <= self.lease <= timedelta(minutes=1):
            raise ValueError("lease must be from 2s to 1m")
        if self.delivered_within < timedelta(seconds=1):
            raise ValueError("delivered_within must be 1s or longer")
        if not self.roles:
            raise ValueError(f"roles must name one or more of {', '.join(instance.ROLES)}")


@dataclass(frozen=True, slots=True)
class SourceSetting:
    name: str
    kind: str
    conf: Any


def named(raw: Mapping[str, Any], section: str) -> frozenset[str]:
    """The names that a section gives, also those whose tables could not be read: one mistake is told once."""
    data = raw.get(section)
    return frozenset(data) if isinstance(data, Mapping) else frozenset()


def cross_check(reading: Reading, house: House, general: General | None, raw: Mapping[str, Any]) -> None:
    """What each section alone can't know: that every name meant elsewhere exists."""
    if general is not None and len(general.secret) < SHORTEST and "deskbell.secret" not in str(reading.problems):
        reading.wrong("deskbell.secret", f"must be at least {SHORTEST} characters of chance, from env: or file:")
    for name, zone in _zones(house, general):
        if not _is_zone(zone):
            reading.wrong(name, f"{zone[:40]!r} is no time zone; write it like Europe/Berlin")
    for d in house.destinations.values():
        _check_destination(reading, d, raw)
    teams = sorted({team for person in house.people.values() for team in person.teams})
    check_raises(reading, raw.get("channels"), teams, house.destinations)
    if not named(raw, "destinations"):
        reading.wrong("destinations", "there is none: nobody could be told. Add one, like [destinations.desk]")
    for i, route in enumerate(house.routes):
        _check_route(reading, raw, route, f"routes[{i}]")
    for rota in house.rotas.values():
        if not rota.everybody:
            reading.wrong(f"rotas.{rota.name}.people", "it names nobody, so that nobody would ever be on duty")
        _check_people(reading, named(raw, "people"), rota.everybody, f"rotas.{rota.name}.people")
    _check_policies(reading, house, raw)


def _check_route(reading: Reading, raw: Mapping[str, Any], route: Route, where: str) -> None:
    """A matcher that fits nothing is a slip of the pen, and would be silence."""
    rules = raw.get("rules")
    custom = (f"custom.{name}" for name in named(rules if isinstance(rules, Mapping) else {}, "custom"))
    for name in route.destinations:
        if name not in named(raw, "destinations"):
            reading.wrong(f"{where}.destinations", f"there is no [destinations.{name[:40]}]")
    known = {"rules": (*RULES, *custom, *OWN_RULES), "kinds": (*KINDS, OTHER), "sources": tuple(named(raw, "sources"))}
    for matcher, names in known.items():
        for pattern in getattr(route, matcher):
            if not any(fnmatchcase(name, pattern) for name in names):
                reading.wrong(f"{where}.{matcher}", f"{pattern[:40]!r} fits none of: {', '.join(names)}")


def check_ranges(reading: Reading, general: General | None, sources: Mapping[str, SourceSetting]) -> None:
    """Numbers that would make a loop spin, or never look."""
    if general is not None:
        if general.tick < timedelta(milliseconds=100):
            reading.wrong("deskbell.tick", "must be 100 ms or longer")
        if general.stale_after < 1:
            reading.wrong("deskbell.stale_after", "must be 1 or more")
        if not _COMMAND.fullmatch(general.command):
            reading.wrong("deskbell.command", "must be a slash and one word of small letters, like /desk")
    for setting in sources.values():
        if setting.conf.interval < timedelta(seconds=1):
            reading.wrong(f"sources.{setting.name}.interval", "must be a second or longer")


def check_rooms(reading: Reading, watch: WatchConf | None, raw: Mapping[str, Any]) -> None:
    for name in watch.rooms if watch else ():
        if name not in named(raw, "destinations"):
            reading.wrong("watch.rooms", f"there is no [destinations.{name[:40]}]")


def check_chats(reading: Reading, chats: Mapping[str, Any]) -> None:
    for platform, conf in chats.items():
        for key, why in CHATS[platform].problems(conf):
            reading.wrong(f"{platform}.{key}", why)


def _check_policies(reading: Reading, house: House, raw: Mapping[str, Any]) -> None:
    written = named(raw, "policies")
    made = {name: policy for name, policy in house.policies.items() if policy is not DEFAULTS.get(name)}
    for policy in (made[name] for name in sorted(written) if name in made):
        for part in ("levels", "outside"):
            for n, level in enumerate(getattr(policy, part)):
                _check_level(reading, house, raw, level, f"policies.{policy.name}.{part}[{n}]")
        if not policy.levels:
            reading.wrong(f"policies.{policy.name}.levels", "there is none, so that nobody would ever be rung")
    for name, conf in house.rules.items():
        if conf.policy and conf.policy not in {*house.policies, *written}:
            reading.wrong(f"rules.{name}.policy", f"there is no [policies.{conf.policy}]")
        if conf.route and conf.route not in {route.name for route in house.routes}:
            reading.wrong(f"rules.{name}.route", f"there is no [[routes]] with the name {conf.route}")
        for one in (conf, *(override.conf for override in conf.overrides)):
            if one.calendar and one.calendar not in named(raw, "calendars"):
                reading.wrong(f"rules.{name}.calendar", f"there is no [calendars.{one.calendar[:40]}]")


def _zones(house: House, general: General | None) -> Iterable[tuple[str, str]]:
    yield "deskbell.zone", general.zone if general else "UTC"
    for name, calendar in (("calendar", house.calendar), *((f"calendars.{n}", c) for n, c in house.calendars.items())):
        if calendar.zone != SITE:
            yield f"{name}.zone", calendar.zone
    for policy in house.policies.values():
        if policy.hours and policy.hours.zone != SITE:
            yield f"policies.{policy.name}.hours.zone", policy.hours.zone
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


def _check_destination(reading: Reading, d: Destination, raw: Mapping[str, Any]) -> None:
    where = f"destinations.{d.name}"
    if d.platform in named(raw, "channels"):
        check_destination(reading, d, raw["channels"])
    elif d.platform not in PLATFORMS:
        known = (*PLATFORMS, *named(raw, "channels"))
        reading.wrong(f"{where}.platform", unknown(d.platform, known).replace("setting", "platform"))
    chat = CHATS.get(d.platform)
    if chat is not None and d.platform not in raw:
        reading.wrong(f"{where}.platform", f"needs a [{d.platform}] section")
    if chat is not None and not chat.address.fullmatch(d.address):
        reading.wrong(f"{where}.address", chat.address_hint)
    if d.platform == workflows.PLATFORM and not workflows.ADDRESS.fullmatch(d.address):
        reading.wrong(f"{where}.address", workflows.ADDRESS_HINT)


def _check_people(reading: Reading, known: Container[str], people: Iterable[str], where: str) -> None:
    for person in people:
        if person not in known:
            reading.wrong(where, f"{person[:40]!r} is not in [people]")


def _check_level(reading: Reading, house: House, raw: Mapping[str, Any], level: Level, where: str) -> None:
    if not level.targets:
        reading.wrong(f"{where}.targets", "it names nobody")
    if (level.turns or level.everyone) and not any(map(_people, level.targets)):
        key = "turns" if level.turns else "everyone"
        reading.wrong(f"{where}.{key}", "of whom? Its targets name no people")
    for target in level.targets:
        whom, via, way = target.partition(VIA)
        if via and way not in named(raw, "destinations"):
            reading.wrong(f"{where}.targets", f"{target[:60]!r}: there is no [destinations.{way[:40]}]")
        elif via and not _people(target):
            reading.wrong(f"{where}.targets", f"{target[:60]!r}: only people are told via a destination")
        elif house.people and _nobody(house, whom):
            reading.wrong(f"{where}.targets", f"{whom[:40]!r} is nobody: no person in [people] has it")
        else:
            _check_target(reading, raw, whom, f"{where}.targets")


def _people(target: str) -> bool:
    whom = target.partition(VIA)[0]
    return whom != "room" and not whom.startswith("destination:")


def _nobody(house: House, target: str) -> bool:
    kind, _, name = target.partition(":")
    if kind == "role":
        return name in tuple(Role) and not any(name in person.roles for person in house.people.values())
    return kind == "team" and not any(name in person.teams for person in house.people.values())


def _check_target(reading: Reading, raw: Mapping[str, Any], target: str, where: str) -> None:
    kind, _, name = target.partition(":")
    known: Mapping[str, Container[str]] = {
        "person": named(raw, "people"),
        "rota": named(raw, "rotas"),
        "destination": named(raw, "destinations"),
        "role": tuple(Role),
    }
    if target in ("room", "assignee") or (kind == "team" and name):
        return
    if kind not in known or name not in known[kind]:
        words = "write room, assignee, person:, rota:, role:, team: or destination:"
        reading.wrong(where, f"{target[:40]!r} names nobody; {words}")
