"""Whether people can be reached: each way to whom duty comes to is proven, by a tap in a chat, by a code elsewhere."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Change, Command, Mode, Refusal, Severity, name_of
from deskbell.core.duty import PROOF
from deskbell.core.ports import Answer, Dispatch, DispatchKind, Entry, Lane
from deskbell.core.prefs import CHATS, Ladder, Proof, Rung, Trial
from deskbell.core.rota import Rota, shifts
from deskbell.core.rules import stamp
from deskbell.core.text import clean, clock, span
from deskbell.desk.book import Book
from deskbell.desk.rings import USUAL, prefs_of, ways
from deskbell.desk.roster import over

CODE_LIFE = timedelta(days=2)
MONTH = timedelta(days=30)
UNPROVEN = "unproven"  # begins the keys of alerts about ways that did not answer
WARNS = 0.25  # of the time before a shift: what has not answered by then, managers hear of
TIME_TO_ANSWER = timedelta(minutes=15)
_SHIFTS = 50
_DAY = timedelta(days=1)


def trial(book: Book, person: Person, wish: Trial) -> Answer:
    """Rings each rung of one's own ladder, or takes the code that one of them brought."""
    if wish.code:
        return _code(book, person, wish.code)
    rooms = ways(book.uow, book.house, person.id)
    ladder = prefs_of(book.uow).get(person.id, USUAL).ladder(Severity.P1, tuple(rooms))
    if wish.way:
        ladder = tuple(rung for rung in ladder if rung.way == wish.way) or _alone(wish.way, rooms)
    if not ladder:
        there = ", ".join(rooms) or "nothing yet"
        return Answer(False, "way", f"Nothing of that name reaches you. You can be rung by: {there}.")
    ask(book, person, ladder, "This is a test of your own ladder")
    named = ", ".join(rung.way for rung in ladder)
    return Answer(True, "done", f"Ringing you by: {named}. Tap what comes, or type the code that it brings.")


def _alone(way: str, rooms: Mapping[str, str]) -> Ladder:
    return (Rung(way),) if way in rooms else ()


def ask(book: Book, person: Person, ladder: Ladder, why: str) -> None:
    """One message by each rung: in a chat to be tapped, elsewhere with a code to be typed."""
    rooms = ways(book.uow, book.house, person.id)
    known = book.uow.proofs(person.id)
    chats = [rung for rung in ladder if rung.way in CHATS]
    alert = _alert(book, person, why) if chats else None
    for number, rung in enumerate(ladder, 1):
        place = f"{why}: {rung.way}, rung {number} of {len(ladder)}"
        place += f", in earnest {span(rung.after)} after the first" if rung.after else ""
        code = "" if rung.way in CHATS else f"{secrets.randbelow(10**6):06}"
        text = f"{place}. " + (f"Type {book.house.command} test {code}" if code else "Tap, and it is proven.")
        stamp = f"{book.now:%Y%m%dT%H%M%S}"
        payload = {"text": text, "direct": person.id}
        to = rooms[rung.way]
        key = f"proof:{person.id}:{rung.way}:{stamp}"
        about = alert.id if alert and not code else 0
        kind = DispatchKind.NOTE if about else DispatchKind.NOTICE
        book.uow.add_dispatch(Dispatch(key, to, kind, payload, about, Lane.PAGE), Severity.P3, book.now)
        proof = known.get(rung.way, Proof())
        book.uow.save_proof(person.id, rung.way, replace(proof, asked_at=book.now, code=_digest(code) if code else ""))


def _alert(book: Book, person: Person, why: str) -> Alert:
    """What the taps answer; it is in no room."""
    key = f"proof:{person.id}"
    held = book.uow.newest_by_key(key)
    if held is not None and held.live:
        return held
    return book.open(
        Alert(
            key=key,
            rule=PROOF,
            source="",
            record_id="",
            subject=person.name,
            title="Can you be reached?",
            summary=clean(f"{why}: tap, and this way to you is proven", 118),
            severity=Severity.P4,
            mode=Mode.LISTED,
            assignee=person.id,
            zone=person.zone,
            opened_at=book.now,
            updated_at=book.now,
        )
    )


def tapped(book: Book, alert: Alert, command: Command) -> Change | Refusal:
    """The person has answered in a chat, which proves it; when nothing is left to prove, the question is over."""
    actor, way = command.actor, command.origin.get("platform", "")
    if actor.id != alert.assignee:
        return Refusal("person", f"That asks whether {name_of(alert.assignee, book.people)} can be reached.")
    if not alert.live:
        return Refusal("already", "That is settled already: you can be reached.")
    known = dict(book.uow.proofs(actor.id))
    known[way] = Proof(known.get(way, Proof()).asked_at, book.now)
    book.uow.save_proof(actor.id, way, known[way])
    waiting = [name for name in waits(known) if name in CHATS]
    said = f"{actor.name} answered in {way.title()}"
    if not waiting:
        return Change(alert, over(alert, actor.id, book.now, "every chat has answered"), said)
    left = ", ".join(name.title() for name in waiting)
    return Change(
        alert, replace(alert, version=alert.version + 1, updated_at=book.now), f"{said}; still to tap: {left}"
    )


