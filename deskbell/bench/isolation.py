"""One vendor out of order: what the others feel of it. Two Deskbells take turns, one of which has no Teams."""

from collections.abc import Sequence

from deskbell.bench.figures import Row
from deskbell.bench.ground import Ground, steady, warm
from deskbell.bench.house import CHATS, House, alert
from deskbell.bench.rows import at
from deskbell.bench.wire import Lines

DOWN = "teams"
OTHERS = tuple(chat for chat in CHATS if chat != DOWN)
RATE = 50


async def run(ground: Ground) -> list[Row]:
    async with (
        warm(ground, House(ground.sqlite(), ground.sink)) as well,
        warm(ground, House(ground.sqlite(), ground.sink, "dark")) as dark,
    ):
        await ground.ask("down", who="dark", vendors=[DOWN])
        ill, fine = [], []
        for _ in range(ground.rounds):
            ground.say("one vendor down")
            fine.append(at(await _others(ground, well.port, "ours"), 99))
            ill.append(at(await _others(ground, dark.port, "dark"), 99))
        await ground.ask("down", who="dark", vendors=[])
    row = Row.beside(
        "isolation",
        f"p99 of the other chats at {RATE} alerts/s while {DOWN.title()} answers 503",
        "ms",
        ill,
        fine,
        "the same with all vendors well",
    )
    return [row]


async def _others(ground: Ground, port: int, who: str) -> Sequence[float]:
    """Milliseconds from each alert's due time to its card in each of the other chats."""
    await ground.ask("reset")
    numbers = ground.some(ground.size(100, 20))
    lines = Lines(port)
    due = await steady(RATE, numbers, lambda number: lines.send(alert(number, "four")))
    await ground.until(numbers, OTHERS)
    lines.close()
    arrived = (await ground.ask("arrived"))["arrived"]
    return [
        (when - due[number]) * 1000
        for when, asked, vendor, kind, number in arrived
        if kind == "post" and vendor in OTHERS and asked == who and number in due
    ]
