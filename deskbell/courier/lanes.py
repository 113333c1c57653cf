"""The courier's lanes: one a destination, the most severe first, at its pace, several pieces on their way at a time.

A piece is claimed under a lease, delivered, and settled through the desk. Nothing is marked sent before it is sent; an
answer that got lost is looked up before anything is sent again. Pieces of one alert go one after the other. No more is
claimed than can go at once, so that whatever is more severe waits for what is on its way and for nothing else.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog

from deskbell.core.alert import Alert, Severity
from deskbell.core.card import Card
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent
from deskbell.core.ports import EVERY_OP, LANE, Channel, Claim, Destination, Limit, Op, Post, Settlement, Source
from deskbell.core.store import NotKept, Store, UnitOfWork
from deskbell.courier.circuit import Circuit, State
from deskbell.courier.delivery import Delivery, op_of
from deskbell.courier.gather import Gather
from deskbell.net import metrics
from deskbell.net.faults import point
from deskbell.net.limits import Buckets, Key, wanted

log = structlog.get_logger("deskbell.courier")
T = TypeVar("T")

TTL = timedelta(seconds=10)  # so long a lane is an instance's alone, unless it prolongs that; claims do
LEASE = timedelta(seconds=60)  # longer than the whole timeout of any delivery
SLOTS = 32  # so many pieces of a lane may be on their way at a time
IDLE_S = 5.0  # how long a lane-keeper sleeps when nobody wakes it; a wake-up may be lost, an alert may not
LOCKED_S = 30.0  # how long a room is left alone whose chat refuses our login, however much waits for it
AGAIN_S = 1.0  # until what the database did not take is tried anew
_AGAIN = timedelta(seconds=AGAIN_S)
# So much of a vendor's limit may be used when an edit goes that nobody waits for; the rest is for what people do next.
TIDY_SHARE = 1 / 3


class CourierDesk(Protocol):
    """What the courier needs of the desk."""

    def now(self) -> datetime: ...
    async def claim(self, take: Callable[[UnitOfWork, datetime], T]) -> T: ...
    async def settle_all(self, settlements: Sequence[Settlement]) -> Sequence[bool]: ...
    async def cards(self, alerts: Sequence[Alert]) -> Sequence[Card]: ...


@dataclass(slots=True)
class _Lane:
    """What is on its way to one destination. `news`: something committed, or a piece has arrived."""

    name: str
    circuit: Circuit
    news: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: set["asyncio.Task[None]"] = field(default_factory=set)
    last: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)  # of each alert, the piece that goes last


@dataclass(frozen=True, slots=True)
class _Piece:
    """A claim that was counted against the limits `keys`, which say that it must `wait` (seconds), or may go."""

    claim: Claim
    op: Op
    keys: Mapping[Key, Sequence[Limit]]
    wait: float
    before: "asyncio.Task[None] | None"  # the piece of the same alert that goes first


@dataclass(frozen=True, slots=True)
class _Wish:
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


class Courier:
    def __init__(
        self,
        store: Store,
        desk: CourierDesk,
        destinations: Mapping[str, Destination],
        channels: Mapping[str, Channel],
        sources: Mapping[str, Source],
        buckets: Buckets,
        share: Share | None = None,
    ) -> None:
        self._store, self._desk = store, desk
        self._destinations, self._channels = destinations, channels
        self._buckets, self._share = buckets, share or Share()
        self._look_s = self._share.ttl.total_seconds() / 4
        self._look_at = 0.0  # when to look again what others left behind
        self._fences: dict[str, int] = {}  # of the lanes that are ours
        self._elsewhere: dict[str, float] = {}  # lanes that another instance works, and when to look again
        self._delivery = Delivery(Gather(desk.cards), destinations, channels, sources)
        self._claim = Gather(self._claim_all)
        self._keep = Gather(desk.settle_all)
        self._woken = asyncio.Event()
        self._lanes: dict[str, tuple[_Lane, asyncio.Task[None]]] = {}
        self._circuits: dict[str, Circuit] = {}
        self._open = True
        self.carried = 0  # attempts that came to an end, for whoever watches that they do

    def wake(self) -> None:
        self._woken.set()
        for lane, _ in self._lanes.values():
            lane.news.set()

    async def run(self) -> None:
        """Until `drain`: whenever something commits or falls due, every destination with work gets its runner."""
        self._store.on_commit(self.wake)
        while self._open:
            self._woken.clear()
            try:
                wait = await self._start_lanes()
            except Exception as error:  # noqa: BLE001 - a database that is away may not end what delivers when it is back
                log.warning("work_unknown", error=repr(error))
                wait = AGAIN_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait)

    async def drain(self, within_s: float) -> None:
        """Takes nothing new, and lets what is under way arrive."""
        point("drain.before")
        self._open = False
        self.wake()
        if running := [task for _, task in self._lanes.values()]:
            _, late = await asyncio.wait(running, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._let_go(*self._fences)
        point("drain.after")

    async def _start_lanes(self) -> float:
        """Starts a runner for each destination with work; the seconds until more falls due."""
        now = self._desk.now()
        due, next_at = await self._store.read(lambda reader: reader.work_due(now))
        if self._share.holder and _clock() >= self._look_at:
            left = await self._store.read(lambda reader: reader.left_behind(now))
            due |= {name: Severity.P4 for name in left if name not in due}
            self._look_at = _clock() + self._look_s
        clock = _clock()
        self._elsewhere = {name: until for name, until in self._elsewhere.items() if until > clock}
        if self._elsewhere.keys() & due.keys():
            next_at = min(next_at or now + _AGAIN, now + _AGAIN)
        for name, _severity in sorted(due.items(), key=lambda item: item[1]):
            if self._open and name not in self._lanes and name not in self._elsewhere and self._share.mine(name):
                lane = _Lane(name, self._circuit(name))
                task = asyncio.create_task(self._work(lane), name=f"lane {name}")
                self._lanes[name] = lane, task
                task.add_done_callback(partial(self._left, name))
        wait = IDLE_S if next_at is None else min(IDLE_S, max(0.01, (next_at - now).total_seconds()))
        return min(wait, self._look_s) if self._share.holder else wait

    def _left(self, name: str, task: asyncio.Task[None]) -> None:
        del self._lanes[name]
        if not task.cancelled() and (error := task.exception()):
            log.error("lane_stopped", lane=name, exc_info=error)
            asyncio.get_running_loop().call_later(AGAIN_S, self.wake)  # a database that takes nothing is not hurried
        else:
            self.wake()

    # ------------------------------------------------------------ one lane

    async def _work(self, lane: _Lane) -> None:
        """Works one destination off, as far as its limits allow at this moment."""
        try:
            while self._open and self._share.mine(lane.name) and await self._next(lane):
                pass
            while lane.under_way:
                await asyncio.wait(lane.under_way)
        finally:
            for task in lane.under_way:
                task.cancel()
        if self._open and not self._share.mine(lane.name):
            await self._let_go(lane.name)

    async def _let_go(self, *names: str) -> None:
        """Lanes that another instance may take now; else it would wait until the lease ran out."""
        fences = {name: fence for name in names if (fence := self._fences.pop(name, 0))}
        if not (fences and self._share.holder):
            return

        def release(uow: UnitOfWork, _now: datetime) -> None:
            for name, fence in fences.items():
                uow.release_lease(LANE + name, fence)

        try:
            await self._desk.claim(release)
        except Exception as error:  # noqa: BLE001 - then it runs out
            log.warning("lanes_not_released", why=repr(error))

    async def _next(self, lane: _Lane) -> bool:
        """Sets what may go now on its way, and waits until more may. False when there is no more."""
        lane.news.clear()
        free = max(0, lane.circuit.room(_clock(), SLOTS) - len(lane.under_way))
        ops, wait = self._allowed(lane.name)
        if lane.circuit.wait(_clock()) > wait:
            ops, wait = {}, lane.circuit.wait(_clock())
        claims = (
            await self._claim(_Wish(lane.name, free, ops))
            if (ops and free) or (lane.under_way and self._share.holder)
            else []
        )
        if claims is None:  # another instance works it
            self._elsewhere[lane.name] = _clock() + AGAIN_S
            return False
        for claim in claims:
            self._begin(lane, claim)
        if claims:
            _, wait = self._allowed(lane.name)
        if free and len(claims) == free:  # there may be more: it is taken when it is worth a journey
            until = _clock() + IDLE_S
            while len(lane.under_way) > SLOTS // 2 and self._open and (left := until - _clock()) > 0:
                lane.news.clear()
                await _heard(lane.news, left)
            return True
        if lane.under_way:
            await _heard(lane.news, min(wait or IDLE_S, IDLE_S))
            return True
        if not (wait and await self._more(lane.name)):
            return False
        # A limit holds some of the work back; an edit that comes meanwhile does not wait for it.
        await _heard(lane.news, min(wait, IDLE_S))
        return True

    def _begin(self, lane: _Lane, claim: Claim) -> None:
        work = claim.work
        op = op_of(claim)
        keys = self._keys(work.destination, op)
        wait = self._buckets.wait(keys)
        in_order = work.alert_id if isinstance(work, Post) or not work.payload.get("direct") else 0
        lane.circuit.begin()
        piece = _Piece(claim, op, keys, wait, lane.last.get(in_order))
        task = asyncio.create_task(self._carry(piece))
        lane.under_way.add(task)
        if in_order:
            lane.last[in_order] = task
        task.add_done_callback(partial(self._arrived, lane, in_order))

    def _arrived(self, lane: _Lane, in_order: int, task: asyncio.Task[None]) -> None:
        lane.under_way.discard(task)
        if lane.last.get(in_order) is task:
            del lane.last[in_order]
        if not task.cancelled() and (error := task.exception()):
            log.error("piece_lost", lane=lane.name, exc_info=error)
        lane.news.set()

    def _allowed(self, name: str) -> tuple[Mapping[Op, int], float]:
        """How much of each kind of work the vendor's limits allow now, and how long the others must wait."""
        ops: dict[Op, int] = {}
        waits: list[float] = []
        for op in EVERY_OP:
            keys, share = self._keys(name, op), TIDY_SHARE if op is Op.TIDY else 1.0
            if (wait := self._buckets.peek(keys, share)) > 0:
                waits.append(wait)
            else:
                ops[op] = min(SLOTS, self._buckets.room(keys, share))
        return ops, min(waits, default=0.0)

    def _keys(self, name: str, op: Op) -> dict[Key, list[Limit]]:
        op = Op.EDIT if op is Op.TIDY else op
        destination = self._destinations.get(name)
        if destination is None:
            return wanted(name, name, op, ())  # a source paces its own requests
        return wanted(destination.platform, name, op, self._channels[destination.platform].limits)

    async def _claim_all(self, wishes: Sequence[_Wish]) -> Sequence[list[Claim] | None]:
        """For each lane its claims; None where another instance has the lane."""

        def take(uow: UnitOfWork, now: datetime) -> list[tuple[int | None, list[Claim]]]:
            return [self._take(uow, wish, now) for wish in wishes]

        taken = await self._desk.claim(take)
        point("courier.claim.after")
        for wish, (fence, _) in zip(wishes, taken, strict=True):
            self._fences[wish.lane] = fence or 0
        return [None if fence is None else claims for fence, claims in taken]

    def _take(self, uow: UnitOfWork, wish: _Wish, now: datetime) -> tuple[int | None, list[Claim]]:
        fence = uow.hold_lane(wish.lane, self._share.holder, self._fences.get(wish.lane, 0), now, self._share.ttl)
        asked = fence is not None and wish.count and wish.ops
        return fence, uow.claim(wish.lane, now, LEASE, wish.count, wish.ops) if asked else []

    async def _more(self, name: str) -> bool:
        now = self._desk.now()
        due, _ = await self._store.read(lambda reader: reader.work_due(now))
        return name in due

    def _circuit(self, name: str) -> Circuit:
        return self._circuits.setdefault(name, Circuit())

    def troubles(self) -> Sequence[str]:
        """The destinations to which nothing comes through just now, and why, for people."""
        return [
            f"{name} can't be reached: {c.why}" for name, c in self._circuits.items() if c.state is not State.CLOSED
        ]

    # ------------------------------------------------------------ one piece

    async def _carry(self, piece: _Piece) -> None:
        if piece.before is not None:
            await asyncio.wait([piece.before])
        claim, work = piece.claim, piece.claim.work
        point("courier.send.before")
        if piece.wait > 0:  # another lane of the same account was faster
            outcome: Outcome = Retry("the vendor's limit was just reached", timedelta(seconds=piece.wait), limited=True)
        else:
            outcome = await self._delivery.deliver(claim)
            self._pace(work.destination, piece.op, outcome, piece.keys)
        circuit = self._learned(work.destination, outcome)
        point("courier.send.after")
        metrics.delivered(work.destination, type(outcome).__name__)
        if not isinstance(outcome, Sent):
            log.warning("delivery", to=work.destination, outcome=type(outcome).__name__, why=outcome.why)
        self.carried += 1
        if not await self._settle(claim, outcome, cut_off=circuit.state is not State.CLOSED):
            log.warning("lease_lost", to=work.destination)

    def _learned(self, name: str, outcome: Outcome) -> Circuit:
        """What the answer says about the way there."""
        circuit = self._circuit(name)
        before = circuit.state
        circuit.end(outcome, _clock())
        if circuit.state is not before:
            metrics.circuit(name, str(circuit.state))
            log.info("circuit", lane=name, state=str(circuit.state), why=circuit.why)
        return circuit

    def _pace(self, name: str, op: Op, outcome: Outcome, keys: Mapping[Key, Sequence[Limit]]) -> None:
        """What the answer says about the next ones."""
        match outcome:
            case Sent(skipped=True):
                self._buckets.give_back(keys)
            case Retry(limited=True):
                seconds = outcome.after.total_seconds() if outcome.after else 1.0
                self._buckets.cool((name, op), self._buckets.clock() + seconds)
            case Rejected(fault=Fault.AUTH) if name in self._destinations:
                for every in EVERY_OP:
                    self._buckets.cool((name, every), self._buckets.clock() + LOCKED_S)

    async def _settle(self, claim: Claim, outcome: Outcome, *, cut_off: bool) -> bool:
        """What became of a delivery is known here alone: it is kept in mind until the database takes it."""
        # What was found again shows what it showed then: it stays due, as an edit.
        found = isinstance(outcome, Sent) and outcome.found
        shown = claim.work.wanted if isinstance(claim.work, Post) and not found else 0
        while True:
            try:
                return await self._keep(Settlement(claim, outcome, shown, cut_off))
            except NotKept as error:
                log.warning("not_settled", to=claim.work.destination, why=str(error))
            await asyncio.sleep(AGAIN_S)


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def _heard(news: asyncio.Event, within_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), within_s)
