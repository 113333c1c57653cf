"""Opening hours: how much business time lies between two moments, and which moment lies so much business time on.

Hours are wall-clock hours of a zone and stay so over daylight-saving changes; the sums are made in UTC. Without
arguments a calendar never closes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
_DAY = timedelta(days=1)
_NONE = timedelta()
_TICK = timedelta(microseconds=1)
_YEARS = timedelta(days=800)  # what is always open, or never for longer than this, has no edge worth waiting for
SITE = "site"  # for a zone: whichever the site is in that the hours are asked for


def check_zone(name: str) -> None:
    """Raises ValueError when there is no such time zone. SITE is none: it has to be replaced first."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"There is no time zone {name!r}; they are named like Europe/Berlin.") from None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Open on `days` (Monday is 0) from `opens` to `closes`; a closing time not after the opening is of the next day.

    Both at the same time, as by default, is open around the clock. A holiday is a day that does not open.
    """

    zone: str = "UTC"
    days: frozenset[int] = EVERY_DAY
    opens: time = time()
    closes: time = time()
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.zone != SITE:
            check_zone(self.zone)
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError("A calendar needs at least one day of the week, Monday is 0 and Sunday 6.")

    def at(self, zone: str) -> "Calendar":
        """The same hours by the clock of a site, where they are the site's; in UTC when there is no such zone."""
        return self if self.zone != SITE else _at_site(self, zone)

    @property
    def hours(self) -> timedelta:
        """The length of one business day by the clock on the wall."""
        opens, closes = (datetime.combine(date.min, at) for at in (self.opens, self.closes))
        return closes - opens if closes > opens else closes + _DAY - opens

    def amount(self, wanted: timedelta) -> timedelta:
        """Business time in an amount: each whole day of it counts as one business day, the rest as it is."""
        sign = -1 if wanted < _NONE else 1
        return sign * (abs(wanted).days * self.hours + abs(wanted) % _DAY)

    def is_open(self, at: datetime) -> bool:
        day = at.astimezone(ZoneInfo(self.zone)).date()
        return any(start <= at < end for start, end in (self._window(day - _DAY), self._window(day)))

    def next_edge(self, at: datetime) -> datetime | None:
        """When it opens or closes next; None when it never does. Days that join are one opening."""
        for start, end in self._windows(at):
            if edge := next((moment for moment in (start, end) if moment > at and self._turns(moment)), None):
                return edge
            if start > at + _YEARS:
                break
        return None

    def _turns(self, moment: datetime) -> bool:
        return self.is_open(moment) != self.is_open(moment - _TICK)

    def business_time_between(self, a: datetime, b: datetime) -> timedelta:
        """The time open from `a` to `b`; negative when `b` is the earlier."""
        if b < a:
            return -self.business_time_between(b, a)
        total = _NONE
        for start, end in self._windows(a):
            if start >= b:
                break
            total += max(_NONE, min(end, b) - max(start, a))
        return total

    def add_business(self, at: datetime, amount: timedelta) -> datetime:
        """The first moment at which so much business time has passed since `at`; backwards for a negative amount.

        Whole days in the amount are business days: two days are twice the opening hours.
        """
        left = self.amount(amount)
        if left < _NONE:
            return self._back(at, -left)
        if not left:
            return at
        for start, end in self._windows(at):
            begin = max(start, at)
            if end - begin >= left:
                return begin + left
            left -= max(_NONE, end - begin)
        return datetime.max.replace(tzinfo=UTC)

    def _back(self, at: datetime, left: timedelta) -> datetime:
        for start, end in self._windows(at, -1):
            finish = min(end, at)
            if finish - start >= left:
                return finish - left
            left -= max(_NONE, finish - start)
        return datetime.min.replace(tzinfo=UTC)

    def _windows(self, at: datetime, step: int = 1) -> Iterator[tuple[datetime, datetime]]:
        """The opening times from the one that may hold `at` onwards, or backwards; until the years run out."""
        first = at.astimezone(ZoneInfo(self.zone)).toordinal() - step
        last = date.max.toordinal() - 3 if step > 0 else date.min.toordinal() + 3
        for ordinal in range(first, last, step):
            window = self._window(date.fromordinal(ordinal))
            if window[0] < window[1]:
                yield window

    def _window(self, day: date) -> tuple[datetime, datetime]:
        if day.weekday() not in self.days or day in self.holidays:
            return _CLOSED
        zone = ZoneInfo(self.zone)
        closing = day if self.closes > self.opens else day + _DAY
        start = datetime.combine(day, self.opens, zone).astimezone(UTC)
        return start, datetime.combine(closing, self.closes, zone).astimezone(UTC)


@lru_cache(maxsize=1024)
def _at_site(calendar: Calendar, zone: str) -> Calendar:
    try:
        return replace(calendar, zone=zone)
    except ValueError:
        return replace(calendar, zone="UTC")


_CLOSED = (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))
ALWAYS = Calendar()
