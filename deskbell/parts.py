"""The parts of a daemon, each as the configuration asks for it: the database, sources, channels, ways in, the watch."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bot.catalog import GATEWAYS
from bot.commands import Commands
from bot.inbound import Inbound
from bot.letterbox import Letterbox
from bot.page import linker
from bot.ports import Gateway
from bot.source_hooks import SourceHooks
from channels.catalog import CHANNELS
from channels.common import Back, SubjectOf, nobody_of_ours
from channels.engine import VendorChannel
from deskbell.config import Settings
from deskbell.core import links as core_links
from deskbell.core.ports import Channel, Source
from deskbell.core.store import Memory
from deskbell.courier import SOURCE_LANE, Asker, Courier
from deskbell.desk import Desk
from deskbell.instance import Keeper
from deskbell.net.clock import wall
from deskbell.net.published import Published
from deskbell.watch import Pulse, Watch
from pollers import catalog as sources_catalog
from pollers.loop import Loop
from storage.backend import head_beside
from storage.store import SqlStore

AccountOf = Callable[[str, str], Awaitable[str | None]]  # platform, person id -> the person's account there

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


def build_channels(
    settings: Settings,
    account_of: AccountOf,
    session: Any = None,
    memory: Memory | None = None,
    subject_of: SubjectOf = nobody_of_ours,
) -> dict[str, Channel]:
    """One channel for each platform that a destination names; an SDK is imported only for these.

    `session`: connections that the chats' ways in and out share; `subject_of`: whom an alert is about.
    """
    names = {person.id: person.name for person in settings.house.people.values()}
    channels: dict[str, Channel] = {}
    for platform in {d.platform for d in settings.ways.values()}:
        known, links = partial(account_of, platform), page_links(settings)
        if (setting := settings.channels.get(platform)) is not None:
            back = Back(personal_links(settings), setting.hook_address, setting.hears, subject_of)
            channels[platform] = VendorChannel(platform, setting.service, setting.conf, known, names, links, back)
            continue
        make = CHANNELS[platform].load()
        if platform in settings.chats:
            channels[platform] = make(settings.chats[platform], known, names, session, memory)
        elif platform == "workflows":
            channels[platform] = make(links, partial(account_of, "teams"), names)
        else:
            channels[platform] = make()
    return channels


class Lot:
    """Which lanes of the outbox fall to this instance, by what the living ones say of themselves."""

    def __init__(self, settings: Settings, keeper: Keeper) -> None:
        self._settings, self._keeper = settings, keeper
        self._parts: dict[str, float] = {}
        self._others: object = None  # as of whom the parts were counted

    def mine(self, lane: str) -> bool:
        """Whether this instance works a lane, now.

        A source is written to by who reads it: they share its limits, and what was written there is remembered by the
        poll. A room that only another instance knows, because its configuration is newer, is left to that one.
        """
        keeper = self._keeper
        if lane.startswith(SOURCE_LANE):
            known = lane.removeprefix(SOURCE_LANE) in self._settings.sources
            return keeper.holds(lane) or not (known or keeper.others)
        if "courier" not in self._settings.general.roles:
            return False
        if lane not in self._settings.ways:
            return not keeper.others
        # The same in each instance, so that they share the lanes without a word about it.
        couriers = [name for name, said in keeper.others.items() if lane in said.get("lanes", ())]
        return all(_draw(keeper.holder, lane) > _draw(other, lane) for other in couriers)

    def part(self, account: str) -> float:
        """How much of a chat account's limits is ours: as much as we have of its rooms. The others have the rest."""
        if self._others is not self._keeper.others:
            self._others, self._parts = self._keeper.others, {}
        if account not in self._parts:
            rooms = [room for room, where in self._settings.ways.items() if where.platform == account]
            self._parts[account] = sum(map(self.mine, rooms)) / len(rooms) if rooms else 1.0
        return self._parts[account]


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
    lot: Lot,
) -> Watch:
    async def due() -> Collection[str]:
        """What is this instance's to carry: not what another one works now."""
        now = wall()
        found, _ = await store.read(lambda reader: reader.work_due(now))
        leases = await store.read(lambda reader: reader.leases())
        theirs = {lease.name for lease in leases if lease.holder != keeper.holder and lease.until > now}
        return [lane for lane in found if lot.mine(lane) and f"lane:{lane}" not in theirs]

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


def personal_links(settings: Settings) -> Callable[[str], tuple[str, str]]:
    """From a message's name to the address of its own link, and to the two digits that belong to it."""
    secret, url = settings.general.secret.encode(), settings.server.public_url.rstrip("/")

    def link(name: str) -> tuple[str, str]:
        if not url or not name:
            return "", ""
        token = core_links.token_of(secret, name)
        return url + core_links.PATH + token, core_links.code_of(secret, token)

    return link


def build_inbound(settings: Settings, box: Letterbox, asker: Asker) -> Inbound:
    """Where vendors call us."""
    ears = {name: setting.ear for name, setting in settings.channels.items() if setting.ear is not None}
    return Inbound(ears, box, Published(), asker.poke)


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


def verifier(store: SqlStore) -> Callable[[], Awaitable[tuple[bool, int]]]:
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
