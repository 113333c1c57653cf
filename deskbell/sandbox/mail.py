"""A mail server on the loopback: it takes what the stand-in of SMTP takes, and answers with that one's codes."""

import asyncio
import base64
import contextlib
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from typing import Any

from deskbell.sandbox.vendors.stand_in import Asked, StandIn

TROUBLE = 451  # what is wrong over there, and may be better later
DROPPED = frozenset({"drop", "html"})


class MailServer:
    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self._server: asyncio.Server | None = None

    async def start(self, host: str) -> int:
        """The port that it listens at."""
        self._server = await asyncio.start_server(self._talk, host, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await Talk(self.stand_in, reader, writer).run()
        writer.close()


class Talk:
    """One connection. What was said about the message so far is in `said`."""

    def __init__(self, stand_in: StandIn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stand_in, self.reader, self.writer = stand_in, reader, writer
        self.said: dict[str, str] = {}

    async def run(self) -> None:
        await self._say("220 sandbox")
        while line := (await self.reader.readline()).decode("utf-8", "replace").strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self._say("221 bye")
                return
            if verb.upper() == "DATA":
                if not await self._data():
                    return
            else:
                await self._say(self._answer(verb.upper(), rest))

    def _answer(self, verb: str, rest: str) -> str:
        if verb == "EHLO":
            return "250-sandbox\r\n250 AUTH PLAIN"
        if verb == "AUTH":
            self.said["login"] = base64.b64decode(rest.partition(" ")[2] + "===").decode().replace("\0", " ").strip()
            refused = self.stand_in.faults.pick({"AUTH", "send"}, {"401"}) or not self._known()
            return "535 5.7.8 Authentication credentials invalid" if refused else "235 welcome"
        if verb in ("MAIL", "RCPT"):
            self.said[verb.lower()] = rest.partition(":")[2].strip().partition(">")[0].strip("<")
        return "250 OK"

    def _known(self) -> bool:
        knows = self.stand_in.vendor.knows
        return knows is None or knows(Asked("SMTP", "/", {}, {"authorization": self.said.get("login", "")}, {}))

    async def _data(self) -> bool:
        """False when nobody answers any more."""
        await self._say("354 go ahead")
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        message = message_from_bytes(
            raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."), EmailMessage, policy=policy.default
        )
        asked = Asked("SMTP", "/", {}, {"authorization": self.said.get("login", "")}, self._fields(message))
        fault = self.stand_in.faults.pick({"SMTP", "send"})
        if fault is not None and fault.kind in DROPPED:
            self.stand_in.calls.append(asked)
            return False
        if fault is not None and fault.kind == "lost":
            self.stand_in.take(asked)
            return False
        if fault is not None:
            self.stand_in.calls.append(asked)
            code = fault.kind.removeprefix("code.")
            code = code[:3] if fault.kind.startswith("code.") else str(TROUBLE)
            await self._say(f"{code} made to fail")
            return True
        status, why = self.stand_in.take(asked)
        await self._say(f"{status} {why if isinstance(why, str) else 'refused'}")
        return True

    def _fields(self, message: Message) -> dict[str, Any]:
        """With what the envelope says."""
        return {"sender": self.said.get("mail", ""), "to": self.said.get("rcpt", "")} | fields_of(message)

    async def _say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()


def fields_of(message: Message) -> dict[str, Any]:
    """A mail as people get it."""
    parts = {part.get_content_type(): part for part in message.walk()}
    bodies = {
        kind: part.get_content() for kind, part in parts.items() if isinstance(part, EmailMessage) and "text/" in kind
    }
    headers = {name.lower(): str(value) for name, value in message.items() if name.lower() != "date"}
    return {"headers": headers, "text": bodies.get("text/plain", ""), "html": bodies.get("text/html", "")}
