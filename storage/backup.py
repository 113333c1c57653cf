"""A copy of the database while it is in use, and the way back to one.

What came after a copy is lost to the database, but not to the world: messages stand in the chats, and numbers of
alerts in people's heads. So after a restore no number is given twice, what was waiting is looked up before it is sent,
the cards of live alerts are shown anew, and the audit says what was cut off, sealed like all it says.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from deskbell.core.ports import Entry, Lane
from deskbell.core.store import RESTORED, UnitOfWork
from storage import audit, headfile, integrity, verify
from storage.audit import Head
from storage.backend import Backend, backend_of
from storage.codec import micros, moment
from storage.errors import StoreError
from storage.headfile import HeadFile
from storage.schema import ALERTS, DISPATCHES, LIVE, POSTS, UNDONE
from storage.sql import Db, Statement, bind
from storage.store import SqlStore

UNKNOWN_GAP = 100_000  # numbers left out where nobody knows how many were given after the copy

_P, _D = POSTS.c, DISPATCHES.c
_UNSURE_POSTS = Statement(
    sa.update(POSTS)
    .where(_P.ref == "", sa.text("state IN ('waiting', 'claimed', 'held')"))
    .values(unsure_since=sa.func.coalesce(_P.unsure_since, bind("since", sa.BigInteger())))
)
_UNSURE_DISPATCHES = Statement(
    sa.update(DISPATCHES)
    .where(sa.text(UNDONE))
    .values(unsure_since=sa.func.coalesce(_D.unsure_since, bind("since", sa.BigInteger())))
)
_SHOW_ANEW = Statement(
    sa.update(POSTS)
    .where(_P.state == "shown", _P.alert_id.in_(sa.select(ALERTS.c.id).where(sa.text(LIVE))))
    .values(wanted=_P.wanted + 1, state="waiting", lane=int(Lane.TIDY), due_at=bind("now", sa.BigInteger()))
)
_COUNT = Statement(sa.select(sa.func.count()).select_from(ALERTS))


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was made and looked through."""

    bytes: int
    alerts: int
    entries: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Restored:
    """`cut` entries of the audit came after the copy; None where nobody knows. `kept`: where the old files went."""

    alerts: int
    entries: int
    cut: int | None
    taken_at: datetime | None  # the last entry of the copy
    kept: tuple[Path, ...]
    seconds: float

    def in_words(self, *, drill: bool) -> str:
        """What people must know of it."""
        what = "Drill: all of it can be restored" if drill else "Restored"
        last = f", the last of {self.taken_at:%d %b %Y %H:%M} UTC" if self.taken_at else ""
        lines = [f"{what}: {self.alerts} alerts, {self.entries} audit entries{last}. It took {self.seconds:.1f} s."]
        if self.cut:
            lines.append(f"{self.cut} entries of the audit came after this backup, and are cut off; the audit says so.")
        elif self.cut is None:
            lines.append("How much came after this backup is not known: there was no head file of this audit.")
        lines += [f"Kept: {path}" for path in self.kept]
        if not drill:
            lines.append("Start Deskbell. It reads its sources again; docs/operating.md says what to expect.")
        return "\n".join(lines)


def back_up(url: str, to: Path, *, audit_key: bytes) -> Copied:
    """Copies a database that may be in use into a file. Raises StoreError; then there is no such file."""
    if to.exists():
        raise StoreError(f"{to} is there already. Name a file that is not.")
    started, backend = time.monotonic(), backend_of(url)
    partial = to.with_name(f"{to.name}.partial")
    with _only_when_done(partial):
        backend.copy_to(partial)
        counted = backend
        if not backend.several:  # the copy is a database itself
            counted = backend_of(_url_of(partial))
            _look_through(counted, _url_of(partial), audit_key)
        alerts, entries = _counts(counted)
        partial.chmod(0o600)
        _durable(partial)
        partial.rename(to)
    _durable(to.parent)
    return Copied(to.stat().st_size, alerts, entries, time.monotonic() - started)


def restore(url: str, copy: Path, *, audit_key: bytes, head_file: Path, drill: bool = False) -> Restored:
    """Puts a copy in the place of the database, marked as such. Raises StoreError; then a file is as it was.

    A file's old content is kept beside it; a server must have an empty database. `drill`: all but the last step.
    """
    started, backend = time.monotonic(), backend_of(url)
    if not copy.is_file():
        raise StoreError(f"There is no backup {copy}.")
    known = headfile.newest(head_file, audit_key)
    if backend.several:
        done = _put_back(url, copy, audit_key, known)
        kept = () if drill else _anchored(url, audit_key, head_file)
    else:
        with backend.nobody_on():
            done, kept = _into_file(url, copy, audit_key, known, None if drill else head_file)
    alerts, entries, before = done
    cut = max(0, known.seq - before.seq) if known else None
    at = moment(before.at) if before.number else None
    return Restored(alerts, entries, cut, at, kept, time.monotonic() - started)


