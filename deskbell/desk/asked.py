"""Alerts that ask people for something: whoever accepts is heard here, and the alert is over with it."""

from collections.abc import Callable, Mapping

from deskbell.core import asking as questions
from deskbell.core.alert import Alert, Change, Command, Refusal, Verb
from deskbell.core.duty import COVER, HANDOVER, PROOF
from deskbell.core.ports import Answer, Entry
from deskbell.core.store import NotKept
from deskbell.desk import asking, handover, reach, roster
from deskbell.desk.book import Book

_Hear = Callable[[Book, Alert, Command], Change | Refusal]

ACCEPT: Mapping[str, _Hear] = {
    COVER: roster.accept,
    HANDOVER: handover.accept,
    PROOF: reach.tapped,
    questions.RULE: asking.answered,
}
_END: Mapping[str, _Hear] = {COVER: roster.withdraw, HANDOVER: handover.accept}
RULES = frozenset(ACCEPT)


def answered(book: Book, alert: Alert, command: Command) -> Answer | Refusal:
    """Accepted, withdrawn, or refused in words: nothing else can be done with what only asks."""
    if command.verb in (Verb.ACK, Verb.TAKE):
        change = ACCEPT[alert.rule](book, alert, command)
    elif command.verb is Verb.RESOLVE and alert.rule in _END:
        change = _END[alert.rule](book, alert, command)
    else:
        return Refusal("verb", f"{alert.ref} only asks for something: accept it, or leave it.")
    if isinstance(change, Refusal):
        return change
    entry = Entry(command.actor.id, command.verb, alert.id, {"said": change.said, **dict(command.origin)})
    if not book.keep(change, entry):
        raise NotKept("somebody was faster")
    return Answer(True, "done", f"{alert.ref}: {change.said}.", change.after)
