"""Reading a source whole, and telling what changed and what is gone by comparing with what was there before.

It is how a source is read that has no time of change, or that drops deleted and cancelled rows. A row is new or changed
when its content is; it is gone when two complete readings in a row did not have it. A reading that is cut off (a page
that fails) judges nothing. One that has less than half of what was there looks complete and is most likely not: a right
that was taken back, a filter that was lost. It is told to people, and believed only after it has been so for a while.

Rows whose time is over leave the window by themselves; they are forgotten without a word.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.ports import Page, SourceError, SourceFault
from deskbell.core.records import Leave, Record, Visit
from pollers.cursor import Fetched, Row
from pollers.mapped import Mapped, MapRows
from pollers.own import OwnWrites

MISSES = 2
_LEAST = 0.5  # of what was there before; a reading with fewer rows is not believed at once
_SETTLE = timedelta(hours=1)
_NEVER = 2.0**35  # seconds since the epoch: long after every window
_EDGE = timedelta(days=1)  # vendors cut their window by the day, by the start or by the end, in a zone of their own

Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Row | None]]]


@dataclass(frozen=True, slots=True)
class Held:
    """What is remembered of a row: its version, when its time begins and is over (seconds since the epoch; 0: it has
    none), and how many complete readings in a row did not have it."""

    version: str
    until: float = 0.0
    misses: int = 0
    begins: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the last readings showed. `mark`: how its rows were mapped. `short_since`: since when too few rows come."""

    rows: Mapping[str, Held] = field(default_factory=dict)
    mark: str = ""
    read_at: datetime | None = None
    short_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """How everything is read. Rows that were over when it `begins` may be left out by the source, and so may rows that
    begin when it `ends`.

    `look` reads single rows, None for one that is gone: it tells a row that was moved out of the window from one that
    was deleted. `mark` changes with the mapping, so that rows that stayed the same are mapped anew.
    """

    fetch: Callable[[int], Awaitable[Fetched]]  # by the number of the page, from 0
    map_rows: MapRows
    begins: datetime | None = None
    look: Look | None = None
    mark: str = ""
    max_pages: int = 100
    misses: int = MISSES
    settle: timedelta = _SETTLE
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a reading. `known` stands in the last one alone, and is to be kept together with it."""

    mapped: Mapped
    date: datetime | None = None
    gone: tuple[str, ...] = ()
    known: Known | None = None


async def pages(
    cursor: Mapping[str, Any], source: str, window: Window, now: datetime, own: OwnWrites | None = None
) -> AsyncIterator[Page]:
    """The pages of one poll of a source that is read in no other way.

    The cursor goes with the last of them: a reading that is cut off begins anew.
    """
    own = own or OwnWrites()
    own.load(cursor.get("own", {}))
    async for part in parts(from_json(cursor.get("snapshot", {})), window, now):
        known = part.known
        yield Page(
            source=source,
            records=part.mapped.records,
            cursor={} if known is None else {"snapshot": to_json(known), "own": own.dump()},
            complete=known is not None and known.short_since is None,
            bad=part.mapped.bad,
            unmapped=part.mapped.unmapped,
            gone=part.gone,
            read_at=part.date,
        )
        if known is not None and known.short_since is not None:
            raise too_few(known)


async def parts(known: Known, window: Window, now: datetime) -> AsyncIterator[Part]:
    """One reading, page by page; the last part holds the verdict on what did not come."""
    seen: dict[str, Held] = {}
    step, more = 0, True
    while more:
        if step >= window.max_pages:
            why = f"gave more than {step} pages, so that a reading is never whole; raise max_pages or narrow the window"
            raise SourceError(SourceFault.ANSWER, why)
        got = await window.fetch(step)
        step, more = step + 1, got.more
        mapped = await _take(got.rows, seen, known, window)
        if more:
            yield Part(mapped, got.date)
        else:
            yield await _judged(Part(mapped, got.date), seen, known, window, now)


def read_anew(cursor: Mapping[str, Any], ids: frozenset[str]) -> Mapping[str, Any]:
    """The cursor for a poll that hands these rows over though they are as it saw them last.

    They were read by themselves meanwhile: one that had changed, and is again as it was, would pass for unchanged.
    """
    if not ids:
        return cursor
    if "rows" in cursor and "mark" in cursor:
        return {**cursor, "rows": {key: ["", *held[1:]] if key in ids else held for key, held in _rows(cursor)}}
    return {name: read_anew(part, ids) if isinstance(part, Mapping) else part for name, part in cursor.items()}


def mark_of(*mapping: Any) -> str:
    """Differs when any of what decides about the mapping does."""
    return hashlib.blake2b(repr(mapping).encode(), digest_size=6).hexdigest()


def too_few(known: Known, part: str = "it") -> SourceError:
    since = f"{known.short_since:%H:%M} UTC" if known.short_since else "now"
    why = (
        f"{part} shows less than half of the {len(known.rows)} rows that it had before, since {since}; they are not "
        "taken for deleted yet. Check its filter, and what our account may see"
    )
    return SourceError(SourceFault.ANSWER, why)


def until(record: Record) -> float:
    """When the record's time is over, in seconds since the epoch; 0 for a kind whose time never is."""
    if not isinstance(record, Visit | Leave):
        return 0.0
    ends = (record.end, record.start, *((record.window_end,) if isinstance(record, Visit) else ()))
    return max((at.timestamp() for at in ends if at is not None), default=0.0)


