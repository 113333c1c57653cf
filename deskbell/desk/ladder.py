"""Escalation: who is rung next, and when after that; and acknowledgements, which run out when nothing comes of them.

Due times are columns; nothing here remembers or waits. `escalate_at` of an alert that somebody has acknowledged is when
that is looked at again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deskbell.core.access import SYSTEM
from deskbell.core.alert import Alert, Change, Mode, Severity, Status, name_of, names_of
from deskbell.core.policy import Level, destinations_of, next_step, ways_of
from deskbell.core.ports import Entry, Lane
from deskbell.core.text import clock, span
from deskbell.desk.book import Book

REMINDS = 0.75  # of an acknowledgement's time


@dataclass(frozen=True, slots=True)
class Climbed:
    """The alert one level up, whom that rings, and their names for people to read."""

    alert: Alert
    ring: tuple[str, ...]
    names: str


def climb(book: Book, alert: Alert, *, asked: bool = False) -> Climbed:
    """One step of the alert's policy, or the next one at once because a person asked.

    Without a policy the level still rises, and every manager is rung.
    """
    policy = book.house.policies.get(alert.policy)
    if policy is None:
        ring = book.on_call(("role:manager",), alert)
        return _climbed(book, replace(alert, level=alert.level + 1, escalate_at=None), ring)
    levels = policy.ladder(book.now, alert.zone)
    if asked and not alert.level and levels and not levels[0].after:
        alert = replace(alert, level=1)  # its card was the first level, though it was not severe enough to climb
    step = next_step(policy, alert, book.now, asked=asked, reaches=lambda targets: reaches(book, targets, alert))
    for name in destinations_of(step.targets):
        if name in book.house.destinations:
            book.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, book.now)
    for warning in step.warnings:
        book.uow.audit(Entry("deskbell", "level_skipped", alert.id, {"said": warning}), book.now)
    if step.exhausted:
        _exhausted(book, alert)
    after = replace(alert, level=step.level, rounds=step.rounds, escalate_at=step.escalate_at)
    if step.rung is None:
        return _climbed(book, after, ())
    after = book.name(after, policy, step.rung)
    book.by_ways(after, step.rung)
    return _climbed(book, after, _rung(book, after, step.rung))


def _rung(book: Book, alert: Alert, level: Level) -> tuple[str, ...]:
    return alert.named or book.on_call(level.targets, alert)


def reaches(book: Book, targets: tuple[str, ...], alert: Alert) -> bool:
    """A room alone counts only where nobody was named: a rota with a gap must not pass for a rung of the ladder. Nor
    does somebody who is known nowhere.
    """
    named = [target for target in targets if target != "room"]
    ways = [way for way, _ in ways_of(targets)]
    rooms = any(name in book.house.destinations for name in destinations_of(targets))
    return rooms or not named or bool(book.reachable(book.on_call(targets, alert), ways))


def whom(book: Book, alert: Alert) -> tuple[str, ...]:
    """Whom news of this alert rings: who has it, else those whom the first level of its policy names."""
    if alert.assignee or alert.acked_by:
        return (alert.assignee or alert.acked_by,)
    policy = book.house.policies.get(alert.policy)
    levels = policy.ladder(book.now, alert.zone) if policy else ()
    return _rung(book, alert, levels[0]) if levels else ()


def _climbed(book: Book, alert: Alert, ring: tuple[str, ...]) -> Climbed:
    return Climbed(alert, ring, ", ".join(name_of(person, book.house.people) for person in ring))


def _exhausted(book: Book, alert: Alert) -> None:
    summary = f"Nobody has answered {alert.ref}, every level was rung: {alert.summary}"[:118]
    book.about_us(f"exh:{alert.id}", "escalation_exhausted", Severity.P1, summary, subject=alert.subject)


def due(book: Book, alert: Alert) -> None:
    """An alert whose `escalate_at` has passed: a snooze ends, the next level is rung, an acknowledgement runs out."""
    woke = alert.snoozed_until is not None and alert.snoozed_until <= book.now
    after = replace(alert, snoozed_until=None) if woke else alert
    if alert.mode is not Mode.CARD or (alert.status is Status.ACKED and woke):
        _rest(book, alert, after)
    elif alert.status is Status.ACKED:
        _look_at_ack(book, alert)
    else:
        _step(book, alert, after, woke=woke)


def _step(book: Book, alert: Alert, after: Alert, *, woke: bool) -> None:
    missing = names_of(alert.waits, book.house.people) if alert.named != alert.waits else ""
    climbed = climb(book, after)
    after = replace(climbed.alert, version=alert.version + 1, updated_at=book.now)
    said = _said(alert, after, climbed.names, woke=woke, missing=missing)
    data = {"said": said, "level": after.level, "round": after.rounds}
    change = Change(alert, after, said)
    book.keep(change, Entry("deskbell", "escalate", alert.id, data), ring=climbed.ring, loud=bool(said))


def _said(alert: Alert, after: Alert, names: str, *, woke: bool, missing: str = "") -> str:
    if (after.level, after.rounds) == (alert.level, alert.rounds):
        return "The snooze is over" if woke else ""
    why = "The snooze is over, nobody has it" if woke else "Not acknowledged" + (f" by {missing}" if missing else "")
    if not after.step:
        return f"{why}: {names}" if names else why
    return f"{why}: escalated to level {after.step}" + (f", {names}" if names else "")


def _rest(book: Book, alert: Alert, after: Alert) -> None:
    """What is acknowledged, or in no room, does not climb; the end of a snooze is told to whoever has it."""
    after = replace(after, version=alert.version + 1, updated_at=book.now)
    after = replace(after, escalate_at=looked_at(book, after))
    said = "The snooze is over" if alert.snoozed_until else ""
    ring = (after.assignee,) if after.assignee and said else ()
    entry = Entry("deskbell", "snooze_over", alert.id, {"said": said})
    book.keep(Change(alert, after, said), entry, ring=ring, loud=bool(ring))


# ---------------------------------------------------------------- acknowledgements


def looked_at(book: Book, alert: Alert) -> datetime | None:
    """When it is looked at whether anything came of an acknowledgement; None: nobody has the alert."""
    if alert.status is not Status.ACKED or alert.mode is not Mode.CARD:
        return None
    return alert.snoozed_until or _quiet_since(alert) + _lasts(book, alert) * REMINDS


def _lasts(book: Book, alert: Alert) -> timedelta:
    own = book.house.own
    return own.ack_stale_p1 if alert.severity is Severity.P1 else own.ack_stale


def _quiet_since(alert: Alert) -> datetime:
    """Notes and changes in the source count as something; our own reminder does not touch `updated_at`."""
    return max(alert.updated_at, alert.acked_at or alert.updated_at)


def _look_at_ack(book: Book, alert: Alert) -> None:
    since, lasts = _quiet_since(alert), _lasts(book, alert)
    if book.now >= since + lasts:
        _runs_out(book, alert, lasts)
    elif book.now >= since + lasts * REMINDS:
        _remind(book, alert, since + lasts)
    else:  # something happened meanwhile
        book.uow.save_alert(
            replace(alert, escalate_at=looked_at(book, alert), version=alert.version + 1), alert.version
        )


def _remind(book: Book, alert: Alert, ends: datetime) -> None:
    who = name_of(alert.acked_by, book.house.people)
    for_long = span(_lasts(book, alert) * REMINDS)
    said = f"Nothing has happened for {for_long} since {who} acknowledged; it rings again at"
    said = f"{said} {clock(ends, alert.zone, book.now)}"
    after = replace(alert, escalate_at=ends, version=alert.version + 1)
    entry = Entry(SYSTEM.id, "ack_stale", alert.id, {"said": said})
    book.keep(Change(alert, after, said), entry, ring=(alert.assignee or alert.acked_by,), loud=True)


def _runs_out(book: Book, alert: Alert, lasts: timedelta) -> None:
    """It is open again, and goes on where its policy stood: who had it hears of it, and the next level does."""
    who, had = name_of(alert.acked_by, book.house.people), alert.assignee or alert.acked_by
    mine = alert.assignee == alert.acked_by
    after = replace(alert, status=Status.OPEN, acked_by="", acked_at=None, rounds=0, escalate_at=book.now)
    climbed = climb(book, replace(after, assignee="" if mine else alert.assignee))
    after = replace(climbed.alert, version=alert.version + 1, updated_at=book.now)
    said = f"Nothing has happened for {span(lasts)} since {who} acknowledged: it is open again"
    said += f", {climbed.names}" if climbed.names else ""
    ring = tuple(dict.fromkeys((had, *climbed.ring)))
    entry = Entry(SYSTEM.id, "ack_ran_out", alert.id, {"said": said, "level": after.level})
    book.keep(Change(alert, after, said), entry, ring=ring, loud=True)
