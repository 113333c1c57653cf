"""The composition root: everything is built and wired here, in reading order, and taken down in the reverse order."""

import asyncio
import contextlib
import gc
import hashlib
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.catalog import GATEWAYS
from bot.commands import Commands
from bot.page import Page, linker
from bot.ports import Gateway
from bot.server import Server
from bot.source_hooks import SourceHooks
from channels.catalog import CHANNELS
from deskbell.config import Settings
from deskbell.core.alert import Status
from deskbell.core.ports import Channel, Source
from deskbell.core.store import LeaseLost, Memory
from deskbell.courier import SOURCE_LANE, Courier, Share
from deskbell.desk import Desk
from deskbell.instance import Held, Keeper
from deskbell.net import logs
from deskbell.net.clock import Clock, wall
from deskbell.net.limits import Buckets
from deskbell.net.session import open_session
from deskbell.watch import LastKnown, Pulse, Watch, tell_once
from pollers import catalog as sources_catalog
from pollers.hints import LOOK_ACROSS_S
from pollers.loop import Loop
from storage.backend import head_beside
from storage.errors import Damaged, SchemaError
from storage.store import SqlStore

log = structlog.get_logger("deskbell.daemon")
AccountOf = Callable[[str, str], Awaitable[str | None]]  # platform, person id -> the person's account there

DRAIN_S = 10.0  # how long a stop waits for what is under way
STEP_S = 5.0  # how long any one part may take to close
VERIFY_AGAIN_S = 3.0  # an answer about the whole audit chain serves this long


def open_store(settings: Settings) -> SqlStore:
    """The database of this configuration. Raises StorageError, with what to do, when it can't be used."""
    return SqlStore.open(settings.database, audit_key=audit_key(settings), head_file=head_file(settings), clock=wall)


def head_file(settings: Settings) -> Path:
    """The audit's head, kept outside the database: without it a cut-off tail would go unseen."""
    return Path(settings.general.head_file) if settings.general.head_file else head_beside(settings.database)


def audit_key(settings: Settings) -> bytes:
    return settings.general.secret.encode()


def build_sources(settings: Settings) -> dict[str, Source]:
    return {name: sources_catalog.build(setting.kind, setting.conf) for name, setting in settings.sources.items()}


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
    scheduler: AsyncIOScheduler
    watch: Watch
    keeper: Keeper
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
        desk = Desk(store, settings.house, Clock(), sources, _verifier(store))
        session = open_session()
        channels = build_channels(settings, desk.account_of, session, LastKnown(desk))
        keeper = Keeper(store, several=store.several, ttl=settings.general.lease)
        works = partial(_works, settings, keeper)
        share = Share(works, keeper.holder if store.several else "", settings.general.lease)
        courier = Courier(store, desk, settings.destinations, channels, sources, Buckets(), share)
        gateways = build_gateways(settings, desk, session)
        hooks = {path: hook for gateway in gateways.values() for path, hook in gateway.hooks.items()}
        secret, public_url = settings.general.secret.encode(), settings.server.public_url
        page = Page(desk, secret, public_url) if public_url and "web" in settings.general.roles else None
        loops = tuple(Loop(source, desk) for source in sources.values()) if "poll" in settings.general.roles else ()
        pushed = build_hooks(settings, desk, loops) if "web" in settings.general.roles else None
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
            server=Server(settings.server, desk, hooks, page, pushed, api="web" in settings.general.roles),
            scheduler=AsyncIOScheduler(timezone=UTC),
            watch=build_watch(settings, store, desk, channels, courier, loops, keeper),
            keeper=keeper,
        )

    async def go(self) -> None:
        self.desk.reasons = self._reasons
        self.desk.deaf = self._deaf
        self.desk.reads = [loop.name for loop in self.loops]
        general = self.settings.general
        lanes = tuple(self.settings.destinations) if "courier" in general.roles else ()
        self.keeper.say = lambda: {"roles": general.roles, "lanes": lanes, "ears": self._ears()}
        self.watch.start()
        await self.desk.adopt()
        await self.server.start()
        self.scheduler.start()
        self._every_tick(self.desk.measure)
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

    def _every_tick(self, work: Callable[[], Awaitable[None]]) -> Job:
        """APScheduler only wakes work up; what is due stands in the database."""

        async def wake() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                if not self.stopping.is_set():  # the scheduler cancels what runs when it is shut down
                    raise
            except LeaseLost:
                log.info("another_instance_keeps_time")
            except Exception:
                log.exception("tick_failed")

        seconds = self.settings.general.tick.total_seconds()
        more = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None, "next_run_time": wall()}
        return self.scheduler.add_job(wake, "interval", seconds=seconds, **more)

    async def _keep_time(self, held: Held) -> None:
        self.desk.begin_watch()
        job = self._every_tick(lambda: self.desk.tick(held.guard))
        try:
            await self.stopping.wait()
        finally:
            with contextlib.suppress(JobLookupError):  # a scheduler that was shut down knows none
                job.remove()

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
        if self.scheduler.running:
            self.scheduler.shutdown(wait=False)
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


