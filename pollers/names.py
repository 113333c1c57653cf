"""Names behind a source's ids: asked for when they are met, kept for an hour, never in the way of a poll."""

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from deskbell.core.ports import SourceError

KEEP = 3600.0
ASK_AGAIN = 300.0  # for an id that was not found, or after a failure

log = structlog.get_logger(__name__)
Load = Callable[[frozenset[str]], Awaitable[Mapping[str, str]]]  # ids -> names; more than asked for is welcome


class Names:
    def __init__(self, what: str, load: Load, clock: Callable[[], float] = time.monotonic) -> None:
        self.what = what
        self.error = ""
        self._load = load
        self._clock = clock
        self._known: dict[str, str] = {}
        self._asked: dict[str, float] = {}
        self._since = clock()

    async def of(self, ids: Iterable[str]) -> Mapping[str, str]:
        """The names that are known; a source that won't tell leaves them out, and is asked again later."""
        now = self._clock()
        if now - self._since > KEEP:
            self._asked.clear()  # the old names stay until the new ones are there
            self._since = now
        unknown = frozenset(one for one in ids if one and self._age(one, now) >= self._patience(one))
        if unknown:
            await self._ask(unknown, now)
        return self._known

    def _age(self, one: str, now: float) -> float:
        return now - self._asked.get(one, -math.inf)

    def _patience(self, one: str) -> float:
        return KEEP if one in self._known else ASK_AGAIN

    async def _ask(self, unknown: frozenset[str], now: float) -> None:
        for one in unknown:
            self._asked[one] = now
        try:
            found = await self._load(unknown)
        except SourceError as error:
            if not self.error:
                log.warning("names_unavailable", what=self.what, error=str(error))
            self.error = str(error)
            return
        self.error = ""
        self._known.update(found)
        for one in found:
            self._asked[one] = now
