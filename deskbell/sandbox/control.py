"""/_sandbox/...: the hand of the page and of tests in other processes. Loopback names and JSON only."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
from aiohttp import web

from deskbell.sandbox import credentials, trouble
from deskbell.sandbox.chat import Do, Refused
from deskbell.sandbox.verdict import GRACE, summary
from deskbell.sandbox.web import read_json, reply

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

HOSTS = frozenset({"127.0.0.1", "localhost"})
DESK_SECONDS = 3.0


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Another site's page in the same browser may neither read nor press: not by a rebound name, not by a form."""
    if request.path == "/" or request.path.startswith(("/_sandbox/", "/page/")):
        if (request.url.host or "") not in HOSTS:
            return reply({"error": "loopback names only"}, 403)
        if request.method == "POST" and request.content_type != "application/json":
            return reply({"error": "JSON only"}, 415)
    return await handler(request)


class Control:
    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        self.verbs: dict[str, Do] = {name: partial(verb, sandbox) for name, verb in trouble.VERBS.items()}
        for chat in sandbox.chats.values():
            self.verbs |= {f"{chat.name}.{name}": verb for name, verb in chat.verbs.items()}
        ordeal = sandbox.ordeal
        self.verbs |= {"ordeal.make": ordeal.make, "ordeal.begin": ordeal.begin, "ordeal.end": ordeal.end}
        told = sandbox.customers
        self.verbs |= {"customers.lay": told.lay, "customers.begin": told.begin, "customers.judge": told.judge}
        storm = sandbox.storm
        self.verbs |= {"storm.rooms": storm.rooms, "storm.begin": storm.begin, "storm.judge": storm.judge}

    async def credentials(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply(credentials.listing(self.sandbox.url))

    async def ledger(self, request: web.Request) -> web.Response:
        sandbox = self.sandbox
        grace = float(request.query.get("grace", GRACE))
        answer = summary(sandbox.ledger, sandbox.chats, grace)
        if request.query.get("entries"):
            answer["entries"] = [entry.as_json() for entry in sandbox.ledger.entries]
            answer["expectations"] = [expectation.as_json() for expectation in sandbox.ledger.expectations]
        return reply(answer)

    async def ordeal(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply(self.sandbox.ordeal.evidence())

    async def do(self, request: web.Request) -> web.Response:
        try:
            asked = await read_json(request)
            verb = self.verbs[asked.pop("do")]
        except (ValueError, KeyError, AttributeError, TypeError):
            return reply({"error": "unknown verb", "verbs": sorted(self.verbs)}, 400)
        try:
            return reply({"ok": True, "result": await verb(asked)})
        except (Refused, LookupError, StopIteration, TypeError, ValueError) as error:
            return reply({"ok": False, "error": f"{type(error).__name__}: {error}"}, 400)

    async def audit(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return await self._of_desk("/api/v1/audit?limit=50")

    async def why(self, request: web.Request) -> web.Response:
        return await self._of_desk(f"/api/v1/alerts/{quote(request.match_info['ref'], safe='')}/why")

    async def _of_desk(self, path: str) -> web.Response:
        """Deskbell's own answer, fetched here so that its token stays out of the page."""
        sandbox = self.sandbox
        if not sandbox.desk_url:
            return reply({"reachable": False, "why": "no desk address given"})
        headers = {"Authorization": f"Bearer {sandbox.desk_token or ''}"}
        timeout = aiohttp.ClientTimeout(total=DESK_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                answer = await session.get(sandbox.desk_url + path, headers=headers)
                if answer.status != 200:
                    return reply({"reachable": False, "why": f"status {answer.status}"})
                return reply({"reachable": True, **await answer.json()})
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError) as error:
            return reply({"reachable": False, "why": type(error).__name__})

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/_sandbox/credentials", self.credentials)
        router.add_get("/_sandbox/ledger", self.ledger)
        router.add_get("/_sandbox/ordeal", self.ordeal)
        router.add_get("/_sandbox/audit", self.audit)
        router.add_get("/_sandbox/why/{ref}", self.why)
        router.add_post("/_sandbox/do", self.do)
