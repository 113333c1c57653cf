"""What became of a delivery: done, again later, looked up, or given up and told to people another way."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from deskbell.core.alert import Alert, Severity
from deskbell.core.history import Ended
from deskbell.core.outcome import Fault, Outcome, Rejected, Sent, Unknown
from deskbell.core.ports import CUSTOMERS, Claim, Dispatch, DispatchKind, Lane, Post, Settlement, WriteKind
from deskbell.core.records import Case, CaseStatus, Record, Visit, changed
from deskbell.desk import letters, past
from deskbell.desk.book import SOURCE_LANE, UNREACHABLE, Book, deaf, shut_out
from deskbell.desk.heard import handed_over, not_rung, reach
from deskbell.desk.observe import Tally, take_one
from deskbell.desk.weather import not_posted
from deskbell.vendors.chats import CHATS

MAX_TRIES = 12
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)
SHUT_OUT = timedelta(seconds=30)


def settle_all(book: Book, settlements: Sequence[Settlement]) -> list[bool]:
    """The same for several, in one transaction."""
    book.uow.expect_settled([one.claim for one in settlements])
    held = [settle(book, one.claim, one.outcome, one.shown, cut_off=one.cut_off) for one in settlements]
    arrived = [one.claim.work for one, ours in zip(settlements, held, strict=True) if ours and _came(one)]
    in_rooms = {work.destination for work in arrived if not _direct(work)}
    for destination in sorted({work.destination for work in arrived}):
        _reached(book, destination, in_room=destination in in_rooms)
    return held


def _direct(work: Post | Dispatch) -> bool:
    """What goes to one person says nothing of the room whose lane it takes, only of the chat."""
    return isinstance(work, Dispatch) and bool(work.payload.get("direct"))


def _came(one: Settlement) -> bool:
    """Whether a chat took it."""
    sent = isinstance(one.outcome, Sent) and not one.outcome.skipped
    return sent and not one.claim.work.destination.startswith(SOURCE_LANE)


def settle(book: Book, claim: Claim, outcome: Outcome, shown: int = 0, *, cut_off: bool = False) -> bool:
    """Writes down what became of a claim. False when the lease was lost meanwhile, so that another holder decides."""
    if isinstance(outcome, Sent):
        return _sent(book, claim, outcome, shown)
    if isinstance(outcome, Rejected):
        return _rejected(book, claim, outcome)
    if isinstance(outcome, Unknown):
        kept = _again(book, claim, outcome.why, None, counts=not cut_off, unsure=True)
    else:  # what may have arrived before still may have: it is looked up again before it is sent
        unsure, counts = claim.work.unsure_since is not None, not (outcome.limited or cut_off)
        kept = _again(book, claim, outcome.why, outcome.after, counts=counts, unsure=unsure)
    if kept and cut_off and not claim.work.destination.startswith(SOURCE_LANE):
        _unreachable(book, claim, outcome.why)
    return kept


def _sent(book: Book, claim: Claim, outcome: Sent, shown: int) -> bool:
    if not book.uow.settle_sent(claim, outcome.ref, shown, book.now):
        return False
    work = claim.work
    handed_over(book, claim, outcome)
    if isinstance(work, Post) and not work.ref and not outcome.skipped:
        book.uow.first_shown(work.alert_id, book.now)
    if isinstance(work, Post) and work.ref.get("url") != outcome.ref.get("url"):
        book.uow.bump_posts(work.alert_id, book.now, Lane.TIDY)  # the cards show where the record is
    if isinstance(work, Dispatch) and work.kind is DispatchKind.WRITE:
        _written(book, claim.alert, work.payload, outcome)
    if isinstance(work, Dispatch) and work.kind is DispatchKind.LETTER:
        letters.handed_over(book, work, outcome)
    if not outcome.skipped and isinstance(work, Dispatch) and (person := str(work.payload.get("direct", ""))):
        book.over(reach(person, work.destination), "a message arrived again")
    return True


def _reached(book: Book, destination: str, *, in_room: bool) -> None:
    """A room that was lost takes messages again: the trouble is over, and the cards it missed are tried anew."""
    lost, trouble = shut_out(book.platform(destination)), f"chan:{destination}"
    lasting = book.uow.lasting((lost, trouble))
    if lost in lasting:
        book.over(lost, "it takes messages again")
    if trouble not in lasting or not in_room:
        return
    book.over(trouble, "it takes messages again")
    book.uow.hurry(destination, book.now)
    for row in book.uow.outbox(dead_only=True, limit=1000):
        if row.destination == destination and row.kind == "post":
            book.uow.revive(row.id, row.kind, book.now)


def pause(attempts: int, roll: float) -> timedelta:
    """Exponential with full jitter; `roll` is a random number from 0 to 1."""
    longest = min(FIRST_PAUSE * (1 << min(attempts, 12)), LONGEST_PAUSE)
    return max(timedelta(milliseconds=200), timedelta(seconds=longest.total_seconds() * roll))


def _again(book: Book, claim: Claim, why: str, after: timedelta | None, *, counts: bool, unsure: bool) -> bool:
    tries = claim.work.attempts + (1 if counts else 0)
    if tries >= MAX_TRIES and not _never_given_up(claim):
        return _give_up(book, claim, f"{why} (after {tries} tries)")
    wait = after if after is not None else pause(claim.work.attempts, random.random())  # noqa: S311 - jitter, no secret
    if tries == 3 and counts and not claim.work.destination.startswith(SOURCE_LANE):
        _unreachable(book, claim, why)
    kept = book.uow.settle_retry(claim, book.now + wait, why[:300], unsure=unsure, counts=counts, now=book.now)
    if kept and isinstance(claim.work, Post) and not claim.work.ref and not unsure:
        not_posted(book, claim.work.alert_id)
    return kept


def _never_given_up(claim: Claim) -> bool:
    """A card and a ring are tried for as long as it takes; a line of the story, or a note to a source, is not."""
    return isinstance(claim.work, Post) or claim.work.lane is Lane.PAGE


def _rejected(book: Book, claim: Claim, outcome: Rejected) -> bool:
    work = claim.work
    if outcome.fault is Fault.GONE and isinstance(work, Post):
        return _gone(book, claim, work)
    if outcome.fault is Fault.AUTH:
        return _shut_out(book, claim, outcome.why)
    return _give_up(book, claim, outcome.why, outcome.fault)


def _shut_out(book: Book, claim: Claim, why: str) -> bool:
    """A whole channel or source refuses our login: keep the queue, tell people elsewhere, look again now and then."""
    work = claim.work
    name = work.destination.removeprefix(SOURCE_LANE)
    if name == work.destination:
        _no_way_in(book, claim, why)
    else:
        summary = f"{book.house.source_title(name)} refuses what Deskbell writes: {why}"[:118]
        book.about_us(f"auth:{name}", "source_auth_failed", Severity.P1, summary, source=name, subject=name)
    unsure, wait = work.unsure_since is not None, book.now + SHUT_OUT
    return book.uow.settle_retry(claim, wait, why[:300], unsure=unsure, counts=False, now=book.now)


def _gone(book: Book, claim: Claim, post: Post) -> bool:
    """The card was deleted in the chat: posted anew while the alert lives, forgotten when it is over."""
    if not book.uow.settle_sent(claim, {}, post.wanted, book.now):
        return False
    if claim.alert is not None and claim.alert.live:
        book.uow.repost(post.id, book.now)
    return True


def _give_up(book: Book, claim: Claim, why: str, fault: Fault = Fault.TARGET) -> bool:
    if not book.uow.settle_dead(claim, why[:300], book.now):
        return False
    work, alert = claim.work, claim.alert
    if isinstance(work, Dispatch) and work.kind is DispatchKind.WRITE:
        _not_written(book, alert, work, why)
        return True
    if isinstance(work, Dispatch) and work.kind is DispatchKind.LETTER:
        letters.failed(book, work, why, fault)
        if fault is not Fault.TARGET:
            _dead_letter(book, claim, why)
        return True
    if isinstance(work, Dispatch) and (person := str(work.payload.get("direct", ""))):
        not_rung(book, person, work.destination, why)
        if alert is not None:
            book.ring_elsewhere(alert, work, person)
        return True
    if alert is not None and alert.rule != UNREACHABLE:
        _elsewhere(book, claim, alert)
    if fault is Fault.PAYLOAD:
        _dead_letter(book, claim, why)
    else:
        _unreachable(book, claim, why)
    return True


def _dead_letter(book: Book, claim: Claim, why: str) -> None:
    ref = claim.alert.ref if claim.alert else "a notice"
    summary = f"{claim.work.destination} refused {ref}, see deskbell outbox --dead: {why}"[:118]
    key = f"dlq:{claim.work.alert_id}:{claim.work.destination}"
    book.about_us(key, "delivery_dead_letter", Severity.P2, summary, subject=claim.work.destination)


def _elsewhere(book: Book, claim: Claim, alert: Alert) -> None:
    """A card that can't be posted in its room is posted in another: silence is the one thing not allowed."""
    if not isinstance(claim.work, Post) or claim.work.ref:
        return
    for name in book.elsewhere(claim.work.destination):
        book.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, book.now)


