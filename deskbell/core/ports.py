"""What the desk and the courier need of the outside, as Protocols. The adapters fit them; the daemon plugs them in."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from deskbell.core.alert import Alert, Mode, Severity, Status
from deskbell.core.card import Button, Card, Note, Reply
from deskbell.core.outcome import Outcome
from deskbell.core.records import Record
from deskbell.core.undo import Undo

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
    """A source could not be read: what kind of trouble, in words for people, and when to try again."""

    def __init__(self, fault: SourceFault, why: str, after: timedelta | None = None) -> None:
        super().__init__(why)
        self.fault = fault
        self.after = after


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


# ---------------------------------------------------------------- storage


class Reader(Protocol):
    """What can be asked of the store. Every method is one short query."""

    def source(self, name: str) -> SourceState | None: ...
    def sources(self) -> list[SourceState]: ...
    def record(self, source: str, record_id: str) -> StoredRecord | None: ...
    def records(self, source: str, ids: Sequence[str]) -> dict[str, StoredRecord]: ...
    def find_records(self, text: str, kind: str | None = None, limit: int = 5) -> list[StoredRecord]:
        """By number or id, without regard to case; `4711` also finds `J-4711` and `INC0004711`; exact matches first."""
        ...

    def related(self, ties: Collection[str], limit: int = 2000) -> list[tuple[str, Record]]:
        """The records that are not over and are found by these ties (core.ties), each with the tie."""
        ...

    def opened(self, rule: str, since: datetime) -> list[Opened]:
        """How many alerts of the rule were opened since, by record, team and mode."""
        ...

    def count_opened(self, key: str, since: datetime) -> int: ...
    def due_records(self, now: datetime, limit: int) -> list[StoredRecord]: ...
    def live_record_ids(self, source: str) -> list[str]: ...
    def count_quarantined(self, source: str | None = None) -> int: ...
    def alert(self, alert_id: int) -> Alert | None: ...
    def newest_by_key(self, key: str) -> Alert | None: ...
    def alerts_of(self, source: str, record_id: str) -> list[Alert]:
        """The alerts on a record that are live, or resolved while their condition still holds."""
        ...

    def alerts_of_many(self, source: str, record_ids: Sequence[str]) -> dict[str, list[Alert]]: ...

    def alerts(
        self,
        *,
        statuses: Sequence[Status] = (Status.OPEN, Status.ACKED),
        assignee: str | None = None,
        team: str | None = None,
        source: str | None = None,
        rule: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Alert]:
        """Most severe first, then oldest."""
        ...

    def count_alerts(self, statuses: Sequence[Status] = (Status.OPEN, Status.ACKED)) -> int: ...
    def due_alerts(self, now: datetime, limit: int) -> list[Alert]:
        """Live alerts whose `escalate_at` has passed, most severe first."""
        ...

    def posts_of(self, alert_id: int) -> list[Post]: ...
    def work_due(self, now: datetime) -> tuple[dict[str, Severity], datetime | None]:
        """The destinations that have work now (with the severest piece), and when the next piece falls due."""
        ...

    def left_behind(self, now: datetime) -> list[str]:
        """The destinations whose lane's lease ran out with claims in it: who held it can't go on."""
        ...

    def outbox(self, *, dead_only: bool = False, limit: int = 100) -> list[OutboxRow]: ...
    def count_outbox(self) -> dict[str, int]:
        """Rows not yet done by state: {"waiting": n, "claimed": n, "dead": n}."""
        ...

    def story(self, alert_id: int, limit: int = 20) -> list[AuditRow]:
        """The audit of one alert, oldest first, the last `limit` of it."""
        ...

    def stories(self, alert_ids: Sequence[int], limit: int = 20) -> Mapping[int, Sequence[AuditRow]]:
        """The same for several alerts."""
        ...

    def audit_rows(self, after: int = 0, limit: int = 1000) -> list[AuditRow]: ...
    def audit_count(self) -> int: ...
    def person_for(self, platform: str, account: str) -> str | None: ...
    def account_of(self, platform: str, person_id: str) -> str | None: ...
    def accounts_of(self, person_id: str) -> list[tuple[str, str]]:
        """Every (platform, account) that is linked to the person."""
        ...

    def lasting(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys under which something is wrong: the condition of the alert with the key holds."""
        ...

    def undo_of(self, alert_id: int) -> Undo | None:
        """The last move of a person, while nothing else has happened to the alert."""
        ...

    def undos_of(self, alert_ids: Sequence[int]) -> Mapping[int, Undo]:
        """The same for several alerts; those without are left out."""
        ...

    def taken_in(self, key: str) -> Mapping[str, Any] | None:
        """The answer kept for an interaction already seen; None when it is new."""
        ...

    def hints(self, source: str, limit: int) -> list[Hint]:
        """Those not followed yet, oldest first."""
        ...

    def value(self, name: str) -> str | None: ...
    def leases(self) -> list[Lease]:
        """Those that somebody took and did not release, by name; whether they are still valid, `until` tells."""
        ...

    def now_data_version(self) -> int:
        """Changes when another process wrote."""
        ...


