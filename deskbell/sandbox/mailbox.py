"""A mailbox on the loopback, read by IMAP: as much of https://www.rfc-editor.org/rfc/rfc3501 as reading and marking
take. What arrives is `put`; what has been read is in `seen`.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

USER, PASSWORD = "desk", "sandbox-mailbox-password"

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_PART = re.compile(r"BODY\.PEEK\[\]<0\.(\d+)>")


@dataclass(slots=True)
class Mailbox:
    """`commands` is what was said to it, without passwords. `stuck`: nothing can be marked."""

    validity: int = 1
    stuck: bool = False
    port: int = 0
    mails: list[bytes] = field(default_factory=list)  # the first has the number 1
    seen: set[int] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None

    def put(self, mail: bytes) -> None:
        self.mails.append(mail)

    async def start(self, host: str) -> None:
        self._server = await asyncio.start_server(self._talk, host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await _Talk(self, reader, writer).run()
        writer.close()

    def unseen(self) -> str:
        return "".join(f" {uid}" for uid in range(1, len(self.mails) + 1) if uid not in self.seen)


class _Talk:
    """One connection."""

    def __init__(self, box: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.box, self.reader, self.writer = box, reader, writer
        self.known = self.chosen = False

    async def run(self) -> None:
        self._say(b"* OK sandbox")
        while line := (await self.reader.readline()).decode("utf-8", "replace").strip():
            tag, _, rest = line.partition(" ")
            words = [quoted or plain for quoted, plain in _WORD.findall(rest)]
            verb = " ".join(words[: 2 if words[0].upper() == "UID" else 1]).upper()
            self.box.commands.append(verb if verb == "LOGIN" else rest)
            self._say(f"{tag} {self._answer(verb, words, rest)}".encode())
            await self.writer.drain()
            if verb == "LOGOUT":
                return

    def _answer(self, verb: str, words: list[str], rest: str) -> str:
        match verb:
            case "CAPABILITY":
                self._say(b"* CAPABILITY IMAP4rev1")
            case "LOGIN":
                self.known = words[1:] == [USER, PASSWORD]
                return "OK done" if self.known else "NO [AUTHENTICATIONFAILED] Invalid credentials"
            case "LOGOUT":
                self._say(b"* BYE")
            case _ if not self.known:
                return "NO log in first"
            case "SELECT":
                return self._select(words[1])
            case _ if not self.chosen:
                return "BAD select first"
            case "UID SEARCH" if words[2:4] == ["UNSEEN", "SINCE"]:
                self._say(f"* SEARCH{self.box.unseen()}".encode())
            case "UID FETCH" if part := _PART.search(rest):
                self._fetch(int(words[2]), int(part[1]))
            case "UID STORE" if words[3] == "+FLAGS.SILENT" and not self.box.stuck:
                self.box.seen |= {int(uid) for uid in words[2].split(",")}
            case _:
                return "NO not now"
        return "OK done"

    def _select(self, folder: str) -> str:
        if folder != "INBOX":
            return f"NO there is no {folder}"
        self.chosen = True
        self._say(f"* {len(self.box.mails)} EXISTS".encode())
        self._say(f"* OK [UIDVALIDITY {self.box.validity}] valid".encode())
        return "OK [READ-WRITE]"

    def _fetch(self, uid: int, most: int) -> None:
        body = self.box.mails[uid - 1][:most]
        self._say(f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(body)}}}".encode() + b"\r\n" + body + b")")

    def _say(self, line: bytes) -> None:
        self.writer.write(line + b"\r\n")
