"""Where measures are taken: the sink, the sizes, a folder, and what several measures ask for alike."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

from deskbell.bench.house import CHATS, Desk, House, alert, desk
from deskbell.bench.machine import Program, running
from deskbell.bench.wire import Broken, Line

CONNECTIONS = 32
OURS, THEIRS = 0, 1  # the core of what is measured, and that of the sink and of whoever measures
WAIT_S = 60.0

_FLOOR_PATHS = {
    "slack": "slack/api/chat.postMessage",
    "teams": "teams/v3/conversations",
    "telegram": "telegram/bot/sendMessage",
    "discord": "discord/api/v10/channels/900000000000009001/messages",
}


@dataclass(slots=True)
class Ground:
    """`scale`: how much of the usual work is done; `rounds`: how many pairs give a ratio."""

    folder: Path
    sink: int
    line: Line
    rounds: int = 5
    scale: float = 1.0
    postgres: "str | None" = None  # the URL of a server in which databases may be made
    no_postgres: str = ""  # why there is none
    say: Callable[[str], None] = lambda _words: None
    marks: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    cards: dict[str, tuple[str, Any, str]] = field(default_factory=dict)

    def size(self, usual: int, least: int = 1) -> int:
        return max(least, round(usual * self.scale))

    def some(self, count: int) -> range:
        """The numbers of so many alerts that there were never before."""
        first = next(self.marks)
        self.marks = itertools.count(first + count)
        return range(first, first + count)

    def sqlite(self) -> str:
        return f"sqlite:///{self.folder}/bench-{next(self.marks)}.db"

    async def ask(self, what: str, **asked: Any) -> Any:
        return await self.line.ask(f"/_sink/{what}", asked)

    async def until(self, count: int) -> float:
        """When the last of so many messages arrived. Raises Short where they do not."""
        said = await self.ask("wait", count=count, seconds=WAIT_S - 10)
        if said["count"] < count:
            raise Short(f"only {said['count']} of {count} messages arrived within {WAIT_S - 10:.0f} s")
        return float(said["last"])


class Short(Exception):
    """Something that was promised did not arrive: the figure would be a lie."""


@dataclass(frozen=True, slots=True)
class Run:
    """One round: so many alerts, from the first moment to the last arrival."""

    alerts: int
    seconds: float
    cpu_us: float

    @property
    def per_second(self) -> float:
        return self.alerts / self.seconds


@asynccontextmanager
async def warm(ground: Ground, house: House, *, core: int | None = OURS) -> AsyncIterator[Desk]:
    """A daemon that has had its first alerts, so that nothing that happens but once is measured."""
    with desk(house, ground.folder, core=core) as ours:
        await ours.ready()
        await asyncio.sleep(1.2)  # the first sweep of the source, after which news ring
        await ground.ask("reset")
        await flood([ours.port], ground.some(20), "four")
        await ground.until(20 * len(house.rooms))
        if not ground.cards:
            ground.cards |= _as_templates(await ground.ask("last"))
        yield ours


def _as_templates(last: dict[str, str]) -> dict[str, tuple[str, Any, str]]:
    """Our own cards, for the floor to send: it does the same work on the wire."""
    out = {}
    for chat in CHATS:
        body = last[chat]
        card = orjson.loads(body) if body.startswith("{") else dict(parse_qsl(body))
        at = body.index("N0000")
        out[chat] = (_FLOOR_PATHS[chat], card, body[at : at + 9])
    return out


async def flood(ports: Sequence[int], numbers: Sequence[int], team: str, connections: int = CONNECTIONS) -> None:
    """All of them as fast as they are taken, over some connections; every answer must be a yes."""
    waiting = iter(numbers)

    async def some(port: int) -> None:
        line = await Line.to(port)
        for number in waiting:
            status, body = await line.send(alert(number, team))
            if status != 201:
                raise Broken(f"alert {number}: {status} {body[:200]!r}")
        line.close()

    await asyncio.gather(*(some(ports[n % len(ports)]) for n in range(connections)))


async def webhooks(ground: Ground, ours: Program, ports: Sequence[int], count: int, team: str, each: int) -> Run:
    """Alerts over HTTP, until the last message of theirs has arrived."""
    await ground.ask("reset")
    numbers = ground.some(count)
    before, begun = ours.cpu_us(), time.monotonic()
    await flood(ports, numbers, team)
    ended = await ground.until(count * each)
    return Run(count, ended - begun, (ours.cpu_us() - before) / count)


async def polled(ground: Ground, ours: Program, who: str, count: int, each: int = 4) -> Run:
    """Alerts that wait in the source, from the first page that is read."""
    await ground.ask("reset")
    numbers = ground.some(count)
    before = ours.cpu_us()
    await ground.ask("lay", who=who, first=numbers[0], count=count)
    ended = await ground.until(count * each)
    begun = (await ground.ask("first_read", who=who))["at"]
    used = ours.cpu_us() - before
    await ground.ask("reset")
    await asyncio.sleep(0.2)
    return Run(count, ended - begun, used / count)


class Floor:
    """The floor program, as the bench speaks to it."""

    def __init__(self, ground: Ground, program: Program) -> None:
        self.program = program
        sink = f"http://127.0.0.1:{ground.sink}/floor"
        path = str(ground.folder / f"floor-{next(ground.marks)}.db")
        program.tell({"sink": sink, "path": path, "cards": ground.cards})
        self.port = int(program.line()["port"])

    async def do(self, what: str, **asked: Any) -> None:
        self.program.tell({"do": what, **asked})
        await asyncio.to_thread(self.program.line)


@contextmanager
def floor(ground: Ground) -> Iterator[Floor]:
    with running("-m", "deskbell.bench.floor", core=OURS, log=ground.folder / "floor.log") as program:
        yield Floor(ground, program)


async def in_turn(rounds: int, *measures: Callable[[], Awaitable[Run]]) -> list[list[Run]]:
    """Each measure once a round, the rounds one after another: what drifts drifts for all."""
    done: list[list[Run]] = [[] for _ in measures]
    for number in range(rounds):
        order = range(len(measures)) if number % 2 == 0 else reversed(range(len(measures)))
        for n in order:
            done[n].append(await measures[n]())
    return done
