"""The real desk on a real database, without chats or sources: time is an argument here."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deskbell.core.access import Person, Role
from deskbell.core.outcome import Outcome
from deskbell.core.policy import Level, Policy
from deskbell.core.ports import Claim, Destination, Interaction, Page, Settlement
from deskbell.core.records import Visit, VisitStatus
from deskbell.core.route import Route
from deskbell.desk import Desk, House, SourceFacts
from deskbell.net.clock import Clock
from storage.store import SqlStore

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PEOPLE = {
    "ana": Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER})),
    "ben": Person("ben", "Ben Okafor", roles=frozenset({Role.ONCALL})),
    "carla": Person("carla", "Carla Weiss", roles=frozenset({Role.MANAGER})),
}
LADDER = (
    Level(timedelta(0), ("room", "person:ana")),
    Level(5 * MINUTE, ("room", "person:ben")),
    Level(15 * MINUTE, ("room", "person:carla")),
)


def house(**changes: Any) -> House:
    room = Destination("room", "slack", "C1")
    spare = Destination("spare", "webhook", "http://127.0.0.1:1/")
    settings: dict[str, Any] = {
        "people": PEOPLE,
        "policies": {"dispatch": Policy("dispatch", LADDER, repeat=1)},
        "routes": (Route(("room",)),),
        "destinations": {"room": room, "spare": spare},
        "sources": {"fs": SourceFacts("Field service", timedelta(seconds=30), writes=True)},
    }
    return House(b"s" * 32, **(settings | changes))


class Bench:
    """A desk whose clock is turned by hand, with the moves that tests make over and over."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.now, self.folder, self._count = START, folder, 0
        self.store = SqlStore.open(f"sqlite:///{folder}/desk.db", audit_key=b"k" * 32, clock=lambda: self.now)
        self.sources: dict[str, Any] = {}
        self.sit(**changes)

    def sit(self, **changes: Any) -> None:
        """A (new) desk on the same database, as after a restart."""
        clock = Clock(lambda: self.now, lambda: self.now.timestamp())  # noqa: PLW0108 - the clock is turned
        self.desk = Desk(self.store, house(**changes), clock, self.sources, self._verify)

    async def _verify(self) -> tuple[bool, int]:
        verdict = self.store.verify()
        return verdict.ok, verdict.count

    async def people(self) -> None:
        for person in PEOPLE:
            await self.desk.link("slack", person.upper(), person)

    def visit(self, **more: Any) -> Visit:
        values: dict[str, Any] = {"technician": "Marco", "technician_id": "1", "start": self.now - 35 * MINUTE} | more
        return Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, updated_at=self.now, **values)

    async def read(self, *visits: Visit, complete: bool = True) -> None:
        await self.desk.observe(Page("fs", visits, {"at": self.now.isoformat()}, complete=complete))

    async def late(self, **more: Any) -> Any:
        """A technician is 35 minutes late: P2, seen after the first sweep."""
        await self.read()
        await self.read(self.visit(**more))
        return self.alert(1)

    def alert(self, number: int) -> Any:
        return self.store.read_now(lambda reader: reader.alert(number))

    async def say(self, who: str, verb: str, ref: str = "1", **args: Any) -> Any:
        self._count += 1
        key = f"k{self._count}"
        return await self.desk.act(Interaction(key, "slack", who.upper(), verb, ref=ref, args=args, kind="command"))

    async def tap(self, who: str, button: Any, **args: Any) -> Any:
        self._count += 1
        said = Interaction(f"k{self._count}", "slack", who.upper(), button.verb, button.token, args=args, room="C1")
        return await self.desk.act(said)

    async def buttons(self, number: int = 1) -> Mapping[str, Any]:
        card = await self.desk.card(self.alert(number))
        return {button.verb: button for button in card.buttons}

    def claim(self, destination: str = "room") -> list[Claim]:
        lease = timedelta(seconds=60)
        return self.store.write_now(lambda uow: uow.claim(destination, self.now, lease, 50))

    async def settle_all(self, outcome: Callable[[Claim], Outcome] | Outcome, destination: str = "room") -> list[Claim]:
        claims = self.claim(destination)
        for claim in claims:
            said = outcome(claim) if callable(outcome) else outcome
            await self.desk.settle_all([Settlement(claim, said, getattr(claim.work, "wanted", 0))])
        return claims

    def outbox(self) -> list[Any]:
        return self.store.read_now(lambda reader: reader.outbox(limit=500))

    def rung(self) -> list[str]:
        """Everybody who was to be rung so far, by whichever note."""
        rows = self.store.read_now(lambda reader: reader.audit_rows(0, 10_000))
        return [str(row.entry.data.get("said", "")) for row in rows]

    async def passes(self, span: timedelta) -> None:
        self.now += span
        await self.desk.tick()

    def close(self) -> None:
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()
