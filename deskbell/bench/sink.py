"""The other side of every socket: answers as each vendor would, at once, and keeps when what arrived.

A program of its own (`python -m deskbell.bench.sink`) on asyncio's bare protocols: it must never be what limits a
figure. Paths begin with who asks, so that our requests and the floor's are told apart; `/_sink/` is for who measures.
"""

import asyncio
import contextlib
import re
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from deskbell.bench.answers import MARK, VENDORS, Call
from deskbell.bench.jobs import Feed

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_REASONS = {200: b"OK", 404: b"Not Found", 503: b"Service Unavailable"}
_DOWN = b'{"error":"out of order"}'


def response(body: bytes, status: int = 200) -> bytes:
    return _HEAD % (status, _REASONS[status], len(body)) + body


@dataclass(eq=False, slots=True)
class Waiting:
    """For one message of a kind about each of some alerts in each of some chats."""

    kind: str
    missing: set[tuple[str, int]]
    done_at: float = 0.0
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def hears(self, at: float, vendor: str, kind: str, number: int) -> None:
        if kind == self.kind and self.missing:
            self.missing.discard((vendor, number))
            if not self.missing:
                self.done_at = at
                self.told.set()


class Sink:
    """What arrived: (when, who asked, vendor, post or edit, the alert's number), in order."""

    def __init__(self) -> None:
        self.site = ""
        self.arrived: list[tuple[float, str, str, str, int]] = []
        self.last: dict[str, bytes] = {}  # vendor -> the newest card posted there
        self.cards: dict[
            int, tuple[bytes, bytes]
        ] = {}  # alert -> its card in Slack and what was answered, kept on demand
        self.keeps = False
        self.down: dict[str, Sequence[str]] = {}  # who asks -> the vendors that are out of order for them
        self.refused = 0
        self.feeds: defaultdict[str, Feed] = defaultdict(Feed)
        self._waiting: list[Waiting] = []

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        _, who, vendor, *_ = path.split("/", 3)
        if vendor == "source":
            return self._read(who, path)
        if vendor not in VENDORS:
            return response(b"{}", 404)
        if vendor in self.down.get(who, ()):
            self.refused += 1
            return response(_DOWN, 503)
        kind, said = VENDORS[vendor](Call(method, path, body, f"{self.site}/{who}"))
        if kind:
            self._keep(who, vendor, kind, body, said)
        return response(said)

    def _read(self, who: str, path: str) -> bytes:
        _, listed, record_id = urlsplit(path).path.partition("/jobs/")
        if not listed:
            return response(self._page(who, path))
        one = self.feeds[who].one(record_id)
        return response(b"{}", 404) if one is None else response(one)

    def _page(self, who: str, path: str) -> bytes:
        asked = dict(parse_qsl(urlsplit(path).query))
        number, size = int(asked.get("page", 1)), int(asked.get("per_page", 100))
        return self.feeds[who].page(asked.get("updated_since", ""), number, size)

    def _keep(self, who: str, vendor: str, kind: str, body: bytes, said: bytes) -> None:
        found = MARK.search(body)
        number = int(found[1]) if found else 0
        at = time.monotonic()
        self.arrived.append((at, who, vendor, kind, number))
        if kind == "post":
            self.last[vendor] = body
            if self.keeps and vendor == "slack":
                self.cards[number] = (body, said)
        for waiting in self._waiting:
            waiting.hears(at, vendor, kind, number)

    # ------------------------------------------------------------ for whoever measures

    async def told(self, path: str, body: bytes) -> bytes:
        name, asked = path.rsplit("/", 1)[-1], orjson.loads(body) if body else {}
        return orjson.dumps(await getattr(self, f"do_{name}")(asked), option=orjson.OPT_NON_STR_KEYS)

    async def do_reset(self, asked: Mapping[str, Any]) -> Any:
        """Forgets what arrived, and clears the feeds."""
        self.arrived, self.cards, self.refused = [], {}, 0
        self.keeps = bool(asked.get("keeps"))
        for feed in self.feeds.values():
            feed.clear()
        return {}

    async def do_lay(self, asked: Mapping[str, Any]) -> Any:
        self.feeds[asked["who"]].lay(asked["first"], asked["count"], late=asked.get("late", True))
        return {"at": time.monotonic()}

    async def do_first_read(self, asked: Mapping[str, Any]) -> Any:
        feed = self.feeds[asked["who"]]
        return {"at": feed.first_read, "reads": feed.reads, "requests": feed.requests}

    async def do_read(self, asked: Mapping[str, Any]) -> Any:
        """Answers once the feed has been read, or the seconds are over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.feeds[asked["who"]].read.wait(), asked["seconds"])
        return {}

    async def do_down(self, asked: Mapping[str, Any]) -> Any:
        self.down[asked["who"]] = asked["vendors"]
        return {}

    async def do_wait(self, asked: Mapping[str, Any]) -> Any:
        """Answers once each of these alerts has arrived in each chat, or the seconds are over."""
        numbers = range(asked["first"], asked["first"] + asked["count"])
        waiting = Waiting(asked["kind"], {(chat, number) for chat in asked["chats"] for number in numbers})
        for at, _, vendor, kind, number in self.arrived:
            waiting.hears(at, vendor, kind, number)
        self._waiting.append(waiting)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waiting.told.wait(), asked["seconds"])
        self._waiting.remove(waiting)
        return {"missing": len(waiting.missing), "at": waiting.done_at}

    async def do_arrived(self, asked: Mapping[str, Any]) -> Any:
        return {"arrived": self.arrived[asked.get("after", 0) :], "refused": self.refused}

    async def do_last(self, asked: Mapping[str, Any]) -> Any:
        """The newest card of each vendor, as it was sent."""
        del asked
        return {vendor: body.decode() for vendor, body in self.last.items()}

    async def do_cards(self, asked: Mapping[str, Any]) -> Any:
        del asked
        return {number: (body.decode(), said.decode()) for number, (body, said) in self.cards.items()}


class Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            size = int(found[1]) if found else 0
            if not end or len(rest) < size:
                return
            self._buffer = rest[size:]
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            self._take(method, path, rest[:size])

    def _take(self, method: str, path: str, body: bytes) -> None:
        assert self._transport is not None  # noqa: S101 - data comes through one
        if path.startswith("/_sink/"):
            task = asyncio.ensure_future(self._tell(path, body))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        else:
            self._transport.write(self._sink.answer(method, path, body))

    async def _tell(self, path: str, body: bytes) -> None:
        said = await self._sink.told(path, body)
        if self._transport is not None:
            self._transport.write(response(said))


async def serve() -> None:
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sink.site = f"http://127.0.0.1:{port}"
    sys.stdout.write(orjson.dumps({"port": port}).decode() + "\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
