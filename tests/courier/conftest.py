"""The real courier and desk on each database; the chat is a few lines, so that a test decides when it answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Severity
from deskbell.core.outcome import Outcome, Sent
from deskbell.core.ports import Destination, Dispatch, DispatchKind, Lane, Limit
from deskbell.core.route import Route
from deskbell.core.store import UnitOfWork
from deskbell.courier import Courier, Share
from deskbell.desk import Desk, House
from deskbell.net.clock import Clock, wall
from deskbell.net.limits import Buckets
from deskbell.torture import postgres
from storage.store import SqlStore

ROOMS = {name: Destination(name, name.split("_")[0], f"address of {name}") for name in ("chat", "chat_b", "radio")}
WAIT_S = 10.0


class Chat:
    """A platform that takes cards and notes. `answer` says what becomes of one; `open` lets answers out."""

    edits = True

    def __init__(self, platform: str, limits: Sequence[Limit] = ()) -> None:
        self.platform, self.limits = platform, limits
        self.said: list[tuple[str, str, str]] = []  # what began, to which room, about which alert
        self.shown: list[str] = []
        self.looked_for: list[str] = []
        self.under_way = self.most = 0
        self.open = asyncio.Event()
        self.open.set()
        self.answer: Callable[[str, str, str], Outcome] = lambda *_: Sent({"id": str(len(self.said))})

    async def _say(self, what: str, room: str, ref: str) -> Outcome:
        self.said.append((what, room, ref))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            await self.open.wait()
        finally:
            self.under_way -= 1
        return self.answer(what, room, ref)

    async def post(self, to: Destination, card: Any, identity: Any) -> Outcome:
        self.shown.append(card.summary)
        return await self._say("post", to.name, identity.alert_ref)

    async def edit(self, to: Destination, ref: Any, card: Any, identity: Any) -> Outcome:
        return await self._say("edit", to.name, identity.alert_ref)

    async def note(self, to: Destination, thread: Any, note: Any, identity: Any) -> Outcome:
        return await self._say("note", to.name, identity.alert_ref)

    async def find(self, to: Destination, identity: Any, since: datetime, thread: Any) -> Any:
        self.looked_for.append(identity.alert_ref)
        return None

    async def check(self, destinations: Any) -> Any:
        return []

    async def close(self) -> None:
        """Nothing to close."""


class Office:
    """One instance: a store, a desk, a courier and its chats. Several may be on one database."""

    def __init__(self, url: str, folder: Path, share: Share | None, **limits: Sequence[Limit]) -> None:
        self.store = SqlStore.open(url, audit_key=b"k" * 32, clock=wall)
        house = House(
            b"s" * 32,
            people={"ana": Person("ana", "Ana Ruiz")},
            policies={},
            routes=(Route(("chat",)),),
            destinations=ROOMS,
            sources={},
        )
        self.desk = Desk(self.store, house, Clock(), {}, self._verify)
        self.chats = {name: Chat(name, limits.get(name, ())) for name in ("chat", "radio")}
        self.courier = Courier(self.store, self.desk, ROOMS, self.chats, {}, Buckets(), share)
        self.task: asyncio.Task[None] | None = None

    async def _verify(self) -> tuple[bool, int]:
        verdict = self.store.verify()
        return verdict.ok, verdict.count

    def go(self) -> None:
        self.task = asyncio.create_task(self.courier.run())

    async def raised(self, *numbers: int, rooms: Sequence[str] = ("chat",), severity: Severity = Severity.P2) -> None:
        def change(uow: UnitOfWork) -> None:
            for number in numbers:
                self._raise(uow, number, rooms, severity)

        await self.store.write(change)

    def _raise(self, uow: UnitOfWork, number: int, rooms: Sequence[str], severity: Severity) -> None:
        now = self.desk.now()
        words = {"title": "Technician late", "summary": f"alert {number}", "subject": f"J-{number}"}
        alert = uow.insert_alert(
            Alert(f"k{number}", "late", "", "", severity=severity, opened_at=now, updated_at=now, **words)
        )
        for room in rooms:
            uow.want_post(alert.id, room, Lane.PAGE, severity, now)

    async def told(self, alert_id: int, *keys: str, room: str = "chat", **payload: Any) -> None:
        def change(uow: UnitOfWork) -> None:
            for key in keys:
                note = Dispatch(key, room, DispatchKind.NOTE, {"text": key} | payload, alert_id)
                uow.add_dispatch(note, Severity.P3, self.desk.now())

        await self.store.write(change)

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not true():
                await asyncio.sleep(0.005)

    async def until_idle(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while (left := await self.store.read(lambda r: r.count_outbox()))["waiting"] or left["claimed"]:
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        for chat in self.chats.values():
            chat.open.set()
        await self.courier.drain(5.0)
        if self.task:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task
        await asyncio.to_thread(self.store.close)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/deskbell.db"
        return
    try:
        postgres.server()
    except postgres.Unavailable as why:
        pytest.skip(str(why))
    with postgres.database() as found:
        yield found


@pytest.fixture
async def found(url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Office]]:
    """Founds offices on the database."""
    offices: list[Office] = []

    def make(holder: str = "one", ttl: timedelta = timedelta(seconds=10), **limits: Sequence[Limit]) -> Office:
        offices.append(Office(url, tmp_path, Share(holder=holder, ttl=ttl), **limits))
        return offices[-1]

    yield make
    for office in offices:
        await office.close()
