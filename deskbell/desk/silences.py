"""Silences of people, planned work of the configuration, and what needs a second person.

What a silence holds is listed, with the reason on it; what is still so when the silence ends gets its card then. What
is asked of a second person is an alert of its own: whoever else acknowledges it agrees, and it is done in the name of
who asked. After a while nobody may agree any more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Change, Mode, Refusal, Severity, Status, name_of
from deskbell.core.ports import Answer, Entry
from deskbell.core.records import Record
from deskbell.core.silence import LONGEST, SILENCED, Silence, fits, in_words
from deskbell.core.store import Reader
from deskbell.core.storm import SECOND, alerts
from deskbell.core.text import clock, cut, span
from deskbell.desk.book import Book
from deskbell.desk.house import House

WEEK = timedelta(days=7)
_MOST = 10_000
_NAMED = 5
_WISH = "wish."  # and an alert's number: what is done once a second person has agreed


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants held, for how long, and why. Without a span it is only looked at."""

    person: Person
    matchers: Mapping[str, tuple[str, ...]]
    span: timedelta | None
    reason: str
    key: str = ""  # the platform's own id of the message, so that a repeat is known


@dataclass(slots=True)
class Held:
    """Of one transaction: what is silenced is asked once."""

    book: Book
    _on: list[Silence] | None = None
    _configured: list[Silence] = field(default_factory=list)

    def place(self, alert: Alert, record: Record) -> Alert:
        """The new alert, listed where somebody silenced its like."""
        if alert.mode is not Mode.CARD:
            return alert
        now = self.book.now
        for silence in self.on:
            if silence.holds(alert, record, now):
                return replace(alert, mode=Mode.LISTED, facts=(silence.fact(alert.zone, now), *alert.facts))
        return alert

    @property
    def on(self) -> list[Silence]:
        if self._on is None:
            self._on = [*self.book.uow.silences(), *(window.silence() for window in self.book.house.maintenance)]
        return self._on


def preview(reader: Reader, matchers: Mapping[str, Sequence[str]], now: datetime) -> list[Alert]:
    """The alerts of the last week that would have been held, the newest first."""
    every = [one for one in reader.alerts(statuses=tuple(Status), limit=_MOST) if one.opened_at > now - WEEK]
    about: dict[str, set[str]] = {}
    for one in every:
        about.setdefault(one.source, set()).add(one.record_id)
    records = {source: reader.records(source, sorted(ids - {""})) for source, ids in about.items()}
    found = []
    for one in every:
        stored = records[one.source].get(one.record_id)
        if one.rule != SECOND and fits(matchers, one, stored.record if stored else None):
            found.append(one)
    return sorted(found, key=lambda one: one.opened_at, reverse=True)


def silence(book: Book, asked: Asked) -> Answer:
    """Holds what fits from now on. A long one needs a second person, who is asked."""
    if asked.span is None:
        return Answer(True, "preview", would_have(book.uow, asked.matchers, book.now))
    if not timedelta() < asked.span <= LONGEST:
        return Answer(False, "span", f"Say for how long, from 1m to {span(LONGEST)}.")
    if not asked.reason:
        return Answer(False, "reason", "Say in a few words why: it stands on whatever is held.")
    if asked.key and not book.uow.take_in(f"{asked.key}:silence", "", book.now, {"verb": "silence"}):
        return Answer(True, "repeat", "That was done before.")
    seen = would_have(book.uow, asked.matchers, book.now)
    if asked.span > book.house.own.silence_alone:
        wish: dict[str, Any] = {"do": "silence", "matchers": asked.matchers, "reason": asked.reason}
        wish |= {"by": asked.person.id, "seconds": int(asked.span.total_seconds())}
        what = f"silence {in_words(asked.matchers)} for {span(asked.span)}"
        alert = ask(book, asked.person, what, asked.reason, wish)
        return Answer(True, "asked", f"So long a silence takes two people. Asked to agree: {alert.ref}. {seen}", alert)
    made = _begin(book, asked.person.id, asked.matchers, asked.span, asked.reason, "")
    until = clock(made.ends_at, asked.person.zone, book.now)
    return Answer(True, "done", f"{made.ref} holds {in_words(made.matchers)} until {until}. {seen}")


