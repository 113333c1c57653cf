"""The daemon as a process that dies and is started again, and a small town that goes on around it.

People do what people do: they tap until the tap is taken, look whether it worked, and trust what they were told.
"""

import asyncio
import os
import re
import signal
import socket
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deskbell.sandbox.chat import Card, Chat, Heard, Refused
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.verdict import summary
from deskbell.sandbox.workflows import Workflows
from deskbell.torture.nursery import Born, Nursery
from storage.verify import verify
from tests.town import ROOMS, configured, environ

ROOT = Path(__file__).parents[2]
ROOM = {"job": "dispatch", "ticket": "support"}
QUICK = {
    "posts_per_second = 1": "posts_per_second = 20",
    "edits_per_minute = 50": "edits_per_minute = 3000",
    "per_second_in_conversation = 2": "per_second_in_conversation = 20\nper_half_minute_in_conversation = 900",
    "per_minute_in_chat = 18": "per_minute_in_chat = 900\nper_second_in_chat = 20",
    'way = "gateway"': 'way = "gateway"\nposts_per_second = 20',
}
UNSAVED = ("Not saved", "nothing was done")
MARKER = re.compile(r"\[(D-\d+ #\d+)\]")
# They can't be asked what arrived, nor do they know a repeat: silence would be worse than the same words twice.
CANNOT_BE_ASKED = ("teams", "telegram")
POSTING = {"slack": "chat.postMessage", "discord": "POST message", "telegram": "sendMessage"}


