"""Reading what changed, with nothing lost while it changes: re-anchor paging.

Always the first page from the newest stamp reached, inclusive; further pages only while a page holds nothing but that
one stamp. Page numbers on a list that is being updated lose rows, because an updated row leaves its page and moves the
others up. Every sweep begins an overlap before the last one's end, for rows that become visible late.

Stamps are the source's own, never ours.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from deskbell.core.ports import SourceError, SourceFault

OVERLAP = timedelta(seconds=120)  # longer than rows stay invisible: seconds on a database, minutes on a replica
SEEN_AT_MOST = 500  # versions kept in the cursor, which is stored with every page
_MOST_UNSORTED = 100  # pages of a list that has to be read in one go
_CLOSE = timedelta(minutes=1)  # a row this much older than asked for is no sign of a lost filter


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it came. Equal (id, version) are the same reading. Without a stamp it can't be an anchor."""

    id: str
    stamp: datetime | None
    version: str
    raw: Any


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer. `more`: the source has further rows behind these, whether or not these fill the page."""

    rows: Sequence[Row]
    more: bool
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a sweep that was cut off goes on: the anchor, how many pages into it, and the source's clock then."""

    anchor: datetime
    step: int
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is remembered of a sweep. `seen` holds id -> (version, stamp) within the overlap."""

    at: datetime | None = None
    seen: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """New rows, and the cursor to commit together with them. `whole`: nothing is left behind these."""

    rows: Sequence[Row]
    cursor: Cursor
    whole: bool
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How a source is swept. `re_anchor` needs rows in ascending order of their stamps; without it, or when a page
    shows that they are not, pages are read by number and the cursor waits for the end."""

    overlap: timedelta = OVERLAP
    max_pages: int = 20
    re_anchor: bool = True
    skip_seen: bool = True
    filter_slack: timedelta = _CLOSE


FetchPage = Callable[[datetime, int], Awaitable[Fetched]]  # (everything since, inclusive; how many pages into it)


async def sweep(cursor: Cursor, fetch: FetchPage, start: datetime, pace: Pace) -> AsyncIterator[Batch]:
    """Everything that changed since the cursor (since `start` at first), page by page, at most `max_pages` of them."""
    anchor, step = _beginning(cursor, start, pace.overlap)
    ordered = pace.re_anchor
    held, top = cursor, cursor.at
    read = 0
    while read < (pace.max_pages if ordered else max(pace.max_pages, _MOST_UNSORTED)):
        read += 1
        got = await fetch(anchor, step)
        _refuse_lost_filter(got.rows, anchor, pace.filter_slack)
        ordered = ordered and _ascending(got.rows)
        newest = max((row.stamp for row in got.rows if row.stamp), default=None)
        top = _later(top, _capped(newest, got.date))
        fresh = _unseen(got.rows, held) if pace.skip_seen else list(got.rows)
        anchor, step = _onwards(anchor, step, newest if ordered else None)
        held = _advanced(held, got, top if ordered or not got.more else held.at, pace)
        resume = Resume(anchor, step, got.date) if got.more and ordered else None
        held = replace(held, resume=resume)
        yield Batch(fresh, held, whole=not got.more, date=got.date)
        if not got.more:
            return
    if not ordered:
        raise SourceError(
            SourceFault.ANSWER,
            f"gave more than {read} pages, and not sorted by time, so that reading can't go on later; "
            "have it sort by its time of change, ascending, or raise max_pages",
        )


def to_json(cursor: Cursor) -> dict[str, Any]:
    data: dict[str, Any] = {"at": cursor.at.isoformat() if cursor.at else None}
    if cursor.seen:
        data["seen"] = {key: list(value) for key, value in cursor.seen.items()}
    if cursor.resume:
        date = cursor.resume.date
        data["resume"] = [cursor.resume.anchor.isoformat(), cursor.resume.step, date.isoformat() if date else None]
    return data


def from_json(data: Mapping[str, Any]) -> Cursor:
    at, resume = data.get("at"), data.get("resume")
    return Cursor(
        at=datetime.fromisoformat(at) if at else None,
        seen={key: (str(version), float(stamp)) for key, (version, stamp) in data.get("seen", {}).items()},
        resume=_resume(*resume) if resume else None,
    )


def _resume(anchor: str, step: int, date: str | None) -> Resume:
    return Resume(datetime.fromisoformat(anchor), step, datetime.fromisoformat(date) if date else None)


def _beginning(cursor: Cursor, start: datetime, overlap: timedelta) -> tuple[datetime, int]:
    if cursor.resume is None:
        return (cursor.at - overlap if cursor.at else start), 0
    resume = cursor.resume
    # Cut off close to the source's present: rows there may still have been invisible, so that it steps back as well.
    edge = resume.date - overlap if resume.date else resume.anchor
    return (edge, 0) if edge < resume.anchor else (resume.anchor, resume.step)


def _onwards(anchor: datetime, step: int, newest: datetime | None) -> tuple[datetime, int]:
    return (newest, 0) if newest is not None and newest > anchor else (anchor, step + 1)


def _advanced(cursor: Cursor, got: Fetched, at: datetime | None, pace: Pace) -> Cursor:
    seen = dict(cursor.seen)
    fallback = (at or datetime.now(UTC)).timestamp()
    for row in got.rows if pace.skip_seen else ():
        seen[row.id] = (row.version, row.stamp.timestamp() if row.stamp else fallback)
    return Cursor(at=at, seen=_pruned(seen, at, pace.overlap))


def _pruned(
    seen: dict[str, tuple[str, float]], at: datetime | None, overlap: timedelta
) -> dict[str, tuple[str, float]]:
    oldest = (at - overlap).timestamp() if at else 0.0
    kept = [(key, value) for key, value in seen.items() if value[1] >= oldest]
    return dict(sorted(kept, key=lambda item: item[1][1])[-SEEN_AT_MOST:])


def _unseen(rows: Sequence[Row], cursor: Cursor) -> list[Row]:
    """The newest reading of each row that was not there yet."""
    known = {key: version for key, (version, _) in cursor.seen.items()}
    fresh = {row.id: row for row in rows if known.get(row.id) != row.version}
    return list(fresh.values())


def _ascending(rows: Sequence[Row]) -> bool:
    stamps = [row.stamp for row in rows if row.stamp]
    return all(one <= two for one, two in pairwise(stamps))


def _capped(newest: datetime | None, date: datetime | None) -> datetime | None:
    """A stamp in the future (a bad import) may not pull the cursor past rows that come later."""
    return min(newest, date) if newest and date else newest


def _later(one: datetime | None, two: datetime | None) -> datetime | None:
    return max((at for at in (one, two) if at), default=None)


def _refuse_lost_filter(rows: Sequence[Row], since: datetime, slack: timedelta) -> None:
    """A source that drops the time filter answers 200 with everything it has."""
    stamps = [row.stamp for row in rows if row.stamp]
    old = sum(stamp < since - slack for stamp in stamps)
    if old * 2 > len(stamps):
        raise SourceError(
            SourceFault.ANSWER,
            f"ignored the time filter: asked for changes since {since:%Y-%m-%d %H:%M:%S} UTC, it gave older rows",
        )
