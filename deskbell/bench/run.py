"""Runs measures one after another on one sink, and gathers their rows."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deskbell.bench.figures import Report, Row
from deskbell.bench.ground import THEIRS, Ground
from deskbell.bench.machine import about, pin, running
from deskbell.bench.wire import Lines
from deskbell.torture.postgres import durable, stop

MEASURES = ("pipeline", "tap", "poll", "storm", "start", "memory", "render", "audit", "timers", "isolation", "scale")
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


async def measured(wish: Wish, say: Callable[[str], None] = lambda _words: None) -> Report:
    """The rows of the measures that were asked for. Raises Short where something did not arrive."""
    machine, begun = about(), time.monotonic()
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deskbell-bench-")))
        pin(THEIRS)
        sink = stack.enter_context(running("-m", "deskbell.bench.sink", core=THEIRS, log=folder / "sink.log"))
        port = int(sink.line()["port"])
        lines = Lines(port)
        stack.callback(lines.close)
        ground = Ground(folder, port, lines, wish.rounds, wish.scale, wish.database, say)
        durable()
        stack.callback(stop)
        for name in wish.measures:
            say(name)
            rows += await _measure(name)(ground)
    return Report(machine, rows, time.monotonic() - begun)


def _measure(name: str) -> Callable[[Ground], Awaitable[list[Row]]]:
    found: Callable[[Ground], Awaitable[list[Row]]] = import_module(f"deskbell.bench.{name}").run
    return found


def run(wish: Wish, say: Callable[[str], None] = lambda _words: None) -> Report:
    return asyncio.run(measured(wish, say))
