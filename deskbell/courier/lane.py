"""What the courier carries, and along what: the lane to one destination, and the pieces on their way along it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from deskbell.core.ports import Claim, Limit, Op
from deskbell.core.storm import STORM
from deskbell.courier.circuit import Circuit
from deskbell.net.limits import Key

TTL = timedelta(seconds=10)  # so long a lane is an instance's alone, unless it prolongs that; claims do


@dataclass(slots=True)
class Lane:
    """What is on its way to one destination.

    `more`: there may be work that was not claimed yet. `news`: there may be since just now, or a piece has arrived.
    """

    name: str
    circuit: Circuit
    more: bool = True
    asked_at: float = 0.0  # when work was claimed last, and its lease prolonged
    news: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: set["asyncio.Task[None]"] = field(default_factory=set)
    last: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)  # of each alert, the piece that goes last

    def hear(self) -> None:
        """Something committed, or fell due."""
        self.more = True
        self.news.set()

    def ahead_of(self, claim: Claim, op: Op, in_order: int) -> frozenset["asyncio.Task[None]"]:
        """The piece of the same alert that is on its way; of a storm's card all are, for what it lists comes before it
        or not at all.
        """
        if op is Op.POST and claim.alert is not None and claim.alert.rule == STORM:
            return frozenset(self.under_way)
        return frozenset({self.last[in_order]} if in_order in self.last else ())


@dataclass(frozen=True, slots=True)
class Piece:
    """A claim that was counted against the limits `keys`, which say that it must `wait` (seconds), or may go."""

    claim: Claim
    op: Op
    keys: Mapping[Key, Sequence[Limit]]
    wait: float
    before: frozenset["asyncio.Task[None]"]  # the pieces that go first


@dataclass(frozen=True, slots=True)
class Wish:
    """So many pieces for a lane, of each kind as many as may go now."""

    lane: str
    count: int
    ops: Mapping[Op, int]


@dataclass(frozen=True, slots=True)
class Share:
    """Which lanes one of several instances works. `mine`: whether it should work a lane, now.

    `holder`, `ttl`: for the leases of its lanes; no holder where there is one instance.
    """

    mine: Callable[[str], bool] = lambda _lane: True
    holder: str = ""
    ttl: timedelta = TTL
