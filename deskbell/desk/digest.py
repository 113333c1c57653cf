"""Once a day, a card of its own in each room: what came since yesterday and made no card there.

That is routine (P4), and what was held: by a silence, by planned work, because it came and went. What belonged to a
storm was told by its card. A room of which there is nothing to tell gets nothing.
"""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from deskbell.core.alert import Alert, Mode, Severity, Status
from deskbell.core.ports import Dispatch, DispatchKind, Lane
from deskbell.core.store import Reader
from deskbell.desk.book import Book
from deskbell.desk.house import House

DAY = timedelta(days=1)
_VALUE = "digest"  # the small value that says for which day there was one
_MOST, _NAMED = 10_000, 10


def is_due(reader: Reader, house: House, now: datetime) -> bool:
    """Whether the time has come. The first day that we see has none: what is new to us is history to people."""
    return house.digest and not house.observe and reader.value(_VALUE) != _day(house, now)


def _day(house: House, now: datetime) -> str:
    """The day whose digest has come last."""
    local = now.astimezone(ZoneInfo(house.zone))
    return (local.date() if local.time() >= house.summary_at else local.date() - DAY).isoformat()


def post(book: Book) -> bool:
    if not is_due(book.uow, book.house, book.now):
        return False
    first, day = book.uow.value(_VALUE) is None, _day(book.house, book.now)
    book.uow.put_value(_VALUE, day)
    if first:
        return False
    left = [one for one in book.uow.alerts(statuses=tuple(Status), limit=_MOST) if _untold(book, one)]
    by_room: dict[str, list[Alert]] = {}
    for alert in left:
        for name in book.rooms(alert):
            by_room.setdefault(name, []).append(alert)
    for name, alerts in by_room.items():
        if name not in book.house.silent:
            payload = {"text": _words(book, alerts), "mentions": []}
            dispatch = Dispatch(f"digest:{day}:{name}", name, DispatchKind.NOTICE, payload, 0, Lane.DIGEST)
            book.uow.add_dispatch(dispatch, Severity.P4, book.now)
    return True


def _untold(book: Book, alert: Alert) -> bool:
    return alert.mode is Mode.LISTED and not alert.parent and alert.opened_at > book.now - DAY


def _words(book: Book, alerts: list[Alert]) -> str:
    """Those that are still so come first, then the most severe."""
    counts = Counter(_title(book, one) for one in alerts).most_common()
    first = sorted(alerts, key=lambda one: (not one.live, one.severity, one.id))
    return book.house.words.say(
        "digest",
        total=len(alerts),
        open=sum(one.live for one in alerts),
        counts=counts,
        alerts=first[:_NAMED],
        command=book.house.command,
    )


def _title(book: Book, alert: Alert) -> str:
    rule = book.house.rule(alert.rule)
    return rule.title if rule else alert.title
