"""The sandbox: one server on the loopback with all the stand-ins, their ledger, the control API and the page."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

from deskbell.sandbox import samples
from deskbell.sandbox.billing import Billing
from deskbell.sandbox.chat import Chat
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.control import Control, guard
from deskbell.sandbox.discord.stand_in import DiscordStandIn
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.fieldservice import FieldService
from deskbell.sandbox.freshdesk.stand_in import Freshdesk
from deskbell.sandbox.ledger import CardKey, Ledger
from deskbell.sandbox.mail import MailServer
from deskbell.sandbox.mailbox import Mailbox
from deskbell.sandbox.ordeal import Ordeal
from deskbell.sandbox.others import OTHERS
from deskbell.sandbox.pager import Pager
from deskbell.sandbox.people import People
from deskbell.sandbox.scenario.customers import Customers
from deskbell.sandbox.scenario.director import Director
from deskbell.sandbox.scenario.storm import Storm
from deskbell.sandbox.servicenow.stand_in import ServiceNow
from deskbell.sandbox.slack.as_chat import SlackChat
from deskbell.sandbox.slack.stand_in import SlackStandIn
from deskbell.sandbox.source import Source
from deskbell.sandbox.teams.stand_in import TeamsStandIn
from deskbell.sandbox.telegram.stand_in import TelegramStandIn
from deskbell.sandbox.vendors import vendors
from deskbell.sandbox.vendors.stand_in import StandIn
from deskbell.sandbox.view import View

HOST = "127.0.0.1"
MOST_BODY = 8 * 1024**2
SCENARIOS = ("empty", "day", "samples", "storm", "customers")


class Sandbox:
    """`async with Sandbox() as sb:` listens on any free port; sb.url, sb.slack, sb.freshdesk ... are at hand."""

    def __init__(
        self,
        *,
        port: int = 0,
        scenario: str = "empty",
        seed: int = 1,
        people: bool = False,
        sabotage: str = "",
        desk_url: str = "",
        desk_token: str = "",
    ) -> None:
        if scenario not in SCENARIOS:
            raise ValueError(f"scenario is one of {', '.join(SCENARIOS)}, not {scenario!r}")
        self.port, self.scenario, self.seed = port, scenario, seed
        self.with_people = people
        self.desk_url, self.desk_token = desk_url, desk_token
        self.clock, self.pulse = Clock(), Pulse()
        self.ledger = Ledger(self.clock, self.pulse)
        self.slack = SlackStandIn(self.clock, self.ledger, self.pulse)
        self.teams = TeamsStandIn(self.clock, self.ledger, self.pulse)
        self.telegram = TelegramStandIn(self.clock, self.ledger, self.pulse)
        self.discord = DiscordStandIn(self.clock, self.ledger, self.pulse)
        chats: tuple[Chat, ...] = (SlackChat(self.slack), self.teams, self.telegram, self.discord)
        self.chats = {chat.name: chat for chat in chats}
        self.ledger.cards_of = self.cards_of
        self.freshdesk = Freshdesk(self.clock, self.ledger, self.pulse)
        self.servicenow = ServiceNow(self.clock, self.ledger, self.pulse)
        self.fieldservice = FieldService(self.clock, self.ledger, self.pulse)
        self.billing = Billing(self.clock, self.ledger, self.pulse)
        self.pager = Pager(self.ledger)
        ours: tuple[Source, ...] = (self.freshdesk, self.servicenow, self.fieldservice, self.billing)
        self.sources = {source.name: source for source in ours}
        # Systems of which the day knows nothing: for tests, and for `deskbell check`.
        self.others: dict[str, Source] = {cls.name: cls(self.clock, self.ledger, self.pulse) for cls in OTHERS}
        self.vendors = {vendor.name: StandIn(vendor, self.clock, self.ledger) for vendor in vendors()}
        self._mail = MailServer(self.vendors["smtp"])
        self.mailbox = Mailbox()
        self.ordeal = Ordeal(self, seed)
        self.storm = Storm(self, seed)
        self.customers = Customers(self, sabotage=bool(sabotage))
        self.removed: set[tuple[str, str]] = set()  # chat and room that Deskbell was removed from
        self.held: set[str] = set()  # numbers in trouble: the ordinary day leaves them alone
        if sabotage:  # the name of a chat; "any": by the seed
            name = list(self.chats)[seed % len(self.chats)] if sabotage == "any" else sabotage
            self.chats[name].sabotage = True
        self.url = ""
        self.director: Director | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------ routes

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BODY, middlewares=[guard])
        for chat in self.chats.values():
            chat.add_routes(app.router)
        for vendor in self.vendors.values():
            vendor.add_routes(app.router)
        for source in (self.sources | self.others).values():
            source.add_routes(app.router)
        for part in (self.pager, Control(self), View(self)):
            part.add_routes(app.router)
        return app

    def cards_of(self, ref: str) -> set[CardKey]:
        """Every live card of an alert, in all chats."""
        return {
            (card.chat, card.room, card.id) for chat in self.chats.values() for card in chat.cards() if card.ref == ref
        }

    # ------------------------------------------------------------------ trouble

    def hold(self, number: str) -> None:
        self.held.add(number)

    def release(self, number: str) -> None:
        self.held.discard(number)

    def all_faults(self) -> dict[str, Faults]:
        chats = {name: chat.faults for name, chat in self.chats.items()}
        told = {f"vendors.{name}": vendor.faults for name, vendor in self.vendors.items()}
        return chats | told | {name: source.faults for name, source in (self.sources | self.others).items()}

    def introduce(self, url: str, token: str = "") -> None:
        """Where Deskbell's own server listens, when that was not known at the start."""
        self.desk_url, self.desk_token = url, token
        for chat in self.chats.values():
            chat.desk_url = url

    # ------------------------------------------------------------------ life

    async def start(self) -> Self:
        self._runner = web.AppRunner(self.app(), shutdown_timeout=1.0, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://{HOST}:{self.port}"
        for source in (self.sources | self.others).values():
            source.url = self.url
        for vendor in self.vendors.values():
            vendor.url = self.url
        self.vendors["smtp"].port = await self._mail.start(HOST)
        await self.mailbox.start(HOST)
        for chat in self.chats.values():
            chat.url, chat.desk_url = self.url, self.desk_url
        if self.scenario == "day":
            self._direct()
        if self.scenario == "samples":
            samples.lay(self)
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
        await self.ordeal.end({})
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        await self.end_day()
        await self.customers.end()
        for chat in self.chats.values():
            await chat.close()
        await self._mail.stop()
        await self.mailbox.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
