"""The change of a shift: what is open goes to whoever comes, who accepts it with a tap; until then both are rung."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from deskbell.core.access import Role, holds
from deskbell.core.alert import Alert, Change, Command, Mode, Refusal, Severity, Status, name_of
from deskbell.core.duty import HANDOVER, Agreed, Kind
from deskbell.core.policy import VIA
from deskbell.core.ports import Entry
from deskbell.core.records import Case, Visit
from deskbell.core.rota import Rota, on_duty, on_duty_until
from deskbell.core.store import Reader
from deskbell.core.text import clean, clock
from deskbell.desk.book import Book
from deskbell.desk.duty import Roster, roster
from deskbell.desk.house import House
from deskbell.desk.roster import as_key, over

LONGEST = timedelta(hours=24)  # so long at most the outgoing person stays beside the incoming one
MOST = 50  # alerts that one handover names
BY_THEMSELVES = 5  # of them, so many are also sent one by one, each with its own button
_WAS = "duty."  # under this name and the rota's: who was on duty last


def due(reader: Reader, house: House, now: datetime) -> bool:
    """Whether anything is to be done: somebody else is on duty, or a handover is under way."""
    if house.observe or not house.rotas:
        return False
    rotas = roster(reader, house, now).rotas.values()
    turned = any((who := on_duty(rota, now)) and who != reader.value(_WAS + rota.name) for rota in rotas)
    return turned or bool(reader.alerts(rule=HANDOVER, limit=1))


def turn(book: Book) -> None:
    """Looks at each rota: whose shift began hands over from whose ended."""
    known = roster(book.uow, book.house, book.now)
    for alert in book.uow.alerts(rule=HANDOVER, limit=50):
        _look_at(book, alert)
    for rota in known.rotas.values():
        person = on_duty(rota, book.now)
        before = book.uow.value(_WAS + rota.name)
        if person is None or person == before:  # in a gap, whoever was last still has what is open
            continue
        book.uow.put_value(_WAS + rota.name, person)
        if before and before in book.house.people and person in known.people:
            _begin(book, known, rota, before, person)


def _begin(book: Book, known: Roster, rota: Rota, before: str, person: str) -> None:
    until = min(on_duty_until(rota, book.now) or book.now + LONGEST, book.now + LONGEST)
    leaving = {before, *(one.person for one in known.agreed if one.kind is Kind.HANDOVER and one.rota == rota.name)}
    items = _open(book, rota, leaving - {person})
    when = f"until {clock(until, rota.zone, book.now)}"
    if not items:
        text = f"You are on duty in {rota.name} {when}. Nothing is open."
        book.whisper(person, text, f"duty:{rota.name}:{person}:{book.now:%Y%m%dT%H%M}")
        return
    gone, comes = name_of(before, book.house.people), name_of(person, book.house.people)
    count = f"{len(items)} open alert{'s' * (len(items) > 1)}"
    alert = Alert(
        key=f"handover:{rota.name}:{book.now:%Y%m%dT%H%M%S}",
        rule=HANDOVER,
        source="",
        record_id="",
        subject=rota.name,
        title=f"Handover of {rota.name}",
        summary=clean(f"{gone} hands {count} of {rota.name} over to {comes}", 118),
        severity=Severity.P2,
        facts=tuple((one.ref, _words(book, one)) for one in items),
        assignee=person,
        zone=rota.zone,
        policy=HANDOVER,
        opened_at=book.now,
        updated_at=book.now,
    )
    alert = book.open(book.begin(alert))
    stays = [Agreed("", Kind.HANDOVER, rota.name, who, book.now, until, person) for who in sorted(leaving - {person})]
    book.uow.agree(as_key(alert), stays)
    book.direct(alert, (person,))
    for one in items[:BY_THEMSELVES]:
        book.direct(one, (person,))


def _open(book: Book, rota: Rota, leaving: Iterable[str]) -> list[Alert]:
    """What the leaving people have, and what would ring this rota and nobody has; most severe first."""
    aimed = f"rota:{rota.name}"
    policies = {
        policy.name
        for policy in book.house.policies.values()
        for level in (*policy.levels, *policy.outside)
        if any(target.partition(VIA)[0] == aimed for target in level.targets)
    }
    leaving = set(leaving)
    every = [one for one in book.uow.alerts(limit=500) if one.mode is Mode.CARD and one.rule != HANDOVER]
    mine = (one for one in every if (one.assignee or one.acked_by) in leaving)
    nobodys = (one for one in every if one.policy in policies and not one.assignee and one.status is Status.OPEN)
    return sorted({one.id: one for one in (*mine, *nobodys)}.values(), key=lambda one: (one.severity, one.id))[:MOST]


def _words(book: Book, alert: Alert) -> str:
    """Owner, next step and what was promised, in a line."""
    owner = name_of(alert.assignee or alert.acked_by, book.house.people) or "nobody"
    parts = [str(alert.severity), clean(alert.summary, 100), f"with {owner}"]
    if alert.snoozed_until and alert.snoozed_until > book.now:
        parts.append(f"snoozed until {clock(alert.snoozed_until, alert.zone, book.now)}")
    elif alert.escalate_at:
        parts.append(f"next: escalates {clock(alert.escalate_at, alert.zone, book.now)}")
    elif alert.status is Status.ACKED:
        parts.append("next: to be ended")
    if promise := _promise(book, alert):
        parts.append(f"promised: {promise}")
    return " \u00b7 ".join(parts)


def _promise(book: Book, alert: Alert) -> str:
    stored = book.uow.record(alert.source, alert.record_id) if alert.record_id else None
    record = stored.record if stored else None
    if isinstance(record, Visit) and record.eta:
        return f"there {clock(record.eta, record.zone, book.now)}"
    if isinstance(record, Case):
        due = min((sla.due_at for sla in record.slas if not (sla.met or sla.paused)), default=None)
        return f"answered by {clock(due, alert.zone, book.now)}" if due else ""
    return ""


def _left(book: Book, alert: Alert) -> list[Alert]:
    """What of it nobody has taken over yet."""
    leaving = {one.person for one in book.uow.agreed_as(as_key(alert))}
    named = (book.uow.alert(int(ref[2:])) for ref, _ in alert.facts if ref[:2] == "D-" and ref[2:].isdigit())
    return [one for one in named if one and one.live and (one.assignee or one.acked_by) in {"", *leaving}]


def _look_at(book: Book, alert: Alert) -> None:
    """A handover is over when each alert was taken over by itself, or when the next one has begun."""
    stays = book.uow.agreed_as(as_key(alert))
    if not _left(book, alert):
        _end(book, alert, "each of them was taken over")
    elif all(one.end <= book.now for one in stays):
        _end(book, alert, "the shift is over, and the next handover has what is left")


def _end(book: Book, alert: Alert, why: str) -> None:
    book.uow.agree(as_key(alert), [])
    book.over(alert.key, why)


def accept(book: Book, alert: Alert, command: Command) -> Change | Refusal:
    """The incoming person has all of it now; the outgoing one is rung no more."""
    actor = command.actor
    if not alert.live:
        return Refusal("already", f"{alert.ref} is settled: {name_of(alert.resolved_by, book.people)} has accepted.")
    if actor.id != alert.assignee and not holds(actor, frozenset({Role.MANAGER})):
        return Refusal("person", f"{name_of(alert.assignee, book.people)} has to accept that, or a manager.")
    taken = [one for one in _left(book, alert) if one.assignee or one.acked_by]
    for one in taken:
        after = replace(one, assignee=alert.assignee, version=one.version + 1, updated_at=book.now)
        if one.acked_by:
            after = replace(after, acked_by=alert.assignee, acked_at=book.now)
        said = f"{name_of(alert.assignee, book.people)} has it since the change of shift"
        entry = Entry(actor.id, "hand_over", one.id, {"said": said, "assignee": alert.assignee})
        book.keep(Change(one, after, said), entry)
    outgoing = [one.person for one in book.uow.agreed_as(as_key(alert))]
    book.uow.agree(as_key(alert), [])
    said = f"{actor.name} accepted the handover"
    for who in dict.fromkeys(outgoing):
        book.whisper(who, f"{alert.ref}: {said}. You are off duty in {alert.subject}.", f"handed:{alert.id}:{who}")
    return Change(alert, over(alert, actor.id, book.now, said), said)
