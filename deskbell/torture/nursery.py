"""A process that has everything imported and forks daemons: a birth takes milliseconds, an import of four SDKs seconds.

Each daemon is a process of its own from before anything of it runs, so that a kill -9 is the real thing.
"""

import asyncio
import gc
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from deskbell.net import faults

LOOK_S = 0.005  # between two looks whether a daemon has ended


class Born:
    """A daemon, as `asyncio.subprocess.Process` would have it. Its end is found in a file, written by its mother."""

    def __init__(self, pid: int, end: Path, mother: "subprocess.Popen[bytes]") -> None:
        self.pid, self._end, self._mother = pid, end, mother

    @property
    def returncode(self) -> int | None:
        if self._end.exists():
            return int(self._end.read_text())
        return None if self._mother.poll() is None else -signal.SIGKILL  # she takes all of them with her

    async def wait(self) -> int:
        while (status := self.returncode) is None:  # noqa: ASYNC110 - the end of a grandchild is told by a file
            await asyncio.sleep(LOOK_S)
        return status

    def send_signal(self, sign: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The side of who asks for daemons. `folder` is where their ends are written down."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        """`environ`: the mother's own; what libraries read at import (SSL_CERT_FILE) has to stand in it."""
        self._folder, self._count = folder, 0
        command = [sys.executable, "-m", "deskbell.torture.nursery"]
        self._mother = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)

    def born(self, args: Sequence[str], environ: Mapping[str, str], log: Path) -> Born:
        """`deskbell ARGS` as a process of its own. Waits for the mother, seconds the first time."""
        assert self._mother.stdin is not None  # noqa: S101 - asked for above
        assert self._mother.stdout is not None  # noqa: S101 - the same
        self._count += 1
        end = self._folder / str(self._count)
        asked = {"args": list(args), "environ": dict(environ), "log": str(log), "end": str(end)}
        self._mother.stdin.write(json.dumps(asked).encode() + b"\n")
        self._mother.stdin.flush()
        return Born(int(self._mother.stdout.readline()), end, self._mother)

    def close(self) -> None:
        if self._mother.stdin is not None:
            self._mother.stdin.close()
        self._mother.wait(10)


# ---------------------------------------------------------------- the mother's side


def mother() -> None:
    _import_everything()
    gc.collect()
    gc.freeze()
    if threading.active_count() != 1:
        raise RuntimeError("a fork would leave a thread behind")
    ends: dict[int, str] = {}
    signal.signal(signal.SIGCHLD, lambda *_: _bury(ends))
    for line in sys.stdin:
        asked = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if not (pid := os.fork()):
            _live(asked)
        ends[pid] = asked["end"]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in list(ends):  # who asked for them is gone, however that came
        os.kill(pid, signal.SIGKILL)


def _import_everything() -> None:
    for name in ("deskbell.cli", "deskbell.config", "deskbell.daemon", "storage.postgres"):
        importlib.import_module(name)
    from bot.catalog import GATEWAYS
    from channels.catalog import CHANNELS

    for catalog in (CHANNELS, GATEWAYS):
        for row in catalog.values():
            row.load()


def _bury(ends: dict[int, str]) -> None:
    while ends:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        path = Path(ends.pop(pid))
        path.with_suffix(".new").write_text(str(os.waitstatus_to_exitcode(status)))
        path.with_suffix(".new").rename(path)


def _live(asked: dict[str, Any]) -> NoReturn:
    """The whole life of a daemon, from what `python -m deskbell` would begin with."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        _at_home(asked)
        from deskbell.cli import main

        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - nothing may come back into the mother
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        faults.tally()
        os._exit(status)


def _at_home(asked: dict[str, Any]) -> None:
    nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for old, new in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(old, new)
    os.environ.clear()
    os.environ.update(asked["environ"])
    random.seed()
    time.tzset()
    if (spec := os.environ.get(faults.VARIABLE)) or os.environ.get(faults.SEEN):
        faults.arm(spec or "")
    sys.argv = ["deskbell", *asked["args"]]


if __name__ == "__main__":
    mother()
