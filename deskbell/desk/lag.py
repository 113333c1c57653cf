"""How soon people hear of what happens in a source: counted per alert, told, and rung when it takes too long."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from deskbell.core.alert import Alert, Severity
from deskbell.core.history import Pace, in_words, pace
from deskbell.core.records import Record
from deskbell.core.store import Reader
from deskbell.desk.book import Book
from deskbell.desk.house import House

RULE = "detection_slow"
SHOWN = timedelta(days=1)  # what people are told of
_JUDGED = timedelta(hours=1)  # what is held against the goal
_INTERVALS = 3  # a source that is read seldom is given so many of them
_LEAST_KEPT = timedelta(days=2)


def begins(book: Book, alert: Alert, record: Record, since: datetime | None) -> None:
    """An alert opens with a card: how long that takes counts from when its cause came to be in the source.

    `since`: when the stage began by the clock, or the change was made. Where the record was changed after that, only
    then was it so: a job entered with a start long past is late from that moment on.
    """
    known = [at for at in (since, record.updated_at) if at is not None]
    if known:
        book.uow.detected(alert.id, min(max(known), book.now))


def paces(reader: Reader, now: datetime, within: timedelta = SHOWN) -> dict[str, Pace]:
    """Per source, for those in which something happened. What waits for its card counts with how long it has waited."""
    lags = defaultdict(list)
    for one in reader.detections(now - within):
        lags[one.source].append(one.lag(now))
    return {source: pace(source, found) for source, found in sorted(lags.items())}


def goal(house: House, source: str) -> timedelta:
    """How soon a card is to be there."""
    facts = house.sources.get(source)
    seldom = facts.interval * _INTERVALS if facts else timedelta(0)
    return house.own.detection_goals.get(source) or max(house.own.detection_goal, seldom)


def watch(book: Book) -> None:
    """A source of which people hear too late is an alert of its own, until they hear of it in time again."""
    found = paces(book.uow, book.now, _JUDGED)
    for source in book.house.sources:
        key, wanted = f"lag:{source}", goal(book.house, source)
        if source in found and found[source].p95 > wanted:
            _slow(book, key, found[source], wanted)
        elif book.on(key):
            book.over(key, f"within the last hour, cards came within {in_words(wanted)}")


def _slow(book: Book, key: str, measured: Pace, wanted: timedelta) -> None:
    title = book.house.source_title(measured.source)
    took, aim = in_words(measured.p95), in_words(wanted)
    summary = f"Cards about {title} came after {took} in the last hour; the goal is {aim}"[:118]
    book.about_us(key, RULE, Severity.P3, summary, source=measured.source, subject=measured.source)


def prune(book: Book) -> None:
    book.uow.forget_detections(book.now - max(book.house.recording.keep, _LEAST_KEPT))


def news(reader: Reader, at: datetime) -> tuple[Mapping[str, list[float]], datetime]:
    """The seconds that each first card took that came after that moment, by source; and when the last one came."""
    took, last = defaultdict(list), at
    for one in reader.shown_since(at):
        took[one.source].append(one.lag(last).total_seconds())
        last = one.shown_at or last
    return took, last
