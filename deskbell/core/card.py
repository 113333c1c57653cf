"""What a chat shows, as plain text and data: no markup, no escaping, no platform. Each face owns those.

A Card is the live state of an alert in a room, edited in place. A Note is one message that goes out once: the thread's
story, or what must ring (a mention, a direct message).
"""

from dataclasses import dataclass
from enum import StrEnum

FIRST_LINE = 120  # what a lock screen shows


class Tone(StrEnum):
    """The colour, icon and word of a card, so that state never hangs on colour alone."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    ACKED = "acked"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Style(StrEnum):
    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """One button: the verb it stands for, its words, and the signed token that is all it carries."""

    verb: str
    label: str
    token: str
    style: Style = Style.PLAIN
    choices: tuple[tuple[str, str], ...] = ()  # (value, words): the button is a menu, like Snooze for 15m, 1h ...
    form: bool = False  # a tap opens a form first: Reassign asks for a colleague, Resolve for a reason


@dataclass(frozen=True, slots=True)
class Card:
    """An alert as a room sees it now. `facts` are (label, value); `trail` is the story so far, oldest first."""

    ref: str
    tone: Tone
    state: str  # the word for the tone: "P1 page now", "Acknowledged by Ana Ruiz"
    title: str
    summary: str
    facts: tuple[tuple[str, str], ...] = ()
    trail: tuple[str, ...] = ()
    warning: str = ""  # "unverified, data from 13:52"
    buttons: tuple[Button, ...] = ()
    url: str = ""
    mentions: tuple[str, ...] = ()  # person ids whom the first posting of this card must ring
    undo: Button | None = None  # takes the last person's move back; shown where a chat has no private answers
    undo_for: str = ""  # whose move that was: a chat that can show it to this person alone does


@dataclass(frozen=True, slots=True)
class Note:
    """One message of its own. With `mentions` it rings these people (ids); without, it only tells."""

    text: str
    ref: str = ""
    mentions: tuple[str, ...] = ()
    direct: str = ""  # a person id: a direct message instead of a line in the thread
    broadcast: bool = False  # also shown in the room itself, where the platform can
    buttons: tuple[Button, ...] = ()  # on a direct message: answered on a phone, without going to the room first
    link: str = ""  # on a direct message: what its own link is made from (core.links); empty: it has none
    hush: str = ""  # no message at all: the vendor's id of one that rings on, and shall not
    to: str = ""  # an address instead of a person: the answer to what was written from there
    subject: str = ""  # of a letter, where its way has such a line
    html: str = ""  # the same letter, where its way shows that


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person gets who asked something: lines of plain text, or a card. Shown to them alone."""

    title: str = ""
    lines: tuple[str, ...] = ()
    card: Card | None = None
    footer: str = ""
    buttons: tuple[Button, ...] = ()  # what the person may do next, like Undo


def as_text(card: Card) -> str:
    """The card for those who can show text only: SMS, mail, a plain webhook, a log."""
    lines = [f"[{card.state}] {card.ref} {card.summary}"]
    lines += [f"{label}: {value}" for label, value in card.facts]
    if card.warning:
        lines.append(card.warning)
    if card.url:
        lines.append(card.url)
    return "\n".join(lines)
