"""The recorded past as a tape: what the sources brought, in the order in which it came."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice

from deskbell.core.history import Ended, Reading
from deskbell.core.ports import StoredRecord
from deskbell.core.records import Record
from deskbell.core.records.masked import masked
from deskbell.desk import past
from storage.store import SqlStore

_CHUNK = 500  # readings fetched at a time


@dataclass(frozen=True, slots=True)
class Moment:
    """What came at one time from one source. `how`: OURS is what we wrote there, GONE what it has no more.

    `complete`: its first sweep is whole by then, so that what comes later is news.
    """

    at: datetime
    source: str
    records: tuple[Record, ...] = ()
    how: Ended = Ended.READ
    gone: tuple[str, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment before its records were fetched. `order` at the same time: what came, then what ended."""

    at: datetime
    order: int
    source: str
    reading: Reading | None = None
    how: Ended = Ended.READ


class Tape:
    """Of the records of some kinds, from `begin` on. What they were at that time comes first, all at once."""

    def __init__(self, store: SqlStore, kinds: Collection[str], secret: bytes, begin: datetime) -> None:
        self._store, self._secret, self._begin = store, secret, begin
        readings = store.read_now(lambda reader: reader.readings(begin))
        self._readings = [one for one in readings if one.kind in kinds]
        self.sources = sorted({one.source for one in self._readings})
        known = store.read_now(lambda reader: {name: past.baseline_until(reader, name) for name in self.sources})
        self._complete = {name: max(at or begin, begin) for name, at in known.items()}

    def __len__(self) -> int:
        return len(self._readings)

    def moments(self, end: datetime) -> Iterator[Moment]:
        """All until then. The same tape can be played again."""
        steps = sorted(self._steps(end), key=lambda step: (step.at, step.order, step.source))
        fetched = self._fetched(step.reading for step in steps if step.reading is not None and step.how != Ended.GONE)
        for (at, order, source), group in groupby(steps, key=lambda step: (step.at, step.order, step.source)):
            alike = list(group)
            if order == _COMPLETE:
                yield Moment(at, source, complete=True)
            elif order == _GONE:
                yield Moment(at, source, gone=tuple(s.reading.record_id for s in alike if s.reading), how=Ended.GONE)
            else:
                yield from _pages(at, source, alike[0].how, [one for _ in alike if (one := next(fetched)) is not None])

    def _steps(self, end: datetime) -> Iterator[_Step]:
        ended = {(one.source, one.record_id, one.until): one.ended for one in self._readings if one.until}
        for one in self._readings:
            at = max(one.seen_at, self._begin)
            if at <= end:
                ours = at == one.seen_at and ended.get((one.source, one.record_id, at)) is Ended.OURS
                yield _Step(at, _OURS if ours else _CAME, one.source, one, Ended.OURS if ours else Ended.READ)
            if one.ended is Ended.GONE and one.until is not None and one.until <= end:
                yield _Step(one.until, _GONE, one.source, one, Ended.GONE)
        yield from (_Step(at, _COMPLETE, name) for name, at in self._complete.items() if at <= end)

    def _fetched(self, readings: Iterator[Reading]) -> Iterator[Record | None]:
        """Their records, in the same order; None for what was forgotten or has changed since the tape was made."""
        while chunk := list(islice(readings, _CHUNK)):
            earlier = self._earlier([one.row for one in chunk if one.row])
            present = self._present(chunk)
            for one in chunk:
                yield earlier.get(one.row) if one.row else present.get((one.source, one.record_id, one.seen_at))

    def _present(self, chunk: Sequence[Reading]) -> dict[tuple[str, str, datetime], Record]:
        found = {}
        for source, ids in _by_source(chunk).items():
            for ident, row in self._records(source, ids).items():
                found[source, ident, row.seen_at] = masked(row.record, self._secret)
        return found

    def _earlier(self, rows: list[int]) -> dict[int, Record]:
        return self._store.read_now(lambda reader: reader.read_earlier(rows))

    def _records(self, source: str, ids: list[str]) -> dict[str, StoredRecord]:
        return self._store.read_now(lambda reader: reader.records(source, ids))

    def names(self) -> frozenset[str]:
        """Of customers and sites, as their sources have them now: to know which of them a pattern means."""
        found: set[str] = set()
        for source, ids in _by_source([one for one in self._readings if not one.row]).items():
            for start in range(0, len(ids), _CHUNK):
                rows = self._records(source, ids[start : start + _CHUNK])
                found |= {name for row in rows.values() for name in _names(row.record)}
        return frozenset(found)


_CAME, _OURS, _GONE, _COMPLETE = range(4)


def _by_source(readings: Sequence[Reading]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in readings:
        if not one.row:
            found.setdefault(one.source, []).append(one.record_id)
    return found


def _in_order(record: Record) -> tuple[datetime, int, str]:
    return record.updated_at or _LONG_AGO, len(record.id), record.id


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _names(record: Record) -> Iterator[str]:
    for field in ("customer", "requester", "name", "site"):
        if value := getattr(record, field, ""):
            yield value


def _pages(at: datetime, source: str, how: Ended, records: Sequence[Record]) -> Iterator[Moment]:
    """Each record once a page, as the desk would take the last of several for all; in the order of their change, in
    which sources mostly give them: of several jobs that show one thing the first has the alert.
    """
    page: dict[str, Record] = {}
    for record in sorted(records, key=_in_order):
        if record.id in page:
            yield Moment(at, source, tuple(page.values()), how)
            page = {}
        page[record.id] = record
    if page:
        yield Moment(at, source, tuple(page.values()), how)
