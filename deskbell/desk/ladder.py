"""Escalation: who is rung next, and when after that. Due times are columns; nothing here remembers or waits."""

from dataclasses import dataclass, replace

from deskbell.core.alert import Alert, Change, Mode, Severity, Status, name_of
from deskbell.core.policy import begun, destinations_of, next_step
from deskbell.core.ports import Entry, Lane
from deskbell.desk.book import Book


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
    if asked and not alert.level and policy.levels and not policy.levels[0].after:
        alert = replace(alert, level=1)  # its card was the first level, though it was not severe enough to climb
    step = next_step(policy, alert, book.now, asked=asked, reaches=lambda targets: _reaches(book, targets, alert))
    for name in destinations_of(step.targets):
        if name in book.house.destinations:
            book.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, book.now)
    for warning in step.warnings:
        book.uow.audit(Entry("deskbell", "level_skipped", alert.id, {"said": warning}), book.now)
    if step.exhausted:
        _exhausted(book, alert)
    after = replace(alert, level=step.level, rounds=step.rounds, escalate_at=step.escalate_at)
    return _climbed(book, after, book.on_call(step.targets, alert))


def _reaches(book: Book, targets: tuple[str, ...], alert: Alert) -> bool:
    """A room alone counts only where nobody was named: a rota with a gap must not pass for a rung of the ladder."""
    named = [target for target in targets if target != "room"]
    return bool(book.on_call(targets, alert) or destinations_of(targets)) or not named


def first_step(book: Book, alert: Alert) -> Alert:
    """The alert at the beginning of its policy."""
    return begun(book.house.policies.get(alert.policy), alert, book.now)


def whom(book: Book, alert: Alert) -> tuple[str, ...]:
    """Whom news of this alert rings: who has it, else those whom the first level of its policy names."""
    if alert.assignee or alert.acked_by:
        return (alert.assignee or alert.acked_by,)
    policy = book.house.policies.get(alert.policy)
    return book.on_call(policy.levels[0].targets, alert) if policy and policy.levels else ()


def _climbed(book: Book, alert: Alert, ring: tuple[str, ...]) -> Climbed:
    return Climbed(alert, ring, ", ".join(name_of(person, book.house.people) for person in ring))


def _exhausted(book: Book, alert: Alert) -> None:
    summary = f"Nobody has answered {alert.ref}, every level was rung: {alert.summary}"[:118]
    book.about_us(f"exh:{alert.id}", "escalation_exhausted", Severity.P1, summary, subject=alert.subject)


def due(book: Book, alert: Alert) -> None:
    """An alert whose `escalate_at` has passed: a snooze ends, or the next level is rung."""
    woke = alert.snoozed_until is not None and alert.snoozed_until <= book.now
    after = replace(alert, snoozed_until=None) if woke else alert
    if alert.status is Status.ACKED or alert.mode is not Mode.CARD:
        _rest(book, alert, after)
        return
    climbed = climb(book, after)
    after = replace(climbed.alert, version=alert.version + 1, updated_at=book.now)
    said = _said(alert, after, climbed.names, woke=woke)
    data = {"said": said, "level": after.level, "round": after.rounds}
    change = Change(alert, after, said)
    book.keep(change, Entry("deskbell", "escalate", alert.id, data), ring=climbed.ring, loud=bool(said))


def _said(alert: Alert, after: Alert, names: str, *, woke: bool) -> str:
    if (after.level, after.rounds) == (alert.level, alert.rounds):
        return "The snooze is over" if woke else ""
    why = "The snooze is over, nobody has it" if woke else "Not acknowledged"
    if not after.step:
        return f"{why}: {names}" if names else why
    return f"{why}: escalated to level {after.step}" + (f", {names}" if names else "")


def _rest(book: Book, alert: Alert, after: Alert) -> None:
    """What is acknowledged, or in no room, does not climb; the end of a snooze is told to whoever has it."""
    after = replace(after, escalate_at=None, version=alert.version + 1, updated_at=book.now)
    said = "The snooze is over" if alert.snoozed_until else ""
    ring = (after.assignee,) if after.assignee and said else ()
    entry = Entry("deskbell", "snooze_over", alert.id, {"said": said})
    book.keep(Change(alert, after, said), entry, ring=ring, loud=bool(ring))