# ---------------------------------------------------------------- a database that is a file

_Done = tuple[int, int, Head]  # alerts, entries, the copy's own last head


def _into_file(
    url: str, copy: Path, key: bytes, known: Head | None, head_file: Path | None
) -> tuple[_Done, tuple[Path, ...]]:
    path = Path(backend_of(url).place)
    fresh = path.with_name(f"{path.name}.restoring")
    with _only_when_done(fresh):
        done = _put_back(_url_of(fresh), copy, key, known)
        _durable(fresh)
        if head_file is None:
            fresh.unlink()
            return done, ()
        kept = _set_aside(path, head_file)
        fresh.replace(path)
    _durable(path.parent)
    _anchor(url, key, head_file)
    return done, kept


def _set_aside(path: Path, head_file: Path) -> tuple[Path, ...]:
    """The files as they were, beside them. A journal is moved first: it would be taken for the new file's."""
    mark = f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    aside = path.with_name(f"{path.name}.{mark}")
    moves = {
        Path(f"{path}-wal"): Path(f"{aside}-wal"),  # so that the old file still finds it
        Path(f"{path}-shm"): Path(f"{aside}-shm"),
        head_file: head_file.with_name(f"{head_file.name}.{mark}"),
    }
    kept = [old.rename(new) for old, new in moves.items() if old.exists()]
    if path.exists():
        os.link(path, aside)
        kept.append(aside)
    return tuple(kept)


def _look_through(backend: Backend, url: str, key: bytes) -> None:
    """Raises StoreError unless all of it is whole."""
    integrity.refuse(backend.place, integrity.wrong(backend))
    verdict = verify.verify(url, audit_key=key, head_file=None)
    if not verdict.ok:
        raise StoreError(f"The audit in {backend.place} is not whole: {verdict.why}")


def _counts(backend: Backend) -> tuple[int, int]:
    connection = backend.connect_reading()
    try:
        db = Db(connection, backend)
        return int(db.scalar(_COUNT)), audit.count(db)
    finally:
        connection.close()


def _url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def _anchored(url: str, key: bytes, head_file: Path) -> tuple[Path, ...]:
    kept = _set_aside(Path(os.devnull), head_file) if head_file.exists() else ()
    _anchor(url, key, head_file)
    return kept


# ---------------------------------------------------------------- going on where the copy ends


def _put_back(url: str, copy: Path, key: bytes, known: Head | None) -> _Done:
    """Fills the database, looks it through, and marks it as restored: one change, sealed as every change of ours is."""
    backend = backend_of(url)
    backend.put_back(copy)
    _look_through(backend, url, key)
    _upgrade(url)
    store = SqlStore.open(url, audit_key=key)
    try:
        before: Head = store.read_now(lambda reader: audit.last_head(reader.db))  # type: ignore[attr-defined]
        store.write_now(lambda uow: _mark(uow, backend, before, known))
        return (*_counts(backend), before)
    finally:
        store.close()


def _upgrade(url: str) -> None:
    """A copy of an older version is brought to this one's schema, while it is nobody's yet."""
    from storage import migrate

    if migrate.current(url) != migrate.head():
        migrate.upgrade(url)


def _mark(uow: UnitOfWork, backend: Backend, before: Head, known: Head | None) -> None:
    db: Db = uow.db  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    since = before.at or micros(now)
    db.run(_UNSURE_POSTS, since=since)
    db.run(_UNSURE_DISPATCHES, since=since)
    db.run(_SHOW_ANEW, now=micros(now))
    cut = max(0, known.seq - before.seq) if known else None
    for table in (ALERTS, DISPATCHES):
        backend.skip_numbers(db.connection, table.name, UNKNOWN_GAP if cut is None else cut)
    taken = moment(before.at).isoformat() if before.number else ""
    uow.put_value(RESTORED, f"{now.isoformat()} {taken}")
    data: dict[str, object] = {"entries": before.seq, "cut": cut, "taken_at": taken, "head": before.hash}
    if known and known.seq > before.seq:
        data["cut_head"] = known.hash
    uow.audit(Entry("deskbell", "restored", 0, data), now)


def _anchor(url: str, key: bytes, head_file: Path) -> None:
    backend = backend_of(url)
    connection = backend.connect_reading()
    try:
        current = audit.last_head(Db(connection, backend))
    finally:
        connection.close()
    file = HeadFile(head_file)
    file.anchor(key, current)
    file.close()


@contextmanager
def _only_when_done(path: Path) -> Iterator[None]:
    """Nothing half-made stays behind, nor is taken for ours: a journal that a kill left would go into the next file."""
    _remove(path)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _remove(path)
        raise


def _remove(path: Path) -> None:
    for left in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        left.unlink(missing_ok=True)


def _durable(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
