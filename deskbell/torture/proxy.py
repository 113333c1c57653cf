"""The network between the daemon and the stand-ins: a proxy a vendor, which does to each request what the dice say.

It keeps a log of every request that makes a message: when it began, whether the vendor took it, whether its answer
arrived whole, and when the caller went away. What may be told twice is counted from this log and from the kills.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deskbell.torture import wire
from deskbell.torture.certificates import BAD, Papers
from deskbell.torture.toxics import DRIBBLE_S, LOST, Dice, Toxic, garbled

HOST = "127.0.0.1"
UPSTREAM_S = 120.0  # a long poll may take most of a minute
SILENCE_S = 6.0  # longer than the chats wait; a source, which would wait longer, is then hung up on
CHUNK = 64 * 1024
DATABASE = "database"  # speaks no HTTP: bytes pass as they are, or not at all


@dataclass(slots=True, eq=False)
class Exchange:
    """A request that makes a message, and what became of it."""

    vendor: str
    lane: str
    line: str
    begun: float
    toxic: Toxic
    caller: "_Caller"
    body: bytes = b""  # where the proxy keeps it
    accepted: bool = False  # the vendor took it, and said so
    answered: float | None = None  # the whole answer was on its way to the caller then

    @property
    def gone(self) -> float | None:
        """The caller hung up then, or died."""
        return self.caller.gone

    @property
    def lost(self) -> bool:
        """The vendor accepted, and the caller was not told: by a fault, or because it had given up."""
        return self.accepted and (self.toxic in LOST or self.answered is None)


class _Caller(asyncio.StreamReaderProtocol):
    """Notices when the caller goes, also while nobody reads."""

    def __init__(self, begin: Callable[["_Line"], None]) -> None:
        reader = asyncio.StreamReader(limit=wire.LONGEST_HEAD)
        super().__init__(reader, lambda reader, writer: begin(_Line(self, reader, writer)))
        self.gone: float | None = None
        self.left = asyncio.Event()

    def eof_received(self) -> bool | None:
        self._leave()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        self.gone = self.gone or time.time()
        self.left.set()


@dataclass(slots=True, eq=False)
class _Line:
    """One connection of a caller, with ours to the vendor."""

    caller: _Caller
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None


class Proxy:
    """One vendor's. `clear` is set but for the time of a black hole, in which nothing passes and nothing answers."""

    def __init__(self, dice: Dice, upstream: Callable[[], Awaitable[Any]], papers: Papers | None = None) -> None:
        self.vendor, self.dice = dice.vendor, dice
        self.log: list[Exchange] = []
        self.clear = asyncio.Event()
        self.clear.set()
        self.keeps = False  # what was said
        self.port = 0
        self._upstream, self._papers = upstream, papers
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._papers else 'http'}://{HOST}:{self.port}"

    async def start(self) -> "Proxy":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Caller(self._begin), HOST, self.port, ssl=self._tls(), backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tls(self) -> ssl.SSLContext | None:
        """Each connection is shown its own certificate. The callback is called without a name as well."""
        if self._papers is None:
            return None
        papers, context = self._papers, self._papers.good()

        def show(connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _own: ssl.SSLContext) -> None:
            if name := self.dice.paper(BAD):
                connection.context = papers.bad[name]

        context.sni_callback = show
        return context

    def _begin(self, line: _Line) -> None:
        task = asyncio.create_task(self._serve(line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---------------------------------------------------------------- one connection

    async def _serve(self, line: _Line) -> None:
        try:
            await (self._tunnel(line) if self.dice.vendor == DATABASE else self._talk(line))
        except (ConnectionError, OSError, TimeoutError, ValueError):
            pass
        finally:
            for writer in (line.writer, *((line.upstream[1],) if line.upstream else ())):
                writer.close()

    async def _talk(self, line: _Line) -> None:
        """Request after request, as long as both sides keep the connection."""
        while (request := await wire.read(line.reader)) is not None:
            await self._passable(line)
            toxic = self.dice.throw()
            lane = wire.lane_of(self.vendor, request)
            body = request.body if self.keeps else b""
            exchange = Exchange(self.vendor, lane, request.line, time.time(), toxic, line.caller, body)
            if lane:
                self.log.append(exchange)
            if not await self._exchange(line, request, exchange):
                return

    async def _exchange(self, line: _Line, request: wire.Message, exchange: Exchange) -> bool:
        """Whether the connection goes on."""
        match exchange.toxic:
            case Toxic.REFUSED:
                line.writer.write(self.dice.refusal(datetime.now(UTC)))
                await line.writer.drain()
                return True
            case Toxic.RESET:
                _reset(line.writer)
                return False
            case Toxic.DROPPED:
                await self._silence(line)
                return False
        answer = await self._ask(line, request)
        if answer is None:
            _reset(line.writer)
            return False
        exchange.accepted = answer.status < 400
        await self._passable(line)
        if answer.upgrades:
            line.writer.write(answer.data)
            await self._tunnel(line)
            return False
        return await self._answer(line, answer, exchange) and not answer.last

    async def _answer(self, line: _Line, answer: wire.Message, exchange: Exchange) -> bool:
        writer, data = line.writer, answer.data
        match exchange.toxic:
            case Toxic.CUT:
                _reset(writer)
                return False
            case Toxic.HALF:
                writer.write(data[: len(answer.head) + len(answer.body) // 2])
                await writer.drain()
                return False
            case Toxic.SILENT:
                await self._silence(line)
                return False
            case Toxic.GARBLED:
                writer.write(garbled(data))
            case Toxic.DELAYED:
                await asyncio.sleep(self.dice.delay())
                writer.write(data)
            case Toxic.DRIBBLED:
                for at in range(0, len(data), 8):
                    await asyncio.sleep(8 * DRIBBLE_S)
                    writer.write(data[at : at + 8])
            case _:
                writer.write(data)
        if line.caller.gone is None and exchange.toxic is not Toxic.GARBLED:
            exchange.answered = time.time()
        await writer.drain()
        return True

    async def _ask(self, line: _Line, request: wire.Message) -> wire.Message | None:
        """The vendor's answer; None when there is none."""
        if line.upstream is None:
            line.upstream = await self._upstream()
        reader, writer = line.upstream
        writer.write(request.data)
        await writer.drain()
        async with asyncio.timeout(UPSTREAM_S):
            return await wire.read(reader)

    async def _passable(self, line: _Line) -> None:
        """Waits while there is a black hole. What nobody waits for any more does not come out of it."""
        if not self.clear.is_set():
            await self.clear.wait()
            if line.caller.gone is not None:
                raise ConnectionAbortedError

    async def _silence(self, line: _Line) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.caller.left.wait(), SILENCE_S)

    # ---------------------------------------------------------------- bytes both ways

    async def _tunnel(self, line: _Line) -> None:
        if line.upstream is None:
            line.upstream = await self._upstream()
        reader, writer = line.upstream
        ways = (self._pump(line.reader, writer), self._pump(reader, line.writer))
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            while data := await reader.read(CHUNK):
                await self.clear.wait()
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST: what is in the buffers is thrown away on both sides."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
