"""Customers and citizens: how they can be reached, what they agreed to, and by which of their ways a letter may go.

A letter is one thing that a customer is told. It goes where a live opt-in is, the newest word about an address and a
purpose counts; or, where the law demands that it is told, also without one. All of it is pure.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from deskbell.core.text import local


class Medium(StrEnum):
    """How a customer is reached. A phone number may be an address of two of them."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    MAIL = "mail"
    PUSH = "push"


class Purpose(StrEnum):
    """What a customer agrees to be told about."""

    SERVICE = "service"  # visits and cases
    ACCOUNT = "account"  # orders, invoices, contracts, the account itself


@dataclass(frozen=True, slots=True)
class Contact:
    """What a record says of how its customer can be reached. `opted`: where the source says that they agreed."""

    addresses: Mapping[Medium, str]
    language: str = ""
    zone: str = ""
    opted: frozenset[Medium] = frozenset()


@dataclass(frozen=True, slots=True)
class Quiet:
    """From when until when nobody is told anything, by the customer's own clock. The same moment twice: never quiet."""

    start: time
    end: time

    def over_at(self, now: datetime, zone: str) -> datetime | None:
        """When it ends, if it is quiet now."""
        there = local(now, zone)
        at = there.time().replace(tzinfo=None)
        inside = self.start <= at < self.end if self.start < self.end else at >= self.start or at < self.end
        if self.start == self.end or not inside:
            return None
        day = there.date() + timedelta(days=1 if at >= self.end else 0)
        return datetime.combine(day, self.end, there.tzinfo).astimezone(UTC)


def read_quiet(text: str) -> Quiet | None:
    """`21:00-08:00`; None where it is empty. Raises ValueError for anything else."""
    if not text.strip():
        return None
    start, _, end = text.partition("-")
    return Quiet(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()))


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom letters go to. `id` names them in logs and in the audit, where no address stands. `quiet` as read_quiet has
    it, None: the house's. `order`: the ways they like best, first of all; empty: the house's.
    """

    id: int
    language: str = ""
    zone: str = ""
    order: tuple[Medium, ...] = ()
    quiet: str | None = None
    mark: str = ""  # chance: in the signed link to their page, which is worthless once they are erased


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a customer. `failed`: it was refused for good, and is not tried again."""

    customer: int
    medium: Medium
    value: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """One line of the ledger: `who` (a keyed digest of the address) agreed to something, or took that back.

    `purpose` may be empty: every purpose. `version` names the words that they agreed to, `origin` the way on which they
    said it (start, stop, page, staff, import, a source), `proof` where that can be looked up.
    """

    who: str
    medium: Medium
    granted: bool
    at: datetime
    purpose: str = ""
    version: str = ""
    origin: str = ""
    proof: str = ""
    actor: str = ""
    id: int = 0


def agrees(ledger: Sequence[Consent], purpose: Purpose) -> bool:
    """Whether there is a live opt-in for the purpose. Oldest first; the last word that speaks of it counts."""
    said = [one.granted for one in ledger if one.purpose in ("", purpose)]
    return bool(said) and said[-1]


OPT_IN, REQUIRED = "opt-in", "required by law"


@dataclass(frozen=True, slots=True)
class Way:
    """A way that a letter may go, and by what right."""

    medium: Medium
    address: str
    basis: str = OPT_IN


@dataclass(frozen=True, slots=True)
class Wishes:
    """What decides between a customer's ways. `order` is theirs or the house's; `legal` is for what the law demands."""

    order: Sequence[Medium]
    open: Collection[Medium]  # the ways that the house has
    legal: Sequence[Medium] = ()


def ways(
    addresses: Mapping[Medium, str], agreed: Collection[Medium], wishes: Wishes, *, required: bool = False
) -> list[Way]:
    """The ways that a letter may go, best first: those agreed to; then, for what the law demands, the others."""
    order = [*wishes.order, *(medium for medium in Medium if medium not in wishes.order)]
    usable = [medium for medium in order if medium in addresses and medium in wishes.open]
    out = [Way(medium, addresses[medium]) for medium in usable if medium in agreed]
    if required:
        rest = [medium for medium in wishes.legal if medium in usable and medium not in agreed]
        out += [Way(medium, addresses[medium], REQUIRED) for medium in rest]
    return out


