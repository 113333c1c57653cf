"""The courier's lanes: one a destination, the most severe first, at its pace, several pieces on their way at a time.

A piece is claimed under a lease, delivered, and settled through the desk. Nothing is marked sent before it is sent; an
answer that got lost is looked up before anything is sent again. Pieces of one alert go one after the other. No more is
claimed than can go at once, so that whatever is more severe waits for what is on its way and for nothing else.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog

from deskbell.core.alert import Alert, Severity
from deskbell.core.card import Card
from deskbell.core.customer import Message
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent
from deskbell.core.ports import (
    CUSTOMERS,
    EVERY_OP,
    LANE,
    Channel,
    Claim,
    Destination,
    Limit,
    Op,
    Post,
    Settlement,
    Source,
)
from deskbell.core.store import NotKept, Reader, Store, UnitOfWork
from deskbell.courier.circuit import Circuit, State
from deskbell.courier.delivery import Delivery, op_of
from deskbell.courier.gather import Gather
from deskbell.courier.lane import Lane, Piece, Share, Wish
from deskbell.net import metrics
from deskbell.net.faults import point
from deskbell.net.limits import Buckets, Key, wanted

log = structlog.get_logger("deskbell.courier")
T = TypeVar("T")

LEASE = timedelta(seconds=60)  # longer than the whole timeout of any delivery
SLOTS = 32  # so many pieces of a lane may be on their way at a time
IDLE_S = 5.0  # how long a lane-keeper sleeps when nobody wakes it; a wake-up may be lost, an alert may not
REST_S = 0.01  # between two looks which lanes have work; those that are open are told of it at once,
LONG_REST_S = 0.03  # and a look that found nothing else was for nothing
JUST_NOW_S = 0.002  # who asked for work so shortly before a look may have what it saw
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
    async def letter(self, number: int) -> Message | Outcome:
        """A letter to a customer, if it may go out now."""
        ...

    def draw(self, reader: Reader, alerts: Sequence[Alert], now: datetime) -> None:
        """`cards` of these will be asked for in a moment."""
        ...


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
        self._delivery = Delivery(Gather(desk.cards), destinations, channels, sources, desk.letter)
        self._claim = Gather(self._claim_all)
        self._keep = Gather(desk.settle_all)
        self._woken = asyncio.Event()
        self._rest_s = REST_S
        self._lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        self._known_keys: dict[tuple[str, Op], dict[Key, list[Limit]]] = {}
        self._circuits: dict[str, Circuit] = {}
        self._open = True
        self.carried = 0  # attempts that came to an end, for whoever watches that they do

    def wake(self) -> None:
        self._woken.set()
        for lane, _ in self._lanes.values():
            lane.hear()

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
            await asyncio.sleep(self._rest_s)
            await _heard(self._woken, wait)

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
        now, clock = self._desk.now(), _clock()
        due, next_at = await self._store.read(lambda reader: reader.work_due(now))
        if self._share.holder and _clock() >= self._look_at:
            left = await self._store.read(lambda reader: reader.left_behind(now))
            due |= {name: Severity.P4 for name in left if name not in due}
            self._look_at = _clock() + self._look_s
        self._elsewhere = {name: until for name, until in self._elsewhere.items() if until > clock}
        if self._elsewhere.keys() & due.keys():
            next_at = min(next_at or now + _AGAIN, now + _AGAIN)
        self._rest_s = LONG_REST_S if due.keys() <= self._lanes.keys() else REST_S
        for name, _severity in sorted(due.items(), key=lambda item: item[1]):
            if name in self._lanes:
                next_at = self._remind(self._lanes[name][0], clock, now, next_at)
            elif self._open and name not in self._elsewhere and self._share.mine(name):
                lane = Lane(name, self._circuit(name))
                task = asyncio.create_task(self._work(lane), name=f"lane {name}")
                self._lanes[name] = lane, task
                task.add_done_callback(partial(self._left, name))
        wait = IDLE_S if next_at is None else min(IDLE_S, max(0.01, (next_at - now).total_seconds()))
        return min(wait, self._look_s) if self._share.holder else wait

    @staticmethod
    def _remind(lane: Lane, clock: float, now: datetime, next_at: datetime | None) -> datetime | None:
        """Something is due in a lane that is open; the next time to look."""
        if lane.asked_at < clock - JUST_NOW_S:
            lane.hear()
            return next_at
        soon = now + timedelta(seconds=5 * REST_S)
        return min(next_at or soon, soon)

    def _left(self, name: str, task: asyncio.Task[None]) -> None:
        lane, _ = self._lanes.pop(name)
        if not task.cancelled() and (error := task.exception()):
            log.error("lane_stopped", lane=name, exc_info=error)
            asyncio.get_running_loop().call_later(AGAIN_S, self.wake)  # a database that takes nothing is not hurried
        elif lane.more:
            self._woken.set()

    # ------------------------------------------------------------ one lane

    async def _work(self, lane: Lane) -> None:
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

    async def _next(self, lane: Lane) -> bool:
        """Sets what may go now on its way, and waits until more may. False when there is no more."""
        lane.news.clear()
        free = max(0, lane.circuit.room(_clock(), SLOTS) - len(lane.under_way))
        ops, wait = self._allowed(lane.name) if lane.more else ({}, 0.0)
        if lane.circuit.wait(_clock()) > wait:
            ops, wait = {}, lane.circuit.wait(_clock())
        claims = await self._claimed(lane, free, ops)
        if claims is None:  # another instance works it
            lane.more, self._elsewhere[lane.name] = True, _clock() + AGAIN_S
            return False
        for claim in claims:
            self._begin(lane, claim)
        if claims and lane.more:
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
        if wait and await self._more(lane.name):
            # A limit holds some of the work back; an edit that comes meanwhile does not wait for it.
            await _heard(lane.news, min(wait, IDLE_S))
            lane.more = True
            return True
        return await _heard(lane.news, IDLE_S)

    async def _claimed(self, lane: Lane, free: int, ops: Mapping[Op, int]) -> list[Claim] | None:
        """What may go now, where there may be anything; and the lane is kept, where others might take it."""
        due = bool(self._share.holder and lane.under_way) and _clock() - lane.asked_at > self._look_s
        if not (due or (lane.more and free and ops)):
            return []
        lane.more, lane.asked_at = not (free and ops), _clock()
        claims = await self._claim(Wish(lane.name, free, ops))
        held_back = len(ops) < len(EVERY_OP) or len(claims or ()) >= min(free, *ops.values())
        lane.more = lane.more or held_back
        return claims

    def _begin(self, lane: Lane, claim: Claim) -> None:
        work = claim.work
        op = op_of(claim)
        keys = self._keys(work.destination, op)
        wait = self._buckets.wait(keys)
        in_order = work.alert_id if isinstance(work, Post) or not work.payload.get("direct") else 0
        lane.circuit.begin()
        piece = Piece(claim, op, keys, wait, lane.ahead_of(claim, op, in_order))
        task = asyncio.create_task(self._carry(piece))
        lane.under_way.add(task)
        if in_order:
            lane.last[in_order] = task
        task.add_done_callback(partial(self._arrived, lane, in_order))

    def _arrived(self, lane: Lane, in_order: int, task: asyncio.Task[None]) -> None:
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
        """What an operation counts against, which never changes."""
        if (known := self._known_keys.get((name, op))) is None:
            known = self._known_keys[name, op] = self._counted(name, Op.EDIT if op is Op.TIDY else op)
        return known

    def _counted(self, name: str, op: Op) -> dict[Key, list[Limit]]:
        destination = self._destinations.get(name)
        if destination is None:
            return wanted(name, name, op, ())  # a source paces its own requests
        limits = self._channels[destination.platform].limits
        if name.startswith(CUSTOMERS):  # the lane of many people, each of whom is a destination there
            limits = [limit for limit in limits if limit.scope == "account"]
        return wanted(destination.platform, name, op, limits)

    async def _claim_all(self, wishes: Sequence[Wish]) -> Sequence[list[Claim] | None]:
        """For each lane its claims; None where another instance has the lane."""

        def take(uow: UnitOfWork, now: datetime) -> list[tuple[int | None, list[Claim]]]:
            taken = [self._take(uow, wish, now) for wish in wishes]
            if not self._share.holder:  # in a database at hand, where it saves a journey and locks nothing
                posts = [claim for _, claims in taken for claim in claims if isinstance(claim.work, Post)]
                self._desk.draw(uow, [claim.alert for claim in posts if claim.alert is not None], now)
            return taken

        taken = await self._desk.claim(take)
        point("courier.claim.after")
        for wish, (fence, _) in zip(wishes, taken, strict=True):
            self._fences[wish.lane] = fence or 0
        return [None if fence is None else claims for fence, claims in taken]

    def _take(self, uow: UnitOfWork, wish: Wish, now: datetime) -> tuple[int | None, list[Claim]]:
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

    async def _carry(self, piece: Piece) -> None:
        if piece.before:
            await asyncio.wait(piece.before)
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


async def _heard(news: asyncio.Event, within_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await news.wait()
    return news.is_set()
