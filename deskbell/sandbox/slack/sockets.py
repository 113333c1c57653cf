"""Socket Mode: up to ten connections, each envelope to one of them. https://docs.slack.dev/apis/events-api/using-socket-mode"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.api import TIER_3, Args, method
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.web import Json, dumps

MOST_CONNECTIONS = 10
TICKET_SECONDS = 30.0
GRACE = 10.0  # a connection asked to refresh is closed this much later


@method("apps.connections.open", rate=TIER_3, app_token=True)
def open_connection(slack: Slack, args: Args) -> Json:  # noqa: ARG001 - one shape for all methods
    return {"url": f"{slack.url.replace('http', 'ws', 1)}/slack/socket/{slack.new_ticket()}"}


@dataclass(slots=True, eq=False)
class Connection:
    number: int
    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    deaf: bool = False  # answers nothing more, not even a ping; TCP stays open
    routed: bool = True  # Slack still sends envelopes here
    delivered: int = 0
    acked: int = 0


@dataclass
class Sockets:
    slack: Slack
    connections: list[Connection] = field(default_factory=list)
    opened: int = 0
    _waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    _turn: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    # ------------------------------------------------------------------ a connection's life

    async def serve(self, request: web.Request) -> web.StreamResponse:
        issued = self.slack.tickets.pop(request.match_info["ticket"], None)
        if issued is None or self.slack.clock.time() - issued > TICKET_SECONDS:
            return web.Response(status=401, text="invalid ticket")
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await socket.send_bytes(dumps(goodbye("too_many_websockets")))
            await socket.close()
            return socket
        self.opened += 1
        connection = Connection(self.opened, socket, request.transport)
        self.connections.append(connection)
        try:
            await socket.send_str(dumps(self._hello()).decode())
            self.slack.pulse.beat()
            await self._listen(connection)
        finally:
            self.connections.remove(connection)
            self.slack.pulse.beat()
        return socket

    def _hello(self) -> Json:
        debug = {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060}
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": debug,
            "connection_info": {"app_id": credentials.SLACK_APP},
        }

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if connection.deaf:
                continue
            if message.type is WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._heard(connection, message.data)

    def _heard(self, connection: Connection, data: str | bytes) -> None:
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        future = self._waiting.get(answer.get("envelope_id", "")) if isinstance(answer, dict) else None
        if future is not None and not future.done():
            connection.acked += 1
            future.set_result(answer.get("payload"))

    # ------------------------------------------------------------------ envelopes

    def _next(self) -> Connection | None:
        """Round robin; one about to close is used only when there is no other."""
        for candidates in ([c for c in self.connections if c.routed], self.connections):
            if candidates and (candidates is not self.connections or not any(c.deaf for c in candidates)):
                self._turn += 1
                return candidates[self._turn % len(candidates)]
        return None

    async def deliver(self, kind: str, payload: Json, seconds: float, **more: Any) -> tuple[bool, Any]:
        """(acknowledged in time, payload of the acknowledgement). Nothing is sent twice."""
        connection = self._next()
        if connection is None:
            return False, None
        number = f"{self.slack.number():08d}-sandbox-envelope"
        accepts = kind != "events_api"
        envelope = {
            "envelope_id": number,
            "type": kind,
            "accepts_response_payload": accepts,
            "payload": payload,
            **more,
        }
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await connection.socket.send_str(dumps(envelope).decode())
            connection.delivered += 1
            return True, await asyncio.wait_for(future, seconds)
        except (TimeoutError, ConnectionError):
            return False, None
        finally:
            self._waiting.pop(number, None)

    # ------------------------------------------------------------------ trouble

    async def disconnect(self, reason: str = "refresh_requested", *, close_after: float = GRACE) -> int:
        """Ask every connection to go, as Slack does every few hours; returns how many were asked."""
        asked = list(self.connections)
        for connection in asked:
            connection.routed = False
            with contextlib.suppress(ConnectionError):
                await connection.socket.send_str(dumps(goodbye(reason)).decode())
            self._later(_close(connection, close_after))
        return len(asked)

    def drop(self, number: int | None = None) -> int:
        """Cut the TCP connection without a word; of one connection or of all."""
        cut = [c for c in self.connections if number in (None, c.number)]
        for connection in cut:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        return len(cut)

    def deafen(self, number: int | None = None, *, routed: bool = False) -> int:
        """Half-open: TCP stays, nothing is answered. With `routed` Slack goes on sending envelopes into it."""
        chosen = [c for c in self.connections if number in (None, c.number)]
        for connection in chosen:
            connection.deaf, connection.routed = True, routed
        return len(chosen)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self.connections):
            with contextlib.suppress(ConnectionError):
                await connection.socket.close()


def goodbye(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}


async def _close(connection: Connection, after: float) -> None:
    await asyncio.sleep(after)
    await connection.socket.close()