class UnitOfWork(Reader, Protocol):
    """One transaction. Reads see its own writes. Raising rolls all of it back."""

    def save_source(self, state: SourceState) -> None: ...
    def save_records(self, rows: Sequence[StoredRecord]) -> None: ...
    def save_ties(self, source: str, record_id: str, ties: Collection[str]) -> None:
        """By these the record is found from now on (`related`), and by no others."""
        ...

    def set_due(self, source: str, record_id: str, due_at: datetime | None) -> None: ...
    def forget_record(self, source: str, record_id: str) -> None: ...
    def quarantine(self, source: str, record_id: str, error: str, raw: str, at: datetime) -> None: ...
    def first_call(self, call: str, at: datetime, since: datetime) -> bool:
        """Notes a hook's call; False when it was noted before. Those before `since` are forgotten."""
        ...

    def hint(self, hint: Hint, at: datetime) -> None: ...
    def drop_hints(self, hints: Sequence[Hint]) -> None:
        """These were followed; one that was given anew since stays."""
        ...

    def count_hints(self, source: str) -> int: ...
    def expect_keys(self, keys: Collection[str]) -> None:
        """These are asked for next (`newest_by_key`) in this transaction. It saves journeys to the database."""
        ...

    def insert_alert(self, alert: Alert) -> Alert:
        """Stores a new alert and returns it with its id. Raises DuplicateAlert when a live one has this key."""
        ...

    def save_alert(self, alert: Alert, expected_version: int) -> bool:
        """Stores the alert if it is still at `expected_version`; False when somebody was faster."""
        ...

    def want_post(self, alert_id: int, destination: str, lane: Lane, severity: Severity, now: datetime) -> None:
        """A card for the alert in the destination; nothing if there is one."""
        ...

    def bump_posts(self, alert_id: int, now: datetime, lane: Lane = Lane.EDIT) -> None:
        """Something that the cards show has changed: wanted_version + 1 on each post of the alert. Lane.TIDY where it
        may wait until the room has little else to do.
        """
        ...

    def bump_source_posts(self, source: str, now: datetime) -> None:
        """The same for every live alert on records of one source (its data became stale, or fresh again), in
        Lane.TIDY.
        """
        ...

    def repost(self, post_id: int, now: datetime) -> None:
        """The message is gone: a new generation of the post, to be posted anew."""
        ...

    def retire_destination(self, destination: str) -> int: ...

    def add_dispatch(self, dispatch: Dispatch, severity: Severity, now: datetime) -> None:
        """Nothing where its key is already there."""
        ...

    def claim(
        self,
        destination: str,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        ops: Mapping[Op, int] | None = None,
    ) -> list[Claim]:
        """Takes the destination's next pieces of work: due, not leased, severest first, then Lane, then age.

        Only work of the kinds in `ops`, of each so much (all kinds when it is left out): what a vendor's limit forbids
        just now stays where it is.

        A dispatch of an alert waits until the earlier dispatches of that alert to that destination are done, and a NOTE
        until the alert's post there has a ref (direct notes don't wait). A piece whose lease ran out comes with
        `unsure_since`, because its last attempt may have arrived. Sets `unsure_since = now` on what it hands out.
        """
        ...

    def hold_lane(self, destination: str, holder: str, fence: int, now: datetime, ttl: timedelta) -> int | None:
        """Takes or prolongs the lease of a destination, before a claim in it; its fence, or None while another has it.

        `fence`: what it was the last time, 0 if never. Who takes a lane over ends the claims of who had it before: they
        come again at once, with `unsure_since`. The lease is named LANE + destination.
        """
        ...

    def expect_settled(self, claims: Sequence[Claim]) -> None:
        """These are settled next in this transaction. Nothing changes by it; it saves journeys to the database."""
        ...

    def settle_sent(self, claim: Claim, ref: Mapping[str, str], shown: int, now: datetime) -> bool:
        """The work is done (a post shows version `shown`). False when the lease was lost to another holder."""
        ...

    def settle_retry(
        self, claim: Claim, next_try_at: datetime, error: str, *, unsure: bool, counts: bool, now: datetime
    ) -> bool: ...

    def settle_dead(self, claim: Claim, error: str, now: datetime) -> bool: ...
    def hurry(self, destination: str, now: datetime) -> None:
        """What waits for another try there is due at once, for the way is open again."""
        ...

    def revive(self, outbox_id: int, kind: str, now: datetime) -> bool: ...
    def audit(self, entry: Entry, at: datetime) -> None:
        """Appends to the chain; it is sealed at the commit."""
        ...

    def take_in(self, key: str, platform: str, at: datetime, body: Mapping[str, Any]) -> bool:
        """Notes an interaction under the platform's own unique id. False when it was there already (a repeat)."""
        ...

    def answered(self, key: str, answer: Mapping[str, Any]) -> None: ...
    def save_account(self, platform: str, account: str, person_id: str) -> None: ...
    def forget_accounts(self, person_id: str) -> int:
        """Unlinks all accounts of a person, and makes their codes worthless; how many accounts that were."""
        ...

    def save_code(self, digest: str, person_id: str, expires_at: datetime) -> None: ...
    def take_code(self, digest: str) -> str | None:
        """Whose code it is, once; None when it is none, was used, or is too old."""
        ...

    def keep_asking(self, platform: str, account: str, body: Mapping[str, Any], since: datetime) -> None:
        """What an unknown account asked for last; whatever others asked before `since` is forgotten."""
        ...

    def take_asking(self, platform: str, account: str, since: datetime) -> Mapping[str, Any] | None: ...
    def save_undo(self, alert_id: int, undo: Undo | None) -> None: ...
    def put_value(self, name: str, value: str) -> None: ...
    def set_mode(self, alert_id: int, mode: Mode) -> None: ...
    def take_lease(self, name: str, holder: str, now: datetime, ttl: timedelta) -> int | None:
        """The fence of a lease that was free, that ran out, or that this holder had before; None while another has it.

        `holder` names one life of one process, not a machine.
        """
        ...

    def renew_lease(self, name: str, fence: int, now: datetime, ttl: timedelta) -> bool:
        """False when another one has it since. A lease that ran out and that nobody took goes on."""
        ...

    def release_lease(self, name: str, fence: int) -> bool: ...
    def holds_lease(self, name: str, fence: int) -> bool:
        """Whether the lease is still this holder's; nobody can take it before the commit.

        What may be done under a lease only asks this first, in the same transaction: who was paused for longer than
        the lease then changes nothing.
        """
        ...