def _unreachable(book: Book, claim: Claim, why: str) -> None:
    """Rings once per destination, in the other rooms."""
    destination = claim.work.destination
    customers = destination.startswith(CUSTOMERS)
    whom = f"customers by {destination.removeprefix(CUSTOMERS)}" if customers else f"the room {destination}"
    summary = f"Deskbell can't reach {whom}: {why}"[:118]
    book.about_us(f"chan:{destination}", UNREACHABLE, Severity.P1, summary, subject=destination)


def _no_way_in(book: Book, claim: Claim, why: str) -> None:
    """One login serves all rooms of a chat, and its way in: it rings once for all of them."""
    chat = book.platform(claim.work.destination)
    if chat not in CHATS:
        _unreachable(book, claim, why)
    elif not book.on(deaf(chat)):
        summary = f"{chat.title()} refuses Deskbell's login: {why}"[:118]
        book.about_us(shut_out(chat), UNREACHABLE, Severity.P1, summary, subject=chat)


# ---------------------------------------------------------------- what a source was told


def _written(book: Book, alert: Alert | None, payload: Mapping[str, Any], outcome: Sent) -> None:
    if alert is None:
        return
    _echo(book, alert, payload)
    title = book.house.source_title(alert.source)
    done = {WriteKind.NOTE: "note added", WriteKind.ASSIGN: "reassigned", WriteKind.RESOLVE: "resolved"}
    word = f"{title}: {done[WriteKind(payload['kind'])]}" + (f", {outcome.detail}" if outcome.detail else "")
    _show(book, alert, alert.writeback if payload.get("no_account") else word, Lane.TIDY)


