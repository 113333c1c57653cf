"""Socket Mode: several connections to Slack, each with a watchdog that builds it anew when it has gone deaf.

The SDK reconnects by itself most of the time. Known cases where it does not: a session without events after a reconnect
(bolt-python #1529), deafness after a dead TCP connection (python-slack-sdk #1701), a close that never returns.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from deskbell.net.faults import point
from deskbell.vendors.slack import SlackConf
from deskbell.vendors.slack_web import SDK_LOG, web_client

PING_S = 5.0  # a half-open connection is noticed after four of these
WATCH_S = 1.0
PATIENCE_S = 30.0  # for the SDK to mend a connection by itself
REBUILD_S = 60.0  # at most one new connection in this time
CLOSE_S = 3.0

log = logging.getLogger("deskbell.slack")


class Handler(AsyncSocketModeHandler):
    """One connection, as bolt makes it; never a proxy that the environment happens to name."""

    def __init__(self, app: AsyncApp, conf: SlackConf, session: aiohttp.ClientSession | None) -> None:
        # With a client of its own for the app token: the default one would call slack.com, whatever the base URL says.
        web = web_client(conf, conf.app_token, session)
        super().__init__(app, conf.app_token, logger=SDK_LOG, web_client=web, ping_interval=PING_S)
        self.client.proxy = conf.proxy or None
        self.greeted = ""  # the session that said hello
        self.client.message_listeners.append(self._hear)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        point("slack.ack.before")
        await super().handle(client, req)
        point("slack.ack.after")

    async def _hear(self, client: Any, message: dict[str, Any], _raw: str | None) -> None:
        if message.get("type") == "hello":
            self.greeted = await client.session_id()

    async def alive(self) -> bool:
        """Connected, pings answered, and greeted: a session that was never greeted gets no events."""
        return bool(await self.client.is_connected()) and self.greeted == await self.client.session_id()

    async def finish(self) -> None:
        """Closes within a few seconds, also when the connection is dead."""
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            await asyncio.wait_for(self.client.close(), CLOSE_S)  # type: ignore[no-untyped-call]
        self.client.closed = True
        tasks = (self.client.message_processor, self.client.current_session_monitor, self.client.message_receiver)
        for task in tasks:
            if task is not None:
                task.cancel()
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            await asyncio.wait_for(self.client.aiohttp_client_session.close(), CLOSE_S)


class Connection:
    """Keeps one handler alive for as long as it runs."""

    def __init__(self, name: str, make: Callable[[], Handler]) -> None:
        self.name = name
        self.alive = False
        self._make = make
        self._handler: Handler | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._built_at = -REBUILD_S
        self._bad_since = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name=f"slack {self.name}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._tear_down()

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:  # the watchdog itself may never die
                log.exception("the watchdog of Slack's %s stumbled", self.name)
            await asyncio.sleep(WATCH_S if self.alive else WATCH_S / 10)

    async def _look(self) -> None:
        now = time.monotonic()
        alive = self._handler is not None and await self._handler.alive()
        if alive != self.alive:
            log.log(logging.INFO if alive else logging.WARNING, "Slack's %s is %s", self.name, _STATE[alive])
        self.alive = alive
        self._bad_since = 0.0 if alive else self._bad_since or now
        if self._handler is None or (self._bad_since and now - self._bad_since > PATIENCE_S):
            await self._rebuild(now)

    async def _rebuild(self, now: float) -> None:
        if now - self._built_at < REBUILD_S:
            return
        self._built_at, self._bad_since = now, now
        await self._tear_down()
        self._handler = self._make()
        self._connecting = asyncio.create_task(self._handler.client.connect())  # type: ignore[no-untyped-call]

    async def _tear_down(self) -> None:
        handler, self._handler, self.alive = self._handler, None, False
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if handler is not None:
            await handler.finish()


_STATE = {True: "connected", False: "not connected"}


class Sockets:
    """All connections. One is enough to hear; the others cover the gap when Slack refreshes it."""

    def __init__(self, app: AsyncApp, conf: SlackConf, session: aiohttp.ClientSession | None = None) -> None:
        self._all = [
            Connection(f"connection {number}", lambda: Handler(app, conf, session))
            for number in range(1, max(1, conf.sockets) + 1)
        ]

    def start(self) -> None:
        for connection in self._all:
            connection.start()

    async def stop(self) -> None:
        await asyncio.gather(*(connection.stop() for connection in self._all))

    @property
    def alive(self) -> int:
        """How many connections hear."""
        return sum(connection.alive for connection in self._all)
