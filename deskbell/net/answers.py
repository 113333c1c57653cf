"""What a vendor's answer, or its silence, means: for a reader a SourceError, for a sender an Outcome.

The table of reference page "Outcome of a send": what certainly did not happen is tried again, what may have happened is
looked up first, what never will is given up with words for people.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.core.ports import SourceError, SourceFault
from deskbell.net.redact import redact

LONGEST_WAIT = timedelta(hours=1)  # a vendor that says longer is asked again after this
_NEVER = {
    400: Fault.PAYLOAD,
    401: Fault.AUTH,
    402: Fault.CONFIG,
    403: Fault.CONFIG,
    404: Fault.TARGET,
    405: Fault.TARGET,
    410: Fault.TARGET,
    413: Fault.PAYLOAD,
    414: Fault.PAYLOAD,
    415: Fault.PAYLOAD,
    422: Fault.PAYLOAD,
}
_NOT_DONE = frozenset({408, 421, 423, 425, 503})  # refused for now; nothing was changed
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Header names are in lower case; `data` is the parsed JSON, `text` the start of anything else."""

    status: int
    headers: Mapping[str, str]
    data: Any = None
    date: datetime | None = None
    text: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Gap(Enum):
    """Where a call broke off."""

    NOT_SENT = "not sent"
    NO_ANSWER = "no answer"  # it went out; whether it arrived is not known
    BAD_ANSWER = "bad answer"  # an answer came that is not one: a page, broken JSON, far too much


class CallFailed(Exception):
    """A call that brought no usable answer. Its words are fit to show. `refused`: we are not who we say we are."""

    def __init__(
        self, gap: Gap, why: str, after: timedelta | None = None, *, limited: bool = False, refused: bool = False
    ) -> None:
        super().__init__(redact(why))
        self.gap = gap
        self.after = after
        self.limited = limited
        self.refused = refused


def no_words(_reply: Reply) -> str:
    return ""


def by_status(reply: Reply) -> bool:
    return reply.status == 429


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor refuses: `explain` finds the reason in the body, `faults` departs from the usual table, `limited`
    knows a limit that is told with another status than 429, `resets` names the headers that say when it ends where
    Retry-After does not, and `wait` finds that in the body."""

    explain: Callable[[Reply], str] = no_words
    faults: Mapping[int, Fault] = field(default_factory=dict)
    limited: Callable[[Reply], bool] = by_status
    resets: tuple[str, ...] = ()
    wait: Callable[[Reply], timedelta | None] | None = None


PLAIN = Dialect()


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Retry-After in seconds or as a date, never negative and never more than an hour."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value) if value[:1].isdigit() else _until(value, headers, now)
    except (ValueError, TypeError, OverflowError):
        return None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT.total_seconds()))


def wait_of(reply: Reply, dialect: Dialect, now: datetime) -> timedelta | None:
    """How long the vendor wants to be left alone, in whichever of its ways it says so."""
    wait = retry_after(reply.headers, now) or (dialect.wait(reply) if dialect.wait else None)
    return wait or next(filter(None, (_reset(reply.headers.get(name, ""), now) for name in dialect.resets)), None)


_SINCE_1970 = 1e9  # seconds; a smaller number is how long it lasts from now
_IN_MS = 1e12


def _reset(value: str, now: datetime) -> timedelta | None:
    """A header that says when a limit ends: a moment, in seconds or milliseconds since 1970, or how long it lasts."""
    try:
        number = float(value) if value.strip()[:1].isdigit() else math.nan
    except ValueError:
        return None
    if number >= _SINCE_1970:
        number = number / (1000 if number >= _IN_MS else 1) - now.timestamp()
    if math.isnan(number):
        return None
    return timedelta(seconds=min(max(number, 0.0), LONGEST_WAIT.total_seconds()))


def http_date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def outcome_of(reply: Reply, where: str, dialect: Dialect = PLAIN, now: datetime | None = None) -> Outcome:
    """What an answer that is not a success means for something we wanted done."""
    why, status = words(reply, where, dialect), reply.status
    after = wait_of(reply, dialect, now or datetime.now(UTC))
    if dialect.limited(reply):
        return Retry(why, after, limited=True)
    if fault := dialect.faults.get(status) or _NEVER.get(status):
        return Rejected(fault, why)
    if status in _NOT_DONE or 300 <= status < 400:
        return Retry(why, after)
    if status >= 500 or status == 409:
        return Unknown(why)  # it may have been done before the trouble began
    return Rejected(Fault.PAYLOAD, why)


def source_error_of(reply: Reply, where: str, dialect: Dialect = PLAIN, now: datetime | None = None) -> SourceError:
    """What an answer that is not a success means for something we wanted to read."""
    why, status = words(reply, where, dialect), reply.status
    after = wait_of(reply, dialect, now or datetime.now(UTC))
    if dialect.limited(reply):
        return SourceError(SourceFault.LIMITED, why, after)
    if status in (401, 403):
        return SourceError(SourceFault.AUTH, why, login=status == 401)
    if status >= 500 or status in _NOT_DONE:
        return SourceError(SourceFault.UNREACHABLE, why, after)
    return SourceError(SourceFault.ANSWER, why)


def outcome_of_failure(failed: CallFailed) -> Outcome:
    if failed.refused:
        return Rejected(Fault.AUTH, str(failed))
    if failed.gap is Gap.NOT_SENT:
        return Retry(str(failed), failed.after, limited=failed.limited)
    return Unknown(str(failed))


def source_error_of_failure(failed: CallFailed) -> SourceError:
    if failed.limited:
        return SourceError(SourceFault.LIMITED, str(failed), failed.after)
    if failed.refused:
        return SourceError(SourceFault.AUTH, str(failed), login=True)
    fault = SourceFault.ANSWER if failed.gap is Gap.BAD_ANSWER else SourceFault.UNREACHABLE
    return SourceError(fault, str(failed), failed.after)


def words(reply: Reply, where: str, dialect: Dialect = PLAIN) -> str:
    """One line for people: who answered what, the vendor's reason, and what to do."""
    reason = " ".join(dialect.explain(reply).split())[:_LONGEST_WORDS]
    said = f"{where} answered {reply.status}" + (f": {reason}" if reason else "")
    advice = _advice(reply.status)
    return redact(f"{said}. {advice}" if advice else said)


def _advice(status: int) -> str:
    if 300 <= status < 400:
        return "It sends us elsewhere: check base_url, and whether the instance sleeps."
    return {
        401: "Check its credentials.",
        403: "Check what its account may see and do.",
        404: "Check base_url and whether the object still exists.",
        429: "We asked too often; it is left alone until it allows more.",
    }.get(status, "")


def _until(value: str, headers: Mapping[str, str], now: datetime) -> float:
    """Seconds until a date, by the vendor's own clock where it tells."""
    at = http_date(value)
    if at is None:
        raise ValueError(value)
    return (at - (http_date(headers.get("date", "")) or now)).total_seconds()
