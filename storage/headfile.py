"""The last head of the audit, outside the database: without it, a tail that was cut off would go unseen.

The file holds two heads in slots of fixed place, and each commit overwrites the older one. It is written after the
database's own fsync and not synced itself, so it may lag behind the database after a crash, but never leads; a slot
torn by a power cut fails its HMAC, and the other one counts. A file that does not agree with the database is never
overwritten: it is the evidence.

Of several instances each has a file of its own, which knows its own commits; a head covers all before it, so that the
newest of the files tells most, and each of them is right. Those that begin together make theirs whoever is first.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson

from storage.audit import Head, zero

_SLOT = 512  # a sector: written whole, or not at all
FRESH_S = 600.0  # in an audit that began so lately there is nothing yet that somebody would want to cut off
_FIELDS = ("number", "seq", "count", "at", "hash", "prev", "mac")


def newest(path: Path, key: bytes) -> Head | None:
    """The newest head in the file that the key's holder made; None when there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    heads = (head for head in _slots(data) if head and head.fits(key))
    return max(heads, key=lambda head: head.number, default=None)


def _slots(data: bytes) -> list[Head | None]:
    return [_parse(data[start : start + _SLOT]) for start in (0, _SLOT)]


class HeadFile:
    """The file of a running store. `trouble` says, for people, why it is not kept up any more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self.error = ""  # of the last write; the next one may do better
        self._fd = -1
        self._key = b""
        self._older = 0  # the slot that is written next; numbers may skip, where others commit too

    def start(self, key: bytes, last: Callable[[], Head], at: Callable[[int], Head | None]) -> None:
        """Compares the file with the database, whose heads `last` and `at` read, and keeps it up if they agree.

        The file is read first, because another process may commit meanwhile.
        """
        self._key = key
        there, kept = self.path.exists(), newest(self.path, key)
        current = last()
        if not there and (current.number == 0 or _young(at(1))):
            self._create(zero(key))
        else:
            self.trouble = _disagreement(self.path, there, kept, current, at)
        if not self.trouble:
            self._open()
            self.write(current if current.number else zero(key))

    def anchor(self, key: bytes, current: Head) -> None:
        """Begins the file anew at the database's head: for an operator who knows why they differ."""
        self._key = key
        self.close()
        self.path.unlink(missing_ok=True)
        self._create(current if current.number else zero(key))
        self.trouble = ""
        self._open()

    def write(self, head: Head) -> None:
        if self._fd < 0:
            return
        try:
            os.pwrite(self._fd, _slot(head), _SLOT * self._older)
            self._older = 1 - self._older
            self.error = ""
        except OSError as error:  # the database is whole, and the file lags behind it
            self.error = f"The head of the audit could not be written to {self.path}: {error.strerror}."

    def close(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        numbers = [head.number if head and head.fits(self._key) else -1 for head in _slots(self.path.read_bytes())]
        self._older = numbers.index(min(numbers))

    def _create(self, head: Head) -> None:
        """On the disk before the first entry can be, so that from then on a missing file means something."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, _slot(head), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _young(first: Head | None) -> bool:
    return first is not None and abs(time.time() - first.at / 1e6) < FRESH_S


def _disagreement(path: Path, there: bool, kept: Head | None, current: Head, at: Callable[[int], Head | None]) -> str:  # noqa: FBT001 - it is one of the facts to weigh
    if kept is None:
        state = "is damaged, or of another audit key" if there else "is missing"
        return f"The file {path}, which holds the head of the audit, {state}. Run: deskbell audit verify"
    if kept.number > current.number:
        return f"The audit ends at entry {current.seq}, but {path} knows of {kept.seq}. Run: deskbell audit verify"
    if kept.number and at(kept.number) != kept:
        return f"The audit is not the one that {path} knows: entry {kept.seq} differs. Run: deskbell audit verify"
    return ""


def _slot(head: Head) -> bytes:
    return orjson.dumps({name: getattr(head, name) for name in _FIELDS}).ljust(_SLOT - 1) + b"\n"


def _parse(slot: bytes) -> Head | None:
    try:
        return Head(**orjson.loads(slot))
    except (ValueError, TypeError):
        return None
