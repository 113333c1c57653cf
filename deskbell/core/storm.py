"""One alert that stands for many: how those stand, and what its card says of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deskbell.core.alert import Alert, Severity, Status, Verb
from deskbell.core.text import cut

# What is done to a storm is done to all that it stands for.
TO_ALL = frozenset({Verb.ACK, Verb.UNACK, Verb.TAKE, Verb.REASSIGN, Verb.RESOLVE, Verb.NOTE, Verb.UNDO})
STORM = "storm"  # the rule of such an alert
SECOND = "second_person"  # the rule of what somebody asks a second person
PART_OF = "Part of"  # on what belongs to a storm: which one
NAMED = 8  # children that the card names
_LONGEST = 290


@dataclass(frozen=True, slots=True)
class Family:
    """The alerts that one alert stands for: how many of each status and severity, and when the newest came."""

    counts: Mapping[tuple[Status, Severity], int]
    newest: datetime | None = None

    def count(self, *statuses: Status, least: Severity = Severity.P4) -> int:
        """Of these statuses (of all, when none is named), this severe or more."""
        wanted = statuses or tuple(Status)
        return sum(n for (status, severity), n in self.counts.items() if status in wanted and severity <= least)

    @property
    def live(self) -> int:
        return self.count(Status.OPEN, Status.ACKED)


def facts_of(family: Family, first: Sequence[Alert], ref: str, command: str) -> tuple[tuple[str, str], ...]:
    """The rolling part of a storm's card. `first`: the most severe of those that are live."""
    alone = [one for one in first if one.severity is Severity.P1]
    listed = [one for one in first if one.severity is not Severity.P1]
    facts = [("Now", _now(family))]
    if urgent := family.count(Status.OPEN, Status.ACKED, least=Severity.P1):
        facts.append(("P1", f"{urgent} with a card of their own: {_names(alone, urgent)}"))
    if listed:
        facts.append(("Most urgent", _names(listed, family.live - urgent)))
    facts.append(("All of them", f"{command} list {ref}"))
    return tuple(facts)


def _now(family: Family) -> str:
    acked, over = family.count(Status.ACKED), family.count(Status.RESOLVED)
    parts = [f"{family.count(Status.OPEN)} open"]
    parts += [f"{acked} acknowledged"] * bool(acked) + [f"{over} over"] * bool(over)
    return f"{alerts(family.count())}: {', '.join(parts)}"


def _names(some: Sequence[Alert], total: int) -> str:
    named = [f"{one.ref} {one.subject}".strip() for one in some[:NAMED]]
    rest = f" and {total - len(named)} more" if total > len(named) else ""
    return cut(", ".join(named), _LONGEST - len(rest)) + rest


def alerts(count: int) -> str:
    return f"{count} alert{'s' * (count != 1)}"
