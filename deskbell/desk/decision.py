"""A card about a job without its technician offers who else could go; one tap sends them, in the schedule as well."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from deskbell.core import decision
from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Change, Command, Refusal, Status
from deskbell.core.asking import Asked, Say, key_of
from deskbell.core.decision import Offer
from deskbell.core.records import Leave, LeaveStatus, Visit, VisitStatus, changed
from deskbell.core.store import Reader
from deskbell.core.text import clock
from deskbell.core.ties import same_person, seeks_of
from deskbell.desk.asking import technician
from deskbell.desk.book import Book
from deskbell.desk.duty import removed
from deskbell.desk.house import House

_MOST = 40  # technicians that are looked at


def offers_for(reader: Reader, house: House, alert: Alert, now: datetime) -> tuple[Offer, ...]:
    """Who could be sent instead; nobody, where the alert is about no such job."""
    if not house.decision.enabled or alert.rule not in decision.RULES or alert.status is not Status.OPEN:
        return ()
    job = _job(reader, alert)
    return _offers(reader, house, job, now) if job is not None else ()


def _job(reader: Reader, alert: Alert) -> Visit | None:
    stored = reader.record(alert.source, alert.record_id) if alert.record_id else None
    record = stored.record if stored else None
    return record if isinstance(record, Visit) and not record.done else None


def _offers(reader: Reader, house: House, job: Visit, now: datetime) -> tuple[Offer, ...]:
    gone = removed(reader)
    able = [
        one for one in house.people.values() if one.id not in gone and decision.qualified(one, job, house.decision)
    ][:_MOST]
    days, leaves = _days(reader, job, able, now)
    return decision.offers(job, days, house.people, house.decision, now, leaves)


def _days(
    reader: Reader, job: Visit, able: Sequence[Person], now: datetime
) -> tuple[Mapping[str, Sequence[Visit]], Mapping[str, Sequence[Leave]]]:
    """What each of them has today: asked of the database once for all."""
    stand = {one.id: _as_theirs(job, one, now) for one in able}
    ties = frozenset().union(*(seeks_of(visit) for visit in stand.values())) if stand else frozenset()
    records = {(one.source, one.id): one for _, one in reader.related(ties)} if ties else {}
    days: dict[str, list[Visit]] = {one: [] for one in stand}
    leaves: dict[str, list[Leave]] = {one: [] for one in stand}
    for record in records.values():
        for person, visit in stand.items():
            if isinstance(record, Visit) and record.id != job.id and _planned(record) and same_person(record, visit):
                days[person].append(record)
            if isinstance(record, Leave) and record.status is LeaveStatus.APPROVED and same_person(record, visit):
                leaves[person].append(record)
    return days, leaves


def _planned(visit: Visit) -> bool:
    return visit.status not in (VisitStatus.UNSCHEDULED, VisitStatus.PAUSED)


def _as_theirs(job: Visit, person: Person, now: datetime) -> Visit:
    account = person.accounts.get(job.source, "")
    return changed(
        job, technician=person.name, technician_id=account, technician_email=person.email, start=now, end=None
    )


# ---------------------------------------------------------------- sent


def chosen(book: Book, mark: int) -> str:
    """Whose button that was."""
    return next((one for one in book.people if decision.mark_of(one) == mark), "")


def send(book: Book, alert: Alert, command: Command) -> Change | Refusal:
    """Another technician goes: the alert is with whoever decided that, and both technicians are told."""
    job = _job(book.uow, alert)
    person = book.people.get(str(command.args.get("person", "")))
    if job is None:
        return Refusal("job", f"{alert.ref} is about no job that somebody could be sent to.")
    if person is None:
        return Refusal("person", "Name a technician that Deskbell knows, like: send D-12 @lena.")
    if Role.TECHNICIAN not in person.roles or not person.accounts.get(job.source):
        return Refusal("person", f"{person.name} is no technician that {book.house.source_title(job.source)} knows.")
    before = technician(book, job)
    if before is not None and before.id == person.id:
        return Refusal("already", f"{job.number} is {person.name}'s already.")
    offer = next((one for one in _offers(book.uow, book.house, job, book.now) if one.person == person.id), None)
    there = offer.there if offer else book.now + book.house.decision.travel
    by = clock(there, job.zone, book.now)
    _promise(book, job, person, there)
    place = job.site or job.customer
    key = f"send:{alert.id}:{alert.version}"
    book.whisper(person.id, f"{job.number} is yours now: {place}. Be there by {by}.", key)
    if before is not None:
        book.whisper(before.id, f"{job.number} goes to {person.name}. It is yours no longer.", f"{key}:before")
    actor = command.actor
    after = replace(
        alert, status=Status.ACKED, assignee=actor.id, acked_by=actor.id, acked_at=book.now, snoozed_until=None,
        escalate_at=None, waits=(), version=alert.version + 1, updated_at=book.now,
    )  # fmt: skip
    said = f"{actor.name} sends {person.name}, there at {by}"
    return Change(alert, after, said)


def _promise(book: Book, job: Visit, person: Person, there: datetime) -> None:
    """They are expected then: until that, nobody is late."""
    visit = _as_theirs(job, person, book.now)
    visit = changed(visit, start=job.start, end=job.end)
    asked = Asked(key_of(visit), job.source, job.id, job.number, person.id, visit.technician_id, book.now)
    kept = book.uow.ask(asked) or next(
        (one for one in book.uow.asked_about(job.source, [job.id]).get(job.id, ()) if one.key == asked.key), None
    )
    if kept is not None:
        book.uow.save_answer(replace(kept, answer=Say.LATER, answered_at=book.now, until=there + timedelta(minutes=1)))