def would_have(reader: Reader, matchers: Mapping[str, Sequence[str]], now: datetime) -> str:
    found = preview(reader, matchers, now)
    if not found:
        return "None of last week's alerts would have matched."
    named = ", ".join(f"{one.ref} {one.subject}".strip() for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{alerts(len(found))} of last week would have matched: {named}{more}."


def _begin(
    book: Book, person: str, matchers: Mapping[str, tuple[str, ...]], length: timedelta, reason: str, agreed: str
) -> Silence:
    made = book.uow.add_silence(Silence(matchers, reason, book.now, book.now + length, person, agreed))
    data = {"said": f"{made.ref} silences {in_words(matchers)} for {span(length)}", "agreed_by": agreed}
    book.uow.audit(Entry(person, "silence", 0, data, {"text": reason}), book.now)
    _quiet(book, made)
    return made


def _quiet(book: Book, made: Silence) -> None:
    """What is open already rings no more while the silence lasts; a rise in severity ends that, as of a snooze."""
    for alert in book.uow.alerts(statuses=(Status.OPEN,), limit=_MOST):
        stored = book.uow.record(alert.source, alert.record_id) if alert.record_id else None
        if alert.mode is Mode.CARD and fits(made.matchers, alert, stored.record if stored else None):
            after = replace(alert, snoozed_until=made.ends_at, escalate_at=made.ends_at)
            _keep(book, alert, after, f"Silenced by {made.ref}: {made.reason}")


def unsilence(book: Book, person: Person, number: int) -> Answer:
    held = book.uow.silence(number)
    if held is None:
        return Answer(False, "none", f"There is no silence S-{number}. {book.house.command} silences lists them.")
    if held.ended_at is not None or not book.uow.end_silence(number, book.now):
        return Answer(False, "already", f"{held.ref} is over already.")
    book.uow.audit(Entry(person.id, "unsilence", 0, {"said": f"{held.ref} ended"}), book.now)
    shown = _let_go(book, held)
    still = f" Still so, with a card now: {alerts(shown)}." if shown else ""
    return Answer(True, "done", f"{held.ref} is over.{still}")


def watch(book: Book) -> None:
    """Silences that have run out, and wishes that nobody agreed to in time."""
    for held in book.uow.silences():
        if held.ends_at <= book.now and book.uow.end_silence(held.id, book.now):
            book.uow.audit(Entry("deskbell", "unsilence", 0, {"said": f"{held.ref} ran out"}), book.now)
            _let_go(book, held)
    _replay(book)
    for alert in book.uow.alerts(rule=SECOND):
        if alert.opened_at <= book.now - book.house.own.second_person_within:
            book.over(alert.key, "nobody agreed in time")


def any_due(reader: Reader, house: House, now: datetime) -> bool:
    """Whether `watch` has anything to do."""
    over = any(held.ends_at <= now for held in reader.silences())
    return over or bool(house.maintenance) or bool(reader.alerts(rule=SECOND, limit=1))


def _replay(book: Book) -> None:
    """Planned work that is over: what it held and is still so gets its card."""
    for window in book.house.maintenance:
        mark = f"maintenance.{window.name}"
        if window.ends <= book.now and book.uow.value(mark) != window.ends.isoformat():
            book.uow.put_value(mark, window.ends.isoformat())
            _let_go(book, window.silence())


def _let_go(book: Book, silence: Silence) -> int:
    shown = 0
    for alert in book.uow.alerts(limit=_MOST):
        label = next((value for name, value in alert.facts if name == SILENCED), "")
        if alert.mode is Mode.LISTED and label.startswith(f"{silence.ref} "):
            facts = tuple(pair for pair in alert.facts if pair[0] != SILENCED)
            after = book.show(replace(alert, facts=facts))
            after = book.begin(after) if after.status is Status.OPEN else after
            shown += _keep(book, alert, after, "The silence is over, and this is still so")
    return shown


def _keep(book: Book, before: Alert, after: Alert, said: str) -> bool:
    after = replace(after, version=before.version + 1, updated_at=book.now)
    return book.keep(Change(before, after, said), Entry("deskbell", "silence", before.id, {"said": said}))


# ---------------------------------------------------------------- a second person


def ask(
    book: Book,
    person: Person,
    what: str,
    reason: str,
    wish: Mapping[str, Any],
    rooms: Sequence[str] = (),
    team: str = "",
) -> Alert:
    """Asks the room for somebody else who agrees; `wish` is done then."""
    summary = cut(f"{person.name} wants to {what}: somebody else has to agree", 118)
    within = book.now + book.house.own.second_person_within
    alert = Alert(
        key=f"second:{json.dumps(wish, sort_keys=True)}"[:400],
        rule=SECOND,
        source="",
        record_id="",
        subject=person.name,
        title="A second person is needed",
        summary=summary,
        severity=Severity.P3,
        opened_at=book.now,
        updated_at=book.now,
        facts=(("Why", reason), ("Until", clock(within, book.house.zone, book.now)), ("Not", f"by {person.name}")),
        team=team,
        zone=book.house.zone,
    )
    held = book.uow.newest_by_key(alert.key)
    if held is not None and (held.live or held.condition):
        return held
    alert = book.open(alert, rooms=rooms or None)
    book.uow.put_value(_WISH + str(alert.id), json.dumps(wish))
    return alert


def wish_of(book: Book, alert: Alert, person: Person) -> Mapping[str, Any] | Refusal:
    """What this person agrees to; or why not."""
    wish: dict[str, Any] = json.loads(book.uow.value(_WISH + str(alert.id)) or "{}")
    if not wish or not alert.live:
        return Refusal("over", f"{alert.ref} is over: {alert.reason or 'nothing is asked any more'}.")
    if wish["by"] == person.id:
        return Refusal("self", "You asked for it yourself. Somebody else has to agree.")
    if alert.opened_at <= book.now - book.house.own.second_person_within:
        return Refusal("expired", f"{alert.ref} was asked too long ago. {alert.subject} may ask again.")
    return wish


def agreed(book: Book, alert: Alert, person: Person) -> None:
    """It was done: nothing is asked any more."""
    book.uow.put_value(_WISH + str(alert.id), "")
    after = replace(
        alert,
        status=Status.RESOLVED,
        condition=False,
        resolved_by=person.id,
        resolved_at=book.now,
        reason=f"{person.name} agreed",
        escalate_at=None,
        version=alert.version + 1,
        updated_at=book.now,
    )
    said = f"{person.name} agreed"
    book.keep(Change(alert, after, said), Entry(person.id, "agree", alert.id, {"said": said}))


def begin_wished(book: Book, wish: Mapping[str, Any], person: Person) -> str:
    """The long silence that somebody asked for, and that `person` agrees to."""
    matchers = {field: tuple(patterns) for field, patterns in wish["matchers"].items()}
    made = _begin(book, wish["by"], matchers, timedelta(seconds=wish["seconds"]), wish["reason"], person.id)
    until = clock(made.ends_at, person.zone, book.now)
    return f"{made.ref} holds {in_words(matchers)} until {until}, as {name_of(made.person, book.house.people)} asked."
