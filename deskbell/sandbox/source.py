"""What the three source stand-ins share: trouble first, then credentials, then the work, and a line in the ledger."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.faults import Fault, Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.web import Handler, with_trouble

READS = frozenset({"GET", "HEAD"})
Work = Callable[[web.Request], Awaitable[web.Response]]


class Source(ABC):
    name = "source"
    prefix = ""
    dated = False  # whether its Date header follows the sandbox's clock; else it tells the machine's time

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        self.clock, self.ledger, self.pulse = clock, ledger, pulse
        self.faults = Faults(clock)
        self.url = ""
        self.sweeps = 0  # how often the list that is polled was read
        self.before: Callable[[], None] = lambda: None  # the day begins when somebody looks

    # ------------------------------------------------------------------ what each vendor words its own way

    def no_limits(self) -> None:  # noqa: B027 - not every vendor counts
        """For trials of other things than the vendor's limits."""

    @abstractmethod
    def unauthorised(self) -> web.Response: ...

    def broken(self, status: int) -> web.Response:
        return web.Response(
            status=status, text="<html><body>Service unavailable</body></html>", content_type="text/html"
        )

    def throttled(self, seconds: int) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": str(seconds)})

    @abstractmethod
    def add_routes(self, router: web.UrlDispatcher) -> None: ...

    @abstractmethod
    def knows(self, request: web.Request) -> bool:
        """Are the credentials ours?"""

    # ------------------------------------------------------------------ the way of a request

    def route(self, work: Work, *, public: bool = False) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer = await work(request) if public or self.knows(request) else self.unauthorised()
            if not public:
                self._note(request, answer)
            return answer

        async def guarded(request: web.Request) -> web.StreamResponse:
            self.before()
            self.ledger.requests[self.name] += 1
            path = request.path.removeprefix(self.prefix)
            places = {request.method, path, f"{request.method} {path}"}
            answer = await with_trouble(request, self.faults, places, handle, self._refuse)
            if self.dated:
                answer.headers.setdefault("Date", formatdate(self.clock.time(), usegmt=True))
            return answer

        return guarded

    def _refuse(self, fault: Fault) -> web.Response:
        self.ledger.note(self.name, "trouble", fault=fault.kind)
        if fault.kind == "401":
            return self.unauthorised()
        return self.throttled(fault.retry_after) if fault.kind == "429" else self.broken(int(fault.kind))

    def _note(self, request: web.Request, answer: web.Response) -> None:
        done = answer.status < 400
        kind = ("read" if request.method in READS else "write") if done else "rejected"
        kind = "ratelimited" if answer.status == 429 else kind
        path = request.path.removeprefix(self.prefix)
        self.ledger.note(self.name, kind, method=request.method, path=path, status=answer.status)
