"""The floor: the least program that is as durable as ours, so that a ratio says what all our features cost.

One transaction a group (alert, an outbox row a chat, a link of the audit chain), the card encoded and posted, a second
transaction (sent, the message's id, a link). SQLite with synchronous=FULL in one writing thread that commits together
what waits; aiohttp with sixteen requests in flight a chat. No SDK, no rules, no limits, no retries. A program of its
own that is told what to do line by line.
"""

import asyncio
import hashlib
import hmac
import json
import queue
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import orjson
from aiohttp import web

IN_FLIGHT = 16
LATE_S = 900.0
POST, EDIT = "post", "edit"
_ROOM = "discord/api/v10/channels/900000000000009001/messages"
CALLS = {
    POST: {
        "slack": ("POST", "slack/api/chat.postMessage"),
        "teams": ("POST", "teams/v3/conversations"),
        "telegram": ("POST", "telegram/bot/sendMessage"),
        "discord": ("POST", _ROOM),
    },
    EDIT: {
        "slack": ("POST", "slack/api/chat.update"),
        "teams": ("PUT", "teams/v3/conversations/19/activities/1"),
        "telegram": ("POST", "telegram/bot/editMessageText"),
        "discord": ("PATCH", f"{_ROOM}/1"),
    },
}
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE alerts (id INTEGER PRIMARY KEY, key TEXT UNIQUE, body TEXT, state TEXT, due_at REAL);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, alert INTEGER, chat TEXT, state TEXT, ref TEXT);
CREATE INDEX outbox_waiting ON outbox (state) WHERE state = 'waiting';
CREATE TABLE audit (seq INTEGER PRIMARY KEY, body TEXT, hash TEXT);
"""
Change = Callable[[sqlite3.Connection], Any]


class Writer(threading.Thread):
    """Commits together what waits."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(daemon=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(_SCHEMA)
        self._loop = loop
        self._queue: queue.SimpleQueue[tuple[Change, asyncio.Future[Any]]] = queue.SimpleQueue()
        self._hash = b""
        self.start()

    def write(self, change: Change) -> "asyncio.Future[Any]":
        done = self._loop.create_future()
        self._queue.put((change, done))
        return done

    def run(self) -> None:
        while True:
            group = [self._queue.get()]
            while not self._queue.empty() and len(group) < 500:
                group.append(self._queue.get())
            self._db.execute("BEGIN IMMEDIATE")
            answers = [(done, change(self._db)) for change, done in group]
            self._db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_settle, answers)

    def chain(self, db: sqlite3.Connection, entry: Any) -> None:
        body = orjson.dumps(entry)
        self._hash = hashlib.sha256(self._hash + body).digest()
        db.execute("INSERT INTO audit (body, hash) VALUES (?, ?)", (body.decode(), self._hash.hex()))


