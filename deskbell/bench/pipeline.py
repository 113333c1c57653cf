"""From an alert to the chats: durable webhook in, Slack card out; polled, four chats; beside the floor and peers."""

from collections.abc import Sequence
from functools import partial

from deskbell.bench.figures import Row, Spread, paired
from deskbell.bench.ground import Floor, Ground, Run, floor, in_turn, polled, warm, webhooks
from deskbell.bench.house import Desk, House

FLOOR = "floor: SQLite FULL, group commit, aiohttp, no features"
BARE = "bare aiohttp client, nothing durable"


async def run(ground: Ground) -> list[Row]:
    house = House(ground.sqlite(), ground.sink)
    async with warm(ground, house) as ours:
        with floor(ground) as least:
            await least.do("poll")
            return [*await _webhook(ground, ours, least), await _polled(ground, ours, least)]


async def _webhook(ground: Ground, ours: Desk, least: Floor) -> list[Row]:
    count = ground.size(1500, 40)
    ground.say("webhook to Slack")
    runs, raw, bare = await in_turn(
        ground.rounds,
        partial(webhooks, ground, ours.program, [ours.port], count, "slack", 1),
        partial(webhooks, ground, least.program, [least.port], count, "slack", 1),
        partial(_blast, ground, least, count),
    )
    return [
        _row("webhook_floor", "durable webhook in, Slack card out", runs, raw, FLOOR),
        _row("webhook_bare", "the same", runs, bare, BARE),
    ]


async def _blast(ground: Ground, least: Floor, count: int) -> Run:
    import time

    await ground.ask("reset")
    before, begun = least.program.cpu_us(), time.monotonic()
    await least.do("blast", chat="slack", first=ground.some(count)[0], count=count)
    ended = await ground.until(count)
    return Run(count, ended - begun, (least.program.cpu_us() - before) / count)


async def _polled(ground: Ground, ours: Desk, least: Floor) -> Row:
    count = ground.size(600, 20)
    ground.say("polled to four chats")
    runs, raw = await in_turn(
        ground.rounds,
        partial(polled, ground, ours.program, "ours", count),
        partial(polled, ground, least.program, "floor", count),
    )
    return _row("polled_four", "polled, card in four chats", runs, raw, FLOOR)


def _row(key: str, what: str, ours: Sequence[Run], raw: Sequence[Run], raw_what: str) -> Row:
    rates, limits = [run.per_second for run in ours], [run.per_second for run in raw]
    return Row(
        key,
        what,
        "alerts/s",
        Spread.of(rates),
        Spread.of(limits),
        raw_what,
        paired(rates, limits),
        Spread.of(run.cpu_us for run in ours).median,
        Spread.of(run.cpu_us for run in raw).median,
    )
