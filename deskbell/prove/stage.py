"""Where a history is played: clocks that are turned by hand, and one stand-in on the loopback."""

import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import unquote

from aiohttp import web

from deskbell.core.ports import Source
from deskbell.prove.history import Facts
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.source import Source as StandIn

HOST = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
S = TypeVar("S", bound=StandIn)


class Hands:
    """Our clock, turned by hand: nothing here waits."""

    def __init__(self, begin: int) -> None:
        self.at = begin

    def time(self) -> float:
        return float(self.at)

    def monotonic(self) -> float:
        return float(self.at)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def advance(self, seconds: int) -> None:
        self.at += seconds


class VendorClock(Clock):
    """The source's clock: `skew` seconds ahead of ours; `back` of that while something is done that looks older."""

    def __init__(self, ours: Hands, skew: int) -> None:
        super().__init__()
        self._ours, self.skew, self.back = ours, skew, 0

    def time(self) -> float:
        return float(self._ours.at + self.skew - self.back)


class System(Protocol):
    """One source on trial: the real poller, its stand-in, and the hand that changes what is in it."""

    @property
    def source(self) -> Source: ...

    @property
    def stand(self) -> StandIn: ...

    def lay(self, facts: Facts) -> str:
        """Makes a record; its id."""
        ...

    def change(self, record_id: str, before: Facts, facts: Facts) -> None: ...

    def remove(self, record_id: str) -> None: ...


class Stage:
    """The server of one history: a stand-in, and our hooks. `felt` hears the path of each request first."""

    def __init__(self, hands: Hands, skew: int, felt: Callable[[str], None], folder: Path) -> None:
        self.hands, self.clock, self.pulse = hands, VendorClock(hands, skew), Pulse()
        self.ledger = Ledger(self.clock, self.pulse)
        self.bare = False  # a 429 does not tell how long to wait
        self.refused = 0  # requests that were not answered as they should be
        self.folder = folder  # for what a source wants to keep
        self._felt = felt
        self._socket = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self.app = web.Application(middlewares=[self._around])
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.1)

    def stand_in(self, cls: Callable[[Clock, Ledger, Pulse], S]) -> S:
        made = cls(self.clock, self.ledger, self.pulse)
        made.dated = True  # its Date header has to come from the clock that its stamps come from
        made.no_limits()
        made.url = self.url
        made.add_routes(self.app.router)
        return made

    async def __aenter__(self) -> Self:
        """Everything has its route by now."""
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        self._socket.close()

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/hooks/"):
            return await handler(request)
        self._felt(unquote(request.path_qs))
        self.refused += 1
        answer = await handler(request)
        self.refused -= answer.status < 400
        if self.bare:
            answer.headers.pop("Retry-After", None)
        return answer
