"""The gateway connection: the SDK's client under a watch that starts it again, and knows when it must not.

The SDK gives up at the first failed handshake, at an event it can't read, and waits for up to a quarter of an hour
between tries; a thousand logins a day make Discord take the token away. So each of its lives is one try here.
https://docs.discord.com/developers/events/gateway
"""

import asyncio
import logging
import random
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import discord
import orjson
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from deskbell.core.outcome import Fault, Rejected
from deskbell.instance import Held
from deskbell.net.session import Trouble, words_of
from deskbell.vendors.discord import FATAL, DiscordConf
from deskbell.vendors.discord_web import DiscordWeb

Heard = Callable[[Mapping[str, Any]], None]

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 120.0  # a life as long as this was a good one: the next pause is short again
HEARTBEAT_TIMEOUT_S = 60.0  # without any sign of life; must be longer than Discord's interval of some forty seconds
SPARE_STARTS = 50  # of a day's logins, left for people who want to look
GRACE_S = 10.0  # a connection that comes back within this was never away
CLOSE_S = 3.0
_INTERACTION = '"INTERACTION_CREATE"'
_READ_BY_THE_SDK = {"READY", "RESUMED"}

log = logging.getLogger("deskbell.discord")


class Fatal(Exception):
    """Trying again would make it worse: words for people."""


class _Client(discord.Client):
    """Hears interactions as they came, before the SDK makes objects of them: buttons live on after a restart."""

    def __init__(self, conf: DiscordConf, heard: Heard, changed: Callable[[bool], None]) -> None:
        intents = discord.Intents.none()
        intents.guilds = True
        super().__init__(
            intents=intents,
            proxy=conf.proxy or None,
            enable_debug_events=True,  # for on_socket_raw_receive
            heartbeat_timeout=HEARTBEAT_TIMEOUT_S,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self._heard, self._changed = heard, changed
        # Nobody needs the SDK's copy of the server, and an event that it can't read would end the client.
        for event in set(self._connection.parsers) - _READ_BY_THE_SDK:
            del self._connection.parsers[event]

    async def on_socket_raw_receive(self, message: str) -> None:
        if _INTERACTION not in message:
            return
        event = orjson.loads(message)
        if event.get("t") == "INTERACTION_CREATE" and isinstance(event.get("d"), dict):
            self._heard(event["d"])

    async def on_connect(self) -> None:
        self._changed(True)

    async def on_resumed(self) -> None:
        self._changed(True)

    async def on_disconnect(self) -> None:
        self._changed(False)

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        log.error("an event of Discord's could not be handled: %s", event_method, exc_info=sys.exc_info()[1])


class Connection:
    """Keeps one client alive for as long as it may."""

    def __init__(self, conf: DiscordConf, web: DiscordWeb, heard: Heard) -> None:
        self.conf, self._web, self._heard = conf, web, heard
        self._held = Held("")
        self._closing = asyncio.Event()
        self.connected = False
        self.lives = 0
        self._was_connected = False
        self._lost_at = 0.0
        self._why = ""
        self._fatal = ""
        self._client: _Client | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str:
        if self._fatal:
            return f"Discord: {self._fatal}"
        if self.connected or (self._was_connected and time.monotonic() - self._lost_at < GRACE_S):
            return ""
        return f"no connection to Discord{self._why}"

    async def run(self, held: Held) -> None:
        """Until `close`, or until the lease is lost. One who is given up keeps it: with the same token all would be."""
        self._held, self._was_connected, self._fatal = held, False, ""
        self._task = asyncio.create_task(self._watch(), name="discord gateway")
        try:
            await self._closing.wait()
        finally:
            await self._stop()

    async def close(self) -> None:
        self._closing.set()
        await self._stop()

    async def _stop(self) -> None:
        self.connected = False
        while self._task is not None and not self._task.done():
            self._task.cancel()  # again and again: before Python 3.12 wait_for, which the SDK uses, may swallow one
            await asyncio.wait({self._task}, timeout=0.2)
        await self._end()

    async def _watch(self) -> None:
        """One life after the other, with ever longer pauses, until one ends in a way that forbids another."""
        pause = FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            try:
                await self._live()
                self._why = ": it was closed"
            except Fatal as error:
                self._fatal = str(error)
                log.error("Discord is given up: %s", error)  # noqa: TRY400 - words for people, no traceback
                return
            except Exception as error:  # noqa: BLE001 - whatever the SDK stumbles over, it is started again
                self._why = f": {_words(error)}"
                log.warning("the connection to Discord ended%s", self._why)
            finally:
                self._changed(up=False)
                await self._end()
            pause = FIRST_PAUSE_S if time.monotonic() - started > STEADY_S else min(pause * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret

    def _hear(self, body: Mapping[str, Any]) -> None:
        """Who was paused finds taps here that the one after it has answered."""
        if self._held.ours:
            self._heard(body)

    async def _live(self) -> None:
        """From the login until the connection ends. The SDK's addresses are its own globals, so they are set here."""
        address = await self._address()
        Route.BASE = self.conf.base_url.rstrip("/")
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(address)
        self._client = _Client(self.conf, self._hear, lambda up: self._changed(up=up))
        self.lives += 1
        try:
            await self._client.start(self.conf.token, reconnect=False)
        except discord.LoginFailure as error:
            raise Fatal("the bot token is not valid (any more)") from error
        except discord.PrivilegedIntentsRequired as error:
            raise Fatal(FATAL[4014]) from error
        except discord.ConnectionClosed as error:
            if error.code in FATAL:
                raise Fatal(FATAL[error.code]) from error
            raise

    async def _address(self) -> str:
        """Where the gateway is. Waits when the day's logins are nearly used up: one too many costs the token."""
        try:
            answer = await self._web.ask("GET", "/gateway/bot")
        except Trouble as trouble:
            if isinstance(trouble.outcome, Rejected) and trouble.outcome.fault is Fault.AUTH:
                raise Fatal(trouble.why.removeprefix("Discord: ")) from trouble
            raise
        left = answer.get("session_start_limit") or {}
        if int(left.get("remaining", SPARE_STARTS)) < SPARE_STARTS:
            wait = min(int(left.get("reset_after", 0)) / 1000, 86400.0)
            self._why = f": nearly all logins of the day are used up, the next in {wait / 60:.0f} min"
            log.warning("no connection to Discord%s", self._why)
            await asyncio.sleep(max(wait, LONGEST_PAUSE_S))
        return self.conf.gateway_url or str(answer.get("url") or DiscordWebSocket.DEFAULT_GATEWAY)

    def _changed(self, *, up: bool) -> None:
        if up != self.connected:
            log.log(logging.INFO if up else logging.WARNING, "Discord's gateway is %sconnected", "" if up else "not ")
            self._lost_at = time.monotonic()
        self.connected = up
        if up:
            self._was_connected, self._why = True, ""

    async def _end(self) -> None:
        """Within a few seconds, also when the connection is dead."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                await asyncio.wait_for(client.close(), CLOSE_S)


def _words(error: BaseException) -> str:
    if isinstance(error, Trouble):
        return error.why.removeprefix("Discord: ")
    return words_of(error)
