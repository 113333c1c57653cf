"""Storms and flapping: when one cause makes many alerts, people get one card and a list.

Ten alerts of a rule in one team within five minutes are a storm, and so are ten of a source that is silent: one card
tells of it, with counts that roll on, and what comes after is listed under it. Only a P1 has its own card all the same.
What waited to be posted when the storm began is not posted any more. It is over when few are left; those get cards
then. So that a storm finds something that still waits, the second of a kind and all after it wait for a moment. What
opens and ends again and again is held.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from deskbell.core.alert import Alert, Change, Mode, Severity, Status
from deskbell.core.ports import Entry, Lane
from deskbell.core.rules import stamp
from deskbell.core.store import Reader
from deskbell.core.storm import NAMED, PART_OF, STORM, alerts, facts_of
from deskbell.core.text import cut
from deskbell.desk.book import Book
from deskbell.desk.house import House

FLAPPING = "flapping"
_STORMS = "storms"  # the small value in which those that are on stand: "rule|team" or "|source" -> key
MOST = 1000
_DAYS = 24  # times the span: what flaps for longer than that is looked after by hand
_ROLLS = timedelta(seconds=5)  # a storm's card is drawn anew no more often than that
_NOW = timedelta(0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a storm may be: a rule in a team, or a source that is silent."""

    rule: str
    team: str = ""
    source: str = ""

    @property
    def name(self) -> str:
        return f"|{self.source}" if self.source else f"{self.rule}|{self.team}"

    @classmethod
    def named(cls, name: str) -> "Place":
        rule, _, rest = name.partition("|")
        return cls(rule, rest) if rule else cls("", "", rest)


@dataclass(slots=True)
class Weather:
    """Of one transaction: what was counted and which storms are on is asked once."""

    book: Book
    _on: dict[str, str] | None = None
    _parents: dict[str, Alert | None] = field(default_factory=dict)
    _counts: dict[Place, int] = field(default_factory=dict)
    _silent: dict[str, bool] = field(default_factory=dict)
    _joined: set[tuple[int, str, str, str, Severity]] = field(default_factory=set)

    def place(self, alert: Alert, earlier: Alert | None) -> tuple[Alert, timedelta]:
        """The new alert as it is to be told: as a card, or listed because it belongs to something larger; and for how
        long its card waits for others of its kind.

        `earlier`: the alert of this key before it.
        """
        if alert.mode is not Mode.CARD:
            return alert, _NOW
        if self._flaps(alert, earlier):
            return replace(alert, mode=Mode.LISTED), _NOW
        place = self._place(alert)
        parent = self._storm(alert, place)
        if parent is None:
            waits = alert.severity is not Severity.P1 and self._counts.get(place, 0) > 1
            return alert, self.book.house.own.group_wait if waits else _NOW
        return part_of(alert, parent), _NOW

    def _place(self, alert: Alert) -> Place:
        if alert.source not in self._silent:
            self._silent[alert.source] = self.book.on(f"stale:{alert.source}")
        return Place("", "", alert.source) if self._silent[alert.source] else Place(alert.rule, alert.team)

    def _flaps(self, alert: Alert, earlier: Alert | None) -> bool:
        own, uow = self.book.house.own, self.book.uow
        since = self.book.now - own.flaps_within
        if earlier is None or earlier.opened_at < since or uow.count_opened(alert.key, since) < own.flaps:
            return False
        summary = f"{alert.subject or alert.source}: {alert.title} comes and goes; held until it calms down"[:118]
        key = f"flap:{alert.rule}:{alert.source}:{alert.record_id}"
        self.book.about_us(key, FLAPPING, Severity.P3, summary, source=alert.source, subject=alert.subject)
        return True

    def _storm(self, alert: Alert, place: Place) -> Alert | None:
        """The card of the storm that the alert belongs to, if there is one; it may be the alert that makes it one."""
        parent = self._known(place) or self._known(Place(alert.rule, alert.team))
        if parent is None:
            before = self._counts[place] if place in self._counts else self._opened(place)
            self._counts[place] = before + 1
            if self._counts[place] < self.book.house.own.storm:
                return None
            parent = self._begin(alert, place)
        self._join(parent, alert)
        return parent

    def _known(self, place: Place) -> Alert | None:
        """Of a storm that somebody called over nothing is listed any more: what comes now is counted anew."""
        key = self.on.get(place.name)
        if key is None:
            return None
        if key not in self._parents:
            self._parents[key] = self.book.uow.newest_by_key(key)
        parent = self._parents[key]
        return parent if parent is not None and parent.live else None

    def _opened(self, place: Place) -> int:
        """How many have come of late that stand for themselves."""
        own, since = self.book.house.own, self.book.now - self.book.house.own.storm_within
        return self.book.uow.count_cards(place.rule, place.team, place.source, since, own.storm)

    def _begin(self, alert: Alert, place: Place) -> Alert:
        book = self.book
        title, summary = _words(book, place, alert)
        key = f"storm:{alert.rule}:{alert.team}:{stamp(book.now)}"
        key = f"storm:silent:{place.source}:{stamp(book.now)}" if place.source else key
        parent = Alert(
            key=key,
            rule=STORM,
            source="",
            record_id="",
            subject=title,
            title=f"Storm: {title}",
            summary=cut(f"{summary}, {alerts(self._counts[place])} and more", 118),
            severity=min(alert.severity, Severity.P2),
            opened_at=book.now,
            updated_at=book.now,
            team=place.team,
            zone=alert.zone,
            policy=alert.policy,
        )
        parent = book.open(book.begin(parent), rooms=book.rooms(alert))
        for child in _around(book, place):
            self._join(parent, child)
            _take_in(book, child, parent)
        _remember(book, {**self.on, place.name: key})
        self._on, self._parents[key] = None, parent
        return parent

    def _join(self, parent: Alert, child: Alert) -> None:
        """Every room that would have had the child's card has the storm's."""
        seen = (parent.id, child.rule, child.team, child.source, child.severity)
        if seen not in self._joined:
            self._joined.add(seen)
            for name in self.book.rooms(child):
                self.book.uow.want_post(parent.id, name, Lane.PAGE, parent.severity, self.book.now)

    @property
    def on(self) -> Mapping[str, str]:
        if self._on is None:
            self._on = storms(self.book.uow)
        return self._on


