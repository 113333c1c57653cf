"""The card of an alert as of now: what the core can't know by itself is read here, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any

from deskbell.core import button
from deskbell.core.alert import Alert, Severity, Status, Verb
from deskbell.core.card import Card
from deskbell.core.letters import TELLING, in_short
from deskbell.core.policy import escalates
from deskbell.core.present import View, card_of
from deskbell.core.records import personal_of
from deskbell.core.store import Reader
from deskbell.core.text import clock
from deskbell.core.undo import Undo
from deskbell.desk.decision import offers_for
from deskbell.desk.duty import Roster, roster
from deskbell.desk.house import House
from deskbell.desk.rings import asleep, prefs_of

MOMENT = timedelta(seconds=2)
JUST_NOW = timedelta(seconds=0.5)  # what has changed since has the post claimed again, and the card drawn again
MOST = 1000


def card_now(reader: Reader, house: House, alert: Alert, now: datetime, *, buttons: bool = True) -> Card:
    """With its story, whom it rings, and the mark that says so when its source is silent."""
    return cards_now(reader, house, [alert], now, buttons=buttons)[0]


def cards_now(
    reader: Reader,
    house: House,
    alerts: Sequence[Alert],
    now: datetime,
    *,
    buttons: bool = True,
    drawn: "Drawn | None" = None,
) -> list[Card]:
    """The same for several. `drawn`: those of a moment ago, for the rooms of one alert get it one after the other."""
    different = {(alert.id, alert.version): alert for alert in alerts}
    undos = reader.undos_of(sorted({alert.id for alert in alerts}))
    stale = _stale(reader, house, different.values())
    ringing = _Ringing(reader, house, now)
    frames = {key: _frame(reader, house, alert, ringing, undos, stale) for key, alert in different.items()}
    drawn = drawn or Drawn()
    cards = {key: card for key, frame in frames.items() if (card := drawn.get(key, frame, now)) is not None}
    stories = reader.stories(sorted({alert_id for alert_id, version in frames if (alert_id, version) not in cards}))
    for key in frames.keys() - cards.keys():
        alert, frame = different[key], frames[key]
        view = View(
            now=now,
            people=house.people,
            sign=partial(_sign, house.secret),
            story=stories[alert.id],
            buttons=buttons,
            **frame,
        )
        cards[key] = drawn.put(key, frame, now, card_of(alert, view))
    return [cards[alert.id, alert.version] for alert in alerts]


class Drawn:
    """Cards of a moment ago. What an alert's story adds to its card comes with a new version of the alert."""

    def __init__(self) -> None:
        self._cards: dict[tuple[int, int], tuple[Mapping[str, Any], datetime, Card]] = {}

    def get(self, key: tuple[int, int], frame: Mapping[str, Any], now: datetime) -> Card | None:
        known, at, card = self._cards.get(key, ({}, now, None))
        return card if known == frame and abs(now - at) < MOMENT else None

    def put(self, key: tuple[int, int], frame: Mapping[str, Any], now: datetime, card: Card) -> Card:
        if len(self._cards) >= MOST:
            self._cards.clear()
        self._cards[key] = frame, now, card
        return card


class Ready:
    """Cards that were drawn when their posts were claimed, and are asked for next."""

    def __init__(self) -> None:
        self._cards: dict[tuple[int, int], tuple[datetime, Card]] = {}

    def get(self, alert: Alert, now: datetime) -> Card | None:
        at, card = self._cards.get((alert.id, alert.version), (now, None))
        return card if abs(now - at) < JUST_NOW else None

    def put(self, alert: Alert, now: datetime, card: Card) -> None:
        if len(self._cards) >= MOST:
            self._cards.clear()
        self._cards[alert.id, alert.version] = now, card


def _frame(
    reader: Reader,
    house: House,
    alert: Alert,
    ringing: "_Ringing",
    undos: Mapping[int, Undo],
    stale: Mapping[str, datetime | None],
) -> Mapping[str, Any]:
    """What a card shows beside the alert and its story."""
    now, undo = ringing.now, undos.get(alert.id)
    undo = undo if undo and undo.holds(now) else None
    return {
        "warning": _warning(house, alert, stale, now),
        "mentions": ringing.mentions(alert),
        "undo": undo.person if undo else "",
        "undo_mark": undo.mark if undo else 0,
        "personal": _personal(reader, house, alert),
        "offers": offers_for(reader, house, alert, now),
        "records": _records(reader, house, alert),
        **_customer(reader, house, alert, now),
    }


def _sign(secret: bytes, verb: Verb, alert_id: int, mark: int) -> str:
    return button.sign(secret, verb, alert_id, mark)


class _Ringing:
    """Whom new cards ring, as of one moment; asked of the database only where a card rings anybody."""

    def __init__(self, reader: Reader, house: House, now: datetime) -> None:
        self._reader, self._house, self.now = reader, house, now

    @cached_property
    def _roster(self) -> Roster:
        return roster(self._reader, self._house, self.now)

    @cached_property
    def _asleep(self) -> frozenset[str]:
        return asleep(self._house.people, prefs_of(self._reader), self.now)

    def mentions(self, alert: Alert) -> tuple[str, ...]:
        """Those whom the first level of its policy names, or whoever has it; P1 wakes who has quiet hours."""
        policy = self._house.policies.get(alert.policy)
        if alert.status is not Status.OPEN or not policy or not escalates(policy, alert.severity):
            return ()
        targets = policy.ladder(alert.opened_at, alert.zone)[0].targets
        found = alert.named or self._roster.on_call(targets, self.now, alert.team, alert.assignee)
        return tuple(who for who in found if alert.severity is Severity.P1 or who not in self._asleep)


def _personal(reader: Reader, house: House, alert: Alert) -> bool:
    if not house.hides_customers or not alert.record_id:
        return False
    stored = reader.record(alert.source, alert.record_id)
    return stored is not None and bool(personal_of(stored.record))


def _records(reader: Reader, house: House, alert: Alert) -> tuple[tuple[str, str], ...]:
    """What was opened for the alert in other systems: what people call the system, and the record's address."""
    if not house.records:
        return ()
    posts = [post for post in reader.posts_of(alert.id) if post.destination in house.records and post.ref.get("url")]
    return tuple((house.records[post.destination], post.ref["url"]) for post in posts)


def _customer(reader: Reader, house: House, alert: Alert, now: datetime) -> Mapping[str, Any]:
    """What their customer was told about the record, the newest of it."""
    if house.customers is None or not alert.record_id or house.kind(alert.rule) not in TELLING:
        return {"told": "", "tells": False}
    last = next(iter(reader.letters_of(alert.source, alert.record_id, limit=1)), None)
    return {"told": in_short(last, alert.zone, now) if last else "", "tells": True}


def _stale(reader: Reader, house: House, alerts: Iterable[Alert]) -> dict[str, datetime | None]:
    """The sources of the alerts that are silent, and when each was last read."""
    names = {alert.source for alert in alerts if alert.record_id and alert.source in house.sources}
    silent = reader.lasting([f"stale:{name}" for name in sorted(names)])
    states = {name: reader.source(name) for name in names if f"stale:{name}" in silent}
    return {name: state.last_ok_at if state else None for name, state in states.items()}


def _warning(house: House, alert: Alert, stale: Mapping[str, datetime | None], now: datetime) -> str:
    if not alert.record_id or alert.source not in stale:
        return ""
    last = stale[alert.source]
    at = clock(last, alert.zone, now) if last else "before the start"
    return f"Unverified: {house.sources[alert.source].title} is silent, data from {at}"