def _not_written(book: Book, alert: Alert | None, work: Dispatch, why: str) -> None:
    if alert is None:
        return
    title = book.house.source_title(alert.source)
    _show(book, alert, f"{title} was not told: {why}")
    summary = f"{title} did not take what was done on {alert.ref}: {why}"[:118]
    book.about_us(f"wb:{work.key}", "writeback_failed", Severity.P3, summary, source="", subject=alert.subject)


def _show(book: Book, alert: Alert, word: str, lane: Lane = Lane.EDIT) -> None:
    current = book.uow.alert(alert.id)
    if current is None or current.writeback == word:
        return
    after = replace(current, writeback=word[:200], version=current.version + 1)
    if book.uow.save_alert(after, current.version):
        book.uow.bump_posts(alert.id, book.now, lane)


def _echo(book: Book, alert: Alert, payload: Mapping[str, Any]) -> None:
    """Puts what we wrote into our own copy of the record, so that reading it back is no change and rings nobody.

    What is over by it is over now: a case that was given to somebody is nobody's no longer.
    """
    stored = book.uow.record(alert.source, alert.record_id)
    if stored is None or (record := _as_written(book, stored.record, payload)) == stored.record:
        return
    past.keep(book, [stored], Ended.OURS)
    take_one(book, record, stored.record, Tally(), news=False)


def _as_written(book: Book, record: Record, payload: Mapping[str, Any]) -> Record:
    kind = WriteKind(payload["kind"])
    person = book.house.people.get(str(payload.get("person", "")))
    if kind is WriteKind.ASSIGN and person is not None:
        if isinstance(record, Case):
            return changed(record, assignee=person.name, assignee_id=payload["assignee"])
        if isinstance(record, Visit):
            return changed(
                record, technician=person.name, technician_id=payload["assignee"], technician_email=person.email
            )
    if kind is WriteKind.RESOLVE and isinstance(record, Case):
        return changed(record, status=CaseStatus.RESOLVED)
    return record