def held_of(row: Row, record: Record | None) -> Held:
    """A row as it is remembered; without a record of it (it was set aside) it has no time."""
    return Held(row.version) if record is None else Held(row.version, until(record), begins=since(record))


def since(record: Record) -> float:
    """When the record's time begins, in seconds since the epoch; 0 where it has none."""
    if not isinstance(record, Visit | Leave):
        return 0.0
    begins = (record.start, *((record.window_start,) if isinstance(record, Visit) else ()))
    return min((at.timestamp() for at in begins if at is not None), default=0.0)


def with_rows(known: Known, rows: Iterable[Row], mapped: Mapped) -> Known:
    """What is known after rows were read in another way than whole, so that they are missed when they are deleted."""
    records = {record.id: record for record in mapped.records}
    met = {row.id: held_of(row, records[row.id]) for row in rows if row.id in records}
    kept = {key: held for key, held in {**known.rows, **met}.items() if key not in mapped.gone}
    return replace(known, rows=kept)


def to_json(known: Known) -> dict[str, Any]:
    data: dict[str, Any] = {
        "rows": {
            key: [held.version, round(held.until), held.misses, round(held.begins)] for key, held in known.rows.items()
        },
        "mark": known.mark,
    }
    times = {"read_at": known.read_at, "short_since": known.short_since}
    return data | {name: at.isoformat() for name, at in times.items() if at is not None}


def from_json(data: Mapping[str, Any]) -> Known:
    rows = {
        key: Held(str(version), float(end), int(misses), float(begin))
        for key, (version, end, misses, begin) in _rows(data)
    }
    return Known(rows, data.get("mark", ""), _moment(data.get("read_at")), _moment(data.get("short_since")))


def _rows(data: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return dict(data.get("rows", {})).items()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


async def _take(rows: Sequence[Row], seen: dict[str, Held], known: Known, window: Window) -> Mapped:
    """Maps the rows that are not as they were, and notes all as seen."""
    latest = {row.id: row for row in rows}
    before = known.rows if known.mark == window.mark else {}
    fresh = [row for row in latest.values() if row.id not in before or before[row.id].version != row.version]
    mapped = await window.map_rows(fresh)
    records = {record.id: record for record in mapped.records}
    for row in latest.values():
        held = known.rows.get(row.id)
        if held is not None and row.id not in records:
            seen[row.id] = replace(held, version=row.version, misses=0)
        else:
            seen[row.id] = held_of(row, records.get(row.id))
    return mapped


async def _judged(last: Part, seen: Mapping[str, Held], known: Known, window: Window, now: datetime) -> Part:
    still = {key: held for key, held in known.rows.items() if not _left(held, window)}
    awaited = {key: held for key, held in still.items() if not _to_come(held, window)}
    missing = {key: held for key, held in awaited.items() if key not in seen}
    short = known.short_since or now
    if len(seen) < _LEAST * len(awaited) and now - short < window.settle:
        return replace(last, known=Known({**still, **seen}, window.mark, known.read_at, short))
    more = 1 if known.short_since is None else window.misses  # too few for so long: they were missed often enough
    missed = {key: replace(held, misses=held.misses + more) for key, held in missing.items()}
    gone = [key for key, held in missed.items() if held.misses >= window.misses]
    moved = await _looked_at(gone, window)
    mapped = await window.map_rows(list(moved.values()))
    records = {record.id: record for record in mapped.records}
    kept = {key: held for key, held in {**still, **missed}.items() if held.misses < window.misses}
    kept |= {key: _elsewhere(held_of(row, records.get(key))) for key, row in moved.items()}
    return replace(
        last,
        mapped=last.mapped + mapped,
        gone=tuple(key for key in gone if key not in moved),
        known=Known({**kept, **seen}, window.mark, now),
    )


def _left(held: Held, window: Window) -> bool:
    """Whether its time is over, so that the source may leave it out."""
    return bool(held.until) and window.begins is not None and held.until <= (window.begins + _EDGE).timestamp()


def _to_come(held: Held, window: Window) -> bool:
    """Whether it is not in the window yet."""
    return window.ends is not None and held.begins >= (window.ends - _EDGE).timestamp()


def _elsewhere(held: Held) -> Held:
    """A row that is there, outside the window; one that has no time at all will not come into it by itself."""
    return held if held.begins else replace(held, begins=_NEVER)


async def _looked_at(ids: Sequence[str], window: Window) -> Mapping[str, Row]:
    """Those that are there all the same: outside the window."""
    if window.look is None or not ids:
        return {}
    return {key: row for key, row in (await window.look(ids)).items() if row is not None}
