"""Ten mistakes of the kinds that such programs have had. Each is made for a while, and the trial has to notice.

Each takes the place of one small function, in this process alone. A trial that finds none of them proves nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from deskbell.core import calendar
from deskbell.core.rules import changes, timing
from deskbell.desk import observe
from pollers import cursor, hints, sweeper
from pollers.cursor import Batch, Cursor, Fetched, FetchPage, Pace, Place

_NOTICE = timedelta(hours=3)


@dataclass(frozen=True)
class Planted:
    """`systems`: where it shows."""

    name: str
    make: Callable[[], AbstractContextManager[None]]
    systems: tuple[str, ...]


@contextmanager
def wrapped(owner: Any, name: str, wrap: Callable[[Any], Any]) -> Iterator[None]:
    """By that name the owner has what `wrap` makes of what it had, as long as this lasts."""
    kept = vars(owner)[name]
    setattr(owner, name, wrap(kept))
    try:
        yield
    finally:
        setattr(owner, name, kept)


# ---------------------------------------------------------------- of the pollers


def first_page_only() -> AbstractContextManager[None]:
    """What does not fit on one page is not read."""

    def wrap(sweep: Any) -> Any:
        def first(held: Cursor, fetch: FetchPage, start: Any, pace: Pace) -> Any:
            async def one_page(since: Any, step: int) -> Fetched:
                return replace(await fetch(since, step), more=False)

            return sweep(held, one_page, start, pace)

        return first

    return wrapped(sweeper, "sweep", wrap)


def late_rows_dropped() -> AbstractContextManager[None]:
    """A sweep begins where the last one ended, as if nothing could become visible later."""

    def wrap(beginning: Any) -> Any:
        return lambda held, start, pace: beginning(held, start, pace) if held.at is None else Place(held.at)

    return wrapped(cursor, "_beginning", wrap)


def unread_page_passed() -> AbstractContextManager[None]:
    """The cursor moves to the source's present with the first page, whether or not the next one can be read."""

    def wrap(sweep: Any) -> Any:
        return lambda *given: _hasty(sweep(*given))

    return wrapped(sweeper, "sweep", wrap)


async def _hasty(batches: Any) -> Any:
    async for batch in batches:
        moved = Cursor(at=batch.date or batch.cursor.at, seen=batch.cursor.seen)
        yield Batch(batch.rows, moved, batch.whole, batch.date)


def call_not_followed() -> AbstractContextManager[None]:
    """What a source's call named is ticked off without being read."""

    def wrap(_read: Any) -> Any:
        return lambda self, named, guard: self._desk.drop_hints(named, guard)

    return wrapped(hints.Hints, "_read", wrap)


# ---------------------------------------------------------------- of the rules


def zone_ignored() -> AbstractContextManager[None]:
    """Opening hours are counted in UTC, wherever the site is."""
    return wrapped(calendar.Calendar, "at", lambda _at: lambda self, _zone: replace(self, zone="UTC"))


def notice_off() -> AbstractContextManager[None]:
    """How short a notice was is counted from the end of the notice period."""
    return wrapped(changes, "by_notice", lambda by_notice: lambda stages, notice: by_notice(stages, notice + _NOTICE))


def first_stage_for_ever() -> AbstractContextManager[None]:
    """What grows worse keeps the severity with which it began."""
    return wrapped(timing, "climb", lambda climb: lambda rungs, now: climb(sorted(rungs)[:1], now))


# ---------------------------------------------------------------- of the desk


def never_over() -> AbstractContextManager[None]:
    """An alert stands when its cause is gone."""
    return wrapped(observe.Look, "_end", lambda _end: lambda *_: None)


def back_and_forth_swallowed() -> AbstractContextManager[None]:
    """A record that is again as it was once is taken for one that never changed."""
    known: set[tuple[int, str, str]] = set()

    def wrap(changed: Any) -> Any:
        def once(book: Any, page: Any) -> Any:
            found, *more = changed(book, page)
            fresh = [one for one in found if (id(book.house), one[0].id, one[2]) not in known]
            known.update((id(book.house), one[0].id, one[2]) for one in found)
            return fresh, *more

        return once

    return wrapped(observe, "_changed", wrap)


def due_time_not_moved() -> AbstractContextManager[None]:
    """A change of a record does not move the time at which the clock has to look at it again."""

    def wrap(evaluate: Any) -> Any:
        def forgetful(record: Any, previous: Any, *more: Any) -> Any:
            verdict = evaluate(record, previous, *more)
            changed = previous is not None and previous is not record
            return replace(verdict, due_at=None) if changed else verdict

        return forgetful

    return wrapped(observe, "evaluate", wrap)


PLANTED = (
    Planted("only the first page is read", first_page_only, ("fieldservice",)),
    Planted("late rows are dropped", late_rows_dropped, ("fieldservice",)),
    Planted("the cursor passes a page that was not read", unread_page_passed, ("fieldservice",)),
    Planted("a call is ticked off unread", call_not_followed, ("fieldservice",)),
    Planted("the site's zone is ignored", zone_ignored, ("zendesk",)),
    Planted("the notice period is off by itself", notice_off, ("fieldservice",)),
    Planted("no stage but the first", first_stage_for_ever, ("fieldservice",)),
    Planted("nothing is ever over", never_over, ("fieldservice",)),
    Planted("back and forth is swallowed", back_and_forth_swallowed, ("fieldservice",)),
    Planted("a due time is not moved", due_time_not_moved, ("fieldservice",)),
)
