"""From the start of the process to the first alert in four chats, beside the time that the imports alone take."""

import time
from pathlib import Path

from deskbell.bench.alone import importing, telling
from deskbell.bench.figures import Row
from deskbell.bench.ground import OURS, Ground
from deskbell.bench.house import House, desk
from deskbell.bench.stuffed import seed, stuffed


async def run(ground: Ground) -> list[Row]:
    """An alert waits in a source that was read before; the database is there."""
    house = House(stuffed(await seed(ground), 1), ground.sink)
    modules = _modules(ground, house)
    ours, alone = [], []
    for _ in range(min(3, ground.rounds)):
        ground.say("start")
        with importing(modules, OURS) as (_, seconds):
            alone.append(seconds)
        await ground.ask("reset")
        numbers = ground.some(1)
        await ground.ask("lay", who=house.who, first=numbers[0], count=1)
        begun = time.monotonic()
        with desk(house, ground.folder, core=OURS):
            ours.append(await ground.until(numbers) - begun)
    row = Row.beside(
        "start",
        "start of the process to the first alert in four chats",
        "s",
        ours,
        alone,
        "the same imports alone",
    )
    return [row]


def _modules(ground: Ground, house: House) -> list[str]:
    config = Path(ground.folder) / "modules.toml"
    config.write_text(house.text(0))
    with telling(config, 2.0, {}, ground.folder / "modules.log") as (_, modules):
        return modules
