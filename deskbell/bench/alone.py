"""What nobody can go below: a process that only has the same modules imported as a running Deskbell."""

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deskbell.bench.machine import Program, running

_IDLE = """
import contextlib, importlib, json, sys, time
for name in json.loads(sys.stdin.readline()):
    with contextlib.suppress(ImportError):  # some modules have names that cannot be asked for
        importlib.import_module(name)
print("{}", flush=True)
time.sleep(600)
"""
_DAEMON = """
import asyncio, json, sys
from pathlib import Path
from deskbell.config import load
from deskbell.daemon import Daemon, tune
from deskbell.net import logs

async def main():
    logs.set_up("error")
    daemon = await Daemon.start(load(Path(sys.argv[1])))
    tune()
    await asyncio.sleep(float(sys.argv[2]))
    print(json.dumps(list(sys.modules)), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@contextmanager
def telling(config: Path, seconds: float, env: Mapping[str, str], log: Path) -> Iterator[tuple[Program, list[str]]]:
    """A daemon that has been at rest for some seconds, and the modules that it has by then, in their order."""
    with running("-c", _DAEMON, str(config), str(seconds), env=env, log=log) as daemon:
        yield daemon, daemon.line()


@contextmanager
def importing(modules: Sequence[str], core: int | None = None) -> Iterator[tuple[Program, float]]:
    """A process with these modules and nothing else; the seconds from its start until it had them."""
    begun = time.monotonic()
    program = Program(sys.executable, "-c", _IDLE, core=core)
    try:
        program.tell(list(modules))
        program.line()
        yield program, time.monotonic() - begun
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.process.kill()
        program.stop()
