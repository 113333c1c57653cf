"""The card of an alert as of now: what the core can't know by itself is read here, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from deskbell.core import button
from deskbell.core.alert import Alert, Verb
from deskbell.core.card import Card
from deskbell.core.policy import escalates, people_for
from deskbell.core.ports import Reader
from deskbell.core.present import View, card_of
from deskbell.core.records import personal_of
from deskbell.core.text import clock
from deskbell.desk.house import House


def card_now(reader: Reader, house: House, alert: Alert, now: datetime, *, buttons: bool = True) -> Card:
    """With its story, whom it rings, and the mark that says so when its source is silent."""
    return cards_now(reader, house, [alert], now, buttons=buttons)[0]


def cards_now(
    reader: Reader, house: House, alerts: Sequence[Alert], now: datetime, *, buttons: bool = True
) -> list[Card]:
    """The same for several; an alert that is among them more than once has one card."""
    different = {(alert.id, alert.version): alert for alert in alerts}
    ids = sorted({alert.id for alert in alerts})
    stories, undos = reader.stories(ids), reader.undos_of(ids)
    stale = _stale(reader, house, different.values())
    cards: dict[tuple[int, int], Card] = {}
    for key, alert in different.items():
        undo = undos.get(alert.id)
        undo = undo if undo and undo.holds(now) else None
        view = View(
            now=now,
            people=house.people,
            sign=partial(_sign, house.secret),
            story=stories[alert.id],
            warning=_warning(house, alert, stale, now),
            buttons=buttons,
            mentions=_mentions(house, alert, now),
            undo=undo.person if undo else "",
            undo_mark=undo.mark if undo else 0,
            personal=_personal(reader, house, alert),
        )
        cards[key] = card_of(alert, view)
    return [cards[alert.id, alert.version] for alert in alerts]


def _sign(secret: bytes, verb: Verb, alert_id: int, mark: int) -> str:
    return button.sign(secret, verb, alert_id, mark)


def _mentions(house: House, alert: Alert, now: datetime) -> tuple[str, ...]:
    """Whom a new card rings: those the first level of its policy names, or whoever has it."""
    policy = house.policies.get(alert.policy)
    targets = policy.levels[0].targets if policy and escalates(policy, alert.severity) else ()
    return people_for(targets, house.people, house.rotas, now, alert.team, alert.assignee)


def _personal(reader: Reader, house: House, alert: Alert) -> bool:
    if not house.hides_customers or not alert.record_id:
        return False
    stored = reader.record(alert.source, alert.record_id)
    return stored is not None and bool(personal_of(stored.record))


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
