"""What has to do with the records that are looked at: read once for all of them, in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from deskbell.core.asking import Asked, of_visit
from deskbell.core.records import Case, Record, Visit, kind_of
from deskbell.core.rules import AFFECTED, AFFECTS
from deskbell.core.ties import seeks_of, ties_of
from deskbell.desk.book import Book

_HOPS = timedelta(days=1)
_MOST = 100  # a technician's jobs of a day, a customer's open items: so many of one tie are looked at
Seen = tuple[Record, Record | None]  # as it is, and as it was

_Place = tuple[str, str]


@dataclass(slots=True)
class Kin:
    """The records by their ties: those stored, and in their stead those that are just coming in."""

    book: Book
    by_tie: dict[str, dict[_Place, Record]] = field(default_factory=dict)
    fresh: set[_Place] = field(default_factory=set)
    hops: Mapping[_Place, int] = field(default_factory=dict)
    asked: Mapping[_Place, Asked] = field(default_factory=dict)  # about visits as they stand

    @classmethod
    def of(cls, book: Book, seen: Sequence[Seen]) -> "Kin":
        found = cls(book)
        wanted = [one for one in seen if kind_of(one[0]) in AFFECTS]
        ties = {tie for record, before in wanted for tie in _sought(record, before)}
        by_tie: dict[str, dict[_Place, Record]] = defaultdict(dict)
        for tie, record in book.uow.related(ties, _MOST * len(ties)) if ties else ():
            by_tie[tie][record.source, record.id] = record
        for record, before in seen:
            place = (record.source, record.id)
            found.fresh.add(place)
            for tie in _lasting(before):
                by_tie[tie].pop(place, None)
            for tie in _lasting(record):
                by_tie[tie][place] = record
        found.by_tie = by_tie
        found.hops = _hops(book, seen)
        found.asked = _asked(book, [record for record, _ in seen if isinstance(record, Visit)])
        return found

    def asked_about(self, record: Record) -> Asked | None:
        return self.asked.get((record.source, record.id))

    def related(self, record: Record, before: Record | None) -> tuple[Record, ...]:
        """The others, each once, in a fixed order."""
        place = (record.source, record.id)
        found = {at: one for tie in _sought(record, before) for at, one in self.by_tie.get(tie, {}).items()}
        return tuple(found[at] for at in sorted(found) if at != place)

    def earlier(self, record: Record) -> Mapping[str, int]:
        times = self.hops.get((record.source, record.id), 0)
        return {"case_assigned": times} if times else {}

    def wake(self, changed: Iterable[Seen]) -> None:
        """What has to do with a change is looked at again at the next tick."""
        woken: set[_Place] = set()
        for record, before in changed:
            if kind_of(record) in AFFECTS:
                kin = self.related(record, before)
                woken |= {(one.source, one.id) for one in kin if kind_of(one) in AFFECTED}
        for source, record_id in sorted(woken - self.fresh):
            self.book.uow.set_due(source, record_id, self.book.now)


def save_ties(book: Book, seen: Iterable[Seen]) -> None:
    for record, before in seen:
        ties, known = _lasting(record), _lasting(before)
        if ties != known:
            book.uow.save_ties(record.source, record.id, ties)


def _lasting(record: Record | None) -> frozenset[str]:
    return ties_of(record) if record is not None and not record.done else frozenset()


def _sought(record: Record, before: Record | None) -> frozenset[str]:
    return seeks_of(record) | (seeks_of(before) if before is not None else frozenset())


def _hops(book: Book, seen: Sequence[Seen]) -> Mapping[_Place, int]:
    """How often a case that has just changed hands did so before, in the last day."""
    moved = any(isinstance(a, Case) and isinstance(b, Case) and a.assignee_id != b.assignee_id for a, b in seen)
    counted: dict[_Place, int] = defaultdict(int)
    for one in book.uow.opened("case_assigned", book.now - _HOPS) if moved else ():
        counted[one.source, one.record_id] += one.times
    return counted


def _asked(book: Book, visits: Sequence[Visit]) -> dict[_Place, Asked]:
    """What technicians were asked about these visits, and it is still theirs, at the same time."""
    found = {}
    for source in {visit.source for visit in visits}:
        mine = {visit.id: visit for visit in visits if visit.source == source}
        for record_id, asked in book.uow.asked_about(source, list(mine)).items():
            if (one := of_visit(mine[record_id], asked)) is not None:
                found[source, record_id] = one
    return found
