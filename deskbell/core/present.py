"""From an alert to the card that people see. Everything a card shows is decided here, once for all chats."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deskbell.core import asking
from deskbell.core.access import Person
from deskbell.core.alert import MOVES, Alert, Severity, Status, Verb, mark, name_of, names_of
from deskbell.core.card import Button, Card, Style, Tone
from deskbell.core.decision import Offer
from deskbell.core.duty import BUTTONS
from deskbell.core.ports import AuditRow
from deskbell.core.storm import STORM
from deskbell.core.text import clean, clock, cut

TRAIL = 5  # lines of the story on the card; the thread has all of it
FACTS = 7  # of the record; what was done about it has room beside them on every platform
REFUSED = "refused"  # the audit's verb for what was asked and not done: no part of a card's story

SNOOZES = (("15m", "15 min"), ("30m", "30 min"), ("1h", "1 hour"), ("4h", "4 hours"))

_TONES = {Severity.P1: Tone.CRITICAL, Severity.P2: Tone.HIGH, Severity.P3: Tone.MEDIUM, Severity.P4: Tone.LOW}
_WORDS = {
    Severity.P1: "P1 act now",
    Severity.P2: "P2 act soon",
    Severity.P3: "P3 have a look",
    Severity.P4: "P4 for information",
}


@dataclass(frozen=True, slots=True)
class View:
    """What a card needs beside the alert itself."""

    now: datetime
    people: Mapping[str, Person]
    sign: Callable[[Verb, int, int], str]  # verb, alert id, mark -> token
    story: Sequence[AuditRow] = ()
    warning: str = ""
    buttons: bool = True
    mentions: tuple[str, ...] = ()
    undo: str = ""  # whose last move may still be taken back; nothing when there is none
    undo_mark: int = 0  # which move that is
    offers: tuple[Offer, ...] = ()  # who could be sent instead
    personal: bool = False  # there is something that rooms don't see, and some people may
    records: tuple[tuple[str, str], ...] = ()  # in other systems, of this alert: (system, address)
    told: str = ""  # what the customer was told last, and what became of that
    tells: bool = False  # whether there is a customer who can be told something


def card_of(alert: Alert, view: View) -> Card:
    return Card(
        ref=alert.ref,
        tone=tone_of(alert, view.now),
        state=state_of(alert, view),
        title=clean(alert.title, 150),
        summary=clean(alert.summary, 120),
        facts=_facts(alert, view),
        trail=tuple(_line(row, alert, view) for row in view.story if _told_in_rooms(row))[-TRAIL:],
        warning=view.warning if alert.live else "",
        buttons=_buttons(alert, view) if view.buttons else (),
        url=alert.url,
        mentions=view.mentions if alert.status is Status.OPEN else (),
        undo=_undo(alert, view) if view.buttons else None,
        undo_for=view.undo,
    )


def tone_of(alert: Alert, now: datetime) -> Tone:
    if alert.status is Status.RESOLVED:
        return Tone.RESOLVED
    if alert.snoozed_until and alert.snoozed_until > now:
        return Tone.SNOOZED
    return Tone.ACKED if alert.status is Status.ACKED else _TONES[alert.severity]


def state_of(alert: Alert, view: View) -> str:
    """The state in words: what to do, or who has it and since when."""

    def at(moment: datetime | None) -> str:
        return f" at {clock(moment, alert.zone, view.now)}" if moment else ""

    match tone_of(alert, view.now):
        case Tone.RESOLVED:
            return f"Resolved by {name_of(alert.resolved_by, view.people)}{at(alert.resolved_at)}"
        case Tone.SNOOZED:
            return f"Snoozed until{at(alert.snoozed_until).removeprefix(' at')}"
        case Tone.ACKED:
            return f"Acknowledged by {name_of(alert.acked_by, view.people)}{at(alert.acked_at)}"
        case _:
            return _WORDS[alert.severity] + (f", escalated to level {alert.step}" if alert.step else "")


def _facts(alert: Alert, view: View) -> tuple[tuple[str, str], ...]:
    facts = [(clean(label, 60), clean(value, 300)) for label, value in alert.facts if value][:FACTS]
    said = (clean(one.said(alert.zone, view.now), 200) for one in view.offers)
    facts += [(f"Could go: {clean(one.name, 40)}", words) for one, words in zip(view.offers, said, strict=True)]
    if alert.assignee:
        facts.append(("With", name_of(alert.assignee, view.people)))
    if alert.waits and alert.status is Status.OPEN:
        facts.append(("Still to acknowledge", names_of(alert.waits, view.people)))
    if alert.reason and alert.status is Status.RESOLVED:
        facts.append(("Why it is over", clean(alert.reason, 300)))
    if alert.writeback:
        facts.append(("Told to the source", clean(alert.writeback, 200)))
    if view.records:
        facts.append(("Records", clean(", ".join(f"{system}: {url}" for system, url in view.records), 300)))
    if view.told:
        facts.append(("Customer", clean(view.told, 200)))
    facts.append(("Alert since", clock(alert.opened_at, alert.zone, view.now)))
    return tuple(facts)


def _told_in_rooms(row: AuditRow) -> bool:
    return row.entry.verb not in (REFUSED, Verb.REVEAL) and bool(row.entry.data.get("said"))


def told(row: AuditRow) -> str:
    """One audit entry as a sentence; what a person typed is kept apart from the chain and may have been erased."""
    said = str(row.entry.data.get("said") or row.entry.verb)
    text = row.entry.personal.get("text", "")
    return f"{said}: {text}" if text else said


def _line(row: AuditRow, alert: Alert, view: View) -> str:
    text = str(row.entry.data["said"]) if row.entry.verb == "open" else told(row)  # the card says it already
    return cut(f"{clock(row.at, alert.zone, view.now)} {clean(text, 240)}", 250)


# In this order, with these words, in every chat.
_LABELS: Mapping[Verb, tuple[str, Style, bool]] = {
    Verb.ACK: ("Acknowledge", Style.PRIMARY, False),
    Verb.TAKE: ("Take it", Style.PLAIN, False),
    Verb.REASSIGN: ("Reassign\u2026", Style.PLAIN, True),
    Verb.ESCALATE: ("Escalate", Style.DANGER, False),
    Verb.SNOOZE: ("Snooze", Style.PLAIN, False),
    Verb.RESOLVE: ("Resolve\u2026", Style.PLAIN, True),
    Verb.REOPEN: ("Reopen", Style.PLAIN, False),
    Verb.REVEAL: ("Reveal", Style.PLAIN, False),
    Verb.TELL: ("Tell the customer", Style.PLAIN, False),  # which of several notices is asked of one person alone
}


# On a card that stands for many.
_FOR_ALL: Mapping[Verb, tuple[str, Style, bool]] = {
    Verb.ACK: ("Acknowledge all", Style.PRIMARY, False),
    Verb.REASSIGN: ("Reassign all\u2026", Style.PLAIN, True),
    Verb.NOTE: ("Note to all\u2026", Style.PLAIN, True),
    Verb.RESOLVE: ("Resolve all\u2026", Style.PLAIN, True),
}


def _buttons(alert: Alert, view: View) -> tuple[Button, ...]:
    if alert.rule == asking.RULE:
        choices = asking.CHOICES if alert.live else ()
        return tuple(Button(Verb.ACK, one.words, view.sign(Verb.ACK, alert.id, int(one.digit))) for one in choices)
    labels = _labels(alert)
    left_out = {Verb.TAKE} if not alert.assignee else set()
    left_out |= set() if view.personal else {Verb.REVEAL}
    left_out |= set() if view.tells else {Verb.TELL}
    left_out |= set() if alert.live else {Verb.NOTE}
    verbs = [verb for verb in labels if alert.status in MOVES[verb].start and verb not in left_out]
    usual = [_button(verb, labels[verb], view.sign(verb, alert.id, _mark(verb, alert))) for verb in verbs]
    return (
        *usual[:1],
        *(_send(one, alert, view) for one in view.offers),
        *usual[1:],
    )  # Acknowledge is where it always is


def _send(offer: Offer, alert: Alert, view: View) -> Button:
    label = f"Send {clean(offer.name, 24)}, {clock(offer.there, alert.zone, view.now)}"
    return Button(Verb.SEND, label, view.sign(Verb.SEND, alert.id, offer.mark))


def _mark(verb: Verb, alert: Alert) -> int:
    """The button on the card asks which notice; those that it is answered with have numbers."""
    return 0 if verb is Verb.TELL else mark(alert)


def _labels(alert: Alert) -> Mapping[Verb, tuple[str, Style, bool]]:
    """Which buttons there may be, in their order, and what stands on them."""
    if (asking := BUTTONS.get(alert.rule)) is not None:
        return {verb: (words, *_LABELS[verb][1:]) for verb, words in asking.items()}
    return _LABELS if alert.rule != STORM else {**_LABELS, **_FOR_ALL}


def _undo(alert: Alert, view: View) -> Button | None:
    """Says whose it is, because everybody in the room sees it."""
    if not view.undo:
        return None
    label = f"Undo ({name_of(view.undo, view.people)})"
    return Button(Verb.UNDO, label, view.sign(Verb.UNDO, alert.id, view.undo_mark))


def _button(verb: Verb, words: tuple[str, Style, bool], token: str) -> Button:
    label, style, form = words
    return Button(verb, label, token, style, SNOOZES if verb is Verb.SNOOZE else (), form)
