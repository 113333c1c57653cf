"""Reading what changed, with nothing lost while it changes: re-anchor paging.

Always the first page from the newest stamp reached, inclusive; further pages only while a page holds nothing but that
one stamp. Page numbers on a list that is being updated lose rows, because an updated row leaves its page and moves the
others up. Where they can't be avoided (more rows of one second than a page holds), the pages of that second are read
once more from the last to the first: rows that leave it then move others towards us, never past us.

Rows may become visible late. So every sweep begins an overlap before the last one's end, or earlier, if the last one
went on for long after it had come that close to the source's present.

Stamps are the source's own, never ours.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from deskbell.core.ports import SourceError, SourceFault

OVERLAP = timedelta(seconds=120)  # longer than rows stay invisible: seconds on a database, minutes on a replica
SEEN_AT_MOST = 500  # versions kept in the cursor, which is stored with every page
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
class Place:
    """Where a sweep stands: so many pages behind its anchor.

    `back`: it reads the pages of one second again, from the last to the first; `reached` is the newest stamp that it
    met on the way there, and `rest` says whether there was more behind.
    """

    anchor: datetime
    step: int = 0
    back: bool = False
    reached: datetime | None = None
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is remembered of a sweep. `seen` holds id -> (version, stamp) within the overlap; `floor` is where the next
    sweep begins at the latest; `resume` is where one goes on that was cut off."""

    at: datetime | None = None
    seen: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    floor: datetime | None = None
    resume: Place | None = None


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
    place: Place
    ordered: bool
    overlap: timedelta
    floor: datetime | None = None

    @property
    def delicate(self) -> bool:
        """Reading by page number: what is cut off here is better read in one go."""
        return self.place.step > 0 or self.place.back or not self.ordered

    def take(self, got: Fetched) -> bool:
        """Moves on behind a page; whether there is anything left to fetch."""
        self.ordered = self.ordered and _ascending(got.rows)
        newest = _newest(got.rows) or self.place.anchor
        if self.floor is None and got.date and (not got.more or newest >= got.date - self.overlap):
            self.floor = got.date - self.overlap
        place = self.place
        if not self.ordered:
            self.place = replace(place, step=place.step + 1)
            return got.more
        if place.back:
            return self._go_back(place)
        if got.more and newest <= place.anchor:
            self.place = replace(place, step=place.step + 1)
        elif place.step:
            self.place = Place(place.anchor, place.step - 1, back=True, reached=newest, rest=got.more)
        else:
            self.place = Place(newest)
            return got.more
        return True

    def _go_back(self, place: Place) -> bool:
        if place.step:
            self.place = replace(place, step=place.step - 1)
            return True
        self.place = Place(place.reached or place.anchor)
        return place.rest


async def sweep(cursor: Cursor, fetch: FetchPage, start: datetime, pace: Pace) -> AsyncIterator[Batch]:
    """Everything that changed since the cursor (since `start` at first), page by page, about `max_pages` at most."""
    walk = _Walk(_beginning(cursor, start, pace), pace.re_anchor, pace.overlap)
    held, top, more = cursor, cursor.at, True
    read = 0
    while more and read < (max(pace.max_pages, _MOST_IN_ONE_GO) if walk.delicate else pace.max_pages):
        read += 1
        anchor = walk.place.anchor
        got = await fetch(anchor, walk.place.step)
        _refuse_lost_filter(got.rows, anchor, pace.filter_slack)
        fresh = _unseen(got.rows, held) if pace.skip_seen else list(got.rows)
        more = walk.take(got)
        top = _later(top, _capped(got))
        held = _advanced(held, got, top if walk.ordered or not more else held.at, walk, pace)
        held = replace(held, resume=walk.place if more and walk.ordered else None)
        yield Batch(fresh, held, whole=not more, date=got.date)
    if more and not walk.ordered:
        raise SourceError(
            SourceFault.ANSWER,
            f"gave more than {read} pages, and not sorted by time, so that reading can't go on later; "
            "have it sort by its time of change, ascending, or raise max_pages",
        )


def to_json(cursor: Cursor) -> dict[str, Any]:
    data: dict[str, Any] = {"at": _text(cursor.at)}
    if cursor.seen:
        data["seen"] = {key: list(value) for key, value in cursor.seen.items()}
    if cursor.floor:
        data["floor"] = _text(cursor.floor)
    if place := cursor.resume:
        data["resume"] = [_text(place.anchor), place.step, place.back, _text(place.reached), place.rest]
    return data


def from_json(data: Mapping[str, Any]) -> Cursor:
    return Cursor(
        at=_moment(data.get("at")),
        seen={key: (str(version), float(stamp)) for key, (version, stamp) in data.get("seen", {}).items()},
        floor=_moment(data.get("floor")),
        resume=_place(*data["resume"]) if data.get("resume") else None,
    )


def _place(anchor: str, step: int, back: bool, reached: str | None, rest: bool) -> Place:  # noqa: FBT001 - out of JSON
    return Place(datetime.fromisoformat(anchor), step, back, _moment(reached), rest)


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _beginning(cursor: Cursor, start: datetime, pace: Pace) -> Place:
    """A sweep that was cut off goes on where it was, but for the part in which rows may still have been invisible."""
    floor, resume = cursor.floor, cursor.resume
    if resume is not None:
        return Place(floor) if floor is not None and floor < resume.anchor else resume
    if cursor.at is None:
        return Place(start)
    return Place(min(cursor.at - pace.overlap, floor or cursor.at))


def _advanced(cursor: Cursor, got: Fetched, at: datetime | None, walk: _Walk, pace: Pace) -> Cursor:
    seen = dict(cursor.seen)
    unstamped = at.timestamp() if at else 0.0
    for row in got.rows if pace.skip_seen else ():
        seen[row.id] = (row.version, row.stamp.timestamp() if row.stamp else unstamped)
    oldest = min(at - pace.overlap, walk.floor or at).timestamp() if at else 0.0
    kept = [(key, value) for key, value in seen.items() if value[1] >= oldest]
    return Cursor(at, dict(sorted(kept, key=lambda item: item[1][1])[-SEEN_AT_MOST:]), walk.floor)


def _unseen(rows: Sequence[Row], cursor: Cursor) -> list[Row]:
    """The newest reading of each row that was not there yet."""
    known = {key: version for key, (version, _) in cursor.seen.items()}
    fresh = {row.id: row for row in rows if known.get(row.id) != row.version}
    return list(fresh.values())


def _ascending(rows: Sequence[Row]) -> bool:
    stamps = [row.stamp for row in rows if row.stamp]
    return all(one <= two for one, two in pairwise(stamps))


def _newest(rows: Sequence[Row]) -> datetime | None:
    return max((row.stamp for row in rows if row.stamp), default=None)


def _capped(got: Fetched) -> datetime | None:
    """The newest stamp. One in the future (a bad import) may not pull the cursor past rows that come later."""
    newest = _newest(got.rows)
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
