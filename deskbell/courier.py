"""The courier carries the outbox: one lane a destination, the most severe first, one piece at a time, at its pace.

A piece is claimed under a lease, rendered from the state as it is now, delivered, and settled through the desk.
Nothing is marked sent before it is sent; an answer that got lost is looked up before anything is sent again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from deskbell.core.alert import Alert, Status
from deskbell.core.card import Card, Note
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import (
    EVERY_OP,
    Channel,
    Claim,
    Destination,
    Dispatch,
    DispatchKind,
    Identity,
    Limit,
    NotKept,
    Op,
    Post,
    Source,
    Store,
    UnitOfWork,
    WriteBack,
    WriteKind,
)
from deskbell.net import metrics
from deskbell.net.faults import point
from deskbell.net.limits import Buckets, Key, wanted

log = structlog.get_logger("deskbell.courier")
T = TypeVar("T")

LEASE = timedelta(seconds=60)  # longer than the whole timeout of any delivery
TIMEOUT_S = 40.0
IDLE_S = 5.0  # how long a lane-keeper sleeps when nobody wakes it; a wake-up may be lost, an alert may not
LOCKED_S = 30.0  # how long a room is left alone whose chat refuses our login, however much waits for it
AGAIN_S = 1.0  # until what the database did not take is tried anew
SOURCE_LANE = "source:"
# So much of a vendor's limit may be used when an edit goes that nobody waits for; the rest is for what people do next.
TIDY_SHARE = 1 / 3
AT_HAND = frozenset({"ack", "take", "escalate"})  # the buttons of a direct message


class CourierDesk(Protocol):
    """What the courier needs of the desk."""

    def now(self) -> datetime: ...
    async def claim(self, take: Callable[[UnitOfWork, datetime], T]) -> T: ...
    async def settle(self, claim: Claim, outcome: Outcome, shown: int = 0) -> bool: ...
    async def card(self, alert: Alert, *, buttons: bool = True) -> Card: ...


class Courier:
    def __init__(
        self,
        store: Store,
        desk: CourierDesk,
        destinations: Mapping[str, Destination],
        channels: Mapping[str, Channel],
        sources: Mapping[str, Source],
        buckets: Buckets,
        mine: Callable[[str], bool] = lambda _lane: True,
    ) -> None:
        """`mine`: whether this instance works a lane, now."""
        self._store, self._desk = store, desk
        self._destinations, self._channels, self._sources = destinations, channels, sources
        self._buckets, self._mine = buckets, mine
        self._woken = asyncio.Event()
        self._pulse = (
            asyncio.Event()
        )  # set and thrown away at each commit; whoever waits for news holds the current one
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._open = True
        self.carried = 0  # attempts that came to an end, for whoever watches that they do

    def wake(self) -> None:
        self._woken.set()
        self._pulse.set()
        self._pulse = asyncio.Event()

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
        if running := list(self._lanes.values()):
            _, late = await asyncio.wait(running, timeout=within_s)
            for task in late:
                task.cancel()
        point("drain.after")

    async def _start_lanes(self) -> float:
        """Starts a runner for each destination with work; the seconds until more falls due."""
        now = self._desk.now()
        due, next_at = await self._store.read(lambda reader: reader.work_due(now))
        for name, _severity in sorted(due.items(), key=lambda item: item[1]):
            if self._open and name not in self._lanes and self._mine(name):
                task = asyncio.create_task(self._lane(name), name=f"lane {name}")
                self._lanes[name] = task
                task.add_done_callback(partial(self._left, name))
        return IDLE_S if next_at is None else min(IDLE_S, max(0.01, (next_at - now).total_seconds()))

    def _left(self, name: str, task: asyncio.Task[None]) -> None:
        del self._lanes[name]
        if not task.cancelled() and (error := task.exception()):
            log.error("lane_stopped", lane=name, exc_info=error)
            asyncio.get_running_loop().call_later(AGAIN_S, self.wake)  # a database that takes nothing is not hurried
        else:
            self.wake()

    async def _lane(self, name: str) -> None:
        """Works one destination off, as far as its limits allow at this moment."""
        while self._open and self._mine(name):
            pulse = self._pulse
            ops, wait = self._allowed(name)
            claims = await self._claim(name, ops) if ops else []
            if not claims:
                if not (wait and await self._more(name)):
                    return
                # A limit holds some of the work back; an edit that comes meanwhile does not wait for it.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(pulse.wait(), min(wait, IDLE_S))
                continue
            for claim in claims:
                await self._carry(claim)

    def _allowed(self, name: str) -> tuple[frozenset[Op], float]:
        """The kinds of work that the vendor's limits allow now, and how long the others must wait."""
        waits = {op: self._buckets.peek(self._keys(name, op), TIDY_SHARE if op is Op.TIDY else 1.0) for op in EVERY_OP}
        allowed = frozenset(op for op, wait in waits.items() if wait <= 0)
        return allowed, min((wait for wait in waits.values() if wait > 0), default=0.0)

    def _keys(self, name: str, op: Op) -> dict[Key, list[Limit]]:
        op = Op.EDIT if op is Op.TIDY else op
        destination = self._destinations.get(name)
        if destination is None:
            return wanted(name, name, op, ())  # a source paces its own requests
        return wanted(destination.platform, name, op, self._channels[destination.platform].limits)

    async def _claim(self, name: str, ops: frozenset[Op]) -> list[Claim]:

        def take(uow: UnitOfWork, now: datetime) -> list[Claim]:
            return uow.claim(name, now, LEASE, 1, ops)

        claims = await self._desk.claim(take)
        point("courier.claim.after")
        return claims

    async def _more(self, name: str) -> bool:
        now = self._desk.now()
        due, _ = await self._store.read(lambda reader: reader.work_due(now))
        return name in due

    async def _carry(self, claim: Claim) -> None:
        work = claim.work
        op = op_of(claim)
        keys = self._keys(work.destination, op)
        wait = self._buckets.wait(keys)
        point("courier.send.before")
        if wait > 0:  # another lane of the same account was faster
            outcome: Outcome = Retry("the vendor's limit was just reached", timedelta(seconds=wait), limited=True)
        else:
            outcome = await self._deliver(claim)
        if isinstance(outcome, Sent) and outcome.skipped:
            self._buckets.give_back(keys)
        point("courier.send.after")
        # What was found again shows what it showed then: it stays due, as an edit.
        shown = work.wanted if isinstance(work, Post) and not (isinstance(outcome, Sent) and outcome.found) else 0
        if isinstance(outcome, Retry) and outcome.limited and wait <= 0:
            seconds = outcome.after.total_seconds() if outcome.after else 1.0
            self._buckets.cool((work.destination, op), self._buckets.clock() + seconds)
        if isinstance(outcome, Rejected) and outcome.fault is Fault.AUTH and work.destination in self._destinations:
            for every in EVERY_OP:
                self._buckets.cool((work.destination, every), self._buckets.clock() + LOCKED_S)
        metrics.delivered(work.destination, type(outcome).__name__)
        if not isinstance(outcome, Sent):
            log.warning("delivery", to=work.destination, outcome=type(outcome).__name__, why=outcome.why)
        self.carried += 1
        if not await self._settle(claim, outcome, shown):
            log.warning("lease_lost", to=work.destination)

    async def _settle(self, claim: Claim, outcome: Outcome, shown: int) -> bool:
        """What became of a delivery is known here alone: it is kept in mind until the database takes it."""
        while True:
            try:
                return await self._desk.settle(claim, outcome, shown)
            except NotKept as error:
                log.warning("not_settled", to=claim.work.destination, why=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _deliver(self, claim: Claim) -> Outcome:
        """An adapter may have a bug; it costs one piece of work one try, never the lane."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._send(claim)
        except TimeoutError:
            return Unknown(f"no answer in {TIMEOUT_S:.0f} s")
        except Exception as error:
            log.exception("delivery_broke", to=claim.work.destination)
            return Unknown(f"{type(error).__name__} inside Deskbell: see the log")

    async def _send(self, claim: Claim) -> Outcome:
        work = claim.work
        if isinstance(work, Dispatch) and work.kind is DispatchKind.WRITE:
            return await self._write(work, claim)
        to = self._destinations.get(work.destination)
        if to is None:
            return Sent(detail="the destination was removed from the configuration", skipped=True)
        channel = self._channels[to.platform]
        if isinstance(work, Post):
            return await self._card(channel, to, work, claim)
        return await self._note(channel, to, work, claim)

    async def _card(self, channel: Channel, to: Destination, post: Post, claim: Claim) -> Outcome:
        if claim.alert is None:
            return Sent(skipped=True)
        identity = Identity("card", claim.alert.ref, to.name, post.generation)
        card = await self._desk.card(claim.alert)
        if post.ref:
            return await channel.edit(to, post.ref, card, identity) if channel.edits else Sent(post.ref, skipped=True)
        found = await self._look_up(channel, to, identity, post.unsure_since)
        return found or await channel.post(to, card, identity)

    async def _note(self, channel: Channel, to: Destination, dispatch: Dispatch, claim: Claim) -> Outcome:
        payload = dispatch.payload
        if not _still_wanted(claim.alert, str(payload.get("only_if", ""))):
            return Sent(detail="not needed any more", skipped=True)
        identity = Identity("note", claim.alert.ref if claim.alert else "", to.name, dispatch.id)
        thread = {"direct": str(payload["direct"])} if payload.get("direct") else claim.post_ref
        found = await self._look_up(channel, to, identity, dispatch.unsure_since, thread)
        return found or await channel.note(to, claim.post_ref, await self._as_note(claim.alert, payload), identity)

    async def _as_note(self, alert: Alert | None, payload: Mapping[str, Any]) -> Note:
        """A direct message brings the buttons that need no form: it is answered where it rang."""
        note = _as_note(payload)
        if not note.direct or alert is None or not alert.live:
            return note
        card = await self._desk.card(alert)
        return replace(note, buttons=tuple(button for button in card.buttons if button.verb in AT_HAND))

    async def _look_up(
        self,
        channel: Channel,
        to: Destination,
        identity: Identity,
        since: datetime | None,
        thread: Mapping[str, str] | None = None,
    ) -> Outcome | None:
        """After an attempt whose end is unknown: Sent if it is there, None to send it (again)."""
        if since is None:
            return None
        point("courier.find.before")
        found = await channel.find(to, identity, since, thread or {})
        point("courier.find.after")
        if isinstance(found, Mapping):
            return Sent(found, "found after a lost answer", found=True)
        return found if isinstance(found, Retry) else None

    async def _write(self, dispatch: Dispatch, claim: Claim) -> Outcome:
        source = self._sources.get(dispatch.destination.removeprefix(SOURCE_LANE))
        if source is None:
            return Sent(detail="the source was removed from the configuration", skipped=True)
        item = _as_write(dispatch, claim.alert)
        if dispatch.unsure_since is not None and await source.find(item):
            return Sent(detail="found after a lost answer")
        point("source.write.before")
        outcome = await source.write(item)
        point("source.write.after")
        return outcome


def op_of(claim: Claim) -> Op:
    work = claim.work
    if isinstance(work, Post):
        return Op.EDIT if work.ref else Op.POST
    return Op.WRITE if work.kind is DispatchKind.WRITE else Op.POST


def _still_wanted(alert: Alert | None, only_if: str) -> bool:
    """Asked when a ring is sent: whoever answered in the meantime has spared everybody the noise."""
    if alert is None or not only_if:
        return True
    return alert.status is Status.OPEN if only_if == "open" else alert.live


def _as_note(payload: Mapping[str, Any]) -> Note:
    return Note(
        text=str(payload["text"]),
        ref=str(payload.get("ref", "")),
        mentions=tuple(payload.get("mentions", ())),
        direct=str(payload.get("direct", "")),
        broadcast=bool(payload.get("broadcast")),
    )


def _as_write(dispatch: Dispatch, alert: Alert | None) -> WriteBack:
    payload = dispatch.payload
    return WriteBack(
        kind=WriteKind(payload["kind"]),
        record_id=str(payload["record_id"]),
        marker=f"[{alert.ref if alert else 'Deskbell'} #{dispatch.id}]",
        text=str(payload["text"]),
        assignee=str(payload.get("assignee", "")),
    )
