"""Named places at which a test can break the daemon: `point("store.commit.before")` is one None check until armed.

    DESKBELL_FAULTS="store.commit.after@3:kill,courier.send:sleep=0.5"

kills the process with SIGKILL the third time it passes the first place, and holds it for half a second each time it
passes the second. Without `@n` a fault strikes every time. The actions are kill, raise (FaultRaised) and sleep=SECONDS.
"""

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass

VARIABLE = "DESKBELL_FAULTS"
# A file: each place is written into it when a process first passes it, and with its count when the process ends.
SEEN = "DESKBELL_FAULTS_SEEN"


class FaultRaised(Exception):
    """Raised on purpose, at a place armed with `raise`."""


@dataclass(frozen=True, slots=True)
class _Fault:
    name: str
    nth: int  # 0: every time
    action: str
    seconds: float = 0.0


class _Armed:
    """The faults that are set, and how often each place was passed. Places are passed in several threads."""

    def __init__(self, faults: list[_Fault]) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def passed(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1
            count = self.counts[name]
        if count == 1:
            _write_down(f"{name}\n")
        for fault in self._faults:
            if fault.name == name and fault.nth in (0, count):
                _strike(fault)


def point(name: str) -> None:
    """A place at which a fault may strike."""
    if _armed is not None:
        _armed.passed(name)


def arm(spec: str) -> None:
    """Sets the faults of `spec` and counts from zero; an empty one counts only."""
    global _armed  # noqa: PLW0603 - one None check is all that an unarmed point may cost
    _armed = _Armed(_parse(spec))


def disarm() -> None:
    global _armed  # noqa: PLW0603 - as in arm
    _armed = None


def reached() -> list[str]:
    """The places passed since `arm`, each once, in the order of their first passing."""
    return [] if _armed is None else list(_armed.counts)


def tally() -> None:
    """Writes down how often each place was passed; for the end of a process."""
    if _armed is not None:
        _write_down("".join(f"{name} {count}\n" for name, count in _armed.counts.items()))


def _write_down(lines: str) -> None:
    if path := os.environ.get(SEEN):
        with open(path, "ab", buffering=0) as file:  # noqa: PTH123 - one write, which no kill can tear
            file.write(lines.encode())


def _strike(fault: _Fault) -> None:
    if fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.action == "raise":
        raise FaultRaised(f"fault point {fault.name}")
    time.sleep(fault.seconds)


def _parse(spec: str) -> list[_Fault]:
    return [_parse_one(part.strip()) for part in spec.split(",") if part.strip()]


def _parse_one(part: str) -> _Fault:
    place, _, what = part.partition(":")
    name, _, nth = place.partition("@")
    action, _, seconds = what.partition("=")
    try:
        fault = _Fault(name, int(nth or 0), action, float(seconds or 0))
    except ValueError:
        fault = None
    if fault is None or not name or action not in {"kill", "raise", "sleep"}:
        raise ValueError(f"{VARIABLE}: {part!r} is not of the form name[@n]:kill, :raise or :sleep=SECONDS")
    return fault


_armed: _Armed | None = None
if os.environ.get(VARIABLE) or os.environ.get(SEEN):
    arm(os.environ.get(VARIABLE, ""))
