"""What people ask of the rotas: a cover, a swap, an override, days off; and how a colleague accepts with a tap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deskbell.core.access import ACTORS, Person, Role, holds
from deskbell.core.alert import Alert, Change, Command, Refusal, Severity, Status, name_of
from deskbell.core.card import Reply
from deskbell.core.duty import (
    COVER,
    LONGEST,
    LONGEST_AWAY,
    Agreed,
    Cover,
    DutyWish,
    Kind,
    Place,
    Swap,
    Vacation,
    blocked,
    shifts_of,
)
from deskbell.core.ports import Answer, Entry
from deskbell.core.rota import Rota, Shift, on_duty, shifts
from deskbell.core.text import clean, clock
from deskbell.core.wall import Stretch, days, stretch
from deskbell.desk import absence
from deskbell.desk.book import Book
from deskbell.desk.duty import BACK, Roster, roster

MAY_HAVE = ACTORS | {Role.TECHNICIAN}


@dataclass(frozen=True, slots=True)
class _Part:
    """A shift, or a part of one, in a rota."""

    rota: Rota
    shift: Shift

    def words(self, now: datetime) -> str:
        return f"{self.rota.name} {span_words(self.shift.start, self.shift.end, self.rota.zone, now)}"


def span_words(start: datetime, end: datetime, zone: str, now: datetime) -> str:
    """`Fri 18:00 to 22:00`: the day is not said twice."""
    return f"{clock(start, zone, now)} to {clock(end, zone, start)}"


def arrange(book: Book, person: Person, wish: DutyWish) -> Answer:
    """Does what is asked of the rotas, or says in words why not."""
    known = roster(book.uow, book.house, book.now, BACK)
    result: Answer | Refusal
    match wish:
        case Cover():
            result = _cover(book, known, person, wish)
        case Swap():
            result = _swap(book, known, person, wish)
        case Place():
            result = _place(book, known, person, wish)
        case Vacation():
            result = _vacation(book, person, wish)
    if isinstance(result, Answer):
        return result
    data = {"verb": type(wish).__name__.lower(), "code": result.code, "said": "refused"}
    book.uow.audit(Entry(person.id, "refused", 0, data, {"text": result.text}), book.now)
    return Answer(False, result.code, result.text)


# ---------------------------------------------------------------- a request, which a colleague accepts


def _cover(book: Book, known: Roster, person: Person, wish: Cover) -> Answer | Refusal:
    parts = _parts(book, known, person.id, wish.times)
    if isinstance(parts, Refusal):
        return parts
    if refusal := _may_cover(book, person, wish.person):
        return refusal
    rows = [_row(Kind.COVER, part, "", person.id) for part in parts]
    asked = f"{name_of(wish.person, known.people)}" if wish.person else "whoever can"
    title = f"{person.name} asks for cover"
    return _request(book, person, title, parts, rows, (("Asked", asked),), _asked(known, person, parts, wish.person))


def _swap(book: Book, known: Roster, person: Person, wish: Swap) -> Answer | Refusal:
    if refusal := _may_cover(book, person, wish.person):
        return refusal
    mine, theirs = _parts(book, known, person.id, wish.times), _parts(book, known, wish.person, wish.theirs)
    if isinstance(mine, Refusal):
        return mine
    if isinstance(theirs, Refusal):
        return theirs
    colleague = name_of(wish.person, known.people)
    rows = [_row(Kind.SWAP, part, wish.person, person.id) for part in mine]
    rows += [_row(Kind.SWAP, part, person.id, wish.person) for part in theirs]
    back = ", ".join(part.words(book.now) for part in theirs)
    title = f"{person.name} asks {colleague} to swap"
    return _request(book, person, title, mine, rows, (("In return", back), ("Asked", colleague)), [wish.person])


def _may_cover(book: Book, person: Person, wanted: str) -> Refusal | None:
    if not wanted:
        return None
    colleague = book.people.get(wanted)
    if colleague is None:
        return Refusal("person", f"{name_of(wanted, book.house.people)} does not work here any more.")
    if wanted == person.id:
        return Refusal("person", "That is you: name a colleague, or nobody, and everybody is asked.")
    if not holds(colleague, MAY_HAVE):
        return Refusal(
            "person", f"{colleague.name} can't be on duty: the role is {', '.join(sorted(colleague.roles))}."
        )
    return None


def _parts(book: Book, known: Roster, person_id: str, times: str) -> list[_Part] | Refusal:
    """What of the person's shifts lies in these times, by the clock of each rota."""
    parts: list[_Part] = []
    said: list[Stretch] = []
    for rota in known.rotas.values():
        found = stretch(times, rota.zone, book.now)
        if found is not None:
            said.append(found)
            mine = shifts_of(rota, person_id, max(found.start, book.now), found.end)
            parts += [_Part(rota, shift) for shift in mine]
    if not known.rotas:
        return Refusal("rota", "No rota is set up, so there are no shifts.")
    if refusal := _wrong(book, times, said):
        return refusal
    if parts:
        return parts
    name = name_of(person_id, known.people)
    found, rota = said[0], next(iter(known.rotas.values()))
    when = span_words(found.start, found.end, rota.zone, book.now)
    return Refusal("not_on_duty", f"{name} is not on duty {when} ({rota.zone}), so there is nothing to give away.")


