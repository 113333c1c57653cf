"""Whether the database takes what it is given, and whether it is whole."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from deskbell.core.store import UnitOfWork, Urgency
from deskbell.watch.conf import WatchConf

log = structlog.get_logger("deskbell.watch")

_MARK = "watch.written"  # the small value that is written to see whether it can be
_LONGEST_LOOK_S = 5.0

Report = Callable[[str, str], None]  # a trouble's name, and why; "" when it is over


class Store(Protocol):
    """What is needed of the store."""

    @property
    def written_at(self) -> float:
        """By the monotonic clock: when a change of ours was last durable."""
        ...

    @property
    def astray(self) -> str:
        """Why what is written now will not be found again."""
        ...

    @property
    def trouble(self) -> str:
        """What is wrong with the audit's head outside the database."""
        ...

    async def write(self, change: Callable[[UnitOfWork], object], urgency: Urgency = Urgency.NORMAL) -> object: ...


class Database:
    """Reports "database" once nothing could be written for `unwritable_after`, and once it can be again."""

    def __init__(
        self,
        store: Store,
        conf: WatchConf,
        check: Callable[[], Awaitable[Sequence[str]]],
        report: Report,
        now: Callable[[], datetime],
        back: Callable[[], None],
    ) -> None:
        self._store, self._conf, self._check, self._report, self._now = store, conf, check, report, now
        self._back = back  # told when the database takes something again
        self._after_s = conf.unwritable_after.total_seconds()
        self._failing_since: float | None = None

    async def run(self) -> None:
        """Until cancelled. A database that is written to anyway is not written to for the look's sake."""
        pace = min(self._after_s / 4, _LONGEST_LOOK_S)
        while True:
            self._report("audit", self._store.trouble)
            self._report("astray", self._store.astray)
            await self.look()
            await asyncio.sleep(pace)

    async def look(self) -> None:
        asked = time.monotonic()
        why = "" if asked - self._store.written_at < self._after_s / 2 else await self._refusal()
        if not why:
            if self._failing_since is not None:
                self._back()
            self._failing_since = None
            self._report("database", "")
            return
        if self._failing_since is None:
            self._failing_since = asked
        if time.monotonic() - self._failing_since >= self._after_s:
            self._report("database", why)

    async def _refusal(self) -> str:
        """Why a small change is not kept; "" when it is."""
        mark = self._now().isoformat()
        try:
            async with asyncio.timeout(self._after_s):
                await self._store.write(lambda uow: uow.put_value(_MARK, mark), Urgency.TAP)
        except TimeoutError:
            return f"nothing could be written for {self._after_s:g} s"
        except Exception as error:  # noqa: BLE001 - whatever the database says, it is what people must hear
            return str(error) or type(error).__name__
        return ""

    # ------------------------------------------------------------ each night

    async def check_each_night(self, zone: str) -> None:
        """Until cancelled. Damage that nobody reads for months must not wait until somebody does."""
        at = self._conf.check_at
        nightly = CronTrigger(hour=at.hour, minute=at.minute, timezone=ZoneInfo(zone))
        # By the wall clock, as people mean it; what must not wait when that is set back goes by net.clock.beat.
        scheduler = AsyncIOScheduler(timezone=ZoneInfo(zone))
        scheduler.add_job(self.check, nightly, misfire_grace_time=None, coalesce=True)
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)

    async def check(self) -> None:
        try:
            found = await self._check()
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being read, people must hear of it
            found = [f"the database could not be looked through: {error!r}"]
        log.info("database_checked", wrong=len(found))
        self._report("integrity", "; ".join(found))
