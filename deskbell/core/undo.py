"""Second thoughts: what a person's move changed, so that the same person can take it back within some minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Change, Refusal, Status, Verb, name_of
from deskbell.core.text import clock

WINDOW = timedelta(minutes=10)
UNDOABLE = frozenset(Verb) - {Verb.NOTE, Verb.UNDO, Verb.REVEAL, Verb.TELL, Verb.SEND}
_TIMES = ("escalate_at", "acked_at", "snoozed_until", "resolved_at")
_PLAIN = ("status", "level", "rounds", "assignee", "acked_by", "resolved_by", "reason")
_LISTS = ("named", "waits")
_DONE: Mapping[Verb, str] = {
    Verb.ACK: "the acknowledgement",
    Verb.UNACK: "giving it back",
    Verb.TAKE: "taking it",
    Verb.REASSIGN: "giving it away",
    Verb.ESCALATE: "the escalation",
    Verb.SNOOZE: "the snooze",
    Verb.RESOLVE: "resolving it",
    Verb.REOPEN: "reopening it",
}


@dataclass(frozen=True, slots=True)
class Undo:
    """The last move of an alert, and what it was before: only what the move changed, ready for JSON."""

    person: str
    verb: Verb
    at: datetime
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mark(self) -> int:
        """Three bytes that tell this move from the one before: an old Undo button must not take back a later move."""
        return crc32(repr((self.at.isoformat(), self.verb.value, sorted(self.before.items()))).encode()) & 0xFFFFFF

    def holds(self, now: datetime) -> bool:
        return now - self.at < WINDOW


def kept(change: Change, person: Person, verb: Verb) -> Undo | None:
    """What is remembered of a change; None where there is nothing to take back."""
    if verb not in UNDOABLE:
        return None
    names = [n for n in (*_PLAIN, *_LISTS, *_TIMES) if getattr(change.before, n) != getattr(change.after, n)]
    before = {name: _plain(getattr(change.before, name)) for name in names}
    return Undo(person.id, verb, change.after.updated_at, before)


def undone(
    alert: Alert, undo: Undo | None, actor: Person, now: datetime, people: Mapping[str, Person]
) -> Change | Refusal:
    """The alert as it was before its last move, if that was this person's, and not long ago."""
    if undo is None:
        return Refusal("nothing", f"There is nothing to undo on {alert.ref}: something else has happened since.")
    if undo.person != actor.id:
        who = name_of(undo.person, people)
        return Refusal("scope", f"Only {who} can undo that. You can change {alert.ref} with its buttons.")
    if not undo.holds(now):
        at = clock(undo.at, alert.zone, now)
        return Refusal("late", f"That was at {at}, too long ago to undo. Use the buttons of {alert.ref} instead.")
    values = {name: _read(name, value) for name, value in undo.before.items()}
    after = replace(alert, **values, version=alert.version + 1, updated_at=now)
    return Change(alert, after, f"{actor.name} undid {_DONE[undo.verb]}")


def _plain(value: Any) -> Any:
    if isinstance(value, Status):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _read(name: str, value: Any) -> Any:
    if name in _TIMES and value:
        return datetime.fromisoformat(value)
    if name in _LISTS:
        return tuple(value)
    return Status(value) if name == "status" else value
