"""Slack as a way in, over sockets or as requests to our HTTP server; what people do there is in `slack_acts`."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.clerk import Clerk
from bot.commands import Commands
from bot.hooks import NOT_READABLE, PLAIN, Answered
from bot.ports import Front, Hook
from bot.slack_acts import Ack, Acts
from bot.slack_http import let_in
from bot.slack_people import Directory
from bot.slack_socket import Sockets
from deskbell.core.ports import Destination
from deskbell.core.store import Memory
from deskbell.faces import slack as face
from deskbell.faces import slack_forms as forms
from deskbell.net import metrics
from deskbell.net.session import Trouble
from deskbell.vendors.slack import PLATFORM, SlackConf, Way
from deskbell.vendors.slack_web import SDK_LOG, SlackWeb, web_client

ECHO_S = 60.0  # how often auth.test asks whether Slack is there: without it a session may go deaf (bolt-python #1529)
ECHO_LOST_S = 200.0
LINK_S = 3600.0  # how often people are looked up by their e-mail address: somebody may have joined
CLOSE_S = 10.0
EVENTS = "/slack/events"

log = logging.getLogger("deskbell.slack")


class SlackGateway:
    """The way in of one workspace. The daemon calls `start` and `close`; `handle_http` is for its server."""

    alone = None  # every instance has sockets of its own, and Slack gives each tap to one of them

    def __init__(
        self,
        conf: SlackConf,
        front: Front,
        commands: Commands,
        session: aiohttp.ClientSession | None = None,
        _memory: Memory | None = None,
        _rooms: Mapping[str, Destination] | None = None,
    ) -> None:
        self.conf = conf
        self._web = SlackWeb(conf, session)
        self._people = Directory(self._web, front)
        self._clerk = Clerk(PLATFORM, front, commands)
        self._acts = Acts(self._clerk, self._web, self._people)
        self._echoed_at = 0.0
        self._why = ""
        self._app: AsyncApp | None = None
        self._sockets: Sockets | None = None

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Returns at once; connecting, and linking people to their accounts, goes on behind it."""
        self._app = self._build()
        if self.conf.way is Way.SOCKET:
            self._sockets = Sockets(self._app, self.conf, self._web.session)
            self._sockets.start()
        self._clerk.spawn(self._keep_in_touch())

    async def close(self) -> None:
        """Within a few seconds, whatever state the connections are in."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._close(), CLOSE_S)

    async def _close(self) -> None:
        if self._sockets is not None:
            await self._sockets.stop()
        await self._clerk.close()
        await self._web.close()

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return {EVENTS: self.handle_http} if self.conf.way is Way.HTTP else {}

    @property
    def trouble(self) -> str:
        """What is wrong, in words; nothing when Slack has answered lately and, in Socket Mode, a connection hears."""
        if not self._echoed_at or time.monotonic() - self._echoed_at > ECHO_LOST_S:
            return f"Slack does not answer{self._why}"
        if self._sockets is not None and not self._sockets.alive:
            return "no Socket Mode connection to Slack"
        return ""

    async def _keep_in_touch(self) -> None:
        linked_at = -LINK_S
        while True:
            try:
                await self._people.hello()
                self._echoed_at, self._why = time.monotonic(), ""
                if self._echoed_at - linked_at > LINK_S:
                    linked_at = self._echoed_at
                    self._clerk.spawn(self._people.link_people())
            except Trouble as trouble:
                self._why = f": {trouble.why}"
                log.warning("Slack does not answer%s", self._why)
            await asyncio.sleep(ECHO_S if self._echoed_at else ECHO_S / 12)

    # ------------------------------------------------------------ bolt

    def _build(self) -> AsyncApp:
        acts = self._acts
        # No token on this client: bolt takes it from `authorize`, and would warn about a second one.
        app = AsyncApp(
            name="slack_bolt",  # bolt sets the level of the logger of this name: never ours
            client=web_client(self.conf, None, self._web.session),
            authorize=_authorized(self.conf.bot_token),
            logger=SDK_LOG,
            signing_secret="",  # the raw bytes were checked before bolt sees them; a socket needs no signature
            request_verification_enabled=False,
            process_before_response=True,  # else bolt looks only every 10 ms whether it may answer
        )
        app.action(re.compile(rf"^{re.escape(face.ACTION_PREFIX)}"))(self._guarded(acts.on_tap))
        app.view(re.compile(rf"^{re.escape(forms.CALLBACK_PREFIX)}"))(self._guarded(acts.on_form))
        app.options(forms.PEOPLE)(self._guarded(acts.on_options))
        for command in (self.conf.command, self.conf.case_command, self.conf.oncall_command):
            app.command(command)(self._guarded(acts.on_command))
        return app

    def _guarded(
        self, handle: Callable[[Ack, Mapping[str, Any]], Awaitable[None]]
    ) -> Callable[[AsyncAck, Mapping[str, Any]], Awaitable[None]]:
        """Bolt is told as soon as Slack has its acknowledgement; what follows goes on behind it.

        An error of ours never leaves Slack without one, or HTTP with a 500.
        """

        async def guarded(ack: AsyncAck, body: Mapping[str, Any]) -> None:
            acknowledged = asyncio.Event()

            async def tell(*said: Any, **answer: Any) -> None:
                await ack(*said, **answer)
                acknowledged.set()

            async def work() -> None:
                try:
                    await handle(tell, body)
                except Exception:
                    log.exception("what came from Slack could not be handled")
                finally:
                    if not acknowledged.is_set():
                        await tell()

            self._clerk.spawn(work())
            await acknowledged.wait()

        return guarded

    async def handle_http(self, headers: Mapping[str, str], body: bytes) -> Answered:
        """What our HTTP server got from Slack, or from somebody who would like to be Slack."""
        said = let_in(self.conf, headers, body)
        if isinstance(said, tuple):
            metrics.refused(PLATFORM, str(said[0]))
            return said
        if self._app is None:
            return 404, PLAIN, b""
        request = AsyncBoltRequest(body=said, mode="socket_mode")
        answer = await self._app.async_dispatch(request)
        status = answer.status if answer.status < 500 else NOT_READABLE[0]
        return status, answer.first_headers_without_set_cookie(), (answer.body or "").encode()


def _authorized(token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """One token for all; asking Slack about it at every tap would cost the time in which it must be answered."""

    # A function and no method: bolt passes by name whatever a signature shows, `self` among it.
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    return authorize
