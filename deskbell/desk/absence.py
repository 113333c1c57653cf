"""Leave blocks shifts: what the system for time off says is agreed at once, and people hear whose shift that takes."""

from collections.abc import Iterable
from datetime import datetime

from deskbell.core.access import Person
from deskbell.core.alert import Severity, name_of
from deskbell.core.duty import Agreed, Kind, blocked
from deskbell.core.records import Leave, LeaveStatus, Record
from deskbell.core.rota import on_duty
from deskbell.core.text import clean, clock
from deskbell.desk.book import Book
from deskbell.desk.duty import BACK, roster

RULE = "shift_blocked"


def follow(book: Book, records: Iterable[Record]) -> None:
    """Leave of people who have shifts, as it was just read."""
    for leave in records:
        if isinstance(leave, Leave) and book.house.rotas:
            _agree(book, leave)


def _agree(book: Book, leave: Leave) -> None:
    key, person = key_of(leave.source, leave.id), _whose(book, leave)
    holds = leave.status is LeaveStatus.APPROVED and person is not None
    if not holds or person is None or leave.start is None or leave.end is None or leave.end <= book.now:
        forget(book, key)
        return
    book.uow.agree(key, [Agreed(key, Kind.LEAVE, "", person.id, leave.start, leave.end)])
    warn(book, key, person, leave.start, leave.end)


def key_of(source: str, record_id: str) -> str:
    return f"leave:{source}:{record_id}"


def forget(book: Book, key: str) -> None:
    """There is no such absence any more."""
    if book.uow.agreed_as(key):
        book.uow.agree(key, [])
    book.over(f"{RULE}:{key}", "they are there after all")


def warn(book: Book, key: str, person: Person, start: datetime, end: datetime) -> None:
    """Managers hear which shifts an absence takes, and who has them now."""
    known = roster(book.uow, book.house, book.now, BACK)
    for rota in known.rotas.values():
        shift = next(iter(blocked(rota, person.id, max(start, book.now), end)), None)
        if shift is not None:
            heir = on_duty(rota, shift.start)
            who = f"{name_of(heir, book.people)} has it" if heir else "nobody has it"
            when = clock(shift.start, rota.zone, book.now)
            summary = clean(f"{person.name} is away during their shift in {rota.name} from {when}: {who}", 118)
            book.about_us(f"{RULE}:{key}", RULE, Severity.P3, summary, subject=person.name)
            return
    book.over(f"{RULE}:{key}", "no shift of theirs is in that time")


def settle_old(book: Book) -> None:
    for alert in book.uow.alerts(rule=RULE, limit=200):
        if all(one.end <= book.now for one in book.uow.agreed_as(alert.key.removeprefix(f"{RULE}:"))):
            book.over(alert.key, "that time is over")


def _whose(book: Book, leave: Leave) -> Person | None:
    people = book.people.values()
    found = (next((one for one in people if test(one, leave)), None) for test in (_by_mail, _by_id, _by_name))
    return next((one for one in found if one is not None), None)


def _by_mail(person: Person, leave: Leave) -> bool:
    mail = leave.person_email.strip().casefold()
    return bool(mail) and person.email.casefold() == mail


def _by_id(person: Person, leave: Leave) -> bool:
    return bool(leave.person_id) and person.accounts.get(leave.source) == leave.person_id


def _by_name(person: Person, leave: Leave) -> bool:
    """Only where no address tells it better."""
    name = leave.person.strip().casefold()
    return not leave.person_email and bool(name) and person.name.casefold() == name
