"""The gateway: HELLO, IDENTIFY, READY, heartbeats, RESUME, and the close codes that end it all.

https://docs.discord.com/developers/events/gateway
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from deskbell.sandbox import credentials
from deskbell.sandbox.discord import wire
from deskbell.sandbox.discord.hub import NAME, Hub
from deskbell.sandbox.web import Json, dumps

PATH = "/discord/gw"
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)
KNOWN_INTENTS = (1 << 26) - 1
GUILDS = 1 << 0
STARTS = 1000  # a day; one more, and the token is reset
IDENTIFY_PAUSE = 5.0
SENDS = 120  # a minute
DAY = 86400.0


@dataclass(slots=True, eq=False)
class Connection:
    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    session: "Session | None" = None
    deaf: bool = False  # answers nothing more; TCP stays open
    sends: list[float] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Session:
    id: str
    sequence: int = 0
    intents: int = 0


@dataclass
class Sockets:
    hub: Hub
    url: str = ""
    heartbeat_s: float = 41.25
    granted: int = 0  # privileged intents that the application has
    connections: list[Connection] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    identified: list[float] = field(default_factory=list)
    resumed: int = 0
    opened: int = 0
    refuse_with: int = 0  # a close code instead of READY
    greeting: Json = field(default_factory=dict)  # laid over READY: what an SDK can't read, for one

    # ------------------------------------------------------------ a connection's life

    async def serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.opened += 1
        connection = Connection(socket, request.transport)
        self.connections.append(connection)
        try:
            if request.query.get("v") != "10":
                await socket.close(code=4012)
                return socket
            await self._send(connection, HELLO, {"heartbeat_interval": int(self.heartbeat_s * 1000)})
            await self._listen(connection)
        finally:
            self.connections.remove(connection)
            self.hub.pulse.beat()
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if connection.deaf:
                continue
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            if self._too_many(connection):
                await connection.socket.close(code=4008)
                return
            try:
                said = orjson.loads(message.data)
                op, data = said["op"], said.get("d")
            except (orjson.JSONDecodeError, KeyError, TypeError):
                await connection.socket.close(code=4002)
                return
            await self._heard(connection, op, data)

    def _too_many(self, connection: Connection) -> bool:
        now = self.hub.clock.time()
        connection.sends = [at for at in connection.sends if now - at < 60] + [now]
        return len(connection.sends) > SENDS

    async def _heard(self, connection: Connection, op: int, data: Any) -> None:
        if op == HEARTBEAT:
            await self._send(connection, ACK)
        elif op == IDENTIFY:
            await self._identify(connection, data)
        elif op == RESUME:
            await self._resume(connection, data)
        elif connection.session is None:
            await connection.socket.close(code=4003)
        elif op not in (3, 4, 8):
            await connection.socket.close(code=4001)

    async def _identify(self, connection: Connection, data: Json) -> None:
        if connection.session is not None:
            await connection.socket.close(code=4005)
            return
        now = self.hub.clock.time()
        soon = bool(self.identified) and now - self.identified[-1] < IDENTIFY_PAUSE
        self.identified.append(now)
        if self.start_limit()["remaining"] < 0:
            self.hub.reset_token()
        if wrong := self._wrong(data):
            await connection.socket.close(code=wrong)
            return
        if soon and self.hub.limited:
            await self._send(connection, INVALID, False)
            return
        connection.session = Session(secrets.token_hex(16), intents=int(data.get("intents") or 0))
        self.sessions[connection.session.id] = connection.session
        await self._greet(connection, connection.session)

    def _wrong(self, data: Json) -> int:
        intents = int(data.get("intents") or 0)
        if self.refuse_with:
            return self.refuse_with
        if data.get("token") != self.hub.token:
            return 4004
        if intents & ~KNOWN_INTENTS:
            return 4013
        return 4014 if intents & PRIVILEGED & ~self.granted else 0

    async def _greet(self, connection: Connection, session: Session) -> None:
        guild = {"id": credentials.DISCORD_GUILD, "unavailable": True}
        ready = {
            "v": 10,
            "user": wire.ourselves(),
            "guilds": [guild] if self.hub.world.in_guild else [],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "session_type": "normal",
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "user_settings": {},
            "application": {"id": credentials.DISCORD_APP, "flags": 0},
        }
        await self._dispatch(connection, "READY", ready | self.greeting)
        if self.hub.world.in_guild and session.intents & GUILDS:
            await self._dispatch(connection, "GUILD_CREATE", wire.guild(self.hub.world))
        self.hub.ledger.note(NAME, "identified", session=session.id)

    async def _resume(self, connection: Connection, data: Json) -> None:
        session = self.sessions.get(str(data.get("session_id")))
        if data.get("token") != self.hub.token:
            await connection.socket.close(code=4004)
        elif session is None:
            await self._send(connection, INVALID, False)
        else:
            connection.session = session
            self.resumed += 1
            await self._dispatch(connection, "RESUMED", {})
            self.hub.pulse.beat()

    def start_limit(self) -> Json:
        """https://docs.discord.com/developers/events/gateway#session-start-limit-object."""
        now = self.hub.clock.time()
        lately = [at for at in self.identified if now - at < DAY]
        reset = int((lately[0] + DAY - now) * 1000) if lately else 0
        return {"total": STARTS, "remaining": STARTS - len(lately), "reset_after": reset, "max_concurrency": 1}

    # ------------------------------------------------------------ events

    async def dispatch(self, event: str, data: Json) -> int:
        """To every session that is connected: two daemons with one token hear the same."""
        connected = [one for one in self.connections if one.session is not None]
        for connection in connected:
            await self._dispatch(connection, event, data)
        return len(connected)

    async def _dispatch(self, connection: Connection, event: str, data: Json) -> None:
        if connection.session is not None:
            connection.session.sequence += 1
            await self._send(connection, DISPATCH, data, t=event, s=connection.session.sequence)

    async def _send(self, connection: Connection, op: int, data: Any = None, **more: Any) -> None:
        if connection.deaf:
            return
        with contextlib.suppress(ConnectionError):
            await connection.socket.send_str(dumps({"op": op, "d": data, "s": None, "t": None, **more}).decode())

    @property
    def ready(self) -> int:
        """How many sessions hear."""
        return sum(one.session is not None and not one.deaf for one in self.connections)

    # ------------------------------------------------------------ trouble

    async def ask_to_reconnect(self) -> None:
        for connection in list(self.connections):
            await self._send(connection, RECONNECT)

    def drop(self) -> int:
        """Cuts every TCP connection without a word."""
        cut = list(self.connections)
        for connection in cut:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        return len(cut)

    def deafen(self) -> None:
        """Half-open: TCP stays, no heartbeat is answered."""
        for connection in self.connections:
            connection.deaf = True

    async def kick(self, code: int) -> None:
        """Closes every connection with this code."""
        for connection in list(self.connections):
            await connection.socket.close(code=code)

    async def close(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(ConnectionError):
                await connection.socket.close(code=1001)
