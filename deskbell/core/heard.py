"""What a system that is no chat says back: what became of a message, what somebody wrote, tapped, or did to a record.

A vendor's file makes these of a call or of an answer, without I/O. Nothing in them is believed before the call was
proven, and what they mean is decided by the desk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal

from deskbell.core.outcome import Fault


class Rank(IntEnum):
    """What is known of a message. It only rises: what was said late or twice takes nothing back."""

    QUEUED = 1
    SENT = 2
    FAILED = 3  # below DELIVERED: what arrived after all has arrived
    DELIVERED = 4
    READ = 5


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. `message` is the vendor's id of it, as the call that sent it gave it.

    Of a failed one: `fault` is TARGET where nothing will ever arrive at the address, None where it may another time;
    `why` is the vendor's code or words.
    """

    message: str
    rank: Rank
    why: str = ""
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote. `sender` is their address as [people] would have it (+4930123456, ana@example.org).

    `id` is the vendor's id of what was written, so that a repeat is recognised. `about`: what it answers, our message's
    id or the token that was in its Reply-To; empty where the vendor does not tell. `carrier`: the carrier has taken
    the words as its own already (STOP, START, HELP), and answered them. `at`: when they were written, where it tells.
    `forgeable`: anybody can write as anybody, so that it is a colleague only where `about` is a token of their own.
    """

    sender: str
    text: str
    id: str
    about: str = ""
    carrier: str = ""
    at: datetime | None = None
    forgeable: bool = False


@dataclass(frozen=True, slots=True)
class Tap:
    """A button, a key of a phone, an acknowledgement there: `payload` is what it stands for, in words as an SMS may
    have them ("ack D-4821", "ack", "1").

    `message` is the vendor's id of the message or call that it belongs to. `sender` as in Words; empty where the vendor
    does not tell, so that it is whom the message was sent to. `id` is of this one tap.
    """

    payload: str
    message: str
    sender: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Meant:
    """What Words or a Tap mean. `verb`: "ack", "note" and the like, or empty where they are no command; `ref` ("D-12")
    may be missing; `rest` is the text behind. `carrier`: stop, start or help, where they are a carrier's own word.
    """

    verb: str = ""
    ref: str = ""
    rest: str = ""
    carrier: str = ""


RecordStatus = Literal["open", "acked", "resolved"]


@dataclass(frozen=True, slots=True)
class RecordState:
    """How a record that we opened stands now. `record` is its id there, `by` the account of who did it, `name` theirs.

    `id` is of this one event where the vendor has such a thing; empty: it was looked at, and is as it is. `done`: why
    it is over, in the words of whoever ended it.
    """

    record: str
    state: RecordStatus
    by: str = ""
    id: str = ""
    done: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Raise:
    """Something there makes an alert here. `fields` are those of POST /api/v1/alerts, as they came.

    `id` tells it from all others, so that a repeat is recognised. `thing`: what it is about, where a Passed may follow.
    """

    id: str
    fields: Mapping[str, Any]
    thing: str = ""

    @property
    def key(self) -> str:
        return f"{self.thing}.{self.id}" if self.thing else self.id


@dataclass(frozen=True, slots=True)
class Passed:
    """What was raised about a thing is over. `at`: since when, so that what came late ends nothing newer."""

    thing: str
    why: str
    at: datetime


Heard = Receipt | Words | Tap | RecordState | Raise | Passed


@dataclass(frozen=True, slots=True)
class Message:
    """One message or record that a vendor has of ours, and what is known of it. `person`: whom alone it went to."""

    channel: str
    id: str
    alert_id: int
    destination: str
    person: str
    work: str  # the dispatch's key; empty for an alert's card or record
    rank: Rank
    at: datetime  # when it was handed over
    why: str = ""
    told_at: datetime | None = None  # when the vendor last said something of it
    due_at: datetime | None = None  # when it must have arrived, or the next way is tried


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is asked about: messages, or records, by their ids there. `to`: the destination's address, with its options.

    `since`: what was said before it has been heard.
    """

    ids: tuple[str, ...] = ()
    to: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    states: Mapping[str, str] = field(default_factory=dict)  # of records: how each stood when it was last told or heard


@dataclass(frozen=True, slots=True)
class Link:
    """A way to acknowledge one alert that was sent to one person. `digest` is of its token, which is kept nowhere."""

    digest: str
    alert_id: int
    person: str
    expires_at: datetime
    state: Literal["open", "used", "over"] = "open"  # over: the alert has moved on
    tries: int = 0  # with a wrong code
