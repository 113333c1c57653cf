"""What a delivery answers with: a value, never an exception.

Sent: the vendor has it. Retry: it certainly has not, try later. Rejected: it never will. Unknown: the request left and
no answer came, so that it may or may not have arrived; the courier looks it up, or sends again, before it forgets it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Fault(StrEnum):
    """Why a vendor will never take something; each has its own consequence."""

    TARGET = "target"  # this destination or object is gone: fall over to another
    PAYLOAD = "payload"  # our message is wrong: plain text once, then the dead-letter list
    AUTH = "auth"  # credentials: the whole channel or source stops and people are told
    CONFIG = "config"  # scope, plan, permission: an operator must act
    GONE = "gone"  # the message that was to be edited no longer exists: post anew


@dataclass(frozen=True, slots=True)
class Sent:
    """`skipped`: nothing was sent, because it is not needed any more. `found`: it had arrived, as it was then."""

    ref: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    skipped: bool = False
    found: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    why: str
    after: timedelta | None = None  # the vendor's own word (Retry-After), obeyed before ours
    limited: bool = False  # a rate limit, which is not a failed attempt


@dataclass(frozen=True, slots=True)
class Rejected:
    fault: Fault
    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    why: str


Outcome = Sent | Retry | Rejected | Unknown
