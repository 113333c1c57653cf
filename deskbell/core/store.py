"""The database as the desk and the courier need it: what can be asked of it, and what one transaction may do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Protocol, TypeVar

from deskbell.core.alert import Alert, Mode, Severity, Status
from deskbell.core.asking import Asked
from deskbell.core.customer_store import CustomerReader, CustomerWork
from deskbell.core.duty import Agreed
from deskbell.core.heard import Link, Message, Rank
from deskbell.core.history import Detection, Ended, Reading
from deskbell.core.ports import (
    AuditRow,
    Claim,
    Dispatch,
    Entry,
    Hint,
    Lane,
    Lease,
    Op,
    Opened,
    OutboxRow,
    Post,
    SourceState,
    StoredRecord,
)
from deskbell.core.prefs import Proof
from deskbell.core.records import Record
from deskbell.core.silence import Silence
from deskbell.core.storm import Family
from deskbell.core.undo import Undo

T = TypeVar("T")


class Reader(CustomerReader, Protocol):
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

    def count_cards(self, rule: str, team: str, source: str, since: datetime, most: int) -> int:
        """How many alerts with a card of their own were opened since: of the source, if one is named, else of the rule
        in the team. No more than `most` are counted.
        """
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
        parent: int | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Alert]:
        """Most severe first, then oldest."""
        ...

    def silences(self) -> list[Silence]:
        """Those that nobody has ended and that were not seen to run out, the first to end first."""
        ...

    def silence(self, silence_id: int) -> Silence | None: ...
    def family(self, parent: int) -> Family:
        """How the alerts stand that this one stands for."""
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

    def asked(self, asked_id: int) -> Asked | None: ...
    def asked_of(self, person_id: str, limit: int = 5) -> list[Asked]:
        """What the person was asked about jobs, the newest first; what 1 to 4 mean says core.asking."""
        ...

    def asked_about(self, source: str, record_ids: Collection[str]) -> Mapping[str, Sequence[Asked]]:
        """What was asked about each of the records, the oldest first; those without are left out."""
        ...

    def agreed(self, since: datetime) -> list[Agreed]:
        """What was agreed about shifts and is not over at that moment, in the order in which it was."""
        ...

    def agreed_as(self, key: str) -> list[Agreed]: ...
    def prefs(self) -> Mapping[str, Mapping[str, Any]]:
        """How people want to be rung (core.prefs), of those who said so, by person."""
        ...

    def proofs(self, person_id: str) -> Mapping[str, Proof]:
        """What is known of the ways to the person, by way."""
        ...

    def feed_of(self, digest: str) -> str | None:
        """Whose shifts the address with this secret (its SHA-256) shows."""
        ...

    def message(self, channel: str, ident: str) -> Message | None:
        """What a vendor has of ours under this id."""
        ...

    def messages_of(self, alert_id: int) -> list[Message]: ...
    def messages_waiting(self, channel: str, since: datetime, limit: int) -> list[Message]:
        """Those handed over since, of which nothing final is known; the newest first."""
        ...

    def messages_open(self, channel: str, since: datetime, limit: int) -> list[Message]:
        """Those handed over since whose alerts are open; the newest first."""
        ...

    def late_messages(self, now: datetime, limit: int) -> list[Message]:
        """Those that should have arrived by now."""
        ...

    def sent_to(self, channel: str, person: str, since: datetime) -> list[int]:
        """The open alerts of which the person was told through the channel since then."""
        ...

    def records_in(self, destination: str, limit: int) -> list[Post]:
        """The records of live alerts there that are in step with them."""
        ...

    def dispatch(self, key: str) -> Dispatch | None: ...
    def link(self, digest: str) -> Link | None: ...
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

    def readings(self, since: datetime) -> list[Reading]:
        """Which readings held at that moment or later; of what is over in its source, only what was read since."""
        ...

    def read_earlier(self, rows: Sequence[int]) -> dict[int, Record]:
        """The masked records of earlier readings; those that are kept no more are left out."""
        ...

    def detections(self, since: datetime) -> list[Detection]:
        """Those whose first card came since, and those that wait for it; what is over and had none is left out."""
        ...

    def shown_since(self, at: datetime) -> list[Detection]:
        """Those whose first card came after that moment, in this order."""
        ...

    def value(self, name: str) -> str | None: ...
    def leases(self) -> list[Lease]:
        """Those that somebody took and did not release, by name; whether they are still valid, `until` tells."""
        ...

    def now_data_version(self) -> int:
        """Changes when another process wrote."""
        ...


class UnitOfWork(CustomerWork, Reader, Protocol):
    """One transaction. Reads see its own writes. Raising rolls all of it back."""

    def save_source(self, state: SourceState) -> None: ...
    def save_records(self, rows: Sequence[StoredRecord]) -> None: ...
    def save_ties(self, source: str, record_id: str, ties: Collection[str]) -> None:
        """By these the record is found from now on (`related`), and by no others."""
        ...

    def set_due(self, source: str, record_id: str, due_at: datetime | None) -> None: ...
    def forget_record(self, source: str, record_id: str) -> None: ...
    def keep_readings(self, rows: Sequence[StoredRecord], until: datetime, ended: Ended) -> None:
        """What these records were until now. They have to be masked."""
        ...

    def drop_readings(self, before: datetime, most: int, limit: int) -> datetime | None:
        """Forgets the oldest: those that ended before, and those beyond `most`; `limit` of them at a time.

        When the last of them ended, from which on all is still there; None where nothing had to go.
        """
        ...

    def detected(self, alert_id: int, fact_at: datetime) -> None:
        """What the alert tells came to be then; how long it takes to its first card is counted."""
        ...

    def first_shown(self, alert_id: int, now: datetime) -> None:
        """A card of the alert is in a chat; only the first one counts."""
        ...

    def forget_detections(self, before: datetime) -> None: ...
    def quarantine(self, source: str, record_id: str, error: str, raw: str, at: datetime) -> None: ...
    def first_call(self, call: str, at: datetime, since: datetime) -> bool:
        """Notes a hook's call; False when it was noted before. Those before `since` are forgotten."""
        ...

    def save_message(self, message: Message) -> None:
        """A vendor has it now; what the vendor has said of it already stays."""
        ...

    def rank_message(self, channel: str, ident: str, rank: Rank, why: str, now: datetime) -> bool:
        """More is known of a message. False where as much was known already, or it is none of ours."""
        ...

    def message_in_time(self, channel: str, ident: str) -> None:
        """Nobody waits for it any more."""
        ...

    def forget_messages(self, before: datetime) -> None:
        """Those handed over before then."""
        ...

    def save_ref(self, post_id: int, ref: Mapping[str, str]) -> None:
        """What is known of a record of ours has changed, and not by us."""
        ...

    def save_link(self, link: Link, now: datetime) -> None:
        """A new way to answer; those that have expired are forgotten."""
        ...

    def spend_link(self, digest: str) -> None: ...
    def link_tried(self, digest: str) -> None: ...
    def end_links(self, alert_id: int) -> None:
        """The alert has moved on: the links to it that are open answer it no more."""
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

    def want_post(
        self,
        alert_id: int,
        destination: str,
        lane: Lane,
        severity: Severity,
        now: datetime,
        due: datetime | None = None,
    ) -> None:
        """A card for the alert in the destination; nothing if there is one. `due`: not before that."""
        ...

    def add_silence(self, silence: Silence) -> Silence:
        """With the number that it has from now on."""
        ...

    def end_silence(self, silence_id: int, now: datetime) -> bool:
        """False where it has ended before."""
        ...

    def withdraw_posts(self, alert_id: int) -> bool:
        """The alert's cards that are still to be posted are not, nor what waited for them. Whether one is in a room all
        the same, or on its way there.
        """
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
    def ask(self, asked: Asked) -> Asked | None:
        """Stores the question and returns it with its id; None when its key was used before."""
        ...

    def save_answer(self, asked: Asked) -> None: ...
    def agree(self, key: str, stretches: Sequence[Agreed]) -> None:
        """From now on this is what was agreed under the key; nothing of what was before."""
        ...

    def save_prefs(self, person_id: str, data: Mapping[str, Any]) -> None: ...
    def save_proof(self, person_id: str, way: str, proof: Proof) -> None: ...
    def save_feed(self, person_id: str, digest: str, at: datetime) -> None:
        """The person's only one; without a digest there is none any more."""
        ...

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
        """Calls `wake` in the event loop after each commit that may have made work for the outbox, now or later."""
        ...


class Memory(Protocol):
    """A few words that a channel or gateway must know again after a restart: an offset, a room's new address.

    Names begin with the platform: "telegram.offset".
    """

    async def recall(self, name: str) -> str | None: ...
    async def remember(self, name: str, value: str, guard: Guard | None = None) -> None:
        """Returns when it is durable. Raises LeaseLost when `guard` does."""
        ...
