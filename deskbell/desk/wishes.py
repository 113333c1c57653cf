"""What people ask for themselves: how they are rung, and a trial of it; the secret address of their own shifts."""

import hashlib
import secrets
from datetime import datetime, timedelta

from deskbell.core.access import Person
from deskbell.core.alert import Severity
from deskbell.core.card import Reply
from deskbell.core.duty import Cover, DutyWish, Place, Swap, Vacation, shifts_of
from deskbell.core.feed import calendar
from deskbell.core.ports import Answer, Entry
from deskbell.core.prefs import (
    Ladder,
    Prefs,
    PrefsWish,
    SetLadder,
    SetQuiet,
    Show,
    Subscribe,
    Trial,
    to_data,
)
from deskbell.core.store import Reader
from deskbell.core.text import clean, span
from deskbell.desk import duty, reach, roster
from deskbell.desk.book import Book
from deskbell.desk.house import House
from deskbell.desk.rings import USUAL, prefs_of, ways

SECRET_BYTES = 24
PATH = "/duty/{secret}.ics"
BEFORE, AHEAD = timedelta(days=14), timedelta(days=90)  # what a calendar of shifts shows
MOST = 500  # of one rota


def carry_out(book: Book, person: Person, wish: DutyWish | PrefsWish, key: str) -> Answer:
    """Once per `key`: a repeat gets the first answer again."""
    key = f"{key}:wish"
    earlier = book.uow.taken_in(key)
    if earlier is not None:
        return Answer(bool(earlier.get("ok")), "repeat", str(earlier.get("text", "")))
    book.uow.take_in(key, "", book.now, {"verb": type(wish).__name__.lower(), "person": person.id})
    answer = _answer(book, person, wish)
    book.uow.answered(key, {"ok": answer.ok, "code": answer.code, "text": answer.text})
    return answer


def _answer(book: Book, person: Person, wish: DutyWish | PrefsWish) -> Answer:
    match wish:
        case Cover() | Swap() | Place() | Vacation():
            return roster.arrange(book, person, wish)
        case Trial():
            return reach.trial(book, person, wish)
        case Subscribe():
            return _subscribe(book, person, on=wish.on)
        case SetQuiet() | SetLadder():
            return _choose(book, person, wish)
        case Show():
            return _shown(book, person, prefs_of(book.uow).get(person.id, USUAL), "")


def _choose(book: Book, person: Person, wish: SetQuiet | SetLadder) -> Answer:
    before = prefs_of(book.uow).get(person.id, USUAL)
    if isinstance(wish, SetQuiet):
        after, said = Prefs(before.high, before.low, wish.hours), "changed the quiet hours"
    else:
        known = ways(book.uow, book.house, person.id)
        strange = [rung.way for rung in wish.ladder if rung.way not in known]
        if strange:
            there = ", ".join(known) or "nothing yet"
            text = f"You can't be rung by {clean(strange[0], 40)}. You can by: {there}."
            return Answer(False, "way", text)
        high, low = (wish.ladder, before.low) if wish.high else (before.high, wish.ladder)
        after, said = Prefs(high, low, before.quiet), "changed how they are rung"
    book.uow.save_prefs(person.id, to_data(after))
    book.uow.audit(Entry(person.id, "prefs", 0, {"said": f"{person.name} {said}"}), book.now)
    return _shown(book, person, after, "Saved.")


def _shown(book: Book, person: Person, prefs: Prefs, first: str) -> Answer:
    """The ladders as they are now, whoever chose them."""
    known = tuple(ways(book.uow, book.house, person.id))
    hours = prefs.quiet
    quiet = f"{hours.begins:%H:%M} to {hours.ends:%H:%M}, {person.zone}; P1 rings all the same" if hours else ""
    lines = (
        first,
        f"P1 and P2: {_ladder(prefs.ladder(Severity.P1, known))}",
        f"P3 and P4: {_ladder(prefs.ladder(Severity.P4, known))}",
        f"Quiet: {quiet}" if quiet else "",
    )
    return Answer(
        True, "done", first or "How you are rung.", reply=Reply("How you are rung", tuple(filter(None, lines)))
    )


def _ladder(ladder: Ladder) -> str:
    steps = [f"{rung.way} {'at once' if not rung.after else f'after {span(rung.after)}'}" for rung in ladder]
    return ", then ".join(steps) or "nothing reaches you: link a chat"


def _subscribe(book: Book, person: Person, *, on: bool) -> Answer:
    if on and not book.house.public_url:
        return Answer(False, "no_address", "Deskbell has no public address (server.public_url), so no phone can ask.")
    secret = secrets.token_urlsafe(SECRET_BYTES) if on else ""
    book.uow.save_feed(person.id, digest(secret) if on else "", book.now)
    said = f"{person.name} {'has a new address of their shifts' if on else 'closed the address of their shifts'}"
    book.uow.audit(Entry(person.id, "feed", 0, {"said": said}), book.now)
    if not on:
        return Answer(True, "done", "Nobody can read your shifts by an address any more.")
    address = f"{book.house.public_url.rstrip('/')}{PATH.format(secret=secret)}"
    lines = (
        "Add this to the calendar of your phone, as a subscription:",
        address,
        "Whoever has it reads your shifts. An older one of yours does not work any more.",
    )
    return Answer(True, "done", "A new address of your shifts.", reply=Reply("Your shifts", lines))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def feed(reader: Reader, house: House, secret: str, now: datetime) -> str | None:
    """The shifts of whoever made this address, as a calendar; None when nobody did, or who did has left."""
    known = duty.roster(reader, house, now, BEFORE)
    person = known.people.get(reader.feed_of(digest(secret)) or "")
    if person is None:
        return None
    shifts = [
        (rota.name, shift)
        for rota in known.rotas.values()
        for shift in shifts_of(rota, person.id, now - BEFORE, now + AHEAD)[:MOST]
    ]
    return calendar(f"Shifts of {person.name}", shifts, now)
