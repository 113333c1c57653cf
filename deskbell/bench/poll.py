"""A poll cycle in which nothing has changed: what it costs, and whether it grows with what is open."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

from deskbell.bench.figures import Row
from deskbell.bench.ground import OURS, Ground, floor
from deskbell.bench.house import House, desk
from deskbell.bench.stuffed import seed, stuffed

FEW, SOME, MANY = 1_000, 10_000, 100_000
WINDOW_S = 3.0
WARM_S = 3.0


async def run(ground: Ground) -> list[Row]:
    """All side by side, and their processor time is what counts; ticks and all else is in it."""
    sizes = [ground.size(FEW, 50), ground.size(SOME, 100), ground.size(MANY, 500)]
    ground.say(f"a database with {sizes[-1]} open alerts")
    begun = await seed(ground)
    async with AsyncExitStack() as stack:
        houses = [House(stuffed(begun, count), ground.sink, f"open-{n}") for n, count in enumerate(sizes)]
        desks = [stack.enter_context(desk(house, ground.folder, core=OURS)) for house in houses]
        await asyncio.gather(*(one.ready() for one in desks))
        least = stack.enter_context(floor(ground))
        await least.do("poll")
        await asyncio.sleep(WARM_S)
        ground.say("polls with nothing new")
        sides = [
            *((one.program, house.who) for one, house in zip(desks, houses, strict=True)),
            (least.program, "floor"),
        ]
        costs: list[list[float]] = [[] for _ in sides]
        asked: list[list[float]] = [[] for _ in sides]
        for _ in range(ground.rounds):
            before = [(program.cpu_us(), *await _reads(ground, who)) for program, who in sides]
            await asyncio.sleep(max(1.0, WINDOW_S * min(1.0, ground.scale)))
            for n, (program, who) in enumerate(sides):
                used, reads, requests = before[n]
                now_reads, now_requests = await _reads(ground, who)
                polls = max(1, now_reads - reads)
                costs[n].append((program.cpu_us() - used) / 1000 / polls)
                asked[n].append((now_requests - requests) / polls)
    return [
        *_cpu(sizes, costs),
        *(_requests(size, counts, asked[-1]) for size, counts in zip(sizes, asked, strict=False)),
    ]


def _cpu(sizes: Sequence[int], costs: Sequence[Sequence[float]]) -> Iterator[Row]:
    few, *_, bare = costs
    what = f"CPU of a poll with nothing new, {sizes[0]:,} open (ticks and all else in it)"
    yield Row.beside("poll_cycle", what, "ms", few, bare, "floor: aiohttp, orjson, nothing else")
    for key, size, cost in zip(("poll_some", "poll_open"), sizes[1:], costs[1:], strict=False):
        what = f"CPU of a poll with nothing new, {size:,} open"
        yield Row.beside(key, what, "ms", cost, few, f"our own with {sizes[0]:,} open")


def _requests(size: int, counts: Sequence[float], bare: Sequence[float]) -> Row:
    what = f"requests of a poll with nothing new, {size:,} open"
    return Row.beside("poll_requests", what, "requests", counts, bare, "floor: one list")


async def _reads(ground: Ground, who: str) -> tuple[int, int]:
    """How often the list was read from its beginning, and with how many requests in all."""
    told = await ground.ask("first_read", who=who)
    return int(told["reads"]), int(told["requests"])
