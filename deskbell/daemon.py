"""The composition root: everything is built and wired here, in reading order, and taken down in the reverse order."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from bot.letterbox import Letterbox
from bot.page import Page
from bot.ports import Gateway
from bot.server import Server
from deskbell.config import Settings
from deskbell.core.alert import Status
from deskbell.core.ports import Channel, Source
from deskbell.core.store import LeaseLost
from deskbell.courier import SOURCE_LANE, Asker, Courier, Share
from deskbell.desk import Desk
from deskbell.instance import Held, Keeper
from deskbell.net import logs
from deskbell.net.clock import Clock, beat
from deskbell.net.limits import Buckets
from deskbell.net.session import open_session
from deskbell.parts import (
    Lot,
    build_channels,
    build_gateways,
    build_hooks,
    build_inbound,
    build_sources,
    build_watch,
    open_store,
    verifier,
)
from deskbell.watch import LastKnown, Watch, tell_once
from pollers.hints import LOOK_ACROSS_S
from pollers.loop import Loop
from storage.errors import Damaged, SchemaError
from storage.store import SqlStore

log = structlog.get_logger("deskbell.daemon")

DRAIN_S = 10.0  # how long a stop waits for what is under way
STEP_S = 5.0  # how long any one part may take to close


@dataclass(slots=True)
class Daemon:
    """A running Deskbell."""

    settings: Settings
    store: SqlStore
    desk: Desk
    courier: Courier
    loops: tuple[Loop, ...]
    sources: Mapping[str, Source]
    channels: Mapping[str, Channel]
    session: Any  # shared by what speaks to the chats
    gateways: Mapping[str, Gateway]  # the chats' ways in
    server: Server
    watch: Watch
    keeper: Keeper
    asker: Asker
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(cls, settings: Settings) -> "Daemon":
        """Builds all parts and sets them going. What was begun is taken down again when a later part can't start."""
        store = open_store(settings)
        async with contextlib.AsyncExitStack() as undo:
            undo.callback(store.close)
            await asyncio.to_thread(store.refuse_damage)
            store.lock_instance()
            daemon = cls._wire(settings, store)
            undo.push_async_callback(daemon.stop)
            await daemon.go()
            undo.pop_all()
        return daemon

    @classmethod
    def _wire(cls, settings: Settings, store: SqlStore) -> "Daemon":
        sources = build_sources(settings)
        desk = Desk(store, settings.house, Clock(), sources, verifier(store))
        session = open_session()
        channels = build_channels(settings, desk.account_of, session, LastKnown(desk), desk.subject_of)
        keeper = Keeper(store, several=store.several, ttl=settings.general.lease)
        lot = Lot(settings, keeper)
        share = Share(lot.mine, keeper.holder if store.several else "", settings.general.lease)
        courier = Courier(store, desk, settings.ways, channels, sources, Buckets(part=lot.part), share)
        gateways = build_gateways(settings, desk, session)
        hooks = {path: hook for gateway in gateways.values() for path, hook in gateway.hooks.items()}
        secret, public_url = settings.general.secret.encode(), settings.server.public_url
        page = Page(desk, secret, public_url) if public_url and "web" in settings.general.roles else None
        loops = tuple(Loop(source, desk) for source in sources.values()) if "poll" in settings.general.roles else ()
        pushed = build_hooks(settings, desk, loops) if "web" in settings.general.roles else None
        box = Letterbox(desk, settings.server.alerts_per_hour)
        asker = Asker(store, settings.ways, channels, box.take)
        inbound = build_inbound(settings, box, asker) if "web" in settings.general.roles else None
        return cls(
            settings=settings,
            store=store,
            desk=desk,
            courier=courier,
            loops=loops,
            sources=sources,
            channels=channels,
            session=session,
            gateways=gateways,
            server=Server(settings.server, desk, hooks, page, pushed, inbound, api="web" in settings.general.roles),
            asker=asker,
            watch=build_watch(settings, store, desk, channels, courier, loops, keeper, lot),
            keeper=keeper,
        )

    async def go(self) -> None:
        self.desk.reasons = self._reasons
        self.desk.deaf = self._deaf
        self.desk.reads = [loop.name for loop in self.loops]
        general = self.settings.general
        lanes = tuple(self.settings.ways) if "courier" in general.roles else ()
        self.keeper.say = lambda: {"roles": general.roles, "lanes": lanes, "ears": self._ears()}
        self.watch.start()
        await self.desk.adopt()
        await self.server.start()
        self._task(self._beat(self.desk.measure), "measure")
        if self.store.several:
            self.desk.patience = self.settings.general.lease * 2  # so long a take-over may last
            for loop in self.loops:
                loop.hints.look_s = LOOK_ACROSS_S
            self._task(self.keeper.run(), "leases")
        if {"courier", "poll"} & set(self.settings.general.roles):
            self._task(self.courier.run(), "courier")
        for gateway in self.gateways.values():
            await gateway.start()
            if gateway.alone is not None:
                self._alone(gateway.alone.lease, gateway.alone.listen)
        for loop in self.loops:
            self._alone(SOURCE_LANE + loop.name, partial(loop.run, self.stopping))
        if "poll" in self.settings.general.roles:
            self._alone("timers", self._keep_time)
        if "courier" in self.settings.general.roles and self.asker.asks:
            self._alone("asks", lambda held: self.asker.run(self.stopping, held))
        for name, work in self.watch.work(self.settings.general.zone):
            self._task(work, name)
        self.watch.ready(f"{len(self.sources)} sources, {len(self.settings.destinations)} rooms")
        log.info("started", sources=list(self.sources), destinations=list(self.settings.destinations))

    def _alone(self, lease: str, work: Callable[[Held], Awaitable[None]]) -> None:
        """What one instance does at a time, while it is this one."""
        self._task(self.keeper.while_held(lease, work), lease)

    def _task(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self.tasks.append(task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """No part may end while the daemon runs; one that does is our fault, and a supervisor must start us anew."""
        if self.stopping.is_set() or task.cancelled():
            return
        log.error("part_ended", part=task.get_name(), error=repr(task.exception()))
        self.stopping.set()

    async def _beat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Each tick, until the end. Only wakes work up; what is due stands in the database."""

        async def wake() -> None:
            try:
                await work()
            except LeaseLost:
                log.info("another_instance_keeps_time")
            except Exception:
                log.exception("tick_failed")

        await beat(self.settings.general.tick, wake, self.stopping)

    async def _keep_time(self, held: Held) -> None:
        self.desk.begin_watch()
        await self._beat(lambda: self.desk.tick(held.guard))

    def _reasons(self) -> Sequence[str]:
        """What is wrong with this instance's own part."""
        troubles = [*self._ears().values(), self.keeper.trouble]
        return [*filter(None, troubles), *self.courier.troubles(), *self.watch.emergency.reasons]

    def _ears(self) -> Mapping[str, str]:
        """The chats that this instance listens to now, and why it hears nobody there, if so."""
        listening = (
            (name, gateway)
            for name, gateway in self.gateways.items()
            if gateway.alone is None or self.keeper.holds(gateway.alone.lease)
        )
        return {name: gateway.trouble for name, gateway in listening}

    def _deaf(self) -> Mapping[str, str]:
        """The chats in which nobody can answer us just now, through any instance, and why."""
        views = [self._ears(), *(said["ears"] for said in self.keeper.others.values())]
        heard = {chat: [view[chat] for view in views if chat in view] for chat in self.settings.chats}
        return {chat: (why or ["no instance listens there"])[0] for chat, why in heard.items() if all(why)}

    async def stop(self) -> None:
        """Ends everything in the order in which nothing is lost: inputs, the outbox, the connections, the database."""
        self.stopping.set()
        self.watch.stopping("letting what is under way arrive")
        for name, gateway in self.gateways.items():
            await _within(STEP_S, gateway.close, f"{name} gateway")
        await _within(DRAIN_S + 1, lambda: self.courier.drain(DRAIN_S), "courier")
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await _within(STEP_S, self.keeper.close, "leases")
        await _within(STEP_S, self.server.stop, "server")
        parts: list[Channel | Source] = [*self.channels.values(), *self.sources.values()]
        for part in parts:
            await _within(STEP_S, part.close, type(part).__name__)
        await _within(STEP_S, self.session.close, "session")
        await _within(STEP_S, self._tell_what_is_left, "outbox")
        self.store.close()
        await _within(STEP_S, self.watch.close, "watch")

    async def _tell_what_is_left(self) -> None:
        """What a stop could not deliver waits in the outbox for the next start."""
        left = await self.pending()
        self.watch.stopping(f"stopped; {left} pieces of work wait for the next start")
        tell = log.warning if left else log.info
        tell("stopped", left_in_the_outbox=left)

    # ------------------------------------------------------------ what the demo and tests ask

    async def pending(self) -> int:
        """How many pieces of work wait or are under way."""
        counts = await self.store.read(lambda reader: reader.count_outbox())
        return counts.get("waiting", 0) + counts.get("claimed", 0)

    async def count_alerts(self) -> int:
        return await self.store.read(lambda reader: reader.count_alerts(tuple(Status)))

    async def verify_audit(self) -> tuple[bool, int]:
        verdict = await asyncio.to_thread(self.store.verify)
        return verdict.ok, verdict.count


async def _within(seconds: float, close: Callable[[], Awaitable[Any]], name: str) -> None:
    """A part that will not close is left behind: a stop must end."""
    try:
        async with asyncio.timeout(seconds):
            await close()
    except TimeoutError:
        log.warning("close_timed_out", part=name)
    except Exception:
        log.exception("close_failed", part=name)


async def _tell_without_us(settings: Settings, text: str) -> None:
    """Tells the rooms what no running daemon can."""

    async def nobody(_platform: str, _person: str) -> str | None:
        return None

    channels = build_channels(settings, nobody)
    await tell_once(settings.watch, settings.destinations, channels, text)
    for name, channel in channels.items():
        await _within(STEP_S, channel.close, name)


def tune() -> None:
    """For a process that is a daemon and nothing else, once it has started."""
    # The writer's thread gets its turn sooner while the loop is busy: a lone commit's p99 fell from 60 to 5 ms.
    sys.setswitchinterval(0.0005)
    # Four SDKs are a lot to look through: a full collection would stop the loop for 100 ms.
    gc.collect()
    gc.freeze()


async def serve(settings: Settings) -> int:
    """Runs until a signal says stop, or a part of ours ends by itself (exit status 1, for a supervisor to see)."""
    logs.set_up(settings.general.log_level)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, told.set)
    try:
        daemon = await Daemon.start(settings)
    except (Damaged, SchemaError) as error:  # nobody starts us again after these, so that this is told once
        await _tell_without_us(settings, f"can't start. {error}")
        raise
    tune()
    waits = [asyncio.create_task(told.wait()), asyncio.create_task(daemon.stopping.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await daemon.stop()
    return 0 if told.is_set() else 1