def _settle(answers: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    for done, answer in answers:
        done.set_result(answer)


class Floor:
    """`cards`: of each chat a whole card and the alert's mark in it, which is all that changes."""

    def __init__(self, sink: str, path: str, cards: Mapping[str, tuple[Any, str]], secret: str) -> None:
        self._sink, self._cards, self._secret = sink, cards, secret.encode()
        self._writer = Writer(path, asyncio.get_running_loop())
        self._queues: dict[str, asyncio.Queue[tuple[int, str, str]]] = {chat: asyncio.Queue() for chat in cards}
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._seen: set[str] = set()
        self._tasks = [asyncio.create_task(self._carry(chat)) for chat in cards for _ in range(IN_FLIGHT)]

    async def page(self, marks: Sequence[str], chats: Sequence[str]) -> None:
        """Opens an alert for each, in one transaction, and sends it on its way."""
        for opened, mark in zip(await self._writer.write(lambda db: self._open(db, marks, chats)), marks, strict=True):
            for chat, row in zip(chats, opened, strict=True):
                self._queues[chat].put_nowait((row, mark, POST))

    def _open(self, db: sqlite3.Connection, marks: Sequence[str], chats: Sequence[str]) -> list[list[int]]:
        rows = []
        for mark in marks:
            found = db.execute(
                "INSERT INTO alerts (key, body, state, due_at) VALUES (?, ?, 'open', ?)", (mark, "{}", time.time())
            )
            rows.append([self._want(db, int(found.lastrowid or 0), chat) for chat in chats])
            self._writer.chain(db, {"what": "raised", "key": mark, "at": time.time()})
        return rows

    @staticmethod
    def _want(db: sqlite3.Connection, alert: int, chat: str) -> int:
        made = db.execute("INSERT INTO outbox (alert, chat, state) VALUES (?, ?, 'waiting')", (alert, chat))
        return int(made.lastrowid or 0)

    async def _carry(self, chat: str) -> None:
        while True:
            row, mark, what = await self._queues[chat].get()
            ref = await self.send(chat, mark, what)
            await self._writer.write(partial(self._sent, row=row, ref=ref))

    def _sent(self, db: sqlite3.Connection, row: int, ref: str) -> None:
        db.execute("UPDATE outbox SET state = 'sent', ref = ? WHERE id = ?", (ref, row))
        self._writer.chain(db, {"what": "sent", "row": row, "at": time.time()})

    async def send(self, chat: str, mark: str, what: str) -> str:
        card, held = self._cards[chat]
        method, path = CALLS[what][chat]
        body = orjson.dumps(card).replace(held.encode(), mark.encode())
        headers = {"Content-Type": "application/json"}
        async with self._session.request(method, f"{self._sink}/{path}", data=body, headers=headers) as answer:
            return str(orjson.loads(await answer.read()))[:200]

    # ------------------------------------------------------------ where alerts come from

    async def poll(self) -> None:
        """The schedule once a second, page by page; whoever is late becomes an alert."""
        while True:
            number = pages = 1
            while number <= pages:
                async with self._session.get(f"{self._sink}/source/api/jobs?page={number}&per_page=100") as answer:
                    said = orjson.loads(await answer.read())
                pages, number = said["meta"]["pages"], number + 1
                if late := [row["number"] for row in said["data"] if row["number"] not in self._seen and _is_late(row)]:
                    self._seen.update(late)
                    await self.page(late, list(self._cards))
            await asyncio.sleep(1)

    async def taken(self, request: web.Request) -> web.Response:
        """POST /api/v1/alerts, answered when it is durable."""
        said = orjson.loads(await request.read())
        await self.page([said["title"][:9]], list(self._cards) if said["team"] == "four" else ["slack"])
        return web.Response(status=201, body=b'{"ref":"D-1"}', content_type="application/json")

    async def tapped(self, request: web.Request) -> web.Response:
        """A signed tap of Slack's, answered when it is durable; then the card is edited everywhere."""
        raw = await request.read()
        signed = b"v0:" + request.headers["X-Slack-Request-Timestamp"].encode() + b":" + raw
        expected = "v0=" + hmac.new(self._secret, signed, "sha256").hexdigest()
        if not hmac.compare_digest(expected, request.headers["X-Slack-Signature"]):
            return web.Response(status=401)
        payload = orjson.loads(dict(parse_qsl(raw.decode()))["payload"])
        mark = str(payload["bench"])
        rows = await self._writer.write(partial(self._acked, mark=mark))
        for chat, row in zip(self._cards, rows, strict=True):
            self._queues[chat].put_nowait((row, mark, EDIT))
        return web.Response()

    def _acked(self, db: sqlite3.Connection, mark: str) -> list[int]:
        db.execute("UPDATE alerts SET state = 'acked' WHERE key = ?", (mark,))
        (alert,) = db.execute("SELECT id FROM alerts WHERE key = ?", (mark,)).fetchone() or (0,)
        self._writer.chain(db, {"what": "acked", "key": mark, "at": time.time()})
        return [self._want(db, alert, chat) for chat in self._cards]

    async def listen(self) -> int:
        app = web.Application()
        app.add_routes([web.post("/api/v1/alerts", self.taken), web.post("/slack/events", self.tapped)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    async def blast(self, chat: str, first: int, count: int) -> None:
        """Posts and nothing else: the bare client."""
        marks = iter(range(first, first + count))

        async def some() -> None:
            for number in marks:
                await self.send(chat, f"N{number:08d}", POST)

        await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))


def _is_late(row: Any) -> bool:
    start = datetime.fromisoformat(row["scheduled_start"])
    return bool(row["status"] == "dispatched" and time.time() - start.timestamp() > LATE_S)


async def serve() -> None:
    """Lines in, lines out: {"sink", "path", "cards", "secret"} first, then {"do": "poll" | "blast", ...}."""
    loop = asyncio.get_running_loop()
    told = json.loads(sys.stdin.readline())
    floor = Floor(told["sink"], told["path"], told["cards"], told["secret"])
    _say({"port": await floor.listen()})
    polling: asyncio.Task[None] | None = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        if asked["do"] == "blast":
            await floor.blast(asked["chat"], asked["first"], asked["count"])
        elif asked["do"] == "poll" and polling is None:
            polling = asyncio.create_task(floor.poll())
        _say({"done": asked["do"]})


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
