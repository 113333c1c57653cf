"""Asking Telegram for what happened: our own loop, in which nothing is confirmed before it was carried out.

https://core.telegram.org/bots/api#getupdates: an offset deletes what came before it. A tap waits 150 seconds there, a
message a day; whatever is not confirmed when the daemon falls is given again to the next one.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from bot.telegram_reading import Update, account_of
from deskbell.core.outcome import Fault, Rejected, Retry
from deskbell.core.store import LeaseLost, Memory
from deskbell.instance import Held
from deskbell.net.faults import point
from deskbell.vendors.telegram_api import TelegramApi, Trouble

ALLOWED = ("message", "callback_query", "my_chat_member")
OFFSET = "telegram.offset"
OFFSET_LIFE_S = 24 * 3600.0  # nothing older waits there, and after a week the numbers begin anew anywhere
PAUSE_S, LONGEST_PAUSE_S, REFUSED_PAUSE_S = 1.0, 60.0, 300.0
TRIES = 3  # for an update that can't be handled; then it is let go, or none behind it would ever be heard
QUIET_S = 60.0  # beyond the poll itself: a hitch is shorter, and so is the overlap of two daemons at an update
CLOSE_S = 4.0

log = logging.getLogger("deskbell.telegram")

Take = Callable[[Update], Awaitable[None]]


class Poller:
    """`take` carries one update out, and returns when it is durable. `blocked` is asked what to do about a webhook."""

    def __init__(
        self,
        api: TelegramApi,
        memory: Memory | None,
        take: Take,
        now: Callable[[], datetime],
        unblock: Callable[[], Awaitable[str]],
    ) -> None:
        self._api, self._memory, self._take, self._now, self._unblock = api, memory, take, now, unblock
        self._offset: int | None = None
        self._failed: Counter[int] = Counter()
        self._good_at = 0.0
        self._why = "Telegram has not answered yet"
        self._surely = True  # it is not going to pass by itself
        self._pause = PAUSE_S
        self._stopping = asyncio.Event()
        self._fetching: asyncio.Task[Sequence[Update]] | None = None
        self._running: asyncio.Task[None] | None = None
        self._held = Held("")

    @property
    def trouble(self) -> str:
        """Why nobody is heard; nothing while questions are answered, and for a short hitch."""
        late = time.monotonic() - self._good_at > self._api.conf.poll_s + QUIET_S
        return (self._why or "Telegram does not answer") if late or self._surely else ""

    async def run(self, held: Held) -> None:
        """Until `close`, or until the lease is lost. Begins where the last one who had it has stopped."""
        self._held, self._running = held, asyncio.current_task()
        self._why, self._surely, self._pause = "Telegram has not answered yet", True, PAUSE_S
        self._failed.clear()
        try:
            await self._poll()
        finally:
            if self._fetching is not None:
                self._fetching.cancel()

    async def close(self) -> None:
        """What is being carried out is finished; the question that waits is not."""
        self._stopping.set()
        if self._fetching is not None:
            self._fetching.cancel()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=CLOSE_S)
            self._running.cancel()

    async def _poll(self) -> None:
        self._offset = await self._remembered()
        first = True
        while not self._stopping.is_set():
            try:
                updates = await self._fetch(0 if first else self._api.conf.poll_s)
                first, self._good_at, self._pause = False, time.monotonic(), PAUSE_S
                self._why, self._surely = "", False
                self._held.check()  # who was paused has the same from Telegram as the one after it
                await self._carry_out(updates)
            except asyncio.CancelledError:
                if not self._stopping.is_set():
                    raise
            except LeaseLost:
                raise
            except Trouble as trouble:
                await self._wait(await self._pause_after(trouble))
            except Exception:
                log.exception("what came from Telegram could not be handled; it is asked for again")
                await self._wait(self._longer())

    async def _wait(self, seconds: float) -> None:
        """A stop is not waited for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    # ------------------------------------------------------------ asking

    async def _fetch(self, timeout: int) -> Sequence[Update]:
        self._fetching = asyncio.create_task(self._ask(timeout))
        return await self._fetching

    async def _ask(self, timeout: int) -> Sequence[Update]:
        call = self._api.bot.get_updates(self._offset, timeout=timeout, allowed_updates=ALLOWED)
        updates = await self._api.ask(call)
        return [update.to_dict() for update in updates]

    async def _pause_after(self, trouble: Trouble) -> float:
        outcome, pause = trouble.outcome, self._longer()
        if isinstance(outcome, Retry) and outcome.limited and outcome.after:
            return outcome.after.total_seconds()
        self._why = trouble.why
        if isinstance(outcome, Rejected) and outcome.fault is Fault.AUTH:
            pause, self._surely = REFUSED_PAUSE_S, True
        elif trouble.status == 409:
            self._why = await self._conflict(trouble)
        log.warning("Telegram can't be asked for news: %s", self._why)
        return pause

    async def _conflict(self, trouble: Trouble) -> str:
        if trouble.says("webhook"):
            self._surely = True
            return await self._unblock()
        return "another program asks Telegram with the same token: only one may; stop it, or give each its own bot"

    def _longer(self) -> float:
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        return self._pause / 2

    # ------------------------------------------------------------ carrying out

    async def _carry_out(self, updates: Sequence[Update]) -> None:
        """Each person's in their order, all people at once; then, and only then, the offset."""
        if not updates:
            self._offset = None  # what was confirmed stays so; a number kept for long may be above the next ones
            return
        lines: defaultdict[str, list[Update]] = defaultdict(list)
        for update in updates:
            lines[account_of(update)].append(update)
        ends = await asyncio.gather(*(self._in_order(line) for line in lines.values()), return_exceptions=True)
        failed = next((end for end in ends if isinstance(end, BaseException)), None)
        if failed is not None:
            raise failed
        point("telegram.offset.before")
        await self._remember(max(int(update["update_id"]) for update in updates) + 1)
        point("telegram.offset.after")

    async def _in_order(self, updates: Sequence[Update]) -> None:
        for update in updates:
            try:
                self._held.check()
                await self._take(update)
            except (Trouble, LeaseLost):
                raise  # no fault of the update: it waits for as long as it takes
            except Exception:
                number = int(update["update_id"])
                self._failed[number] += 1
                if self._failed[number] < TRIES:
                    raise
                log.exception("an update of Telegram's was given up after %d tries", TRIES)
                del self._failed[number]

    async def _remembered(self) -> int | None:
        known = await self._memory.recall(OFFSET) if self._memory is not None else None
        number, _, at = (known or "").partition(" ")
        try:
            fresh = self._now().timestamp() - float(at) < OFFSET_LIFE_S
            return int(number) if fresh else None
        except ValueError:
            return None

    async def _remember(self, offset: int) -> None:
        self._offset = offset
        if self._memory is not None:
            await self._memory.remember(OFFSET, f"{offset} {self._now().timestamp():.0f}", self._held.guard)
