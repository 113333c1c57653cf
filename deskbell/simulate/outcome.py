"""What another setting would have changed: the two replays side by side, and what was only tried out meanwhile."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from deskbell.core.alert import Alert, Mode, Severity
from deskbell.core.text import local, span
from deskbell.simulate.replay import Bell

NIGHT = (22, 6)  # from this hour at the site to that one


class Change(StrEnum):
    MISSED = "missed"  # rings now, and would not then
    NEW = "new"  # would ring then, and does not now
    OTHER = "changed"  # rings at another time, or more or less severely
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Pair:
    """One exception under both settings; None: no alert at all."""

    now: Bell | None
    then: Bell | None

    @property
    def bell(self) -> Bell:
        """Of the two the one to name it by."""
        found = self.then if self.then is not None and (self.now is None or self.then.rings) else self.now
        assert found is not None  # noqa: S101 - a pair is made of one or two
        return found

    @property
    def change(self) -> Change:
        now, then = _rings(self.now), _rings(self.then)
        if now is None or then is None:
            return Change.MISSED if now is not None else Change.NEW
        alike = (now.opened_at, now.severity, now.rises) == (then.opened_at, then.severity, then.rises)
        return Change.SAME if alike else Change.OTHER

    @property
    def said(self) -> str:
        """What is different, in a few words."""
        if self.change is Change.MISSED:
            return "missed" if self.then is None else f"missed: {_quiet(self.then)}"
        if self.change is Change.NEW:
            return "new" if self.now is None else f"new: {_quiet(self.now)} now"
        return _moved(self.now, self.then) if self.now and self.then else ""


def _rings(bell: Bell | None) -> Bell | None:
    return bell if bell is not None and bell.rings else None


def _quiet(bell: Bell) -> str:
    if bell.standing:
        return "on before"
    return "only tried out" if bell.mode is Mode.HELD else "only listed"


def _moved(now: Bell, then: Bell) -> str:
    by = then.opened_at - now.opened_at
    words = [f"{span(abs(by))} {'later' if by > timedelta(0) else 'sooner'}"] if by else []
    if then.severity != now.severity:
        words.append(f"{then.severity} instead of {now.severity}")
    if now.worst != then.worst:
        words.append(f"at worst {then.worst} instead of {now.worst}")
    if not words and now.rises != then.rises:
        words.append("rises at another time")
    return ", ".join(words) or "the same"


def pairs(now: Sequence[Bell], then: Sequence[Bell]) -> list[Pair]:
    """Of what rings in one of them or in both, by time. The same key may have come several times."""
    firsts, seconds = dict(_numbered(now)), dict(_numbered(then))
    found = [Pair(firsts.get(key), seconds.get(key)) for key in {**firsts, **seconds}]
    ringing = [pair for pair in found if _rings(pair.now) or _rings(pair.then)]
    return sorted(ringing, key=lambda pair: (pair.bell.opened_at, pair.bell.key))


def _numbered(bells: Iterable[Bell]) -> Iterator[tuple[tuple[str, int], Bell]]:
    seen: Counter[str] = Counter()
    for bell in bells:
        yield (bell.key, seen[bell.key]), bell
        seen[bell.key] += 1


def at_night(bell: Bell) -> bool:
    hour = local(bell.opened_at, bell.zone).hour
    return hour >= NIGHT[0] or hour < NIGHT[1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`since`: from when on there is anything recorded. `settings`: what differs, in words; empty: nothing was set.

    `held`: what the rule found while it was only tried out (`shadow`), and was told to nobody.
    """

    rule: str
    title: str
    settings: str
    begin: datetime
    end: datetime
    since: datetime
    readings: int
    now: tuple[Bell, ...]
    then: tuple[Bell, ...]
    held: tuple[Alert, ...] = ()
    notes: tuple[str, ...] = ()
    zone: str = "UTC"
    pairs: tuple[Pair, ...] = field(default=())

    @property
    def days(self) -> str:
        return in_days(self.end - self.begin)

    def count(self, change: Change) -> int:
        return sum(pair.change is change for pair in self.pairs)

    @property
    def said(self) -> str:
        """The whole of it in one sentence or two."""
        rang = _ringing(self.now)
        if not self.settings:
            return f"{self.rule} rings {_times(rang)}{_of_those(rang)} in {self.days}."
        would = _ringing(self.then)
        counts = {change: self.count(change) for change in Change}
        kinds = ((Change.MISSED, "missed"), (Change.NEW, "new"), (Change.OTHER, "changed"), (Change.SAME, "as now"))
        parts = [f"{counts[change]} {word}" for change, word in kinds if counts[change]] or ["nothing rings in either"]
        first = f"{self.rule} would ring {_times(would)}{_of_those(would)} in {self.days}, instead of {_times(rang)}"
        return f"{first}: {', '.join(parts)}."

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "settings": self.settings,
            "from": self.begin,
            "to": self.end,
            "recorded_since": self.since,
            "readings": self.readings,
            "said": self.said,
            "now": _counts(self.now),
            "then": _counts(self.then) if self.settings else None,
            **{change.value: self.count(change) for change in Change},
            "alerts": [_pair_json(pair) for pair in self.pairs],
            "shadow": [_held_json(alert) for alert in self.held],
            "notes": list(self.notes),
        }


def _ringing(bells: Iterable[Bell]) -> list[Bell]:
    return [bell for bell in bells if bell.rings]


def _times(bells: Sequence[Bell]) -> str:
    return "once" if len(bells) == 1 else f"{len(bells)} times"


def _of_those(bells: Sequence[Bell]) -> str:
    nights = sum(map(at_night, bells))
    return f" ({nights} at night)" if nights else ""


def _counts(bells: Sequence[Bell]) -> Mapping[str, Any]:
    rang = _ringing(bells)
    return {
        "rang": len(rang),
        "at_night": sum(map(at_night, rang)),
        "by_severity": {str(severity): sum(bell.severity is severity for bell in rang) for severity in Severity},
        "listed": sum(bell.mode is Mode.LISTED and not bell.standing for bell in bells),
        "tried_out": sum(bell.mode is Mode.HELD and not bell.standing for bell in bells),
        "on_before": sum(bell.standing for bell in bells),
    }


def _pair_json(pair: Pair) -> dict[str, Any]:
    bell = pair.bell
    return {
        "key": bell.key,
        "source": bell.source,
        "subject": bell.subject,
        "title": bell.title,
        "change": pair.change.value,
        "said": pair.said,
        "now": _bell_json(pair.now),
        "then": _bell_json(pair.then),
    }


def _bell_json(bell: Bell | None) -> dict[str, Any] | None:
    if bell is None:
        return None
    return {
        "rings": bell.rings,
        "mode": str(bell.mode),
        "at": bell.opened_at,
        "until": bell.ended_at,
        "severity": str(bell.severity),
        "rises": [{"at": at, "to": str(severity)} for at, severity in bell.rises],
        "rooms": list(bell.rooms),
        "called": bell.told,
        "on_duty": bell.on_duty,
    }


def _held_json(alert: Alert) -> dict[str, Any]:
    return {"ref": alert.ref, "subject": alert.subject, "at": alert.opened_at, "severity": str(alert.severity)}


def in_days(length: timedelta) -> str:
    """`30 days`, `6.5 days`; `8 h` where it is not even two."""
    days = length / timedelta(days=1)
    return f"{round(days, 1):g} days" if days >= 2 else span(length)


def moment(at: datetime, zone: str) -> str:
    """`23 Nov 14:02`, by the clock of a zone."""
    return f"{local(at, zone):%d %b %H:%M}"


def utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
