"""Runs measures one after another on one sink, and gathers their rows."""

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deskbell.bench.figures import Report, Row, Unmeasured
from deskbell.bench.ground import THEIRS, Ground
from deskbell.bench.machine import about, pin, running, unpinned
from deskbell.bench.wire import Lines
from deskbell.torture.postgres import Unavailable, durable, stop

MEASURES = (
    "pipeline",
    "tap",
    "push",
    "poll",
    "storm",
    "start",
    "memory",
    "render",
    "audit",
    "timers",
    "isolation",
    "scale",
)
QUIET = frozenset({"render", "audit", "timers"})  # they ask nothing of the sink, and fill the minute that a storm takes
QUICK = 0.05


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be measured, and how thoroughly."""

    measures: Sequence[str] = MEASURES
    rounds: int = 5
    scale: float = 1.0
    database: str = ""  # "", "sqlite", "postgres" or the URL of a PostgreSQL


def known() -> Sequence[str]:
    return MEASURES


def wished(measures: Sequence[str], database: str, *, quick: bool, rounds: int) -> Wish:
    """What somebody asked for in few words. Few words are `measures` left empty, and `rounds` at 0."""
    return Wish(tuple(measures) or MEASURES, rounds or (2 if quick else 5), QUICK if quick else 1.0, database)


@asynccontextmanager
async def opened(wish: Wish, say: Callable[[str], None] = lambda _words: None) -> AsyncIterator[Ground]:
    """A sink and a folder to measure in; all that is begun there ends with it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deskbell-bench-")))
        stack.enter_context(unpinned())
        pin(THEIRS)
        sink = stack.enter_context(running("-m", "deskbell.bench.sink", core=THEIRS, log=folder / "sink.log"))
        port = int(sink.line()["port"])
        lines = Lines(port)
        stack.callback(lines.close)
        yield Ground(folder, port, lines, wish.rounds, wish.scale, wish.database, say)


async def measured(wish: Wish, say: Callable[[str], None] = lambda _words: None) -> Report:
    """The rows of the measures that were asked for. One that breaks off leaves the others what they are."""
    machine, begun = about(), time.monotonic()
    rows: dict[str, list[Row]] = {name: [] for name in wish.measures}
    failed: list[str] = []

    async def some(names: Sequence[str], ground: Ground) -> None:
        for name in names:
            say(name)
            try:
                rows[name] = await _measure(name)(ground)
            except (Unmeasured, Unavailable, OSError, TimeoutError) as why:
                failed.append(f"{name}: {str(why) or type(why).__name__}")

    async with opened(wish, say) as ground:
        for beside in _in_time(wish.measures):
            await asyncio.gather(*(some(names, ground) for names in beside))
    return Report(machine, [row for found in rows.values() for row in found], time.monotonic() - begun, failed)


def _in_time(measures: Sequence[str]) -> list[list[Sequence[str]]]:
    """One after another; what is quiet goes beside a storm, where there is one."""
    quiet = [name for name in measures if name in QUIET] if "storm" in measures else []
    return [[[name], quiet] if name == "storm" else [[name]] for name in measures if name not in quiet]


def _measure(name: str) -> Callable[[Ground], Awaitable[list[Row]]]:
    found: Callable[[Ground], Awaitable[list[Row]]] = import_module(f"deskbell.bench.{name}").run
    return found


def run(wish: Wish, say: Callable[[str], None] = lambda _words: None) -> Report:
    """For a process that does nothing else: whoever ends it ends all that it has begun."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    durable()
    try:
        return asyncio.run(measured(wish, say))
    finally:
        stop()
