"""Pages that are asked for by a key that came with the page before: a keyset, a token, an offset of the vendor's own.

`Chain.fetch` is what `pollers.cursor.sweep` asks for pages with. Going on after a crash in the middle of one second it
has no key for the page wanted, and walks there from the anchor.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from pollers.cursor import Fetched

Ask = Callable[[datetime, str], Awaitable[tuple[Fetched, str]]]  # (since, key of the page) -> it, key of the next page


class Chain:
    """The keys of one poll. The first page has none; an empty next key means that there is no further page."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._keys: dict[tuple[datetime, int], str] = {}

    async def fetch(self, since: datetime, step: int) -> Fetched:
        at = max((n for anchor, n in self._keys if anchor == since and n <= step), default=0)
        while True:
            got, key = await self._ask(since, self._keys.get((since, at), ""))
            if key:
                self._keys[since, at + 1] = key
            if at == step or not key:
                return got if at == step else Fetched((), more=False, date=got.date)
            at += 1
