"""One poll of any source: first what changed, then, every few hours, some pages of everything that is open.

The second finds what moved without a stamp. Both keep their place in the cursor, so that a long one is spread over
polls and news never waits behind it. A source that drops deleted rows is read whole as well, every now and then.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.ports import Page
from pollers import snapshot
from pollers.cursor import Batch, Cursor, FetchPage, Pace, from_json, sweep, to_json
from pollers.mapped import Mapped, MapRows, map_each
from pollers.own import OwnWrites
from pollers.snapshot import Known, Window

__all__ = ["FullSweep", "Lookout", "Mapped", "Poll", "map_each", "pages"]


@dataclass(frozen=True, slots=True)
class FullSweep:
    """How everything open is read. `first`: also at the very beginning, because what changed lately is not all."""

    fetch: FetchPage
    start: datetime
    every: timedelta
    first: bool = False
    pages_a_poll: int = 5


@dataclass(frozen=True, slots=True)
class Lookout:
    """How a source that drops deleted rows is read whole now and then."""

    window: Window
    every: timedelta


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
    lookout: Lookout | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """The whole cursor of a source, between pages."""

    changes: Cursor
    full: Cursor | None
    swept: datetime | None
    known: Known

    def to_json(self, own: OwnWrites) -> dict[str, Any]:
        data: dict[str, Any] = {"changes": to_json(self.changes), "own": own.dump()}
        if self.full is not None:
            data["full"] = to_json(self.full)
        if self.swept is not None:
            data["swept"] = self.swept.isoformat()
        if self.known.read_at is not None or self.known.rows:
            data["known"] = snapshot.to_json(self.known)
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
        page, place = await _page(poll, batch, place, complete=whole and place.swept is not None)
        yield page
    if whole and poll.full is not None and _due(place, poll.full, poll.now):
        async for page, reached in _full_pages(place, poll, poll.full):
            place = reached
            yield page
    if whole and poll.lookout is not None and _out_of_date(place, poll.lookout, poll.now):
        async for page in _window_pages(place, poll, poll.lookout.window):
            yield page


async def _full_pages(place: _Place, poll: Poll, full: FullSweep) -> AsyncIterator[tuple[Page, _Place]]:
    pace = replace(poll.pace, max_pages=full.pages_a_poll, skip_seen=False)
    begun = place.full or Cursor()
    async for batch in sweep(begun, full.fetch, full.start, pace):
        swept = poll.now if batch.whole else place.swept
        place = replace(place, full=None if batch.whole else batch.cursor, swept=swept)
        page, place = await _page(poll, batch, place, complete=swept is not None)
        yield page, place


async def _window_pages(place: _Place, poll: Poll, window: Window) -> AsyncIterator[Page]:
    async for part in snapshot.parts(place.known, window, poll.now):
        place = replace(place, known=part.known or place.known)
        yield Page(
            source=poll.source,
            records=part.mapped.records,
            cursor=place.to_json(poll.own),
            complete=place.swept is not None,
            bad=part.mapped.bad,
            unmapped=part.mapped.unmapped,
            gone=part.gone,
            read_at=part.date,
        )
    if place.known.short_since is not None:
        raise snapshot.too_few(place.known)


def _due(place: _Place, full: FullSweep, now: datetime) -> bool:
    return place.full is not None or place.swept is None or now - place.swept >= full.every


def _out_of_date(place: _Place, lookout: Lookout, now: datetime) -> bool:
    return place.known.read_at is None or now - place.known.read_at >= lookout.every


async def _page(poll: Poll, batch: Batch, place: _Place, *, complete: bool) -> tuple[Page, _Place]:
    mapped = await poll.map_rows(batch.rows)
    if poll.lookout is not None:
        place = replace(place, known=snapshot.with_rows(place.known, batch.rows, mapped))
    page = Page(
        source=poll.source,
        records=mapped.records,
        cursor=place.to_json(poll.own),
        complete=complete,
        bad=mapped.bad,
        unmapped=mapped.unmapped,
        gone=mapped.gone,
        read_at=batch.date,
    )
    return page, place


def _place(cursor: Mapping[str, Any]) -> _Place:
    swept = cursor.get("swept")
    return _Place(
        changes=from_json(cursor.get("changes", {})),
        full=from_json(cursor["full"]) if "full" in cursor else None,
        swept=datetime.fromisoformat(swept) if swept else None,
        known=snapshot.from_json(cursor.get("known", {})),
    )
