"""What is kept of the past: earlier readings of records, for `deskbell simulate`; and since when there are any."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from deskbell.core.history import Ended
from deskbell.core.ports import StoredRecord
from deskbell.core.records.masked import masked
from deskbell.core.store import Reader
from deskbell.desk.book import Book

_SINCE = "history.since"
_BASELINE = "baseline."  # and a source: when its first sweep was complete
_BATCH = 5000


def keep(book: Book, was: Sequence[StoredRecord], ended: Ended = Ended.READ) -> None:
    """These records are about to become others: what they were is kept, without what tells who anybody is."""
    if was and book.house.recording.keep:
        secret = book.house.secret
        book.uow.keep_readings([replace(row, record=masked(row.record, secret)) for row in was], book.now, ended)


def begin(book: Book) -> None:
    """At the start: from now on all is kept, unless it was before; or nothing is."""
    known = book.uow.value(_SINCE)
    if not book.house.recording.keep:
        if known:
            book.uow.put_value(_SINCE, "")
    elif not known:
        book.uow.put_value(_SINCE, book.now.isoformat())


def since(reader: Reader) -> datetime | None:
    """From when on the past can be replayed; None: nothing is kept."""
    known = reader.value(_SINCE)
    return datetime.fromisoformat(known) if known else None


def baseline_done(book: Book, source: str) -> None:
    """The first sweep of a source is complete: what it brings from now on is news."""
    book.uow.put_value(_BASELINE + source, book.now.isoformat())


def baseline_until(reader: Reader, source: str) -> datetime | None:
    """When that was; None where it was before such things were noted, or has not been yet."""
    known = reader.value(_BASELINE + source)
    return datetime.fromisoformat(known) if known else None


def prune(book: Book) -> None:
    """Forgets what is too old or too much, some of it at a time."""
    recording = book.house.recording
    before = book.now - recording.keep
    gone = book.uow.drop_readings(before, recording.rows, _BATCH)
    known = since(book.uow)
    if gone is not None and known is not None and gone > known:
        book.uow.put_value(_SINCE, gone.isoformat())