class NotKept(Exception):
    """The database can't be asked or written just now; nothing of what was to be changed holds."""


class DuplicateAlert(Exception):
    """A live alert with this key exists."""


class LeaseLost(Exception):
    """Another instance may do it now, and nothing of this change holds."""


Guard = Callable[[UnitOfWork], None]
"""Asked first in a change that is made under a lease. Raises LeaseLost when the lease is not ours any more."""


class Urgency(IntEnum):
    """Taps go before pages, in the writer's queue."""

    TAP = 0
    NORMAL = 1
    BULK = 2


RESTORED = "restored"  # a small value: when the database went back to a backup, and when that was taken (ISO, ISO)


class Store(Protocol):
    """The database. `write` runs a closure in the writer's thread and returns when it is durable.

    Closures are pure but for the unit of work: when a group of them fails, each is run again alone.
    """

    async def write(self, change: Callable[[UnitOfWork], T], urgency: Urgency = Urgency.NORMAL) -> T: ...
    async def read(self, query: Callable[[Reader], T]) -> T: ...
    def on_commit(self, wake: Callable[[], None]) -> None:
        """Calls `wake` in the event loop after each commit."""
        ...


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

    kind: str  # "card" or "note"
    alert_ref: str
    destination: str
    number: int  # a card's generation, a note's dispatch id


@dataclass(frozen=True, slots=True)
class Limit:
    """So many operations in so many seconds, per destination or for the whole account; obeyed before the send."""

    op: str  # "post", "edit", or "any" of both
    scope: str  # "destination" or "account"
    count: int
    per: timedelta


class Memory(Protocol):
    """A few words that a channel or gateway must know again after a restart: an offset, a room's new address.

    Names begin with the platform: "telegram.offset".
    """

    async def recall(self, name: str) -> str | None: ...
    async def remember(self, name: str, value: str, guard: Guard | None = None) -> None:
        """Returns when it is durable. Raises LeaseLost when `guard` does."""
        ...


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
        be told now (Retry) or never (Rejected: resend). `thread`: the card's ref, or {"direct": person id}.
        """
        ...

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]: ...
    async def close(self) -> None: ...
