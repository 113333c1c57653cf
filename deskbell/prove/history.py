"""What happens in one made-up source, and what is known of it afterwards. Plain data: the oracle reads nothing else.

Moments are seconds since 1970 by our clock, in the log with the order of what happened within a second behind the
point. A `stamp` is the source's own, whose clock may go wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86_400
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a system can show, so that nothing is made up that it could not tell.

    `gone`: how a deletion comes to be known: "told" (it is listed as such), "compared" (looked for now and then) or
    "asked" (only the records behind live alerts are asked for).
    """

    kind: str
    statuses: tuple[str, ...]
    facts: frozenset[str]
    gone: str = "asked"
    within: int = 0  # so many seconds after a deletion a poll looks for it, where it is "compared"
    removes: bool = True
    hidden: int = 0  # seconds until a change is listed
    lags: bool = True  # a change may be listed late, with the time at which it was made
    stamped: bool = True  # a record has a time of change
    hooks: bool = True
    levels: tuple[int, int] = (0, 1)  # not escalated, and escalated
    agents: tuple[str, ...] = ("1", "2", "3")
    unassigned: bool = True  # a case may have no agent
    priorities: bool = True  # else every case has the normal one
    techs: int = 7  # so many records can have a technician, each one of its own
    always_tech: bool = False
    records: int = 7
    settles: int = 320  # seconds between two polls at the end, until everything is told


# ---------------------------------------------------------------- the plan


@dataclass(frozen=True, slots=True)
class In:
    """A moment so many seconds after the deed, by our clock."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Stamped:
    """The moment of the deed, by the source's clock."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Somebody makes a record, changes something of it, or removes it (None). `lag`: it becomes visible so much later
    than it says that it was made."""

    record: str
    changes: Facts | None
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """The source calls us about a record."""

    record: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """From the request with this number on, so many fail: with a status, a web page, a broken line, or a 429 that tells
    (`429`) or does not tell (`429 bare`) how long to wait."""

    kind: str
    request: int
    times: int


@dataclass(frozen=True, slots=True)
class Step:
    """A while in which things happen, so many seconds after its beginning; then a poll.

    `during`: deeds between two requests of that poll, by the number of the request. `drag`: seconds a request takes.
    """

    pause: int
    before: tuple[tuple[int, Deed | Call], ...] = ()
    during: tuple[tuple[int, Deed], ...] = ()
    trouble: Trouble | None = None
    drag: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """One source from its first reading to rest. `first`: what is there then."""

    seed: int
    system: str
    zone: str
    begin: int
    skew: int
    page: int
    first: tuple[tuple[int, Deed], ...]  # seconds before the beginning
    steps: tuple[Step, ...]


# ---------------------------------------------------------------- what came of it


@dataclass(frozen=True, slots=True)
class Version:
    """One record as the source showed it from `since` on, in lists and (`single`) when asked for by name."""

    facts: Facts | None
    stamp: int
    since: float
    single: float


@dataclass(frozen=True, slots=True)
class Poll:
    """One reading of the source. `whole`: everything in it went well. `moments`: when something was asked for in it."""

    begin: float
    end: float
    whole: bool
    moments: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """A record that was read because of a call. `sure`: that reading is known to have gone well."""

    record: str
    at: float
    sure: bool


@dataclass
class Log:
    """What happened, as the stand-in and the driver of the trial know it; nothing in it comes from what is on trial."""

    system: str
    source: str  # as the keys of alerts name it
    kind: str
    zone: str
    gone: str
    within: int
    ids: dict[str, str] = field(default_factory=dict)  # record -> the source's id
    versions: dict[str, list[Version]] = field(default_factory=dict)
    polls: list[Poll] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)  # when the clock rules looked
    followed: list[Followed] = field(default_factory=list)
    asked: list[tuple[str, float]] = field(default_factory=list)  # by name for which record that was gone, and when
    settled: float = 0  # until then everything was the first reading
    end: float = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one occurrence: how severe it was at its worst (1 to 4), and whether it still stands."""

    severity: int
    stands: bool
