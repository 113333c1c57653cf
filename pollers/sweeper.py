"""One poll of any source: first what changed, then, every few hours, some pages of everything that is open.

The second finds what moved without a stamp. Both keep their place in the cursor, so that a long one is spread over
polls and news never waits behind it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.ports import Bad, Page
from deskbell.core.records import Record
from pollers.cursor import Batch, Cursor, FetchPage, Pace, Row, from_json, sweep, to_json
from pollers.own import OwnWrites
from pollers.rows import bad


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rows as records; those that could not be, and words that no map knows, beside them."""

    records: tuple[Record, ...]
    bad: tuple[Bad, ...] = ()
    unmapped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FullSweep:
    """How everything open is read. `first`: also at the very beginning, because what changed lately is not all."""

    fetch: FetchPage
    start: datetime
    every: timedelta
    first: bool = False
    pages_a_poll: int = 5


def map_each(rows: Sequence[Row], one: Callable[[Any], tuple[Record, list[tuple[str, str]]]]) -> Mapped:
    """Each row as a record, with the words no map knows; a row that raises goes into quarantine alone."""
    records: list[Record] = []
    broken: list[Bad] = []
    words: list[tuple[str, str]] = []
    for row in rows:
        try:
            record, unknown = one(row.raw)
            records.append(record)
            words += unknown
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others go on
            broken.append(bad(row.id, error, row.raw))
    return Mapped(tuple(records), tuple(broken), tuple(dict.fromkeys(words)))


MapRows = Callable[[Sequence[Row]], Awaitable[Mapped]]


@dataclass(frozen=True, slots=True)
class Poll:
    """What one call of `changes` needs."""

    source: str
    fetch: FetchPage
    start: datetime
    pace: Pace
    map_rows: MapRows
    now: datetime
    own: OwnWrites
    full: FullSweep | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """The whole cursor of a source, between pages."""

    changes: Cursor
    full: Cursor | None
    swept: datetime | None

    def to_json(self, own: OwnWrites) -> dict[str, Any]:
        data: dict[str, Any] = {"changes": to_json(self.changes), "own": own.dump()}
        if self.full is not None:
            data["full"] = to_json(self.full)
        if self.swept is not None:
            data["swept"] = self.swept.isoformat()
        return data


async def pages(cursor: Mapping[str, Any], poll: Poll) -> AsyncIterator[Page]:
    """The pages of one poll; the last is complete when nothing is left to read."""
    poll.own.load(cursor.get("own", {}))
    place = _place(cursor)
    whole = False
    async for batch in sweep(place.changes, poll.fetch, poll.start, poll.pace):
        whole = batch.whole
        done = whole and place.swept is None and not (poll.full and poll.full.first)
        place = replace(place, changes=batch.cursor, swept=poll.now if done else place.swept)
        yield await _page(poll, batch, place, complete=whole and place.swept is not None)
    if whole and poll.full is not None and _due(place, poll.full, poll.now):
        async for page in _full_pages(place, poll, poll.full):
            yield page


async def _full_pages(place: _Place, poll: Poll, full: FullSweep) -> AsyncIterator[Page]:
    pace = replace(poll.pace, max_pages=full.pages_a_poll, skip_seen=False)
    begun = place.full or Cursor()
    async for batch in sweep(begun, full.fetch, full.start, pace):
        swept = poll.now if batch.whole else place.swept
        place = _Place(place.changes, None if batch.whole else batch.cursor, swept)
        yield await _page(poll, batch, place, complete=swept is not None)


def _due(place: _Place, full: FullSweep, now: datetime) -> bool:
    return place.full is not None or place.swept is None or now - place.swept >= full.every


async def _page(poll: Poll, batch: Batch, place: _Place, *, complete: bool) -> Page:
    mapped = await poll.map_rows(batch.rows)
    return Page(
        source=poll.source,
        records=mapped.records,
        cursor=place.to_json(poll.own),
        complete=complete,
        bad=mapped.bad,
        unmapped=mapped.unmapped,
        read_at=batch.date,
    )


def _place(cursor: Mapping[str, Any]) -> _Place:
    swept = cursor.get("swept")
    return _Place(
        changes=from_json(cursor.get("changes", {})),
        full=from_json(cursor["full"]) if "full" in cursor else None,
        swept=datetime.fromisoformat(swept) if swept else None,
    )
