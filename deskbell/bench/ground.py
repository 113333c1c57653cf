"""Where measures are taken: the sink, the sizes, a folder, and what several measures ask for alike."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

from deskbell.bench import made_up
from deskbell.bench.figures import Unmeasured
from deskbell.bench.house import CHATS, Desk, House, alert, desk
from deskbell.bench.machine import Program, running, unpinned
from deskbell.bench.wire import Broken, Line, Lines
from deskbell.torture import postgres as at_hand
from deskbell.torture.postgres import Unavailable

CONNECTIONS = 32
OURS, THEIRS = 0, 1  # the core of what is measured, and that of the sink and of whoever measures
WAIT_S = 60.0
ROUND_S = 0.6


@dataclass(slots=True)
class Ground:
    """`scale`: how much of the usual work is done; `rounds`: how many pairs give a ratio."""

    folder: Path
    sink: int
    lines: Lines
    rounds: int = 5
    scale: float = 1.0
    database: str = ""  # which one measures use that may use either: sqlite, postgres, or a PostgreSQL's URL
    say: Callable[[str], None] = lambda _words: None
    marks: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    seed: "Path | None" = None  # a database that a daemon has used, once somebody has asked for one
    cards: dict[str, tuple[Any, str]] = field(default_factory=dict)

    def size(self, usual: int, least: int = 1) -> int:
        return max(least, round(usual * self.scale))

    def some(self, count: int) -> range:
        """The numbers of so many alerts that there were never before."""
        first = next(self.marks)
        self.marks = itertools.count(first + count)
        return range(first, first + count)

    @property
    def on_sqlite(self) -> bool:
        return self.database in ("", "sqlite")

    @contextmanager
    def store(self) -> Iterator[str]:
        """The URL of a new database of the kind that was asked for. Raises Unavailable."""
        if self.on_sqlite:
            yield self.sqlite()
        else:
            with self.postgres() as url:
                yield url

    def sqlite(self) -> str:
        return f"sqlite:///{self.folder}/bench-{next(self.marks)}.db"

    @contextmanager
    def postgres(self) -> Iterator[str]:
        """The URL of a new database in the PostgreSQL that was named, or is at hand. Raises Unavailable."""
        if self.database == "sqlite":
            raise Unavailable("only SQLite was asked for")
        with unpinned():  # the server is nobody's: it may have both cores
            far = at_hand.Server(self.database, "--db") if "://" in self.database else at_hand.server()
        name = far.create()
        try:
            yield far.address(name)
        finally:
            far.drop(name)

    async def ask(self, what: str, **asked: Any) -> Any:
        return await self.lines.ask(f"/_sink/{what}", asked)

    async def doubled(self, numbers: range, chats: Sequence[str] = CHATS) -> int:
        """How many of their cards came more than once."""
        arrived: list[tuple[float, str, str, str, int]] = (await self.ask("arrived"))["arrived"]
        cards = [kind == "post" and number in numbers and vendor in chats for _, _, vendor, kind, number in arrived]
        return sum(cards) - len(numbers) * len(chats)

    async def until(self, numbers: range, chats: Sequence[str] = CHATS, kind: str = "post") -> float:
        """When the last of these alerts had been posted (or edited) in each of the chats. Raises Short."""
        asked = {"first": numbers[0], "count": len(numbers), "chats": list(chats), "kind": kind}
        said = await self.ask("wait", **asked, seconds=WAIT_S - 10)
        if said["missing"]:
            raise Short(f"{said['missing']} of {len(numbers) * len(chats)} messages never came ({kind})")
        return float(said["at"])


class Short(Unmeasured):
    """Something that was promised did not arrive: the figure would be a lie."""


@dataclass(frozen=True, slots=True)
class Run:
    """One round: so many alerts, from the first moment to the last arrival."""

    alerts: int
    seconds: float
    cpu_us: float
    doubled: int = 0

    @property
    def per_second(self) -> float:
        return self.alerts / self.seconds


@asynccontextmanager
async def warm(ground: Ground, house: House, *, core: int | None = OURS) -> AsyncIterator[Desk]:
    """A daemon that has had its first alerts, so that nothing that happens but once is measured."""
    with desk(house, ground.folder, core=core) as ours:
        await ours.ready()
        await ground.ask("read", who=house.who, seconds=WAIT_S - 10)  # news ring after the first sweep
        await ground.ask("reset")
        first = ground.some(20)
        await flood([ours.port], first, "four")
        await ground.until(first, house.rooms)
        if not ground.cards:
            ground.cards |= _as_templates(await ground.ask("last"))
        yield ours


def _as_templates(last: dict[str, str]) -> dict[str, tuple[Any, str]]:
    """Our own cards, for the floor to send: it does the same work on the wire."""
    out = {}
    for chat in CHATS:
        body = last[chat]
        card = orjson.loads(body) if body.startswith("{") else dict(parse_qsl(body))
        at = body.index("N0000")
        out[chat] = (card, body[at : at + 9])
    return out


async def flood(ports: Sequence[int], numbers: Sequence[int], team: str, connections: int = CONNECTIONS) -> None:
    """All of these alerts as fast as they are taken, over some connections."""
    await hurl(ports, numbers, partial(alert, team=team), connections)


async def hurl(
    ports: Sequence[int], numbers: Sequence[int], say: Callable[[int], bytes], connections: int = CONNECTIONS
) -> None:
    """The same with whatever is said of each; every answer must be a yes."""
    waiting = iter(numbers)

    async def some(port: int) -> None:
        line = await Line.to(port)
        for number in waiting:
            line = await Line.to(port) if line.ended else line
            status, body = await line.send(say(number))
            if status >= 300:
                raise Broken(f"alert {number}: {status} {body[:200]!r}")
        line.close()

    await asyncio.gather(*(some(ports[n % len(ports)]) for n in range(connections)))


async def steady(rate: float, numbers: Sequence[int], act: Callable[[int], Awaitable[object]]) -> dict[int, float]:
    """Acts so many times a second whatever the answers take (an open loop); when each was due, by its number."""
    begun = time.monotonic() + 0.05
    due = {number: begun + n / rate for n, number in enumerate(numbers)}
    tasks = []
    for number, at in due.items():
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        tasks.append(asyncio.ensure_future(act(number)))
    await asyncio.gather(*tasks)
    return due


async def webhooks(
    ground: Ground, ours: Sequence[Program], ports: Sequence[int], chats: Sequence[str], count: int
) -> Run:
    """Alerts over HTTP to one or several, until the last message of theirs has arrived."""
    team = "four" if len(chats) == len(CHATS) else "slack"
    return await hurled(ground, ours, ports, chats, partial(alert, team=team), count)


async def hurled(
    ground: Ground,
    ours: Sequence[Program],
    ports: Sequence[int],
    chats: Sequence[str],
    say: Callable[[int], bytes],
    count: int,
) -> Run:
    await ground.ask("reset")
    numbers = ground.some(count)
    before, begun = _used(ours), time.monotonic()
    await hurl(ports, numbers, say)
    ended = await ground.until(numbers, chats)
    used = _used(ours) - before
    return Run(count, ended - begun, used / count, await ground.doubled(numbers, chats))


async def polled(ground: Ground, ours: Program, who: str, count: int) -> Run:
    """Alerts that wait in the source, from the first page that is read."""
    await ground.ask("reset")
    numbers = ground.some(count)
    before = ours.cpu_us()
    await ground.ask("lay", who=who, first=numbers[0], count=count)
    ended = await ground.until(numbers)
    begun = (await ground.ask("first_read", who=who))["at"]
    used = ours.cpu_us() - before
    doubled = await ground.doubled(numbers)
    await ground.ask("reset")
    return Run(count, ended - begun, used / count, doubled)


def _used(programs: Sequence[Program]) -> float:
    return sum(program.cpu_us() for program in programs)


class Floor:
    """The floor program, as the bench speaks to it."""

    def __init__(self, ground: Ground, program: Program) -> None:
        self.program = program
        sink = f"http://127.0.0.1:{ground.sink}/floor"
        path = str(ground.folder / f"floor-{next(ground.marks)}.db")
        program.tell({"sink": sink, "path": path, "cards": ground.cards, "secret": made_up.SLACK_SIGNING})
        self.port = int(program.line()["port"])

    async def do(self, what: str, **asked: Any) -> None:
        self.program.tell({"do": what, **asked})
        await asyncio.to_thread(self.program.line)


@contextmanager
def floor(ground: Ground) -> Iterator[Floor]:
    with running("-m", "deskbell.bench.floor", core=OURS, log=ground.folder / "floor.log") as program:
        yield Floor(ground, program)


async def fitting(usual: int, measure: Callable[[int], Awaitable[Run]]) -> int:
    """How many alerts make a round of at most some seconds; found out with a few of them."""
    trial = await measure(max(10, usual // 10))
    return max(10, min(usual, round(trial.per_second * ROUND_S)))


async def in_turn(rounds: int, *measures: Callable[[], Awaitable[Run]]) -> list[list[Run]]:
    """Each measure once a round, the rounds one after another: what drifts drifts for all."""
    done: list[list[Run]] = [[] for _ in measures]
    for number in range(rounds):
        order = range(len(measures)) if number % 2 == 0 else reversed(range(len(measures)))
        for n in order:
            done[n].append(await measures[n]())
    return done
