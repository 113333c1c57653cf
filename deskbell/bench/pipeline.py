"""From an alert to the chats: durable webhook in, Slack card out; polled, four chats; beside the floor and peers."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial
from subprocess import CalledProcessError

from deskbell.bench.figures import Row, missing
from deskbell.bench.ground import Floor, Ground, Run, fitting, floor, hurled, in_turn, polled, steady, warm, webhooks
from deskbell.bench.house import Desk, House, alert
from deskbell.bench.machine import Ended
from deskbell.bench.peers import Peer, alerta, alertmanager, ready
from deskbell.bench.rows import quantiles, rates
from deskbell.bench.wire import Lines
from deskbell.torture.postgres import Unavailable

FLOOR = "floor: SQLite FULL, group commit, aiohttp, no features"
RATE = 50
WEBHOOK = "durable webhook in, Slack card out"
Round = Callable[[int], Awaitable[Run]]
Start = Callable[[Ground], AbstractContextManager[Peer]]
PEERS: tuple[tuple[str, str, Start], ...] = (
    ("webhook_alertmanager", "Alertmanager", alertmanager),
    ("webhook_alerta", "Alerta", alerta),
)
BARE = "bare aiohttp client, nothing durable"


async def run(ground: Ground) -> list[Row]:
    with ground.store() as url:
        async with warm(ground, House(url, ground.sink)) as ours:
            with floor(ground) as least:
                await least.do("poll")
                rows = [*await _webhook(ground, ours, least), await _polled(ground, ours, least)]
                rows += await _latency(ground, ours, least)
            return [*rows, await _postgres(ground, ours)]


async def _webhook(ground: Ground, ours: Desk, least: Floor) -> list[Row]:
    ground.say("webhook to Slack")
    mine = partial(webhooks, ground, [ours.program], [ours.port], ["slack"])
    floors = partial(webhooks, ground, [least.program], [least.port], ["slack"])
    count = await fitting(ground.size(1500, 40), mine)
    runs, raw, bare = await in_turn(
        ground.rounds, partial(mine, count), partial(floors, count), partial(_blast, ground, least, count)
    )
    rows = [
        rates("webhook_floor", WEBHOOK, runs, raw, FLOOR),
        rates("webhook_bare", WEBHOOK, runs, bare, BARE),
    ]
    return [*rows, *[await _beside(ground, mine, count, *peer) for peer in PEERS]]


async def _beside(ground: Ground, mine: Round, count: int, key: str, name: str, start: Start) -> Row:
    """Our pipeline and another program's, in turn. Slow ones get fewer alerts: what counts is how many a second."""
    what = f"{WEBHOOK}, beside {name}"
    try:
        with start(ground) as peer:
            ground.say(what)
            await ready(peer, ground.some(1)[0])
            theirs = partial(hurled, ground, [peer.program], [peer.port], ["slack"], peer.say)
            fewer = await fitting(count, theirs)
            runs, raw = await in_turn(ground.rounds, partial(mine, count), partial(theirs, fewer))
            return rates(key, what, runs, raw, f"{name}, {peer.about}")
    except (Unavailable, Ended, CalledProcessError) as why:
        return missing(key, what, "alerts/s", f"not at hand: {why}")


async def _blast(ground: Ground, least: Floor, count: int) -> Run:
    await ground.ask("reset")
    before, begun = least.program.cpu_us(), time.monotonic()
    numbers = ground.some(count)
    await least.do("blast", chat="slack", first=numbers[0], count=count)
    ended = await ground.until(numbers, ["slack"])
    return Run(count, ended - begun, (least.program.cpu_us() - before) / count)


async def _polled(ground: Ground, ours: Desk, least: Floor) -> Row:
    ground.say("polled to four chats")
    mine, floors = partial(polled, ground, ours.program, "ours"), partial(polled, ground, least.program, "floor")
    count = await fitting(ground.size(1000, 20), mine)
    runs, raw = await in_turn(ground.rounds, partial(mine, count), partial(floors, count))
    return rates("polled_four", "polled, card in four chats", runs, raw, FLOOR)


async def _latency(ground: Ground, ours: Desk, least: Floor) -> list[Row]:
    """Alerts come evenly, whatever becomes of those before."""
    ground.say("latency at 50 alerts a second")
    count = ground.size(250, 20)
    took: dict[int, list[float]] = {ours.port: [], least.port: []}
    for _ in range(max(1, ground.rounds // 2)):
        for port in took:
            took[port] += await arrivals(ground, port, RATE, count)
    what = f"{RATE} alerts/s by webhook into four chats, until the last has the card"
    return quantiles("latency", what, took[ours.port], took[least.port], FLOOR)


async def arrivals(ground: Ground, port: int, rate: float, count: int) -> list[float]:
    """Milliseconds from each alert's due time to its last card."""
    await ground.ask("reset")
    lines = Lines(port)
    numbers = ground.some(count)
    due = await steady(rate, numbers, lambda number: lines.send(alert(number, "four")))
    await ground.until(numbers)
    lines.close()
    last = dict.fromkeys(numbers, 0.0)
    for at, _, _, kind, number in (await ground.ask("arrived"))["arrived"]:
        if kind == "post" and number in last:
            last[number] = max(last[number], at)
    return [(last[number] - due[number]) * 1000 for number in numbers]


async def _postgres(ground: Ground, ours: Desk) -> Row:
    """Whichever of the two databases ours is on, the other comes beside it."""
    what, key = "polled, card in four chats, on PostgreSQL", "postgres"
    ground.say("PostgreSQL beside SQLite")
    try:
        if ground.on_sqlite:
            with ground.postgres() as url:
                async with warm(ground, House(url, ground.sink, "far")) as far:
                    runs, raw = await _in_turn(ground, (far, "far"), (ours, "ours"))
        else:
            async with warm(ground, House(ground.sqlite(), ground.sink, "near")) as near:
                runs, raw = await _in_turn(ground, (ours, "ours"), (near, "near"))
    except Unavailable as why:
        return missing(key, what, "alerts/s", f"not at hand: {why}")
    return rates(key, what, runs, raw, "our own on SQLite")


async def _in_turn(ground: Ground, *sides: tuple[Desk, str]) -> list[list[Run]]:
    rounds = [partial(polled, ground, desk.program, who) for desk, who in sides]
    count = await fitting(ground.size(1000, 20), rounds[0])
    return await in_turn(ground.rounds, *(partial(one, count) for one in rounds))
