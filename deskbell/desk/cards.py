"""The card of an alert as of now: what the core can't know by itself is read here, in one transaction."""

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
from deskbell.core.undo import Undo
from deskbell.desk.house import House


def card_now(reader: Reader, house: House, alert: Alert, now: datetime, *, buttons: bool = True) -> Card:
    """With its story, whom it rings, and the mark that says so when its source is silent."""
    undo = _undo(reader, alert, now)
    view = View(
        now=now,
        people=house.people,
        sign=partial(_sign, house.secret),
        story=reader.story(alert.id),
        warning=_warning(reader, house, alert, now),
        buttons=buttons,
        mentions=_mentions(house, alert, now),
        undo=undo.person if undo else "",
        undo_mark=undo.mark if undo else 0,
        personal=_personal(reader, house, alert),
    )
    return card_of(alert, view)


def _sign(secret: bytes, verb: Verb, alert_id: int, mark: int) -> str:
    return button.sign(secret, verb, alert_id, mark)


def _mentions(house: House, alert: Alert, now: datetime) -> tuple[str, ...]:
    """Whom a new card rings: those the first level of its policy names, or whoever has it."""
    policy = house.policies.get(alert.policy)
    targets = policy.levels[0].targets if policy and escalates(policy, alert.severity) else ()
    return people_for(targets, house.people, house.rotas, now, alert.team, alert.assignee)


def _undo(reader: Reader, alert: Alert, now: datetime) -> Undo | None:
    undo = reader.undo_of(alert.id)
    return undo if undo and undo.holds(now) else None


def _personal(reader: Reader, house: House, alert: Alert) -> bool:
    if not house.hides_customers or not alert.record_id:
        return False
    stored = reader.record(alert.source, alert.record_id)
    return stored is not None and bool(personal_of(stored.record))


def _warning(reader: Reader, house: House, alert: Alert, now: datetime) -> str:
    facts = house.sources.get(alert.source)
    stale = reader.newest_by_key(f"stale:{alert.source}") if facts and alert.record_id else None
    if facts is None or stale is None or not stale.live:
        return ""
    state = reader.source(alert.source)
    at = clock(state.last_ok_at, alert.zone, now) if state and state.last_ok_at else "before the start"
    return f"Unverified: {facts.title} is silent, data from {at}"
