"""The sandbox: one server on the loopback with all the stand-ins, their ledger, the control API and the page."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.control import Control, guard
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.fieldservice import FieldService
from deskbell.sandbox.freshdesk.stand_in import Freshdesk
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.pager import Pager
from deskbell.sandbox.people import People
from deskbell.sandbox.scenario.director import Director
from deskbell.sandbox.servicenow.stand_in import ServiceNow
from deskbell.sandbox.slack import answers, endpoint
from deskbell.sandbox.slack.stand_in import SlackStandIn
from deskbell.sandbox.source import Source
from deskbell.sandbox.view import View

HOST = "127.0.0.1"
MOST_BODY = 8 * 1024**2
SCENARIOS = ("empty", "day")


class Sandbox:
    """`async with Sandbox() as sb:` listens on any free port; sb.url, sb.slack, sb.freshdesk ... are at hand."""

    def __init__(
        self,
        *,
        port: int = 0,
        scenario: str = "empty",
        seed: int = 1,
        people: bool = False,
        sabotage: bool = False,
        desk_url: str | None = None,
        desk_token: str | None = None,
    ) -> None:
        if scenario not in SCENARIOS:
            raise ValueError(f"scenario is one of {', '.join(SCENARIOS)}, not {scenario!r}")
        self.port, self.scenario, self.seed = port, scenario, seed
        self.with_people = people
        self.desk_url, self.desk_token = desk_url, desk_token
        self.clock, self.pulse = Clock(), Pulse()
        self.ledger = Ledger(self.clock, self.pulse)
        self.slack = SlackStandIn(self.clock, self.ledger, self.pulse)
        self.freshdesk = Freshdesk(self.clock, self.ledger, self.pulse)
        self.servicenow = ServiceNow(self.clock, self.ledger, self.pulse)
        self.fieldservice = FieldService(self.clock, self.ledger, self.pulse)
        self.pager = Pager(self.ledger)
        self.sources: dict[str, Source] = {
            source.name: source for source in (self.freshdesk, self.servicenow, self.fieldservice)
        }
        self.held: set[str] = set()  # numbers in trouble: the ordinary day leaves them alone
        self.slack.sabotage = sabotage
        self.url = ""
        self.director: Director | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------ routes

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BODY, middlewares=[guard])
        app.router.add_route("*", "/slack/api/{method}", self._slack_api)
        app.router.add_get("/slack/socket/{ticket}", self.slack.sockets.serve)
        for kind in ("commands", "actions"):
            app.router.add_post(f"/slack/{kind}/{{team}}/{{id}}/{{secret}}", self._slack_answer)
        for stand_in in (self.freshdesk, self.servicenow, self.fieldservice, self.pager, Control(self), View(self)):
            stand_in.add_routes(app.router)
        return app

    async def _slack_api(self, request: web.Request) -> web.StreamResponse:
        return await endpoint.call(self.slack, request)

    async def _slack_answer(self, request: web.Request) -> web.StreamResponse:
        return await answers.respond(self.slack, request)

    # ------------------------------------------------------------------ trouble

    def hold(self, number: str) -> None:
        self.held.add(number)

    def release(self, number: str) -> None:
        self.held.discard(number)

    def all_faults(self) -> dict[str, Faults]:
        return {"slack": self.slack.faults} | {name: source.faults for name, source in self.sources.items()}

    # ------------------------------------------------------------------ life

    async def start(self) -> Self:
        self._runner = web.AppRunner(self.app(), shutdown_timeout=1.0, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://{HOST}:{self.port}"
        for stand_in in (self.slack, self.freshdesk, self.servicenow):
            stand_in.url = self.url
        if self.scenario == "day":
            self._direct()
        if self.with_people:
            self._tasks.append(asyncio.create_task(People(self, self.seed).run()))
        return self

    def _direct(self) -> None:
        director = self.director = Director(self, self.seed)
        for source in self.sources.values():
            source.before = director.begin
        self._tasks.append(asyncio.create_task(director.run()))

    async def end_day(self) -> None:
        """Nothing more happens by itself: the director and the people go home, the stand-ins stay."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        await self.end_day()
        await self.slack.line.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