def part_of(alert: Alert, parent: Alert) -> Alert:
    """Listed under the parent; a P1 has its card beside that."""
    facts = ((PART_OF, parent.ref), *(pair for pair in alert.facts if pair[0] != PART_OF))
    mode = Mode.CARD if alert.severity is Severity.P1 else Mode.LISTED
    return replace(alert, mode=mode, parent=parent.id, facts=facts)


def sheltered(book: Book, alert: Alert) -> bool:
    """Whether another alert's card stands for it, so that it needs none, however severe it has become; but for P1."""
    if not alert.parent or alert.severity is Severity.P1:
        return False
    parent = book.uow.alert(alert.parent)
    return parent is not None and parent.live


def not_posted(book: Book, alert_id: int) -> None:
    """A card that was on its way when its storm began did not arrive: it is listed like the others."""
    alert = book.uow.alert(alert_id)
    if alert is None or alert.mode is not Mode.CARD or not sheltered(book, alert) or book.uow.withdraw_posts(alert.id):
        return
    after = replace(alert, mode=Mode.LISTED, escalate_at=None, version=alert.version + 1, updated_at=book.now)
    book.keep(Change(alert, after, ""), Entry("deskbell", "part_of", alert.id, {"said": ""}))


def _around(book: Book, place: Place) -> list[Alert]:
    """What is live where a storm begins."""
    if place.source:
        found = book.uow.alerts(source=place.source, limit=MOST)
    else:
        found = [one for one in book.uow.alerts(rule=place.rule, limit=MOST) if one.team == place.team]
    return [one for one in found if one.mode is Mode.CARD and not one.parent and one.record_id]


def _take_in(book: Book, child: Alert, parent: Alert) -> None:
    """One that came before its storm. Where its card is in no room yet, it is listed."""
    after = part_of(child, parent)
    if after.mode is Mode.LISTED and book.uow.withdraw_posts(child.id):
        after = replace(after, mode=Mode.CARD)
    if after.mode is Mode.LISTED:
        after = replace(after, escalate_at=None)
    after = replace(after, version=child.version + 1, updated_at=book.now)
    book.keep(Change(child, after, ""), Entry("deskbell", "part_of", child.id, {"said": "", "storm": parent.ref}))