def build_channels(
    settings: Settings, account_of: AccountOf, session: Any = None, memory: Memory | None = None
) -> dict[str, Channel]:
    """One channel for each platform that a destination names; an SDK is imported only for these.

    `session`: connections that the chats' ways in and out share.
    """
    names = {person.id: person.name for person in settings.house.people.values()}
    channels: dict[str, Channel] = {}
    for platform in {d.platform for d in settings.destinations.values()}:
        make = CHANNELS[platform].load()
        if platform in settings.chats:
            known = partial(account_of, platform)
            channels[platform] = make(settings.chats[platform], known, names, session, memory)
        elif platform == "workflows":
            channels[platform] = make(page_links(settings), partial(account_of, "teams"), names)
        else:
            channels[platform] = make()
    return channels


def _works(settings: Settings, keeper: Keeper, lane: str) -> bool:
    """Whether this instance works a lane of the outbox, now.

    A source is written to by who reads it: they share its limits, and what was written there is remembered by the poll.
    A room that only another instance knows, because its configuration is newer, is left to that one.
    """
    if lane.startswith(SOURCE_LANE):
        return keeper.holds(lane) or not (lane.removeprefix(SOURCE_LANE) in settings.sources or keeper.others)
    if "courier" not in settings.general.roles or not (lane in settings.destinations or not keeper.others):
        return False
    # The same in each instance, so that they share the lanes without a word about it.
    couriers = [name for name, said in keeper.others.items() if lane in said.get("lanes", ())]
    return all(_draw(keeper.holder, lane) > _draw(other, lane) for other in couriers)


def _draw(holder: str, lane: str) -> bytes:
    return hashlib.blake2b(f"{holder} {lane}".encode(), digest_size=8).digest()


def build_watch(
    settings: Settings,
    store: SqlStore,
    desk: Desk,
    channels: Mapping[str, Channel],
    courier: Courier,
    loops: Sequence[Loop],
    keeper: Keeper,
) -> Watch:
    async def due() -> Collection[str]:
        """What is this instance's to carry: not what another one works now."""
        now = wall()
        found, _ = await store.read(lambda reader: reader.work_due(now))
        leases = await store.read(lambda reader: reader.leases())
        theirs = {lease.name for lease in leases if lease.holder != keeper.holder and lease.until > now}
        return [lane for lane in found if _works(settings, keeper, lane) and f"lane:{lane}" not in theirs]

    async def check() -> Sequence[str]:
        await desk.verified()
        return await asyncio.to_thread(store.wrong_with_it)

    def back() -> None:
        """What could not be kept is read again at once, however long the pauses have become."""
        for loop in loops:
            loop.poke()

    pulse = Pulse(loops, due, lambda: courier.carried)
    return Watch(settings.watch, store, settings.destinations, channels, pulse, check, wall, back)


def page_links(settings: Settings) -> Callable[[str], str]:
    """From an alert's ref to the address of its page; "" where people's browsers can't reach us."""
    return linker(settings.general.secret.encode(), settings.server.public_url)


def build_gateways(settings: Settings, desk: Desk, session: Any) -> dict[str, Gateway]:
    """One way in for each chat that is configured and that this instance's roles let in."""
    commands = Commands(desk)
    gateways: dict[str, Gateway] = {}
    for platform, conf in settings.chats.items():
        rooms = {d.name: d for d in settings.destinations.values() if d.platform == platform}
        gateway: Gateway = GATEWAYS[platform].load()(conf, desk, commands, session, desk, rooms)
        if ("web" if gateway.hooks else "bot") in settings.general.roles:
            gateways[platform] = gateway
    return gateways


def build_hooks(settings: Settings, desk: Desk, loops: Sequence[Loop]) -> SourceHooks:
    """Where sources tell what has changed. Whoever reads the source hears of it, here or in another instance."""
    here = {loop.name: loop for loop in loops}

    def told(source: str) -> None:
        if source in here:
            here[source].hints.told()

    return SourceHooks(settings.doors, desk, told)


def _verifier(store: SqlStore) -> Callable[[], Awaitable[tuple[bool, int]]]:
    """Verifies the whole chain in a thread, at most once in a few seconds however many ask."""
    loop_time = asyncio.get_running_loop().time
    last: dict[str, Any] = {"at": -VERIFY_AGAIN_S, "answer": (True, 0)}
    busy = asyncio.Lock()

    async def verify() -> tuple[bool, int]:
        async with busy:
            if loop_time() - last["at"] >= VERIFY_AGAIN_S:
                verdict = await asyncio.to_thread(store.verify)
                last["answer"] = (verdict.ok, verdict.count)
                last["at"] = loop_time()
        answer: tuple[bool, int] = last["answer"]
        return answer

    return verify


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
