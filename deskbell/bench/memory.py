"""What a Deskbell weighs: at rest with four chats beside the same imports alone; and what each open alert adds."""

import asyncio
import time
from pathlib import Path

import deskbell
from deskbell.bench.alone import importing, telling
from deskbell.bench.figures import Row, Spread, missing
from deskbell.bench.ground import Ground, flood, warm
from deskbell.bench.house import House
from deskbell.bench.machine import running
from deskbell.demo import environment

CONFIG = Path(deskbell.__file__).parents[1] / "config.toml"
REST_S = 12.0  # until nothing happens any more
SETTLE_S = 2.0
AT_REST = "memory at rest, four chats with their sockets, three sources"
PER_ALERT = "memory of each open alert, its card in Slack"


async def run(ground: Ground) -> list[Row]:
    return [await asyncio.to_thread(_at_rest, ground), await _per_alert(ground)]


def _at_rest(ground: Ground) -> Row:
    """The daemon of the demo: its stand-ins are there for all sockets and polls."""
    if not CONFIG.exists():
        return missing("memory_rest", AT_REST, "MiB", "not at hand: the config.toml of the project")
    ground.say("memory at rest")
    rest_s = REST_S * min(1.0, max(0.2, ground.scale))
    ours, alone = [], []
    with running("-m", "deskbell.sandbox", "--port", "0", log=ground.folder / "sandbox.log") as stand_ins:
        config = ground.folder / "demo.toml"
        config.write_text(CONFIG.read_text().replace("port = 8780", "port = 0"))
        env = environment(stand_ins.line()["url"], ground.folder)
        with telling(config, rest_s, env, ground.folder / "demo.log") as (daemon, modules):
            ours.append(daemon.resident_kib() / 1024)
    with importing(modules) as (idle, _):
        time.sleep(1)
        alone.append(idle.resident_kib() / 1024)
    ratio = Spread.of([ours[0] / alone[0]])
    return Row("memory_rest", AT_REST, "MiB", Spread.of(ours), Spread.of(alone), "the same imports, idle", ratio)


async def _per_alert(ground: Ground) -> Row:
    """What grows while alerts come, once the database's caches (8 MB and 4 MB) are full of those before."""
    ground.say("memory of an alert")
    count = ground.size(5000, 100)
    async with warm(ground, House(ground.sqlite(), ground.sink)) as ours:
        await _some(ground, ours.port, count)
        before = ours.program.resident_kib()
        await _some(ground, ours.port, count)
        each = (ours.program.resident_kib() - before) / count
    note = f"resident size before and after {count} alerts, which the database keeps, not the process"
    return Row("memory_alert", PER_ALERT, "KiB", Spread.of([each]), note=note)


async def _some(ground: Ground, port: int, count: int) -> None:
    await ground.ask("reset")
    numbers = ground.some(count)
    for begin in range(0, count, 500):
        part = numbers[begin : begin + 500]
        await flood([port], part, "slack")
        await ground.until(part, ["slack"])
    await asyncio.sleep(SETTLE_S)