def waits(known: Mapping[str, Proof]) -> list[str]:
    """The ways that were tried and have not answered since."""
    return [way for way, one in known.items() if one.asked_at and (not one.proven_at or one.proven_at < one.asked_at)]


def _code(book: Book, person: Person, code: str) -> Answer:
    found = [
        (way, proof)
        for way, proof in book.uow.proofs(person.id).items()
        if proof.code and proof.code == _digest(code) and proof.asked_at and book.now - proof.asked_at < CODE_LIFE
    ]
    if not found:
        return Answer(
            False, "code", f"That code is none of yours, or too old. {book.house.command} test sends a new one."
        )
    for way, proof in found:
        book.uow.save_proof(person.id, way, Proof(proof.asked_at, book.now))
        said = f"{person.name} answered by {way}"
        book.uow.audit(Entry(person.id, "proven", 0, {"way": way, "said": said}), book.now)
    return Answer(True, "done", f"{found[0][0]} works: it is proven.")


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


# ---------------------------------------------------------------- before each shift


def watch(book: Book, rota: Rota) -> None:
    """Whose shift begins soon is asked on each way that is not proven; what then still fails, managers hear of."""
    ahead = book.house.own.prove_ahead
    if not ahead or book.house.observe:
        return
    for shift in islice(shifts(rota, book.now, book.now + ahead), 1, _SHIFTS):
        person = book.people.get(shift.person or "")
        if person is not None and shift.start - book.now <= ahead:
            _prove(book, rota, person, shift.start)


def _prove(book: Book, rota: Rota, person: Person, begins: datetime) -> None:
    since = begins - book.house.own.prove_ahead
    known = book.uow.proofs(person.id)
    ladder = _whole(book, person.id)
    failing = tuple(r for r in ladder if not _proven(r.way, known.get(r.way, Proof()), since))
    new = [rung for rung in failing if (known.get(rung.way, Proof()).asked_at or since) <= since]
    when = clock(begins, person.zone, book.now)
    sleeps = prefs_of(book.uow).get(person.id, USUAL).waits_until(Severity.P3, book.now, person.zone)
    if new and sleeps is None:
        ask(book, person, tuple(new), f"Your shift in {rota.name} begins {when}")
    key = f"{UNPROVEN}:{person.id}:{rota.name}:{stamp(begins)}"
    if not failing:
        book.over(key, f"{person.name} can be reached")
    elif begins - book.now <= book.house.own.prove_ahead * WARNS and (late := _unanswered(failing, known, book.now)):
        named = ", ".join(late)
        summary = f"{person.name} has not answered by {named}; on duty in {rota.name} from {when}"
        book.about_us(key, "oncall_unreachable", Severity.P3, clean(summary, 118), subject=person.id)


def _unanswered(failing: Ladder, known: Mapping[str, Proof], now: datetime) -> list[str]:
    """Those that were tried, with time enough for an answer."""
    tried = ((rung.way, known[rung.way].asked_at) for rung in failing if rung.way in known)
    return [way for way, asked in tried if asked is not None and now - asked >= TIME_TO_ANSWER]


def settle_old(book: Book) -> None:
    """Of shifts that have begun: over once the person has answered everywhere, or a day later."""
    for alert in book.uow.alerts(rule="oncall_unreachable", limit=200):
        if not alert.key.startswith(f"{UNPROVEN}:"):
            continue
        known, since = book.uow.proofs(alert.subject), alert.opened_at - book.house.own.prove_ahead
        if all(_proven(rung.way, known.get(rung.way, Proof()), since) for rung in _whole(book, alert.subject)):
            book.over(alert.key, f"{name_of(alert.subject, book.people)} can be reached")
        elif book.now - alert.opened_at > _DAY:
            book.over(alert.key, "the shift is over")
    for alert in book.uow.alerts(rule=PROOF, limit=200):
        if book.now - alert.opened_at > _DAY:
            book.over(alert.key, "nothing came back for a day")


def _whole(book: Book, person: str) -> Ladder:
    """The ladder that rings the person when it matters."""
    known = ways(book.uow, book.house, person)
    return prefs_of(book.uow).get(person, USUAL).ladder(Severity.P1, tuple(known))


def _proven(way: str, proof: Proof, since: datetime) -> bool:
    """A chat is proven for each shift anew, a phone once a month."""
    at = proof.proven_at
    return at is not None and (at >= since if way in CHATS else since - at < MONTH)
