"""What every rule takes and gives."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from deskbell.core.alert import Severity
from deskbell.core.asking import Asked
from deskbell.core.calendar import ALWAYS, SITE, Calendar
from deskbell.core.records import Record
from deskbell.core.text import local

Stages = tuple[tuple[timedelta, Severity], ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know beside the record.

    `baseline`: the source's first sweep is not complete, so that changes in it are history. `related`: the records that
    are not over and share a tie with this one, or did before it changed (core.ties), itself left out. `earlier`: how
    many alerts of each rule were opened on the record in the last day. `asked`: what a visit's technician was asked of
    it, and answered.
    """

    now: datetime
    baseline: bool = False
    calendar: Calendar = ALWAYS
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    related: tuple[Record, ...] = ()
    earlier: Mapping[str, int] = field(default_factory=dict)
    asked: Asked | None = None

    def under(self, conf: "RuleConf", zone: str) -> "Context":
        """With the calendar that the rule counts by, at the record's site."""
        chosen = self.calendars.get(conf.calendar, self.calendar)
        if chosen is self.calendar and chosen.zone != SITE:
            return self
        return replace(self, calendar=chosen.at(zone))


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule saw: one exception, known by `key`. The same key with another stage is the same one grown worse.

    `since`: when the stage it has reached began; at a first read, history is what is old in this sense. `clears`: it
    ends by itself when the rule no longer sees it. `quiet`: routine, for whom it concerns: no card in a room, but a
    line in lists, and from P3 on a direct message to whoever has the case. `home`: the (id, number) of the record that
    its alert belongs to, where several records show the same.
    """

    rule: str
    key: str
    severity: Severity
    title: str
    summary: str
    stage: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    clears: bool = True
    quiet: bool = False
    home: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """All that one rule has to say of one record.

    `holds`: nothing new, and what an earlier change brought about is still so: alerts of this rule on this record stay.
    Where a new change was found it is False, so that the alert of the change before gives way to the new one.
    `due_at`: the next moment at which the clock alone changes the answer; None: only a change of the record can.
    `asks`: whoever is on the job is to be asked what keeps them.
    """

    found: tuple[Found, ...] = ()
    holds: bool = False
    due_at: datetime | None = None
    asks: bool = False


NOTHING = Sight()


Patterns = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Matcher:
    """Which records are meant: those that fit every list here that names anything. `Hansen*` fits by its beginning;
    capitals don't matter.
    """

    priorities: Patterns = ()
    customers: Patterns = ()
    sites: Patterns = ()
    teams: Patterns = ()
    sources: Patterns = ()

    def fits(self, record: Record) -> bool:
        asked = (
            (self.priorities, "priority", ""),
            (self.customers, "customer", getattr(record, "requester", "") or getattr(record, "name", "")),
            (self.sites, "site", ""),
            (self.teams, "team", ""),
            (self.sources, "source", ""),
        )
        return all(not wanted or _one_of(wanted, getattr(record, name, spare)) for wanted, name, spare in asked)


def _one_of(patterns: Patterns, value: str) -> bool:
    return any(fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Override:
    """A whole configuration for the records that fit."""

    when: Matcher
    conf: "RuleConf"


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleConf:
    """What can be set for every rule. `policy` and `route` name others than the ones that would be chosen."""

    enabled: bool = True
    shadow: bool = False  # recorded, and told to nobody: to try a rule out
    policy: str = ""
    route: str = ""
    calendar: str = ""  # the name of a [calendars.NAME] by which it counts business time
    overrides: tuple[Override, ...] = ()  # other values for some records; the first that fits counts

    def of(self, record: Record) -> "RuleConf":
        """What is set for this record."""
        return next((override.conf for override in self.overrides if override.when.fits(record)), self)


Look = Callable[[Any, Any, Any, Context], Sight]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of RULES. `kind`: the records it looks at; `edge`: it fires on a change rather than on a condition.

    `key`: how its dedup keys are made, `told`: whom its alerts are for; both in words, for people. `related`: it
    needs records of these kinds that have to do with this one; when one of those changes, this one is looked at again.
    """

    name: str
    kind: str
    title: str
    conf_class: type[RuleConf]
    look: Look
    edge: bool = False
    key: str = ""
    told: str = ""
    related: tuple[str, ...] = ()


class Rung(NamedTuple):
    """One stage of an exception: when it begins, its offset as configured, and its severity."""

    at: datetime
    offset: timedelta
    severity: Severity


def climb(rungs: Iterable[Rung], now: datetime) -> tuple[Rung | None, datetime | None]:
    """The stage reached by now, and when the next one begins. Of two that begin together the more severe counts."""
    reached, following = None, None
    for rung in sorted(rungs, key=lambda rung: (rung.at, -rung.severity)):
        if rung.at <= now:
            reached = rung
        else:
            following = rung.at
            break
    return reached, following


def after(at: datetime, stages: Stages) -> list[Rung]:
    """Stages that begin so long after a moment."""
    return [Rung(at + offset, offset, severity) for offset, severity in stages]


def rising(rungs: Iterable[Rung]) -> list[Rung]:
    """In order of time, each at least as severe as those before it."""
    out: list[Rung] = []
    for rung in sorted(rungs, key=lambda rung: (rung.at, -rung.severity)):
        out.append(rung._replace(severity=min(rung.severity, out[-1].severity)) if out else rung)
    return out


def before(at: datetime, stages: Stages) -> list[Rung]:
    """Stages that begin so long before a moment."""
    return [Rung(at - offset, offset, severity) for offset, severity in stages]


def by_notice(stages: Stages, notice: timedelta) -> Severity | None:
    """The severity of so short a notice: that of the tightest bound that it stays below."""
    return next((severity for bound, severity in sorted(stages) if notice < bound), None)


def stamp(at: datetime | None) -> str:
    """A moment as the dedup keys have it: 2026-11-21T14:00:00Z; "-" when it is not known."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else "-"


def is_recent(at: datetime | None, now: datetime, within: timedelta) -> bool:
    return at is not None and now - at <= within


def is_new(previous: Any, context: Context, at: datetime | None, recent: timedelta, *, differs: bool) -> bool:
    """Whether a change is news: it was seen to happen, or the record is new since the baseline and so is the change."""
    return differs if previous is not None else not context.baseline and is_recent(at, context.now, recent)


def once(found: tuple[Found, ...], at: datetime | None, lasts: timedelta, now: datetime) -> Sight:
    """Of what is told once: the news, or that the news of that moment is not old yet."""
    until = at + lasts if at else None
    if found:
        return Sight(found, due_at=until)
    holds = until is not None and now < until
    return Sight(holds=holds, due_at=until if holds else None)


def by_then(at: datetime | None, now: datetime) -> datetime:
    """A stamp of the past; one from the future is a clock that goes wrong."""
    return min(at or now, now)


def on_day(day: date, at: time, zone: str) -> datetime:
    """A time of that day by the clock of the site; one that the clock leaves out in spring is an hour later."""
    tz = local(datetime(2000, 1, 1, tzinfo=UTC), zone).tzinfo or ZoneInfo("UTC")
    return datetime.combine(day, at, tz).astimezone(UTC)


def later(context: Context, at: datetime, amount: timedelta, *, business: bool) -> datetime:
    return context.calendar.add_business(at, amount) if business else at + amount
