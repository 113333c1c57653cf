"""The real desk on a real database, with clocks that are turned by hand. Chats are not there: what is to be sent is
taken from the outbox, as the courier takes it."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deskbell.clockproof.oracle import Ring
from deskbell.core.access import Person, Role
from deskbell.core.alert import Severity, Verb
from deskbell.core.duty import HANDOVER
from deskbell.core.outcome import Sent
from deskbell.core.policy import Policy
from deskbell.core.ports import Destination, Interaction, Settlement
from deskbell.core.rota import Rota
from deskbell.core.route import Route
from deskbell.desk import Desk, House, SourceFacts
from deskbell.net.clock import Clock
from storage.store import SqlStore

SOURCE, ROOM, CHAT = "clock", "room", "slack"
_KEY = b"k" * 32
_LEASE = timedelta(seconds=60)


class Hands:
    """The true time, and what the machine's two clocks say."""

    def __init__(self, begin: float) -> None:
        self.true, self.off, self.ticks = begin, 0.0, 0.0

    def wall(self) -> datetime:
        return _moment(self.true + self.off)

    def monotonic(self) -> float:
        return self.ticks

    def passes(self, seconds: float) -> None:
        self.true += seconds
        self.ticks += seconds

    def sleeps(self, seconds: float) -> None:
        self.true += seconds

    def date(self) -> datetime:
        """As a source's Date header has it: whole seconds."""
        return _moment(float(int(self.true)))


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


class Stage:
    """One scene's database and desk. `rang`: who was rung, and when in true time, by the title of the alert."""

    def __init__(self, blank: Path, name: str, hands: Hands, policy: Policy, rotas: Mapping[str, Rota]) -> None:
        self.hands, self.rang = hands, dict[str, list[Ring]]()
        self._told: dict[str, set[str]] = {}  # the steps of each alert that were told in an earlier tick
        path = shutil.copy(blank, blank.with_name(f"{name}.db"))
        self.store = open_store(Path(path), hands)
        people = sorted({target.partition(":")[2] for level in policy.every_level for target in level.targets})
        named = {*people, *(person for rota in rotas.values() for person in rota.people)} - {"", *rotas}
        self.house = House(
            b"s" * 32,
            people={one: Person(one, one.title(), roles=frozenset({Role.ONCALL})) for one in named},
            policies={"dispatch": policy},
            rotas=rotas,
            routes=(Route((ROOM,)),),
            destinations={ROOM: Destination(ROOM, CHAT, "C1")},
            sources={SOURCE: SourceFacts("Clock", timedelta(seconds=2))},
        )
        self.start()

    def start(self) -> None:
        """The process is there (again)."""
        clock = Clock(self.hands.wall, self.hands.monotonic)
        self.desk = Desk(self.store, self.house, clock, {}, _whole)

    async def meet(self) -> None:
        """Everybody is known in the chat."""
        for person in self.house.people:
            await self.desk.link(CHAT, person.upper(), person)

    async def raise_alert(self, title: str) -> None:
        words = {"title": title, "text": "", "severity": Severity.P2, "team": "", "subject": ""}
        await self.desk.raise_manual(caller="proof", person=None, idempotency_key=title, **words)  # type: ignore[arg-type]

    async def poll(self) -> None:
        """The source is read, and its Date header with it."""
        await self.desk.source_read(SOURCE, (self.hands.date() - self.hands.wall()).total_seconds())

    async def tick(self) -> None:
        await self.desk.tick()
        await self._take_over()
        now, told = self.desk.now(), dict[str, set[str]]()
        while self.store.read_now(lambda reader: reader.work_due(now))[0]:
            await self._send(now, told)
        for title, steps in told.items():
            self._told.setdefault(title, set()).update(steps)

    async def _take_over(self) -> None:
        """Whose shift begins accepts at once, so that nobody else is rung beside them."""
        for alert in self.store.read_now(lambda reader: reader.alerts(rule=HANDOVER)):
            key, account = f"accept {alert.id}", alert.assignee.upper()
            await self.desk.act(Interaction(key, CHAT, account, Verb.ACK, ref=alert.ref, kind="command"))

    async def _send(self, now: datetime, told: dict[str, set[str]]) -> None:
        """Sends what is due. A message about a step that was told before is no ring: it hands the alert over."""
        claims = self.store.write_now(lambda uow: uow.claim(ROOM, now, _LEASE, 50))
        for claim in claims:
            key = str(getattr(claim.work, "key", ""))
            if claim.alert is None or not key.startswith("direct:"):
                continue
            _, _, step, person = key.split(":")
            title = claim.alert.title
            if step not in self._told.get(title, ()):
                self.rang.setdefault(title, []).append((self.hands.true, person))
                told.setdefault(title, set()).add(step)
        shown = (Settlement(claim, Sent({"ts": "1"}), getattr(claim.work, "wanted", 0)) for claim in claims)
        await self.desk.settle_all(list(shown))

    def close(self) -> None:
        self.store.close()


def open_store(path: Path, hands: Hands) -> SqlStore:
    return SqlStore.open(f"sqlite:///{path}", audit_key=_KEY, clock=hands.wall)


async def _whole() -> tuple[bool, int]:
    return True, 0
