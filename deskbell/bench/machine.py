"""The machine that we measure on: its processes, what they have used, and which core each may have."""

import contextlib
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from deskbell.bench.figures import Unmeasured

_SCHEDULED = 2  # CPUCLOCK_SCHED: the clock of a process, by its id. clock_getcpuclockid(3) on Linux
START_S = 60.0
STOP_S = 10.0


class Ended(Unmeasured):
    """A process that the bench needs ended by itself; its last words."""


class Program:
    """A child process. It says in its first line of output, as a JSON object, that it is ready."""

    def __init__(
        self, *command: str, env: Mapping[str, str] | None = None, core: int | None = None, log: Path | None = None
    ) -> None:
        self.log = log
        with log.open("ab") if log else contextlib.nullcontext(subprocess.DEVNULL) as stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(env or {})},
            )
        pin(core, self.process.pid)

    def line(self) -> Any:
        """The next line that it says. Raises Ended when there is none."""
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        if said := self.process.stdout.readline():
            return orjson.loads(said)
        self.process.wait(STOP_S)
        words = self.log.read_text(errors="replace")[-2000:] if self.log else ""
        raise Ended(f"{self.process.args!r} ended with status {self.process.returncode}. {words}")

    def tell(self, what: Any) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        self.process.stdin.write(orjson.dumps(what) + b"\n")
        self.process.stdin.flush()

    def cpu_us(self) -> float:
        """Processor time that it and its children have used, all threads together."""
        return sum(time.clock_gettime_ns(((~one) << 3) | _SCHEDULED) for one in _family(self.process.pid)) / 1000

    def resident_kib(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])

    def stop(self) -> None:
        """Politely; after some seconds by force."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@contextlib.contextmanager
def running(
    *command: str, env: Mapping[str, str] | None = None, core: int | None = None, log: Path | None = None
) -> Iterator[Program]:
    """A Python program of ours while it is needed."""
    program = Program(sys.executable, *command, env=env, core=core, log=log)
    try:
        yield program
    finally:
        program.stop()


def _family(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children")
    children = map(int, listed.read_text().split()) if listed.exists() else ()
    return [process, *(one for child in children for one in _family(child))]


_CORES = sorted(os.sched_getaffinity(0))  # that we may use at all


def pin(core: int | None, process: int = 0) -> None:
    """To one of our cores, or to none of them: what is begun otherwise has the core of whoever began it."""
    os.sched_setaffinity(process, _CORES if core is None else {_CORES[core % len(_CORES)]})


@contextlib.contextmanager
def unpinned() -> Iterator[None]:
    """What is begun meanwhile may have every core."""
    before = os.sched_getaffinity(0)
    pin(None)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def about() -> dict[str, Any]:
    """What the figures were measured on, as far as it says nothing about whose machine it is."""
    return {
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "load": round(os.getloadavg()[0], 2),
    }
