"""Small parts of `deskbell check` and of reading that every source needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskbell.core.ports import Finding, SourceError, SourceFault
from deskbell.net.answers import Reply

MOST_SKEW_S = 30


@dataclass(frozen=True, slots=True)
class Tried:
    finding: Finding
    reply: Reply | None = None


async def tried(what: str, read: Callable[[], Awaitable[Reply]], good: str) -> Tried:
    try:
        reply = await read()
    except SourceError as error:
        return Tried(Finding(what, ok=False, detail=str(error)))
    return Tried(Finding(what, ok=True, detail=good), reply)


def clock(title: str, date: datetime | None, now: datetime) -> Finding:
    """How far the source's clock and ours are apart."""
    what = f"{title} clock"
    if date is None:
        return Finding(what, ok=True, detail="the source does not tell its time")
    skew = (now - date).total_seconds()
    if abs(skew) <= MOST_SKEW_S:
        return Finding(what, ok=True, detail=f"within {MOST_SKEW_S} s of ours")
    side = "ahead of" if skew > 0 else "behind"
    why = (
        f"our clock is {abs(skew):.0f} s {side} the source's; set this machine's time (NTP), or deadlines ring wrongly"
    )
    return Finding(what, ok=False, detail=why)


def told(reply: Reply, title: str, path: str) -> Mapping[str, Any]:
    """The body of an answer that must be an object."""
    if isinstance(reply.data, Mapping):
        return reply.data
    kind = "nothing" if reply.data is None else type(reply.data).__name__
    raise SourceError(SourceFault.ANSWER, f"{title} {path} gave {kind} instead of an object; check base_url")


def listed(data: Any, title: str, path: str) -> list[Any]:
    """The rows of an answer that must be a list."""
    if isinstance(data, list):
        return data
    kind = "nothing" if data is None else type(data).__name__
    raise SourceError(SourceFault.ANSWER, f"{title} {path} gave {kind} instead of a list; check base_url")