class Died(Exception):
    """The daemon ended although nothing was to end it."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass
class Lives:
    """One installation: its folder, its configuration, and the process of the moment."""

    sandbox: Sandbox
    folder: Path
    nursery: Nursery | None = None
    changes: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | Born | None = None
    deaths: int = 0

    def __post_init__(self) -> None:
        self.port = free_port()  # the same in each life: Teams calls us there
        changes = {**QUICK, "port = 0": f"port = {self.port}", **self.changes}
        self.config = configured(self.sandbox.url, self.folder, **changes)
        self.sandbox.introduce(f"http://127.0.0.1:{self.port}")
        self.environ = {**os.environ, **environ(self.sandbox.url, self.folder)}
        self.log = self.folder / "daemon.log"

    async def start(self, faults: str = "", command: Sequence[str] = ("run",), *, real: bool = False) -> None:
        """`real`, or without a nursery: by a fresh interpreter, as a supervisor would."""
        args, env = (
            (*command, "-c", str(self.config)),
            {**self.environ, "DESKBELL_FAULTS": faults, "DESKBELL_FAULTS_SEEN": str(self.seen)},
        )
        if self.nursery is not None and not real:
            self.process = self.nursery.born(args, env, self.log)
            return
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deskbell", *args), cwd=ROOT, env=env, stdout=out, stderr=out
            )

    @property
    def seen(self) -> Path:
        return self.folder / "points"

    def passed(self) -> dict[str, int]:
        """How often the lives that ended by themselves passed each fault point."""
        counts: Counter[str] = Counter()
        for line in self.seen.read_text().splitlines():
            name, _, count = line.partition(" ")
            counts[name] += int(count or 0)
        return dict(counts)

    async def killed(self, seconds: float = 25.0) -> None:
        """Until the fault has struck. An end of any other kind, or none, is a failure."""
        try:
            status = await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            raise AssertionError(f"the fault point was never reached\n{self.said()}") from None
        assert status == -signal.SIGKILL, f"ended with {status}\n{self.said()}"
        self.deaths += 1

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def done(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 30)

    async def stop(self) -> int:
        """As a supervisor stops it; its exit status."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        return await self.done()

    async def bury(self) -> None:
        if self.alive:
            self.process.kill()
            await self.process.wait()
            self.deaths += 1

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says, whoever has it open."""
        path = self.folder / "deskbell.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def left(self) -> int:
        """Pieces of the outbox that are not done."""
        posts = "SELECT count(*) FROM posts WHERE state IN ('waiting', 'claimed')"
        dispatches = "SELECT count(*) FROM dispatches WHERE state IN ('blocked', 'waiting', 'claimed')"
        return sum(self.ask(query)[0][0] for query in (posts, dispatches))


@dataclass
class Flows:
    """One-way cards to Teams, on a stand-in of its own."""

    stand_in: Workflows
    url: str

    def cards(self, subject: str) -> int:
        return sum(subject in posted.text for posted in self.stand_in.posted)


@dataclass
class Work:
    """An exception that the town made: a late job, or an urgent ticket."""

    kind: str
    subject: str
    record: Any

    def room(self, chat: str) -> str:
        return ROOMS[chat][ROOM[self.kind]]


@dataclass
class Town:
    """The world and the people. `made` is what must ring; `promised`: (subject, words) somebody was told is done."""

    lives: Lives
    made: list[Work] = field(default_factory=list)
    promised: list[tuple[Work, str]] = field(default_factory=list)
    lost_answers: int = 0  # in each chat

    @property
    def sandbox(self) -> Sandbox:
        return self.lives.sandbox

    @property
    def slack(self) -> Any:
        return self.sandbox.slack

    def chat(self, name: str) -> Chat:
        return self.sandbox.chats[name]

    # ------------------------------------------------------------ what happens

    def late_job(self) -> Work:
        start = time.time() - 16 * 60
        number = 4711 + len(self.made)
        row = self.sandbox.fieldservice.add(start=start, end=start + 5400, technician=1, id=number)
        return self._happened("job", row["number"], row)

    def urgent_ticket(self) -> Work:
        now = time.time()
        ticket = self.sandbox.freshdesk.tickets.add("Compressor trips", created=now - 600, updated=now, priority=4)
        return self._happened("ticket", str(ticket.id), ticket)

    def _happened(self, kind: str, subject: str, record: Any) -> Work:
        work = Work(kind, subject, record)
        self.made.append(work)
        self.sandbox.ledger.expect(subject, kind)
        return work

    def lose_an_answer(self) -> None:
        """In each chat: done, and nobody hears of it. Of what is posted, and not of the greetings before it."""
        self.lost_answers += 1
        for name, chat in self.sandbox.chats.items():
            chat.faults.set("lost", where=POSTING.get(name, ""), times=1)

    # ------------------------------------------------------------ what people see

    def cards(self, work: Work, chat: str) -> list[Card]:
        return [card for card in self.chat(chat).cards(work.room(chat)) if work.subject in card.text]

    def shows(self, work: Work, words: str, chat: str) -> bool:
        return any(words in card.text for card in self.cards(work, chat))

    def shows_everywhere(self, work: Work, words: str) -> bool:
        return all(self.shows(work, words, chat) for chat in self.sandbox.chats)

    async def until(self, seen: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds:.0f} s: {what}\n{self.lives.said()}")
            await asyncio.sleep(0.02)

    async def begin(self) -> None:
        """A life that reads the sources: from then on it knows how to stop."""
        sweeps = self.sandbox.servicenow.sweeps
        await self.lives.start()
        await self.until(lambda: self.sandbox.servicenow.sweeps > sweeps, "the sources are read")

    async def killed_or_quiet(self) -> None:
        """Until the fault strikes, or all was told and it did not: then a kill ends this life too."""
        told = asyncio.create_task(self.quiet())
        try:
            while self.lives.alive and not told.done():
                await asyncio.sleep(0.02)
        finally:
            told.cancel()
            await asyncio.gather(told, return_exceptions=True)
        await self.lives.bury() if self.lives.alive else await self.lives.killed()

    # ------------------------------------------------------------ what people do

    async def insist(self, work: Work, words: str, chat: str, attempt: Callable[[Card], Awaitable[Heard]]) -> None:
        """Tries until Deskbell takes it, then trusts it: what was taken must show."""
        await self.until(lambda: self.cards(work, chat), f"a card of {work.subject} in {chat}")
        while not self.shows(work, words, chat):
            try:
                card = self.cards(work, chat)[-1]
                done = taken(await attempt(card), card.ref)
            except Refused:  # no such button just now
                done = False
            if done:
                self.promised.append((work, words))
                await self.until(lambda: self.shows(work, words, chat), f"{words!r} on the card of {work.subject}")
            await asyncio.sleep(0.1)

    async def acknowledge(self, work: Work, chat: str) -> None:
        press = self.chat(chat).press
        await self.insist(work, "Acknowledged by Ana Ruiz", chat, lambda card: press("ana", card, "Acknowledge"))

    async def give_away(self, work: Work, chat: str) -> None:
        def attempt(card: Card) -> Awaitable[Heard]:
            if any("Carla" in label for label in card.buttons):  # a menu that was left open
                return self.chat(chat).press("ben", card, "Carla")
            return self.chat(chat).press("ben", card, "Reassign", "Carla")

        await self.insist(work, "Carla Weiss", chat, attempt)

    async def note(self, work: Work, chat: str) -> None:
        """Typed again only where it was not stored: two notes of two commands would be no mistake of Deskbell's."""
        words = f"called about {work.subject}"
        await self.until(lambda: self.cards(work, chat), f"a card of {work.subject}")
        ref = self.cards(work, chat)[-1].ref
        while not self._noted(ref):
            try:
                heard = await self.chat(chat).say("ana", work.room(chat), f"note {ref} {words}")
            except Refused:  # no command is registered yet
                await asyncio.sleep(0.1)
                continue
            if f"{ref} has your note" in heard.text:
                assert self._noted(ref), "told that it is stored, and it is not"
            elif chat == "telegram":  # it keeps what was said, and gives it to the next life
                await self.until(lambda: self._noted(ref), "the line that Telegram keeps is carried out")
            await asyncio.sleep(0.1)

    def _noted(self, ref: str) -> bool:
        number = int(ref.removeprefix("D-"))
        return bool(self.lives.ask("SELECT 1 FROM audit WHERE verb = 'note' AND alert_id = ?", number))

    def people(self, job: Work, ticket: Work, chat: str = "slack") -> list[Awaitable[None]]:
        return [self.acknowledge(job, chat), self.give_away(ticket, chat), self.note(ticket, chat)]

    # ------------------------------------------------------------ the verdict

    async def quiet(self) -> None:
        """Until all that must be told was told, in every chat."""
        for chat in self.sandbox.chats:
            await self.until(
                lambda chat=chat: all(self.cards(work, chat) for work in self.made), f"a card of everything in {chat}"
            )
        await self.until(lambda: not self.lives.left(), "an empty outbox")

    def verdict(self) -> None:
        """From the stand-ins' ledger, the messages people see, the tickets, the database and the audit."""
        found = summary(self.sandbox.ledger, self.sandbox.chats, grace=0.0)
        own = {f"D-{row[0]}" for row in self.lives.ask("SELECT id FROM alerts WHERE rule = 'channel_unreachable'")}
        lost = [item for item in found["lost_items"] if item.get("ref") not in own]  # told in the other chats
        assert not lost, lost
        for name in self.sandbox.chats:
            self._once(name)
        for work, words in self.promised:
            assert self.shows_everywhere(work, words), f"{words!r} was promised on {work.subject}"
        self._told_once()
        assert self.lives.ask("SELECT count(*) FROM posts WHERE state = 'dead'") == [(0,)]
        assert self.lives.ask("SELECT count(*) FROM dispatches WHERE state = 'dead'") == [(0,)]
        assert self.lives.ask("PRAGMA integrity_check") == [("ok",)]
        self.audit_is_whole()

    def _once(self, chat: str) -> None:
        """Where nobody can tell what arrived, each death may double the messages that were on their way, each of them
        once, and each lost answer what it was about."""
        spare = self.lives.deaths + self.lost_answers if chat in CANNOT_BE_ASKED else 0
        doubled = self.chat(chat).duplicates()
        assert spare or not doubled, doubled
        for work in self.made:
            count = len(self.cards(work, chat))
            assert 1 <= count <= 1 + spare, f"{work.subject} has {count} cards in {chat}"

    def _told_once(self) -> None:
        """Each write-back stands in its ticket exactly once."""
        for work in (work for work in self.made if work.kind == "ticket"):
            notes = [entry["body_text"] for entry in work.record.conversations]
            assert sum(f"called about {work.subject}" in note for note in notes) == 1, notes
            assert work.record.public["responder_id"] == 1003
            twice = [mark for mark, count in Counter(MARKER.findall(" ".join(notes))).items() if count > 1]
            assert not twice, f"{work.subject} was told twice: {twice}"
        for work in (work for work in self.made if work.kind == "job"):
            notes = [entry["text"] for entry in work.record["notes"]]
            assert sum("Ana Ruiz acknowledged" in note for note in notes) == 1, notes

    def audit_is_whole(self) -> None:
        key = self.lives.environ["DESKBELL_SECRET"].encode()
        folder = self.lives.folder
        found = verify(f"sqlite:///{folder}/deskbell.db", audit_key=key, head_file=folder / "deskbell.head")
        assert found.ok, found


def taken(heard: Heard, ref: str) -> bool:
    """Whether this person was told of this alert, and not that it was in vain."""
    told = re.search(rf"\b{ref}\b", heard.text) is not None
    return told and not heard.failed and not any(word in heard.text for word in UNSAVED)
