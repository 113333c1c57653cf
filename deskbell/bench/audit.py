"""The audit: entries appended by the group and verified, beside the raw chain in the same tables."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from deskbell.bench import chain, made_up
from deskbell.bench.figures import Row, Spread
from deskbell.bench.ground import Ground, Short
from deskbell.core.ports import Entry
from deskbell.core.store import UnitOfWork
from storage.store import SqlStore
from storage.verify import verify

RAW = "raw chain: hashlib, hmac, orjson, sqlite3"
KEY = made_up.HOUSE.encode()
APPENDED, VERIFIED, MANY = 10_000, 50_000, 1_000_000
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


async def run(ground: Ground) -> list[Row]:
    return await asyncio.to_thread(_run, ground)


def _run(ground: Ground) -> list[Row]:
    ground.say("audit: appending")
    count = ground.size(APPENDED, 200)
    ours, raw = [], []
    mine, theirs = _empty(ground), _empty(ground)
    for _ in range(ground.rounds):
        ours.append(count / _append(mine, count))
        raw.append(count / chain.append(_path(theirs), KEY, count))
    what = f"audit entries appended, {chain.GROUP} a commit, chained and sealed"
    return [Row.beside("audit_append", what, "entries/s", ours, raw, RAW), *_verified(ground)]


def _verified(ground: Ground) -> list[Row]:
    """What the raw chain wrote, so that a million is there soon, and both are seen to do the same work."""
    ground.say("audit: verifying")
    url, count, many = _empty(ground), ground.size(VERIFIED, 500), ground.size(MANY, 2000)
    chain.append(_path(url), KEY, count)
    ours, raw = [], []
    for _ in range(ground.rounds):
        ours.append(count / _timed(lambda: _check(url, count)))
        raw.append(count / _timed(lambda: chain.verify(_path(url), KEY)))
    ground.say(f"audit: {many:,} entries")
    chain.append(_path(url), KEY, many - count)
    seconds, limit = _timed(lambda: _check(url, many)), _timed(lambda: chain.verify(_path(url), KEY))
    key = "audit_million" if many >= MANY else "audit_many"
    ratio = Spread.of([limit / seconds])
    what = f"{many:,} entries verified"
    return [
        Row.beside("audit_verify", "audit entries verified", "entries/s", ours, raw, RAW),
        Row(key, what, "s", Spread.of([seconds]), Spread.of([limit]), RAW, ratio, note="the ratio is of speeds"),
    ]


def _append(url: str, count: int) -> float:
    store = SqlStore.open(url, audit_key=KEY)

    def some(uow: UnitOfWork) -> None:
        for _ in range(chain.GROUP):
            uow.audit(Entry("deskbell", "open", 4821, chain.DATA), NOW)

    try:
        return _timed(lambda: [store.write_now(some) for _ in range(count // chain.GROUP)])
    finally:
        store.close()


def _check(url: str, count: int) -> None:
    verdict = verify(url, audit_key=KEY, head_file=None)
    if not verdict.ok or verdict.count != count:
        raise Short(f"{verdict.count} of {count} entries are whole: {verdict.why}")


def _empty(ground: Ground) -> str:
    url = ground.sqlite()
    SqlStore.open(url, audit_key=KEY).close()
    return url


def _path(url: str) -> str:
    return str(Path(url.removeprefix("sqlite:///")))


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
