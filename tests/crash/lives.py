"""The daemon as a process that dies and is started again, and a small town that goes on around it.

People do what people do: they tap until the tap is taken, look whether it worked, and trust what they were told.
"""

import asyncio
import os
import re
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.results import Outcome, Refused
from deskbell.sandbox.verdict import summary
from storage.verify import verify
from tests.town import configured, environ

ROOT = Path(__file__).parents[2]
ROOMS = {"job": "C0DISPATCH", "ticket": "C0SUPPORT"}
QUICK = {
    "posts_per_second = 1": "posts_per_second = 20",
    "edits_per_minute = 50": "edits_per_minute = 3000",
}
UNSAVED = "Not saved"
MARKER = re.compile(r"\[(D-\d+ #\d+)\]")


class Died(Exception):
    """The daemon ended although nothing was to end it."""


@dataclass
class Lives:
    """One installation: its folder, its configuration, and the process of the moment."""

    sandbox: Sandbox
    folder: Path
    changes: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.config = configured(self.sandbox.url, self.folder, **{**QUICK, **self.changes})
        self.environ = {**os.environ, **environ(self.sandbox.url, self.folder)}
        self.log = self.folder / "daemon.log"

    async def start(self, faults: str = "", command: Sequence[str] = ("run",)) -> None:
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deskbell", *command, "-c", str(self.config)),
                cwd=ROOT,
                env={**self.environ, "DESKBELL_FAULTS": faults},
                stdout=out,
                stderr=out,
            )

    async def killed(self, seconds: float = 25.0) -> None:
        """Until the fault has struck. An end of any other kind, or none, is a failure."""
        try:
            status = await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            raise AssertionError(f"the fault point was never reached\n{self.said()}") from None
        assert status == -signal.SIGKILL, f"ended with {status}\n{self.said()}"

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
class Work:
    """An exception that the town made: a late job, or an urgent ticket."""

    kind: str
    subject: str
    record: Any

    @property
    def room(self) -> str:
        return ROOMS[self.kind]


@dataclass
class Town:
    """The world and the people. `made` is what must ring; `promised`: (subject, words) somebody was told is done."""

    lives: Lives
    made: list[Work] = field(default_factory=list)
    promised: list[tuple[Work, str]] = field(default_factory=list)

    @property
    def sandbox(self) -> Sandbox:
        return self.lives.sandbox

    @property
    def slack(self) -> Any:
        return self.sandbox.slack

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

    # ------------------------------------------------------------ what people see

    def cards(self, work: Work) -> list[Message]:
        return [card for card in self.slack.cards(work.room) if work.subject in card.as_text()]

    def shows(self, work: Work, words: str) -> bool:
        return any(words in card.as_text() for card in self.cards(work))

    def ref(self, work: Work) -> str:
        return str(self.cards(work)[0].event[1]["alert"])

    async def until(self, seen: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds:.0f} s: {what}\n{self.lives.said()}")
            await asyncio.sleep(0.02)

    # ------------------------------------------------------------ what people do

    async def insist(self, work: Work, words: str, attempt: Callable[[], Awaitable[bool]]) -> None:
        """Tries until Deskbell takes it, then trusts it: what was taken must show."""
        await self.until(lambda: self.cards(work), f"a card of {work.subject}")
        while not self.shows(work, words):
            try:
                taken = await attempt()
            except Refused:  # no such button just now
                taken = False
            if taken:
                self.promised.append((work, words))
                await self.until(lambda: self.shows(work, words), f"{words!r} on the card of {work.subject}")
            await asyncio.sleep(0.1)

    async def acknowledge(self, work: Work) -> None:
        async def attempt() -> bool:
            outcome = await self.slack.tap("U0ANA", work.room, self.cards(work)[0].ts, "desk.ack")
            return taken(outcome)

        await self.insist(work, "Acknowledged by Ana Ruiz", attempt)

    async def give_away(self, work: Work) -> None:
        async def attempt() -> bool:
            outcome = await self.slack.tap("U0BEN", work.room, self.cards(work)[0].ts, "desk.reassign", changes=False)
            view = await outcome.wait_view(1.0) if outcome.acked else None
            if view is None:
                return False
            done = await self.slack.submit("U0BEN", view.id, {"answer": "carla"})
            return bool(done.closed)

        await self.insist(work, "Carla Weiss", attempt)

    async def note(self, work: Work) -> None:
        """Typed again only where it was not stored: two notes of two commands would be no mistake of Deskbell's."""
        words = f"called about {work.subject}"
        await self.until(lambda: self.cards(work), f"a card of {work.subject}")
        while not self._noted(work):
            outcome = await self.slack.type("U0ANA", work.room, f"/desk note {self.ref(work)} {words}")
            if outcome.acked:
                assert "has your note" in (outcome.text or str(outcome.payload))
                assert self._noted(work), "told that it is stored, and it is not"
            await asyncio.sleep(0.1)

    def _noted(self, work: Work) -> bool:
        number = int(self.ref(work).removeprefix("D-"))
        return bool(self.lives.ask("SELECT 1 FROM audit WHERE verb = 'note' AND alert_id = ?", number))

    def people(self, job: Work, ticket: Work) -> list[Awaitable[None]]:
        return [self.acknowledge(job), self.give_away(ticket), self.note(ticket)]

    # ------------------------------------------------------------ the verdict

    async def quiet(self) -> None:
        """Until all that must be told was told."""
        await self.until(lambda: all(self.cards(work) for work in self.made), "a card of everything")
        await self.until(lambda: not self.lives.left(), "an empty outbox")

    def verdict(self) -> None:
        """From the stand-ins' ledger, the messages people see, the tickets, the database and the audit."""
        found = summary(self.sandbox.ledger, self.sandbox.chats, grace=0.0)
        assert found["lost"] == 0, found["lost_items"]
        assert found["duplicates"] == 0, found["duplicate_items"]
        for work in self.made:
            assert len(self.cards(work)) == 1, f"{work.subject} has {len(self.cards(work))} cards"
        for work, words in self.promised:
            assert self.shows(work, words), f"{words!r} was promised on {work.subject}"
        self._told_once()
        assert self.lives.ask("SELECT count(*) FROM posts WHERE state = 'dead'") == [(0,)]
        assert self.lives.ask("SELECT count(*) FROM dispatches WHERE state = 'dead'") == [(0,)]
        assert self.lives.ask("PRAGMA integrity_check") == [("ok",)]
        self.audit_is_whole()

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


def taken(outcome: Outcome) -> bool:
    return outcome.acked and UNSAVED not in outcome.text
