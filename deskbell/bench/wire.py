"""A bare HTTP client: kept-alive connections on asyncio's own protocols, so that who measures costs next to nothing."""

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from deskbell.bench.figures import Unmeasured

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CLOSING = re.compile(rb"connection: *close", re.IGNORECASE)
ANSWER_S = 60.0


class Broken(Unmeasured):
    """The other side closed the connection, or said something that is no HTTP."""


class Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.ended = False  # the other side takes no more on this connection
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def to(cls, port: int) -> "Line":
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(cls, "127.0.0.1", port))[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        self._transport, self.ended = None, True
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(Broken(str(error or "closed")))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        size = int(found[1]) if found else 0
        if not end or len(rest) < size or self._waiting is None or self._waiting.done():
            return
        self._buffer = rest[size:]
        self.ended = self.ended or bool(_CLOSING.search(head))
        self._waiting.set_result((int(head[9:12]), rest[:size]))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. Raises Broken."""
        if self._transport is None:
            raise Broken("closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Lines:
    """Some connections to one port, each taken by whoever comes next."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []

    async def send(self, request: bytes) -> tuple[int, bytes]:
        line = self._idle.pop() if self._idle else await Line.to(self._port)
        answer = await line.send(request)
        self._idle.append(line)
        return answer

    async def ask(self, path: str, body: Any) -> Any:
        """For questions to programs of ours: an object there, an object back."""
        sent = orjson.dumps(body)
        async with asyncio.timeout(ANSWER_S):
            status, answer = await self.send(request("POST", path, sent))
        if status != 200:
            raise Broken(f"{path}: {status} {answer[:200]!r}")
        return orjson.loads(answer)

    def close(self) -> None:
        for line in self._idle:
            line.close()


def request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """A whole request. A body is JSON unless `headers` say otherwise."""
    length = {"Host": "127.0.0.1", "Content-Length": str(len(body))}
    every = length | ({"Content-Type": "application/json"} if body else {}) | dict(headers)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items())]
    return "\r\n".join((*lines, "", "")).encode() + body
