"""A technician who is late is asked first: what can be answered, and what that means. Pure.

The digits are the same on a button, in an SMS and in words, so that whoever knows them once knows them everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from deskbell.core.records import Visit, changed

RULE = "technician_asked"  # of the alert, in no room, that the answer is given to


class Say(StrEnum):
    """What a technician may answer."""

    SOON = "soon"
    LATER = "later"
    CANNOT = "cannot"
    HERE = "here"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: its digit, its words, and how long it takes where it is a promise."""

    digit: str
    say: Say
    words: str
    span: timedelta | None = None


CHOICES: tuple[Choice, ...] = (
    Choice("1", Say.SOON, "10 minutes", timedelta(minutes=10)),
    Choice("2", Say.LATER, "30 minutes", timedelta(minutes=30)),
    Choice("3", Say.CANNOT, "I can't come"),
    Choice("4", Say.HERE, "I am on site"),
)
BY_DIGIT: Mapping[str, Choice] = {choice.digit: choice for choice in CHOICES}
BY_SAY: Mapping[Say, Choice] = {choice.say: choice for choice in CHOICES}
MENU = ", ".join(f"{choice.digit} = {choice.words}" for choice in CHOICES)
LIVES = timedelta(hours=12)  # an answer that comes later than this is none


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to one person about one job. `key` is unique; `until`: by then they will be there.

    `technician`: as the source names them, by id or else by name. The answer is theirs alone.
    """

    key: str
    source: str
    record_id: str
    subject: str
    person: str
    technician: str
    at: datetime
    id: int = 0
    answer: Say | None = None
    answered_at: datetime | None = None
    until: datetime | None = None

    def open(self, now: datetime) -> bool:
        """Whether it can still be answered; who answered may think again."""
        return now - self.at <= LIVES


def key_of(visit: Visit) -> str:
    """One question per job, start and technician: when one of them changes, the old answer is none."""
    start = visit.start.isoformat() if visit.start else "-"
    return f"ask:{visit.source}:{visit.id}:{start}:{visit.technician_id or visit.technician}"


def of_visit(visit: Visit, asked: Sequence[Asked]) -> Asked | None:
    """What was asked about the job as it stands."""
    key = key_of(visit)
    return next((one for one in reversed(asked) if one.key == key), None)


def as_told(visit: Visit, asked: Asked | None) -> Visit:
    """The visit with what its technician says of it, where the source does not know better."""
    if asked is None or asked.answer is None or visit.done:
        return visit
    if asked.until is not None:
        return changed(visit, eta=max(asked.until, visit.eta or asked.until))
    if asked.answer is Say.HERE and visit.arrived_at is None:
        return changed(visit, arrived_at=asked.answered_at)
    return visit