def _wrong(book: Book, times: str, said: Sequence[Stretch]) -> Refusal | None:
    """Why these times are of no use in any rota."""
    if not said:
        return Refusal(
            "times", f"“{clean(times, 40)}” is no time from … to. Write 18:00-22:00 or fri 18:00 to sat 8:00."
        )
    if all(one.end <= book.now for one in said):
        return Refusal(
            "past", "That is over already, and the past can't be changed. Name the day, like fri 18:00-22:00."
        )
    if any(one.end - one.start > LONGEST for one in said):
        return Refusal(
            "long", f"That is longer than {LONGEST.days} days: change the rota in the configuration instead."
        )
    return None


def _row(kind: Kind, part: _Part, person: str, instead_of: str, key: str = "", *, settled: bool = False) -> Agreed:
    return Agreed(key, kind, part.rota.name, person, part.shift.start, part.shift.end, instead_of, settled)


def _asked(known: Roster, person: Person, parts: Sequence[_Part], wanted: str) -> list[str]:
    if wanted:
        return [wanted]
    named = dict.fromkeys(who for part in parts for who in part.rota.everybody)
    return [who for who in named if who != person.id and who in known.people]


def _request(
    book: Book,
    person: Person,
    title: str,
    parts: Sequence[_Part],
    rows: Sequence[Agreed],
    facts: tuple[tuple[str, str], ...],
    ring: Sequence[str],
) -> Answer:
    """An alert that whoever accepts ends; everything that a card can do, a request can do with it."""
    first = min(parts, key=lambda part: part.shift.start)
    key = f"cover:{person.id}:{first.shift.start:%Y%m%dT%H%M}"
    held = book.uow.newest_by_key(key)
    if held is not None and held.live:
        return Answer(False, "already", f"You have asked for that already: {held.ref}. Withdraw it there first.", held)
    when = ", ".join(part.words(book.now) for part in parts)
    alert = Alert(
        key=key,
        rule=COVER,
        source="",
        record_id="",
        subject=person.name,
        title=title,
        summary=clean(f"{title}: {when}", 118),
        severity=Severity.P3,
        facts=(("When", clean(when, 300)), ("Zone", first.rota.zone), *facts),
        zone=first.rota.zone,
        opened_at=book.now,
        updated_at=book.now,
    )
    alert = book.open(alert, {"by": person.id})
    book.uow.agree(as_key(alert), rows)
    book.direct(alert, ring)
    return Answer(True, "done", f"{alert.ref}: asked. It is still your shift until somebody accepts: {when}.", alert)


def as_key(alert: Alert) -> str:
    """Under which key that is kept which an alert asks for."""
    return f"alert:{alert.id}"


def accept(book: Book, alert: Alert, command: Command) -> Change | Refusal:
    """A colleague takes what was asked for: the shifts are theirs, and the request is over. The first one wins."""
    actor, rows = command.actor, book.uow.agreed_as(as_key(alert))
    if not alert.live:
        who, at = name_of(alert.resolved_by, book.people), clock(alert.resolved_at or book.now, alert.zone, book.now)
        return Refusal("already", f"{alert.ref} is settled: {who} was faster, at {at}.")
    if refusal := _barred(book, actor, rows):
        return refusal
    left = [replace(row, start=max(row.start, book.now)) for row in rows if row.end > book.now]
    if not left:
        return Refusal("past", "These times are over by now; there is nothing left to cover.")
    book.uow.agree(as_key(alert), [replace(row, person=row.person or actor.id, settled=True) for row in left])
    asker = name_of(left[0].instead_of, book.people)
    when = ", ".join(f"{row.rota} {span_words(row.start, row.end, alert.zone, book.now)}" for row in left)
    verb = "swaps with" if left[0].kind is Kind.SWAP else "covers for"
    said = f"{actor.name} {verb} {asker}: {when}"
    after = replace(over(alert, actor.id, book.now, said), assignee=actor.id, acked_by=actor.id, acked_at=book.now)
    book.whisper(left[0].instead_of, f"{alert.ref}: {said}. It is not your shift any more.", f"covered:{alert.id}")
    return Change(alert, after, said)


def _barred(book: Book, actor: Person, rows: Sequence[Agreed]) -> Refusal | None:
    if not rows:
        return Refusal("past", "Nothing is asked for any more.")
    if not holds(actor, MAY_HAVE):
        return Refusal("role", "Your role does not allow shifts. Ask a manager.")
    if actor.id == rows[0].instead_of:
        return Refusal("own", "It is your own request: a colleague has to accept it.")
    swap = next((row.person for row in rows if row.kind is Kind.SWAP), "")
    if swap and actor.id != swap:
        return Refusal("person", f"It is {name_of(swap, book.people)} who is asked to swap.")
    return None


