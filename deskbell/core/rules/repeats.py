"""Whom things went wrong with again and again: told to managers once a week, and never a matter for the room."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from deskbell.core.alert import Severity
from deskbell.core.records import Record, Visit

_KINDS = ("technician", "site", "customer")


@dataclass(frozen=True, slots=True)
class RepeatConf:
    """`rules`: whose alerts on jobs count."""

    enabled: bool = True
    times: int = 3
    within: timedelta = timedelta(days=30)
    severity: Severity = Severity.P4
    rules: tuple[str, ...] = (
        "technician_late",
        "status_no_show",
        "status_cannot_complete",
        "cancelled_by_customer",
        "running_over",
    )


class Repeat(NamedTuple):
    """One of them: what it is, who, and how often."""

    kind: str
    who: str
    times: int


def repeats(history: Iterable[tuple[str, Record]], conf: RepeatConf) -> list[Repeat]:
    """Those that come at least so often, most often first. `history`: the rule of each alert, and its job."""
    jobs = [record for _, record in history if isinstance(record, Visit)]
    counted = Counter((kind, who) for job in jobs for kind in _KINDS if (who := getattr(job, kind).strip()))
    found = [Repeat(kind, who, times) for (kind, who), times in counted.items() if times >= conf.times]
    return sorted(found, key=lambda one: (-one.times, one.kind, one.who))