def _words(book: Book, place: Place, alert: Alert) -> tuple[str, str]:
    """What people call the storm, and its first line."""
    if place.source:
        title = f"{book.house.source_title(place.source)} is silent"
        return title, f"{title}: what it last said is overdue"
    rule = book.house.rule(alert.rule)
    title = rule.title if rule else alert.title
    return title, f"Storm{f' in {place.team}' if place.team else ''}: {title}"


def storms(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = json.loads(reader.value(_STORMS) or "{}")
    return found


def any_on(reader: Reader, house: House, now: datetime) -> bool:
    """Whether `watch` has anything to do."""
    return bool(storms(reader) or reader.opened(FLAPPING, now - _DAYS * house.own.flaps_within))


def watch(book: Book) -> None:
    """Keeps the cards of the storms true, and ends those that are over; what flapped and is calm is told."""
    for name, key in storms(book.uow).items():
        parent = book.uow.newest_by_key(key)
        if parent is None or not _goes_on(book, parent, Place.named(name)):
            _remember(book, {other: held for other, held in storms(book.uow).items() if other != name})
    _calm(book)


def _goes_on(book: Book, parent: Alert, place: Place) -> bool:
    family, own = book.uow.family(parent.id), book.house.own
    if not parent.live:  # somebody called it over; what is left of it stands for itself
        _let_go(book, parent)
        return False
    newest = max(family.newest or parent.opened_at, parent.opened_at)
    calm = newest <= book.now - own.storm_within and not (place.source and book.on(f"stale:{place.source}"))
    if calm and family.live < max(1, own.storm // 2):
        book.over(parent.key, f"{family.live} left")
        _let_go(book, parent)
        return False
    if parent.updated_at <= book.now - _ROLLS:
        _tell(book, parent, place)
    return True


def _let_go(book: Book, parent: Alert) -> None:
    for child in book.uow.alerts(parent=parent.id, limit=MOST):
        _show(book, child)


def _tell(book: Book, parent: Alert, place: Place) -> None:
    family = book.uow.family(parent.id)
    urgent = family.count(Status.OPEN, Status.ACKED, least=Severity.P1)
    first = book.uow.alerts(parent=parent.id, limit=min(urgent, NAMED) + NAMED)
    facts = facts_of(family, first, parent.ref, book.house.command)
    if facts == parent.facts or not first:
        return
    _, summary = _words(book, place, first[0])
    summary = cut(f"{summary}, {alerts(family.live)}", 118)
    after = replace(parent, facts=facts, summary=summary, version=parent.version + 1, updated_at=book.now)
    book.keep(Change(parent, after, ""), Entry("deskbell", "update", parent.id, {"said": ""}))


def _show(book: Book, child: Alert) -> None:
    """One that outlives its storm gets the card that it would have had."""
    facts = tuple(pair for pair in child.facts if pair[0] != PART_OF)
    after = book.show(replace(child, parent=0, facts=facts))
    said = "The storm is over, and this is still so" if child.mode is Mode.LISTED else ""
    if said and child.status is Status.OPEN:
        after = book.begin(after)
    for name in book.rooms(after):  # where its card was withdrawn when the storm began
        book.uow.want_post(after.id, name, Lane.PAGE, after.severity, book.now)
    after = replace(after, version=child.version + 1, updated_at=book.now)
    book.keep(Change(child, after, said), Entry("deskbell", "shown", child.id, {"said": said}))


def _calm(book: Book) -> None:
    for held in book.uow.alerts(rule=FLAPPING, limit=MOST):
        rule, source, record_id = held.key.removeprefix("flap:").split(":", 2)
        live = [one for one in book.uow.alerts_of(source, record_id) if one.rule == rule and one.live]
        since = book.now - book.house.own.flaps_within
        moved = max((one.opened_at for one in live), default=held.opened_at)
        if max(held.opened_at, moved) < since:
            book.over(held.key, "it has calmed down")


def _remember(book: Book, on: Mapping[str, str]) -> None:
    book.uow.put_value(_STORMS, json.dumps(on, sort_keys=True))
