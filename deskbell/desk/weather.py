"""Storms and flapping: when one cause makes many alerts, people get one card and a list.

Ten cards of a rule in one team within five minutes are a storm: one card tells of it, and what comes after is listed
under it. It is over when few of them are left; those get cards then. What opens and ends again and again is held.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from deskbell.core.alert import Alert, Change, Mode, Severity
from deskbell.core.ports import Entry
from deskbell.core.rules import stamp
from deskbell.core.store import Reader
from deskbell.core.text import cut
from deskbell.desk.book import Book
from deskbell.desk.house import House

STORM, FLAPPING = "storm", "flapping"
PART_OF = "Part of"  # on what is listed under a storm: which one
_STORMS = "storms"  # the small value in which those that are on stand: "rule|team" -> key
_NAMED = 8  # children that the card names
_MOST = 1000
_DAYS = 24  # times the span: what flaps for longer than that is looked after by hand


@dataclass(slots=True)
class Weather:
    """Of one transaction: what was counted and which storms are on is asked once."""

    book: Book
    _on: dict[str, str] | None = None
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def mode(self, alert: Alert, earlier: Alert | None) -> Alert:
        """The new alert as it is to be told: as a card, or listed because it belongs to something larger.

        `earlier`: the alert of this key before it.
        """
        if alert.mode is not Mode.CARD:
            return alert
        if self._flaps(alert, earlier):
            return replace(alert, mode=Mode.LISTED)
        parent = self._storm(alert)
        if parent is None:
            return alert
        return replace(alert, mode=Mode.LISTED, facts=((PART_OF, parent.ref), *alert.facts))

    def _flaps(self, alert: Alert, earlier: Alert | None) -> bool:
        own, uow = self.book.house.own, self.book.uow
        since = self.book.now - own.flaps_within
        if earlier is None or earlier.opened_at < since or uow.count_opened(alert.key, since) < own.flaps:
            return False
        summary = f"{alert.subject or alert.source}: {alert.title} comes and goes; held until it calms down"[:118]
        key = f"flap:{alert.rule}:{alert.source}:{alert.record_id}"
        self.book.about_us(key, FLAPPING, Severity.P3, summary, source=alert.source, subject=alert.subject)
        return True

    def _storm(self, alert: Alert) -> Alert | None:
        """The card of the storm that the alert belongs to, if there is one; it may be the alert that makes it one."""
        if (known := self.on.get(_name(alert.rule, alert.team))) is not None:
            return self.book.uow.newest_by_key(known)
        place = (alert.rule, alert.team)
        if place not in self._counts:
            opened = self.book.uow.opened(alert.rule, self.book.now - self.book.house.own.storm_within)
            cards = (one.times for one in opened if one.team == alert.team and one.mode is Mode.CARD)
            self._counts[place] = sum(cards)
        self._counts[place] += 1
        if self._counts[place] < self.book.house.own.storm:
            return None
        return self._begin(alert)

    def _begin(self, alert: Alert) -> Alert | None:
        book, rule = self.book, self.book.house.rule(alert.rule)
        title = rule.title if rule else alert.title
        key = f"storm:{alert.rule}:{alert.team}:{stamp(book.now)}"
        where = f" in {alert.team}" if alert.team else ""
        summary = f"Storm{where}: {title}, {self._counts[alert.rule, alert.team]} and more"[:118]
        severity = min(alert.severity, Severity.P2)
        held = book.about_us(key, STORM, severity, summary, subject=title, team=alert.team)
        _remember(book, {**self.on, _name(alert.rule, alert.team): key})
        self._on = None
        return held

    @property
    def on(self) -> Mapping[str, str]:
        if self._on is None:
            self._on = storms(self.book.uow)
        return self._on


def storms(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = json.loads(reader.value(_STORMS) or "{}")
    return found


def any_on(reader: Reader, house: House, now: datetime) -> bool:
    """Whether `watch` has anything to do."""
    return bool(storms(reader) or reader.opened(FLAPPING, now - _DAYS * house.own.flaps_within))


def watch(book: Book) -> None:
    """Keeps the cards of the storms true, and ends those that are over; what flapped and is calm is told."""
    known = storms(book.uow)
    for name, key in known.items():
        rule, _, team = name.partition("|")
        parent = book.uow.newest_by_key(key)
        if parent is None or not _goes_on(book, parent, rule, team):
            _remember(book, {other: held for other, held in storms(book.uow).items() if other != name})
    _calm(book)


def _goes_on(book: Book, parent: Alert, rule: str, team: str) -> bool:
    children = [one for one in book.uow.alerts(rule=rule, limit=_MOST) if one.team == team]
    since = book.now - book.house.own.storm_within
    fresh = any(one.opened_at > since for one in children)
    if parent.opened_at <= since and not fresh and len(children) < max(1, book.house.own.storm // 2):
        book.over(parent.key, f"{len(children)} left")
        for child in children:
            _show(book, child)
        return False
    if parent.live:
        _tell(book, parent, children)
    return True


def _tell(book: Book, parent: Alert, children: list[Alert]) -> None:
    named = [f"{one.ref} {one.subject}" for one in children[:_NAMED]]
    rest = f" and {len(children) - _NAMED} more" if len(children) > _NAMED else ""
    facts = (("Now", f"{len(children)} alerts"), ("These", cut(", ".join(named) + rest, 290)))
    if facts == parent.facts or not children:
        return
    after = replace(parent, facts=facts, version=parent.version + 1, updated_at=book.now)
    book.keep(Change(parent, after, ""), Entry("deskbell", "update", parent.id, {"said": ""}))


def _show(book: Book, child: Alert) -> None:
    """One that outlives its storm gets the card that it would have had."""
    if child.mode is not Mode.LISTED or not any(label == PART_OF for label, _ in child.facts):
        return
    after = book.show(book.begin(child))
    after = replace(after, version=child.version + 1, updated_at=book.now)
    said = "The storm is over, and this is still so"
    book.keep(Change(child, after, said), Entry("deskbell", "shown", child.id, {"said": said}))


def _calm(book: Book) -> None:
    for held in book.uow.alerts(rule=FLAPPING, limit=_MOST):
        rule, source, record_id = held.key.removeprefix("flap:").split(":", 2)
        live = [one for one in book.uow.alerts_of(source, record_id) if one.rule == rule and one.live]
        since = book.now - book.house.own.flaps_within
        moved = max((one.opened_at for one in live), default=held.opened_at)
        if max(held.opened_at, moved) < since:
            book.over(held.key, "it has calmed down")


def _name(rule: str, team: str) -> str:
    return f"{rule}|{team}"


def _remember(book: Book, on: Mapping[str, str]) -> None:
    book.uow.put_value(_STORMS, json.dumps(on, sort_keys=True))
