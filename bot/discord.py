"""Discord as a way in: over its gateway, which needs no public address, or as requests to our HTTP server."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

from bot import discord_http
from bot.clerk import Clerk
from bot.commands import Commands
from bot.discord_acts import Acts
from bot.discord_commands import commands as registered
from bot.discord_reading import PING, PONG
from bot.discord_say import Say
from bot.discord_socket import Connection
from bot.hooks import Answered
from bot.ports import Alone, Front, Hook
from deskbell.core.outcome import Fault, Rejected
from deskbell.core.ports import Destination
from deskbell.core.store import Memory
from deskbell.net import metrics
from deskbell.net.session import Trouble
from deskbell.vendors.discord import HOOK, PLATFORM, DiscordConf, Way
from deskbell.vendors.discord_web import DiscordWeb

Body = Mapping[str, Any]

ECHO_S = 60.0  # how often it is asked whether Discord is there, where nothing keeps a connection
ECHO_LOST_S = 200.0
SYNC_AGAIN_S = 60.0
CLOSE_S = 5.0
JSON = {"content-type": "application/json"}

log = logging.getLogger("deskbell.discord")


class DiscordGateway:
    """The way in of one application. The daemon calls `start` and `close`; a hook is for its HTTP server."""

    def __init__(
        self,
        conf: DiscordConf,
        front: Front,
        commands: Commands,
        session: aiohttp.ClientSession | None = None,
        memory: Memory | None = None,
        _rooms: Mapping[str, Destination] | None = None,  # an interaction says itself where it came from
    ) -> None:
        self.conf = conf
        self._memory = memory
        self._web = DiscordWeb(conf, session)
        self._clerk = Clerk(PLATFORM, front, commands)
        self._say = Say(self._web)
        self._acts = Acts(conf, self._clerk, self._say)
        self._connection = Connection(conf, self._web, self._heard) if conf.way is Way.GATEWAY else None
        self._echoed_at = 0.0
        self._why = ""
        self._unsynced: dict[str, str] = {}  # server -> why the commands are not registered there

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Returns at once; registering the commands goes on behind it."""
        if self._connection is None:
            self._clerk.spawn(self._keep_in_touch())
        self._clerk.spawn(self._keep_synced())

    async def close(self) -> None:
        """Within a few seconds, whatever state the connections are in."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._close(), CLOSE_S)

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self._clerk.close()
        await self._web.close()

    @property
    def alone(self) -> Alone | None:
        """Two sessions would each get every tap, and a day allows few logins."""
        if self._connection is None:
            return None
        return Alone(f"{PLATFORM}:{self.conf.application_id}", self._connection.run)

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return {HOOK: self.handle_http} if self.conf.way is Way.HTTP else {}

    @property
    def trouble(self) -> str:
        """What is wrong, in words; nothing when all is well."""
        if self._connection is not None:
            return self._connection.trouble or self._no_commands
        if not self._echoed_at or time.monotonic() - self._echoed_at > ECHO_LOST_S:
            return f"Discord does not answer{self._why}"
        return self._no_commands

    @property
    def _no_commands(self) -> str:
        return next((f"the commands can't be registered in Discord: {why}" for why in self._unsynced.values()), "")

    async def _keep_in_touch(self) -> None:
        """A token that is no longer good shows in nothing else, where taps come as requests."""
        while True:
            try:
                await self._web.ask("GET", "/users/@me")
                self._echoed_at, self._why = time.monotonic(), ""
            except Trouble as trouble:
                self._why = f": {trouble.why.removeprefix('Discord: ')}"
                log.warning("Discord does not answer%s", self._why)
                if isinstance(trouble.outcome, Rejected) and trouble.outcome.fault is Fault.AUTH:
                    self._echoed_at = 0.0
                    return  # only another token would help, and that is another start
            await asyncio.sleep(ECHO_S if self._echoed_at else ECHO_S / 12)

    # ------------------------------------------------------------ what comes in

    def _heard(self, body: Body) -> None:
        """Something came over the gateway."""
        self._clerk.spawn(self._handle(body))

    async def _handle(self, body: Body) -> None:
        answer = await self._acts.answer(body)
        if body.get("id") and body.get("token"):
            await self._say.answer(str(body["id"]), str(body["token"]), answer)

    async def handle_http(self, headers: Mapping[str, str], body: bytes) -> Answered:
        """What our HTTP server got from Discord, or from somebody who would like to be Discord."""
        said = discord_http.read(self.conf.public_key, headers, body)
        if not isinstance(said, Mapping):
            metrics.refused(PLATFORM, str(said[0]))
            return said
        answer = {"type": PONG} if said["type"] == PING else await self._acts.answer(said)
        return 200, JSON, orjson.dumps(answer)

    # ------------------------------------------------------------ commands

    async def _keep_synced(self) -> None:
        """Registers the commands in each server, unless they are there as they are: a day allows few new ones."""
        waiting = list(self.conf.guilds)
        while waiting:
            waiting = [guild for guild in waiting if not await self._sync(guild)]
            await asyncio.sleep(SYNC_AGAIN_S if waiting else 0)

    async def _sync(self, guild: str) -> bool:
        """Whether this is done with. https://docs.discord.com/developers/interactions/application-commands."""
        body = registered(self.conf)
        wanted = hashlib.sha256(orjson.dumps([self.conf.application_id, body])).hexdigest()
        name = f"{PLATFORM}.commands.{guild}"
        if self._memory is not None and await self._memory.recall(name) == wanted:
            return True
        ids = {"application_id": self.conf.application_id, "guild_id": guild}
        try:
            await self._web.call("PUT", "/applications/{application_id}/guilds/{guild_id}/commands", json=body, **ids)
        except Trouble as trouble:
            self._unsynced[guild] = trouble.why
            log.warning("the commands can't be registered in Discord: %s", trouble.why)
            return isinstance(trouble.outcome, Rejected)
        self._unsynced.pop(guild, None)
        if self._memory is not None:
            await self._memory.remember(name, wanted)
        return True
