"""python -m deskbell.sandbox: the sandbox as a process of its own."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from deskbell.sandbox import samples
from deskbell.sandbox.server import SCENARIOS, Sandbox
from deskbell.sandbox.web import dumps


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deskbell.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 takes any free port")
    parser.add_argument("--scenario", choices=SCENARIOS, default="day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", action="store_true", help="scripted people tap and type")
    parser.add_argument(
        "--sabotage", nargs="?", const="any", default="", metavar="CHAT", help="swallow one card after accepting it"
    )
    parser.add_argument("--desk-url", default="", help="where Deskbell's own server listens: for Teams and the audit")
    parser.add_argument("--desk-token", default="")
    parser.add_argument("--rental", type=Path, metavar="FILE", help="make a rental firm's database there, in SQLite")
    return parser.parse_args()


async def serve(asked: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    wanted = vars(asked)
    rental: Path | None = wanted.pop("rental")
    async with Sandbox(**wanted) as sandbox:
        if rental:
            samples.rental(rental, sandbox.clock)
        line = dumps({"url": sandbox.url, "page": f"{sandbox.url}/"})
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    try:
        asyncio.run(serve(arguments()))
    except OSError as error:  # the port is taken
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
