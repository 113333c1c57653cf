"""Reading what changed, with nothing lost while it changes: re-anchor paging.

Always the first page from the newest stamp reached, inclusive; further pages only while a page holds nothing but that
one stamp. Page numbers on a list that is being updated lose rows, because an updated row leaves its page and moves the
others up; where they can't be avoided (more rows of one second than a page holds), that second is read again until
nothing new turns up. Every sweep begins an overlap before the last one's end, for rows that become visible late.

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
_MOST_PASSES = 4  # through one second that fills several pages
_MOST_IN_ONE_GO = 100  # pages of an unsorted list, or of one second, which are better not cut
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
    """Where a sweep that was cut off goes on: the anchor, how many pages into it, in the how-manieth reading of it, and
    the source's clock then."""

    anchor: datetime
    step: int
    date: datetime | None = None
    reading: int = 1


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


@dataclass(slots=True)
class _Walk:
    """Where a sweep stands. `met` are the readings at this anchor, to tell whether another pass brought anything."""

    anchor: datetime
    step: int = 0
    reading: int = 1
    ordered: bool = True
    met: set[tuple[str, str]] = field(default_factory=set)
    new: bool = False

    @property
    def delicate(self) -> bool:
        """Reading by page number: what is cut off here may have lost rows when it goes on."""
        return self.step > 0 or self.reading > 1 or not self.ordered

    def take(self, got: Fetched) -> bool:
        """Moves on behind a page; whether there is anything left to fetch."""
        self.ordered = self.ordered and _ascending(got.rows)
        readings = {(row.id, row.version) for row in got.rows}
        self.new = self.new or not readings <= self.met
        self.met |= readings
        newest = max((row.stamp for row in got.rows if row.stamp), default=self.anchor)
        if not self.ordered or (got.more and newest <= self.anchor):
            self.step += 1
            return got.more
        if self.step and self._again():
            self.step, self.reading, self.new = 0, self.reading + 1, False
            return True
        if got.more:
            self.anchor, self.step, self.reading, self.met, self.new = newest, 0, 1, set(), False
        return got.more

    def _again(self) -> bool:
        """Rows may have slipped between pages told by number: once more, and on as long as that brings new ones."""
        return self.reading == 1 or (self.new and self.reading < _MOST_PASSES)


async def sweep(cursor: Cursor, fetch: FetchPage, start: datetime, pace: Pace) -> AsyncIterator[Batch]:
    """Everything that changed since the cursor (since `start` at first), page by page, about `max_pages` at most."""
    walk = _beginning(cursor, start, pace)
    held, top, more = cursor, cursor.at, True
    read = 0
    while more and read < (max(pace.max_pages, _MOST_IN_ONE_GO) if walk.delicate else pace.max_pages):
        read += 1
        got = await fetch(walk.anchor, walk.step)
        _refuse_lost_filter(got.rows, walk.anchor, pace.filter_slack)
        fresh = _unseen(got.rows, held) if pace.skip_seen else list(got.rows)
        more = walk.take(got)
        top = _later(top, _capped(got))
        held = _advanced(held, got, top if walk.ordered or not more else held.at, pace)
        resume = Resume(walk.anchor, walk.step, got.date, walk.reading) if more and walk.ordered else None
        held = replace(held, resume=resume)
        yield Batch(fresh, held, whole=not more, date=got.date)
    if more and not walk.ordered:
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
        place = [cursor.resume.anchor.isoformat(), cursor.resume.step]
        data["resume"] = [*place, date.isoformat() if date else None, cursor.resume.reading]
    return data


def from_json(data: Mapping[str, Any]) -> Cursor:
    at, resume = data.get("at"), data.get("resume")
    return Cursor(
        at=datetime.fromisoformat(at) if at else None,
        seen={key: (str(version), float(stamp)) for key, (version, stamp) in data.get("seen", {}).items()},
        resume=_resume(*resume) if resume else None,
    )


def _resume(anchor: str, step: int, date: str | None, reading: int = 1) -> Resume:
    return Resume(datetime.fromisoformat(anchor), step, datetime.fromisoformat(date) if date else None, reading)


def _beginning(cursor: Cursor, start: datetime, pace: Pace) -> _Walk:
    if cursor.resume is None:
        return _Walk(cursor.at - pace.overlap if cursor.at else start, ordered=pace.re_anchor)
    resume = cursor.resume
    # Cut off close to the source's present: rows there may still have been invisible, so that it steps back as well.
    edge = resume.date - pace.overlap if resume.date else resume.anchor
    if edge < resume.anchor:
        return _Walk(edge, ordered=pace.re_anchor)
    return _Walk(resume.anchor, resume.step, resume.reading, ordered=pace.re_anchor)


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


def _capped(got: Fetched) -> datetime | None:
    """The newest stamp. One in the future (a bad import) may not pull the cursor past rows that come later."""
    newest = max((row.stamp for row in got.rows if row.stamp), default=None)
    return min(newest, got.date) if newest and got.date else newest


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
