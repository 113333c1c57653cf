"""Two instances on one PostgreSQL beside one: webhooks in, four chats out."""

from functools import partial

from deskbell.bench.figures import Row, Spread, missing
from deskbell.bench.ground import Ground, fitting, in_turn, warm, webhooks
from deskbell.bench.house import CHATS, House, desk
from deskbell.bench.rows import rates
from deskbell.torture.postgres import Unavailable

WHAT = "two instances on one PostgreSQL: webhook in, card in four chats"
DOUBLED = "cards that came twice from two instances"


async def run(ground: Ground) -> list[Row]:
    try:
        with ground.postgres() as alone, ground.postgres() as shared:
            return await _run(ground, alone, shared)
    except Unavailable as why:
        said = f"not at hand: {why}"
        return [missing("two_instances", WHAT, "alerts/s", said), missing("two_instances_doubled", DOUBLED, "", said)]


async def _run(ground: Ground, alone: str, shared: str) -> list[Row]:
    house = House(shared, ground.sink, "pair")
    async with (
        warm(ground, House(alone, ground.sink), core=None) as one,
        warm(ground, house, core=None) as first,
    ):
        with desk(house, ground.folder) as second:
            await second.ready()
            ground.say("two instances")
            pair = partial(webhooks, ground, [first.program, second.program], [first.port, second.port], CHATS)
            single = partial(webhooks, ground, [one.program], [one.port], CHATS)
            count = await fitting(ground.size(1000, 20), single)
            runs, raw = await in_turn(ground.rounds, partial(pair, count), partial(single, count))
    doubled = Spread.of([sum(run.doubled for run in runs)])
    return [
        rates("two_instances", WHAT, runs, raw, "one instance on a PostgreSQL"),
        Row("two_instances_doubled", DOUBLED, "cards", doubled),
    ]
