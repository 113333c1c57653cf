"""Silences: what is held for a while, because somebody said so or because work is planned. Pure.

A silence holds what fits all of its matchers; each names a field and the patterns of which one has to fit. A P1 passes
unless the silence names that severity itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType

from deskbell.core.alert import Alert, Severity
from deskbell.core.records import Record
from deskbell.core.text import clock

SILENCED = "Silenced"  # the label of the fact on what was held
LONGEST = timedelta(days=30)
FIELDS = ("rule", "team", "source", "severity", "site", "customer", "technician", "job")
MOST = 20  # patterns in one silence
_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Silence:
    """`id` is 0 for a maintenance window of the configuration, which has a name instead."""

    matchers: Mapping[str, tuple[str, ...]]
    reason: str
    begins_at: datetime
    ends_at: datetime
    person: str = ""
    approved_by: str = ""
    ended_at: datetime | None = None
    id: int = 0
    name: str = ""

    @property
    def ref(self) -> str:
        return f"S-{self.id}" if self.id else self.name

    def holds(self, alert: Alert, record: Record | None, now: datetime) -> bool:
        on = self.ended_at is None and self.begins_at <= now < self.ends_at
        return on and fits(self.matchers, alert, record)

    def fact(self, zone: str, now: datetime) -> tuple[str, str]:
        why = f": {self.reason}" if self.reason else ""
        return SILENCED, f"{self.ref} until {clock(self.ends_at, zone, now)}{why}"


@dataclass(frozen=True, slots=True)
class Window:
    """[maintenance.NAME]: planned work, during which nothing is told of what it touches. An empty list fits all."""

    name: str
    begins: datetime
    ends: datetime
    reason: str = "planned work"
    rules: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()

    def silence(self) -> Silence:
        named = {"rule": self.rules, "team": self.teams, "source": self.sources}
        named |= {"site": self.sites, "customer": self.customers}
        matchers = {key: patterns for key, patterns in named.items() if patterns}
        return Silence(matchers, self.reason, self.begins, self.ends, name=self.name)


def fits(matchers: Mapping[str, Sequence[str]], alert: Alert, record: Record | None) -> bool:
    """Whether the alert, and the record it is about, have for each field a value that fits one of its patterns."""
    if alert.severity is Severity.P1 and "severity" not in matchers:
        return False
    return all(_one_of(_value(field, alert, record), patterns) for field, patterns in matchers.items())


def _value(field: str, alert: Alert, record: Record | None) -> str:
    own = {"rule": alert.rule, "team": alert.team, "source": alert.source, "job": alert.subject}
    if field == "severity":
        return str(alert.severity)
    return own[field] if field in own else str(getattr(record, field, "") or "")


def _one_of(value: str, patterns: Sequence[str]) -> bool:
    folded = value.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def in_words(matchers: Mapping[str, Sequence[str]]) -> str:
    """As people type them, so that it can be typed again."""
    return " ".join(f"{field}={_quoted(','.join(patterns))}" for field, patterns in matchers.items())


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