# Words that carriers act upon themselves, and a few that people use: https://www.twilio.com/docs/messaging/features
STOPS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke", "stopp", "arret"})
_POLITE = frozenset({"please", "bitte", "prego", "merci", "svp", "favor", "thanks", "danke", "grazie", "gracias"})
_WORD = re.compile(r"\w+")
STARTS = frozenset({"start", "yes", "unstop", "optin"})


def keyword(text: str) -> bool | None:
    """True for START, False for STOP, None for anything else: the word alone, or with a "please" behind it."""
    words = _WORD.findall(text.casefold().replace("\u00ea", "e").replace("-", ""))
    if not words or len(words) > 2 or (len(words) == 2 and words[1] not in _POLITE):
        return None
    return True if words[0] in STARTS else False if words[0] in STOPS else None


# ---------------------------------------------------------------- letters


class Stage(StrEnum):
    """What became of a letter."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    WITHHELD = "withheld"  # nothing was sent: nobody had agreed, or it was too late for it


_RANK = {Stage.QUEUED: 0, Stage.SENT: 1, Stage.FAILED: 2, Stage.WITHHELD: 2, Stage.DELIVERED: 3, Stage.READ: 4}
ARRIVED = frozenset({Stage.DELIVERED, Stage.READ})


def rises(before: Stage, after: Stage) -> bool:
    """Receipts come in any order: what was delivered is not merely sent later on."""
    return _RANK[after] > _RANK[before]


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing that a customer is told, and what became of it.

    `name` is its template, `version` the hash of the words that were used; `values` are what it says, without any text
    that somebody typed. `number` is of the job, case or invoice that it is about. `tried`: the ways that failed.
    """

    key: str
    customer: int
    name: str
    purpose: Purpose
    source: str
    record_id: str
    number: str
    values: Mapping[str, str]
    created_at: datetime
    id: int = 0
    alert_id: int = 0
    required: bool = False
    by: str = ""  # who sent it by hand
    language: str = ""
    zone: str = ""
    version: str = ""
    stage: Stage = Stage.QUEUED
    medium: Medium | None = None
    basis: str = ""
    why: str = ""
    tried: tuple[Medium, ...] = ()
    platform: str = ""  # the channel that has it, and what it calls it
    vendor_id: str = ""
    text: str = field(default="", repr=False)  # what was sent, erased with the customer
    address: str = field(default="", repr=False)
    until: datetime | None = None  # later it is no news any more
    owed_by: datetime | None = None  # by then it must have arrived
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a letter's log."""

    letter: int
    at: datetime
    stage: Stage
    medium: Medium | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A letter as it goes out."""

    to: str
    subject: str
    text: str
    html: str
    ref: str
    language: str
    required: bool = False


# ---------------------------------------------------------------- their own page


@dataclass(frozen=True, slots=True)
class OwnWay:
    """One of their ways: enough of the address to know it by, and what they agree to there."""

    medium: Medium
    hint: str
    agrees: frozenset[Purpose]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A letter as the customer sees it again."""

    at: datetime
    subject: str
    medium: Medium | None
    stage: Stage


@dataclass(frozen=True, slots=True)
class OwnPage:
    """What somebody sees behind the link in their letters."""

    firm: str
    language: str
    zone: str
    ways: tuple[OwnWay, ...]
    first: str  # the way that they like best
    quiet: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What they chose there. `agrees`: all that they agree to from now on; what is missing is withdrawn."""

    agrees: frozenset[tuple[Medium, Purpose]]
    language: str = ""
    first: str = ""
    quiet: str = ""


def hint_of(medium: Medium, address: str) -> str:
    """`…2101`, `e…@example.org`: nobody else learns it, who was sent the link."""
    if medium is Medium.MAIL:
        name, _, host = address.rpartition("@")
        return f"{name[:1]}\u2026@{host}"
    return f"\u2026{address[-4:]}" if medium in (Medium.SMS, Medium.WHATSAPP) else f"{address[:2]}\u2026"
