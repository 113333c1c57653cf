"""A poll cycle in which nothing has changed: what it costs, and whether it grows with what is open."""

import asyncio
from contextlib import AsyncExitStack

from deskbell.bench.figures import Row
from deskbell.bench.ground import OURS, Ground, floor
from deskbell.bench.house import House, desk
from deskbell.bench.stuffed import seed, stuffed

FEW, MANY = 1_000, 100_000
WINDOW_S = 3.0
WARM_S = 3.0


async def run(ground: Ground) -> list[Row]:
    """Both run side by side, and their processor time is what counts; ticks and all else is in it."""
    few, many = ground.size(FEW, 50), ground.size(MANY, 500)
    ground.say(f"a database with {many} open alerts")
    begun = await seed(ground)
    urls = [stuffed(begun, count) for count in (few, many)]
    async with AsyncExitStack() as stack:
        houses = [House(url, ground.sink, f"open-{n}") for n, url in enumerate(urls)]
        small, large = [stack.enter_context(desk(house, ground.folder, core=OURS)) for house in houses]
        await asyncio.gather(small.ready(), large.ready())
        least = stack.enter_context(floor(ground))
        await least.do("poll")
        await asyncio.sleep(WARM_S)
        ground.say("polls with nothing new")
        costs: list[list[float]] = [[], [], []]
        sides = (small.program, "open-0"), (large.program, "open-1"), (least.program, "floor")
        for _ in range(ground.rounds):
            before = [(program.cpu_us(), await _reads(ground, who)) for program, who in sides]
            await asyncio.sleep(max(1.0, WINDOW_S * min(1.0, ground.scale)))
            for (program, who), (used, reads), cost in zip(sides, before, costs, strict=True):
                cost.append((program.cpu_us() - used) / 1000 / max(1, await _reads(ground, who) - reads))
    cheap, dear, bare = costs
    return [
        Row.beside(
            "poll_cycle",
            f"CPU of a poll with nothing new, {few:,} open (ticks and all else in it)",
            "ms",
            cheap,
            bare,
            "floor: aiohttp, orjson, nothing else",
        ),
        Row.beside(
            "poll_open",
            f"CPU of a poll with nothing new, {many:,} open",
            "ms",
            dear,
            cheap,
            f"our own with {few:,} open",
        ),
    ]


async def _reads(ground: Ground, who: str) -> int:
    return int((await ground.ask("first_read", who=who))["reads"])
