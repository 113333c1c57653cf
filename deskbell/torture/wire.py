"""HTTP/1.1 as far as a proxy must know it: where a message begins and ends, and what kind of request it is."""

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import unquote

LONGEST_HEAD = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_BODILESS = re.compile(rb"HTTP/1\.1 (1\d\d|204|304)")
_CLOSING = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)

# What makes a message or a note that people would read twice: by vendor, method and path, and where it goes.
_CREATES = {
    "slack": re.compile(r"POST /slack/api/chat\.postMessage"),
    "teams": re.compile(r"POST /teams/.*?v3/conversations(/(?P<room>[^/]+)/activities)?"),
    "telegram": re.compile(r"POST /telegram/.*/sendMessage", re.IGNORECASE),
    "discord": re.compile(r"POST /discord/.*/channels/(?P<room>\d+)/(messages|threads)"),
    "freshdesk": re.compile(r"(POST|PUT) /freshdesk/"),
    "servicenow": re.compile(r"(PATCH|POST) /servicenow/api"),
    "fieldservice": re.compile(r"PATCH /fieldservice/"),
}
_ROOM = {
    "slack": re.compile(rb'"?channel"?["=: ]+([A-Z0-9]+)'),
    "telegram": re.compile(rb'"?chat_id"?["=: ]+(-?\d+)'),
    "teams": re.compile(rb'"channel": ?\{"id": ?"([^"]+)"'),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer, whole."""

    head: bytes  # with the empty line at its end
    body: bytes

    @property
    def data(self) -> bytes:
        return self.head + self.body

    @property
    def line(self) -> str:
        """Method and path of a request, or the status line of an answer."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").removesuffix(" HTTP/1.1")

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    @property
    def upgrades(self) -> bool:
        return self.status == 101

    @property
    def last(self) -> bool:
        """Whether nothing else comes on this connection."""
        return _CLOSING.search(self.head) is not None


async def read(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end of the connection, also in the middle of one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        return Message(head, await _body(reader, head))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, OSError):
        return None


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if _BODILESS.match(head):
        return b""
    if _CHUNKED.search(head):
        return await _chunks(reader)
    length = _LENGTH.search(head)
    return await reader.readexactly(int(length[1])) if length else b""


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while True:
        line = await reader.readuntil(b"\r\n")
        rest = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
        parts += [line, rest]
        if rest == b"\r\n":
            return b"".join(parts)


def lane_of(vendor: str, request: Message) -> str:
    """Where the message goes that this request makes; "" when it makes none."""
    made = _CREATES[vendor].match(request.line) if vendor in _CREATES else None
    if made is None:
        return ""
    room = made.groupdict().get("room") or ""
    if not room and vendor in _ROOM and (found := _ROOM[vendor].search(request.body)):
        room = found[1].decode()
    # A thread in Teams belongs to its channel, and is served in the channel's turn.
    return f"{vendor} {unquote(room).partition(';')[0]}".strip()
