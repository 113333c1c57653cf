"""Mistakes of the kinds that such programs have had. Each is made for a while, and the trial has to notice."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core import policy, rota
from deskbell.desk import book
from deskbell.net.clock import Clock
from deskbell.prove.planted import wrapped

_EARLY = timedelta(seconds=8)


def wall_clock_believed() -> AbstractContextManager[None]:
    """It is whatever time the wall clock says."""
    return wrapped(Clock, "_look", lambda _look: lambda self: self._wall())


def monotonic_clock_believed() -> AbstractContextManager[None]:
    """A machine never sleeps."""
    return wrapped(Clock, "_compare", lambda _compare: lambda *_: None)


def each_overdue_step() -> AbstractContextManager[None]:
    """After an outage every step that was missed is taken, one after the other."""

    def one_only(self: Any, level: int, at: datetime) -> tuple[int, datetime | None]:
        return level, self.later(at, self.gap(level)) if level + 1 < len(self.levels) else None

    return wrapped(policy._Climb, "overdue", lambda _overdue: one_only)  # noqa: SLF001 - it is broken on purpose


def too_early() -> AbstractContextManager[None]:
    """A step is taken some seconds before its time."""

    def wrap(later: Any) -> Any:
        return lambda self, at, amount: later(self, at, amount - _EARLY if amount > _EARLY else amount)

    return wrapped(policy._Climb, "later", wrap)  # noqa: SLF001


def rung_twice() -> AbstractContextManager[None]:
    """A message goes out by two ways at once."""

    def wrap(direct: Any) -> Any:
        def twice(self: Any, alert: Any, people: Any) -> None:
            direct(self, alert, people)
            direct(self, replace(alert, version=alert.version + 1000), people)

        return twice

    return wrapped(book.Book, "direct", wrap)


def shifts_of_24_hours() -> AbstractContextManager[None]:
    """Shifts last 24 hours, on the night too on which the clock changes."""

    def wrap(_begins: Any) -> Any:
        def begins(self: Any, turn: int, length: timedelta) -> datetime:
            first: datetime = _begins(self, 0, length)
            return first + turn * length

        return begins

    return wrapped(rota._Turns, "_begins", wrap)  # noqa: SLF001


PLANTED: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    wall_clock_believed,
    monotonic_clock_believed,
    each_overdue_step,
    too_early,
    rung_twice,
    shifts_of_24_hours,
)