def withdraw(book: Book, alert: Alert, command: Command) -> Change | Refusal:
    """Who asked, or a manager, takes a request back."""
    actor, rows = command.actor, book.uow.agreed_as(as_key(alert))
    if not alert.live:
        return Refusal("resolved", f"{alert.ref} is settled already.")
    if rows and actor.id != rows[0].instead_of and not holds(actor, frozenset({Role.MANAGER})):
        return Refusal("role", "Only who asked, or a manager, can withdraw that.")
    book.uow.agree(as_key(alert), [])
    said = f"{actor.name} withdrew it"
    return Change(alert, over(alert, actor.id, book.now, said), said)


def over(alert: Alert, by: str, now: datetime, why: str) -> Alert:
    """The alert with nothing left to ask."""
    return replace(
        alert,
        status=Status.RESOLVED,
        condition=False,
        resolved_by=by,
        resolved_at=now,
        reason=why,
        escalate_at=None,
        snoozed_until=None,
        version=alert.version + 1,
        updated_at=now,
    )


def expire(book: Book) -> None:
    """Requests whose time has passed are over; whose shift it was had it."""
    for alert in book.uow.alerts(rule=COVER, limit=200):
        if all(row.end <= book.now for row in book.uow.agreed_as(as_key(alert))):
            book.uow.agree(as_key(alert), [])
            book.over(alert.key, "nobody took it, and the time has passed")


# ---------------------------------------------------------------- done at once


def _place(book: Book, known: Roster, person: Person, wish: Place) -> Answer | Refusal:
    rota = next((one for name, one in known.rotas.items() if wish.rota.casefold() in ("", name.casefold())), None)
    if rota is None or (not wish.rota and len(known.rotas) > 1):
        there = ", ".join(known.rotas) or "none"
        return Refusal("rota", f"Which rota? There are: {there}.")
    found = stretch(wish.times, rota.zone, book.now)
    refusal = _wrong(book, wish.times, [found] if found else [])
    if refusal or found is None:
        return refusal or Refusal("times", "When?")
    if wish.person != person.id and (refusal := _may_cover(book, person, wish.person)):
        return refusal
    start = max(found.start, book.now)
    before = [one.person for one in shifts(rota, start, found.end) if one.person not in (None, wish.person)]
    part = _Part(rota, Shift(wish.person, start, found.end))
    key = f"override:{rota.name}:{wish.person}:{start:%Y%m%dT%H%M%S}"
    book.uow.agree(key, [_row(Kind.OVERRIDE, part, wish.person, before[0] if before else "", key, settled=True)])
    who = name_of(wish.person, known.people)
    said = f"{who} is on duty in {part.words(book.now)} ({rota.zone})"
    book.uow.audit(Entry(person.id, "override", 0, {"said": said, "rota": rota.name, "person": wish.person}), book.now)
    for other in dict.fromkeys((wish.person, *before)):
        if other and other != person.id:
            book.whisper(other, f"{person.name} changed the rota: {said}.", f"{key}:{other}")
    return Answer(True, "done", " ".join(filter(None, (f"{said}.", found.note))))


def _vacation(book: Book, person: Person, wish: Vacation) -> Answer | Refusal:
    key = f"vacation:{person.id}"
    if wish.days is None:
        absence.forget(book, key)
        book.uow.audit(Entry(person.id, "vacation", 0, {"said": f"{person.name} is back"}), book.now)
        return Answer(True, "done", "You are back: your shifts are yours again.")
    found = days(wish.days, person.zone, book.now)
    if found is None:
        what = f"“{clean(wish.days, 40)}” are no days. Write 2026-12-24 to 2026-12-31, fri to mon, or off."
        return Refusal("times", what)
    if found.end <= book.now:
        return Refusal("past", "Those days are over already.")
    if found.end - found.start > LONGEST_AWAY:
        return Refusal("long", f"That is longer than {LONGEST_AWAY.days} days.")
    book.uow.agree(key, [Agreed(key, Kind.VACATION, "", person.id, found.start, found.end)])
    said = f"{person.name} is away {span_words(found.start, found.end, person.zone, book.now)}"
    book.uow.audit(Entry(person.id, "vacation", 0, {"said": said}), book.now)
    absence.warn(book, key, person, found.start, found.end)
    lines = missed(book, roster(book.uow, book.house, book.now, BACK), person.id, found.start, found.end)
    return Answer(True, "done", f"{said}.", reply=Reply(title="Noted", lines=(f"{said}.", *lines)))


def missed(book: Book, known: Roster, person: str, start: datetime, end: datetime) -> list[str]:
    """The shifts that an absence takes from the person, and who has them instead."""
    lines = []
    for rota in known.rotas.values():
        for shift in blocked(rota, person, max(start, book.now), end)[:5]:
            heir = on_duty(rota, shift.start)
            who = f"{name_of(heir, known.people)} has it" if heir else "nobody has it, ask for cover"
            lines.append(f"{rota.name} {span_words(shift.start, shift.end, rota.zone, book.now)}: {who}")
    return lines
