"""What the desk and the courier need of the outside, as Protocols. The adapters fit them; the daemon plugs them in.

What they need of the database stands in core.store.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from deskbell.core.alert import Alert, Mode, Severity
from deskbell.core.card import Button, Card, Note, Reply
from deskbell.core.outcome import Outcome
from deskbell.core.records import Record

T = TypeVar("T")


# ---------------------------------------------------------------- what a source hands over


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that could not be mapped. It is kept for people to look at; the page goes on without it."""

    record_id: str
    error: str
    raw: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of one source, and the cursor to commit with them. `complete`: the sweep that began is now whole."""

    source: str
    records: tuple[Record, ...]
    cursor: Mapping[str, Any]
    complete: bool = False
    bad: tuple[Bad, ...] = ()
    unmapped: tuple[tuple[str, str], ...] = ()  # (field, value) that no map knows
    gone: tuple[str, ...] = ()  # ids that the source says, or shows beyond doubt, it no longer has
    read_at: datetime | None = None  # the source's own clock (Date header) where it tells
    asked_at: datetime | None = field(default=None, compare=False)  # by our clock: nothing in it is newer


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between polls."""

    name: str
    cursor: Mapping[str, Any] = field(default_factory=dict)
    baseline: bool = True  # until the first sweep is complete: history must not ring
    rules_hash: str = ""
    last_ok_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    error: str = ""
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with its book-keeping. `due_at`: when a rule must look at it again although nothing changed."""

    record: Record
    seen_at: datetime
    due_at: datetime | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A source's hook said that a record has changed, and it is still to be read. Without an id: poll.

    `mark` is of that call; a hint that is given anew has another one.
    """

    source: str
    record_id: str
    mark: str


class WriteKind(StrEnum):
    NOTE = "note"
    ASSIGN = "assign"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class WriteBack:
    """One thing to tell a source. `marker` is unique and goes into the text, so that a lost answer can be looked up."""

    kind: WriteKind
    record_id: str
    marker: str
    text: str
    assignee: str = ""  # the colleague's id in that source
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `deskbell check`."""

    what: str
    ok: bool
    detail: str = ""


class Source(Protocol):
    """A system that is read, and written back to where it allows that."""

    @property
    def name(self) -> str: ...

    @property
    def interval(self) -> timedelta: ...

    @property
    def title(self) -> str:
        """What people call the system: "Freshdesk"."""
        ...

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        """Everything that changed since the cursor, in pages that may be committed one by one; the last is complete.

        Raises SourceError when the source can't be read.
        """
        ...

    async def fetch(self, record_id: str) -> Record | None:
        """The record as it is now; None when it is gone or hidden."""
        ...

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the records that are gone or hidden. Raises SourceError when that can't be told."""
        ...

    async def write(self, item: WriteBack) -> Outcome: ...

    async def find(self, item: WriteBack) -> bool:
        """Whether the item's marker is already there, after an answer was lost."""
        ...

    async def check(self) -> Sequence[Finding]: ...

    async def close(self) -> None: ...


class SourceFault(StrEnum):
    UNREACHABLE = "unreachable"
    LIMITED = "limited"
    AUTH = "auth"
    ANSWER = "answer"  # it answered, but not with what it should (HTML, broken JSON)


class SourceError(Exception):
    """A source could not be read: what kind of trouble, in words for people, and when to try again.

    `login`: nothing can be read with the login that we have, as against what was asked for alone.
    """

    def __init__(self, fault: SourceFault, why: str, after: timedelta | None = None, *, login: bool = False) -> None:
        super().__init__(why)
        self.fault = fault
        self.after = after
        self.login = login


# ---------------------------------------------------------------- what is to be sent


class Lane(IntEnum):
    """The order inside a destination when a slot is free: smaller goes first."""

    PAGE = 1
    EDIT = 2
    STORY = 3
    DIGEST = 4
    TIDY = 5  # an edit that nobody waits for


class Op(StrEnum):
    """The kinds of work that are paced apart: a new message (card or note), an edit, an edit that nobody waits for,
    a write to a source.
    """

    POST = "post"
    EDIT = "edit"
    TIDY = "tidy"
    WRITE = "write"


EVERY_OP = frozenset(Op)
LANE = "lane:"
LETTER = "letter"  # the kind of an Identity
CUSTOMERS = "customer."  # the lanes of letters to customers, one for each way of theirs


@dataclass(frozen=True, slots=True)
class Post:
    """One card in one destination: wanted > shown is work; no ref means post it, a ref means edit it."""

    id: int
    alert_id: int
    destination: str
    generation: int
    wanted: int
    shown: int
    ref: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    unsure_since: datetime | None = None  # an attempt began then, and its end is not known


