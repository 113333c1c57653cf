"""An example alert climbs its policy, by the functions that the desk climbs with, and nobody answers."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from deskbell.config import Settings
from deskbell.core.access import Person
from deskbell.core.alert import Alert, Severity
from deskbell.core.policy import Level, Policy, begun, destinations_of, next_step, ways_of
from deskbell.core.prefs import Prefs, from_data
from deskbell.core.store import Reader, UnitOfWork
from deskbell.core.text import clock, local, span
from deskbell.desk.book import Book
from deskbell.desk.ladder import reaches
from deskbell.desk.manual import link_configured
from deskbell.parts import open_store
from storage.backend import backend_of
from storage.store import SqlStore

MOST = 500  # steps, for a policy that goes round often
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Example:
    """The alert that is made up: of a rule, so severe, opened then. `team` and `assignee` as an alert has them."""

    rule: str
    severity: Severity
    at: datetime
    team: str = ""
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class Ringing:
    """Somebody is rung: by which ways, and from when on where it has to wait."""

    person: str
    name: str
    by: tuple[str, ...]
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One step. `level` as people count: 0 is the card itself."""

    at: datetime
    after: timedelta
    level: int
    round: int
    people: tuple[Ringing, ...] = ()
    rooms: tuple[str, ...] = ()
    everyone: bool = False
    warnings: tuple[str, ...] = ()
    exhausted: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of one example, by the clock of `zone`."""

    policy: str
    example: Example
    zone: str
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        example = self.example
        return {
            "policy": self.policy,
            "alert": {"rule": example.rule, "severity": str(example.severity), "team": example.team},
            "at": local(example.at, self.zone).isoformat(),
            "zone": self.zone,
            "steps": [self._row(row) for row in self.rows],
        }

    def _row(self, row: Row) -> dict[str, Any]:
        people = [
            {
                "person": one.person,
                "name": one.name,
                "by": list(one.by),
                "waits_until": local(one.waits_until, self.zone).isoformat() if one.waits_until else None,
            }
            for one in row.people
        ]
        return {
            "at": local(row.at, self.zone).isoformat(),
            "after_s": int(row.after.total_seconds()),
            "level": row.level,
            "round": row.round,
            "people": people,
            "rooms": list(row.rooms),
            "everyone": row.everyone,
            "warnings": list(row.warnings),
            "exhausted": row.exhausted,
        }

    def said(self, row: Row) -> str:
        """Who and how, in words."""
        if row.exhausted:
            return "nobody is left: every manager hears of it (escalation_exhausted)"
        people = ", ".join(self._one(one) for one in row.people) or _NOBODY
        return f"each of {people} has to acknowledge" if row.everyone else people

    def _one(self, one: Ringing) -> str:
        by = f" by {', '.join(one.by)}" if one.by else ", known in no chat"
        wait = f", from {clock(one.waits_until, self.zone, self.example.at)} on" if one.waits_until else ""
        return f"{one.name}{by}{wait}"


def plan(settings: Settings, policy: Policy, example: Example, zone: str) -> Plan:
    """Of what the database knows: accounts, covers, preferences. Where there is none yet, of the configuration."""
    backend = backend_of(settings.database)
    with tempfile.TemporaryDirectory() as folder:
        there = backend.several or Path(backend.place).exists()
        store = open_store(settings) if there else SqlStore.open(f"sqlite:///{folder}/none.db", audit_key=b"-" * 32)
        try:
            if not there:
                store.write_now(lambda uow: link_configured(Book(uow, settings.house, example.at)))
            rows = store.read_now(lambda reader: tuple(_Climb(settings, reader, policy).rows(example)))
        finally:
            store.close()
    return Plan(policy.name, example, zone, rows)


class _Climb:
    def __init__(self, settings: Settings, reader: Reader, policy: Policy) -> None:
        self.house, self.reader, self.policy = settings.house, reader, policy

    def rows(self, example: Example) -> Iterator[Row]:
        """The card, and each step after it."""
        opened = _made_up(example, self.policy.name, self.house.zone)
        alert = begun(self.policy, opened, example.at)
        book = self._book(example.at)
        rooms = book.rooms(alert)
        first = self.policy.ladder(example.at, alert.zone)[:1] if alert.level else ()
        yield self._row(alert, example.at, first[0] if first else None, rooms)
        for _ in range(MOST):
            if (now := alert.escalate_at) is None:
                return
            book = self._book(now)
            held = alert
            step = next_step(self.policy, alert, now, reaches=lambda targets: reaches(book, targets, held))  # noqa: B023 - asked at once
            alert = replace(alert, level=step.level, rounds=step.rounds, escalate_at=step.escalate_at)
            row = self._row(alert, now, step.rung, rooms)
            yield replace(row, warnings=step.warnings, exhausted=step.exhausted)

    def _book(self, now: datetime) -> Book:
        return Book(cast("UnitOfWork", self.reader), self.house, now)  # which only reads

    def _row(self, alert: Alert, now: datetime, level: Level | None, rooms: tuple[str, ...]) -> Row:
        after, number = now - alert.opened_at, max(0, alert.level - 1)
        if level is None:
            return Row(now, after, number, alert.rounds, rooms=rooms if now == alert.opened_at else ())
        ways = ways_of(level.targets)
        people = self._book(now).on_call(level.targets, alert)
        rung = tuple(self._ringing(alert, one, now, rooms, ways) for one in people)
        told = (*(rooms if "room" in level.targets else ()), *destinations_of(level.targets))
        return Row(now, after, number, alert.rounds, rung[:1] if level.turns else rung, told, level.everyone)

    def _ringing(
        self, alert: Alert, person: str, now: datetime, rooms: tuple[str, ...], ways: tuple[tuple[str, str], ...]
    ) -> Ringing:
        one = self.house.people.get(person) or Person(person, person)
        known = self.house.destinations
        chats = dict.fromkeys(known[name].platform for name in (*rooms, *self.house.bells) if name in known)
        found = [chat for chat in chats if self.reader.account_of(chat, person)]
        prefs = from_data(data) if (data := self.reader.prefs().get(person)) else Prefs()
        by = [
            rung.way + (f" after {span(rung.after)}" if rung.after else "")
            for rung in prefs.ladder(alert.severity, found)
        ]
        by += [way for way, target in ways if person in self._book(now).on_call((target,), alert)]
        return Ringing(person, one.name, tuple(by), prefs.waits_until(alert.severity, now, one.zone))


def _made_up(example: Example, policy: str, zone: str) -> Alert:
    return Alert(
        key="example",
        rule=example.rule,
        source="",
        record_id="",
        subject="EXAMPLE",
        title="An example",
        summary="An example",
        severity=example.severity,
        opened_at=example.at,
        updated_at=example.at,
        team=example.team,
        assignee=example.assignee,
        policy=policy,
        zone=zone,
    )
