"""A source's call: kept, answered, the record read from the source, judged, and its card in four chats."""

import time
from collections.abc import Sequence

import orjson

from deskbell.bench import made_up
from deskbell.bench.figures import Row
from deskbell.bench.ground import Ground, Short, steady, warm
from deskbell.bench.house import CHATS, House
from deskbell.bench.rows import quantiles
from deskbell.bench.wire import Lines, request

RATE = 20  # calls a second, each about a job of its own


async def run(ground: Ground) -> list[Row]:
    """From each call's due time; the poll, once an hour, sees none of it."""
    count = ground.size(200, 20)
    with ground.store() as url:
        async with warm(ground, House(url, ground.sink, interval="1h", pushed=True)) as ours:
            ground.say("calls of a source")
            answered, sent = await calls(ground, ours.port, count)
    return [
        *quantiles("push_answered", "call of a source answered", answered, [], ""),
        *quantiles("push_sent", "call of a source to the card in the last of four chats", sent, [], ""),
    ]


async def calls(ground: Ground, port: int, count: int) -> tuple[Sequence[float], Sequence[float]]:
    """Milliseconds to the answer of each call, and to the last of its cards."""
    await ground.ask("reset")
    numbers = ground.some(count)
    await ground.ask("lay", who="ours", first=numbers[0], count=count)
    lines, answered = Lines(port), dict[int, float]()

    async def call(number: int) -> None:
        status, body = await lines.send(told(number))
        if status != 200:
            raise Short(f"a call was answered with {status}: {body[:200]!r}")
        answered[number] = time.monotonic()

    due = await steady(RATE, numbers, call)
    await ground.until(numbers)
    lines.close()
    sent = dict.fromkeys(numbers, 0.0)
    for at, _, _, kind, number in (await ground.ask("arrived"))["arrived"]:
        if kind == "post" and number in sent:
            sent[number] = max(sent[number], at)
    if extra := await ground.doubled(numbers, CHATS):
        raise Short(f"{extra} cards came more than once")
    return (
        [(answered[number] - due[number]) * 1000 for number in numbers],
        [(sent[number] - due[number]) * 1000 for number in numbers],
    )


def told(number: int) -> bytes:
    headers = {"Content-Type": "application/json", "X-Deskbell-Secret": made_up.SOURCE_HOOK}
    return request("POST", "/hooks/schedule", orjson.dumps({"id": number}), headers)