class DispatchKind(StrEnum):
    NOTE = "note"  # a Note in the post's thread, or a direct message; waits for the post
    WRITE = "write"  # a WriteBack to a source
    NOTICE = "notice"  # a Note that belongs to no post: a summary, a warning about ourselves
    LETTER = "letter"  # a letter to a customer


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One event for one destination (a chat room, or a source to write to), sent once and in order per alert.

    `key` is unique: asking twice for the same dispatch gives one row.
    """

    key: str
    destination: str
    kind: DispatchKind
    payload: Mapping[str, Any]
    alert_id: int = 0
    lane: Lane = Lane.STORY
    not_before: datetime | None = None
    id: int = 0
    attempts: int = 0
    unsure_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of work held under a lease. `fence` must still match when it is settled."""

    fence: int
    work: Post | Dispatch
    alert: Alert | None
    post_ref: Mapping[str, str] = field(default_factory=dict)  # for a NOTE: the card whose thread it belongs to


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim. A post shows version `shown`.

    `cut_off`: nothing at all comes through to the destination just now, so that it is no fault of this piece.
    """

    claim: Claim
    outcome: Outcome
    shown: int = 0
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit. `personal` values are kept apart, so that erasing them leaves the chain whole."""

    actor: str
    verb: str
    alert_id: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRow:
    seq: int
    at: datetime
    entry: Entry
    hash: str


@dataclass(frozen=True, slots=True)
class Lease:
    """What one of several instances may do alone until then, unless it renews. `fence` grows with each holder."""

    name: str
    holder: str
    fence: int
    until: datetime


class Opened(NamedTuple):
    """So many alerts of a rule on one record."""

    source: str
    record_id: str
    team: str
    mode: Mode
    times: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row of `deskbell outbox`."""

    id: int
    kind: str  # "post" or the dispatch's kind
    destination: str
    alert_ref: str
    state: str  # waiting | claimed | dead
    attempts: int
    next_try_at: datetime | None
    error: str


# ---------------------------------------------------------------- people who speak back


@dataclass(frozen=True, slots=True)
class Interaction:
    """A tap, a form, a command or an API call, normalised by its gateway after its authenticity was checked.

    `key` is the platform's own unique id of it, so that a repeat is recognised. `account` and `workspace` are the
    platform's immutable ids, never names. A button brings `token`, a typed command brings `ref` ("D-12", "12").
    """

    key: str
    platform: str
    account: str
    verb: str
    token: str = ""
    ref: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    workspace: str = ""
    room: str = ""
    kind: str = "button"  # button | form | command | api


@dataclass(frozen=True, slots=True)
class Said:
    """Where a typed line came from. The ids are the platform's immutable ones; `key` is its id of the message."""

    platform: str
    account: str
    workspace: str = ""
    room: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an interaction, in words for the person. `code`: done, repeat, unknown_person or a Refusal's.

    `undo` takes it back, for this person alone and a short while; `reply` is what only this person may read (Reveal).
    `unknown_person`: the interaction is kept, and carried out once the account is linked.
    """

    ok: bool
    code: str
    text: str
    alert: Alert | None = None
    undo: Button | None = None
    reply: Reply | None = None


# ---------------------------------------------------------------- chats


@dataclass(frozen=True, slots=True)
class Destination:
    """A room, as configured: its name here, the platform, and the platform's address of it."""

    name: str
    platform: str
    address: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a message this one and no other; put into the platform's metadata where there is such a place."""

    kind: str  # "card", "note" or LETTER
    alert_ref: str
    destination: str
    number: int  # a card's generation, a note's dispatch id
    severity: Severity = Severity.P1
    opened_at: datetime | None = None  # the alert; a backup that was restored may give its ref to another one


@dataclass(frozen=True, slots=True)
class Limit:
    """So many operations in so many seconds, per destination or for the whole account; obeyed before the send."""

    op: str  # "post", "edit", or "any" of both
    scope: str  # "destination" or "account"
    count: int
    per: timedelta


class Channel(Protocol):
    """A chat or another way out. No method raises for what a vendor may do; the answer says it."""

    @property
    def platform(self) -> str: ...

    @property
    def limits(self) -> Sequence[Limit]: ...

    @property
    def edits(self) -> bool:
        """Whether a card can be changed after it was posted; if not, only the first version is sent."""
        ...

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome: ...
    async def edit(self, to: Destination, ref: Mapping[str, str], card: Card, identity: Identity) -> Outcome: ...
    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome: ...
    async def find(
        self, to: Destination, identity: Identity, since: datetime, thread: Mapping[str, str]
    ) -> Mapping[str, str] | Outcome | None:
        """The ref of a message whose answer was lost; None when it is certainly not there; an Outcome when that can't
        be told now (Retry) or never (Rejected: resend; Sent: it shall not come twice). `thread`: the card's ref, or
        {"direct": person id}.
        """
        ...

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]: ...
    async def close(self) -> None: ...
