"""What Deskbell weighs at rest: the daemon with four chats, beside a process that only has the same modules imported.

    .venv/bin/python -m benchmarks.memory [seconds]

Starts the stand-ins, then the daemon on the repository's config.toml, waits 20 seconds (or as given) until nothing
happens any more, and reads the resident size of both processes from /proc (Linux). The goal is a ratio of 1.2 at most.
"""  # noqa: INP001 - a script, not a package

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deskbell.demo import environment

ROOT = Path(__file__).resolve().parents[1]
IDLE = """
import contextlib, importlib, json, sys, time
for name in json.loads(sys.stdin.readline()):
    with contextlib.suppress(ImportError):  # some modules have names that cannot be asked for
        importlib.import_module(name)
print("up", flush=True)
time.sleep(600)
"""
DAEMON = """
import asyncio, json, sys
from pathlib import Path
from deskbell.config import load
from deskbell.daemon import Daemon
from deskbell.net import logs

async def main():
    logs.set_up("error")
    daemon = await Daemon.start(load(Path(sys.argv[1])))
    await asyncio.sleep(float(sys.argv[2]))
    print(json.dumps(list(sys.modules)), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def resident_mib(process: "subprocess.Popen[str]") -> float:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


@contextmanager
def running(*command: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environ},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a process ended before it was up")
    return line


def measured(folder: Path, seconds: str) -> tuple[float, float]:
    with running("-m", "deskbell.sandbox", "--port", "0") as stand_ins:
        about = json.loads(line_of(stand_ins))
        config = folder / "config.toml"
        config.write_text((ROOT / "config.toml").read_text().replace("port = 8780", "port = 0"))
        known = environment(about["url"], about.get("credentials", {}), folder)
        with running("-c", DAEMON, str(config), seconds, **known) as daemon:
            modules = line_of(daemon)
            at_rest = resident_mib(daemon)
        with running("-c", IDLE) as idle:
            assert idle.stdin is not None  # noqa: S101 - it was asked for
            idle.stdin.write(modules)
            idle.stdin.flush()
            line_of(idle)
            time.sleep(1)
            return at_rest, resident_mib(idle)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        daemon, imports = measured(Path(folder), sys.argv[1] if len(sys.argv) > 1 else "20")
    sys.stdout.write(
        f"daemon {daemon:.1f} MiB, the same imports alone {imports:.1f} MiB, ratio {daemon / imports:.2f}\n"
    )


if __name__ == "__main__":
    main()
