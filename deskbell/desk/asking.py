"""A technician who is late is asked first, in private; the answer moves the promise, and only silence goes on.

The question is an alert of its own that is in no room, so that it is answered like any other: by a button, by SMS, by a
command. What was answered stands in `asked`, where the rules find it (core.asking).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from deskbell.core import asking
from deskbell.core.access import Person
from deskbell.core.alert import Alert, Change, Command, Mode, Refusal, Severity, Status, end_condition, name_of
from deskbell.core.asking import BY_DIGIT, MENU, Asked, Choice, Say
from deskbell.core.ports import Dispatch, DispatchKind, Entry, Lane, WriteKind
from deskbell.core.records import Visit
from deskbell.core.text import clean, clock
from deskbell.desk.book import Book
from deskbell.desk.rings import USUAL, prefs_of, ways

FRESH = timedelta(hours=1)  # after the start: later than this it is no question any more


def follow(book: Book, visit: Visit, alerts: Sequence[Alert], *, asks: bool) -> None:
    """Asks when the rule says so; and lets a question go that is none any more."""
    key = asking.key_of(visit)
    for alert in alerts:
        if alert.rule == asking.RULE and alert.live and (alert.key != key or visit.done or visit.arrived_at):
            change = end_condition(alert, "the question has settled itself", book.now)
            book.keep(change, Entry("deskbell", "over", alert.id, {"said": change.said}))
    due = max(filter(None, (visit.start, visit.window_end)), default=None)
    if asks and not book.house.observe and due is not None and book.now - due <= FRESH:
        _ask(book, visit, key)


def _ask(book: Book, visit: Visit, key: str) -> None:
    person = technician(book, visit)
    rooms = ways(book.uow, book.house, person.id) if person else {}
    if person is None or not rooms or book.uow.newest_by_key(key) is not None:
        return
    ladder = prefs_of(book.uow).get(person.id, USUAL).ladder(Severity.P2, tuple(rooms))
    subject = clean(visit.number, 60)
    asked = Asked(key, visit.source, visit.id, subject, person.id, visit.technician_id or visit.technician, book.now)
    if not ladder or book.uow.ask(asked) is None:
        return
    alert = book.open(_question(book, visit, key, person))
    due = clock(visit.start, visit.zone, book.now) if visit.start else ""
    place = clean(visit.site or visit.customer, 80)
    text = book.house.words.say("ask_late", subject=subject, place=place, due=due, menu=MENU)
    payload = {"text": text, "ref": alert.ref, "direct": person.id, "only_if": "open"}
    way = ladder[0].way
    book.uow.add_dispatch(
        Dispatch(f"ask:{alert.id}", rooms[way], DispatchKind.NOTE, payload, alert.id, Lane.PAGE), Severity.P2, book.now
    )
    book.uow.audit(Entry("deskbell", "ask", alert.id, {"said": f"{person.name} was asked by {way}"}), book.now)


def technician(book: Book, visit: Visit) -> Person | None:
    """Whose job it is, if it is one of us: by the account in that source, by address, or by name."""
    for person in book.people.values():
        if visit.technician_id and person.accounts.get(visit.source) == visit.technician_id:
            return person
    mail, name = visit.technician_email.casefold(), visit.technician.strip().casefold()
    found = [one for one in book.people.values() if mail and one.email.casefold() == mail]
    found += [one for one in book.people.values() if name and one.name.casefold() == name]
    return found[0] if found else None


def _question(book: Book, visit: Visit, key: str, person: Person) -> Alert:
    return Alert(
        key=key,
        rule=asking.RULE,
        source=visit.source,
        record_id=visit.id,
        subject=clean(visit.number, 60),
        title="When will you be there?",
        summary=clean(f"{person.name} was asked about {visit.number}", 118),
        severity=Severity.P4,
        mode=Mode.LISTED,
        assignee=person.id,
        team=visit.team,
        zone=visit.zone,
        url=visit.url,
        opened_at=book.now,
        updated_at=book.now,
    )


def open_question(book: Book, person: Person) -> Alert | None:
    """What the person was asked last, if it can still be answered: a bare digit means it."""
    for one in book.uow.asked_of(person.id):
        alert = book.uow.newest_by_key(one.key)
        if one.open(book.now) and alert is not None and alert.live:
            return alert
    return None


def answered(book: Book, alert: Alert, command: Command) -> Change | Refusal:
    """What the technician says: kept, told to whoever looks at the job, and the rules look at it anew."""
    actor, choice = command.actor, BY_DIGIT.get(str(command.args.get("choice", "")))
    if actor.id != alert.assignee:
        return Refusal("person", f"That was asked of {name_of(alert.assignee, book.people)}.")
    rows = book.uow.asked_about(alert.source, [alert.record_id]).get(alert.record_id, ())
    asked = next((one for one in rows if one.key == alert.key), None)
    if asked is None or not alert.live or not asked.open(book.now):
        return Refusal("already", f"{alert.subject} is settled. If something is wrong there, call dispatch.")
    if choice is None:
        return Refusal("choice", f"About {alert.subject}: {MENU}.")
    until = book.now + choice.span if choice.span else None
    book.uow.save_answer(replace(asked, answer=choice.say, answered_at=book.now, until=until))
    said = _said(actor, choice, clock(until, alert.zone, book.now) if until else "")
    _tell(book, alert, said, actor)
    book.uow.set_due(alert.source, alert.record_id, book.now)  # what the rules make of it comes with the next tick
    after = replace(alert, status=Status.ACKED, acked_by=actor.id, acked_at=book.now, updated_at=book.now)
    after = replace(after, version=alert.version + 1)
    after = book.write_back(after, WriteKind.NOTE, f"{said} (asked about {alert.subject})", actor.id, after.version)
    return Change(alert, after, said)


def _said(actor: Person, choice: Choice, until: str) -> str:
    words = {
        Say.CANNOT: f"{actor.name} can't come",
        Say.HERE: f"{actor.name} says: on site",
    }
    return words.get(choice.say) or f"{actor.name} says: {choice.words}, by {until}"


def _tell(book: Book, question: Alert, said: str, actor: Person) -> None:
    """The cards about this job have it in their story."""
    for alert in book.uow.alerts_of(question.source, question.record_id):
        if alert.live and alert.mode is Mode.CARD and alert.id != question.id:
            after = replace(alert, version=alert.version + 1, updated_at=book.now)
            entry = Entry(actor.id, "answer", alert.id, {"said": said})
            book.keep(Change(alert, after, said), entry)
