"""A thread that asks the event loop for a sign of life, again and again.

A loop that is held up by one call answers nobody: no tap, no poll, no heartbeat. What held it is seen only while it
does, so that the thread writes down the stack of the loop's thread, once a stall. systemd hears from this thread that
we live, and no longer does when a stall lasts: then it starts us anew.
"""

import asyncio
import sys
import threading
import time
import traceback

import structlog

from deskbell.net import metrics
from deskbell.watch.systemd import Systemd

log = structlog.get_logger("deskbell.watch")

_SLICES = 20  # of `stalled_after`. Waits are counted, not measured: a paused process or a sleeping machine is no stall
_FRAMES = 12


class StallWatch:
    """Start it in the loop that is to be watched. `stalled_after_s` and `restart_after_s` as in WatchConf."""

    def __init__(self, stalled_after_s: float, restart_after_s: float, systemd: Systemd) -> None:
        self._slice = stalled_after_s / _SLICES
        self._patience = round(restart_after_s / self._slice)
        self._systemd = systemd
        self._fed_at = -float("inf")
        self._echo = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.stalls = 0

    def start(self) -> None:
        loop, watched = asyncio.get_running_loop(), threading.get_ident()
        self._thread = threading.Thread(target=self._run, args=(loop, watched), name="deskbell-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    # ------------------------------------------------------------ the thread

    def _run(self, loop: asyncio.AbstractEventLoop, watched: int) -> None:
        while not self._ending.is_set():
            self._echo.clear()
            asked = time.monotonic()
            try:
                loop.call_soon_threadsafe(self._echo.set)
            except RuntimeError:  # the loop was closed
                return
            if not self._answered(watched):
                return
            metrics.loop_answered(time.monotonic() - asked)
            self._feed()
            self._ending.wait(_SLICES * self._slice / 2)

    def _answered(self, watched: int) -> bool:
        """Waits until the loop gives its sign. False when we are to end meanwhile."""
        waited = 0
        while not self._echo.wait(self._slice):
            if self._ending.is_set():
                return False
            waited += 1
            if waited == _SLICES:
                self._stalled(watched)
            if waited == self._patience:
                log.error("loop_stalled_for_long", remedy="systemd is no longer told that Deskbell lives")
            if waited < self._patience:
                self._feed()
        if waited >= _SLICES:
            log.warning("loop_goes_on", after_s=round(waited * self._slice, 2))
        return True

    def _stalled(self, watched: int) -> None:
        self.stalls += 1
        metrics.loop_stalled()
        frame = sys._current_frames().get(watched)  # noqa: SLF001 - the documented way to look into another thread
        stack = traceback.format_stack(frame)[-_FRAMES:] if frame else []
        log.error("loop_stalled", for_s=round(_SLICES * self._slice, 2), stack="".join(stack))

    def _feed(self) -> None:
        """Four times as often as systemd wants it."""
        now = time.monotonic()
        if self._systemd.watchdog_s and now - self._fed_at >= self._systemd.watchdog_s / 4:
            self._fed_at = now
            self._systemd.tell(WATCHDOG=1)
