"""Exceptions by the hundred, and people who act on them in every chat and remember what they were told.

For whoever torments Deskbell and judges it afterwards: what was made, what people were told, and all that can be seen.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.chat import Card, Chat, Heard, Refused
from deskbell.sandbox.verdict import summary
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

MINUTE = 60.0
LOOK_S = 0.5  # how often somebody looks at a chat for new cards
LOOKING = 0.1  # the share of our time that this may take, however many there are
NEWEST = 200  # people deal with what is at the end of a room
PEOPLE = ("ana", "ben", "carla")
# What is pressed, how often, and what the form then asks for.
PRESSES: Sequence[tuple[str, str, tuple[str, ...], int]] = (
    ("ack", "Acknowledge", (), 8),
    ("take", "Take it", (), 2),
    ("escalate", "Escalate", (), 2),
    ("snooze", "Snooze", ("30 min",), 1),
    ("resolve", "Resolve", ("Fixed",), 2),
    ("reassign", "Reassign", ("Carla Weiss",), 1),
)
TYPED = 0.25  # the share of what is typed instead


@dataclass(frozen=True, slots=True)
class Made:
    """Something that must become one alert, of this rule."""

    source: str
    subject: str
    rule: str
    at: float


@dataclass(slots=True)
class Told:
    """What somebody did to an alert, and every word that they got for it. `note` is unique."""

    at: float
    who: str
    chat: str
    verb: str
    ref: str
    note: str = ""
    heard: list[str] = field(default_factory=list)
    failed: str = ""


class Ordeal:
    def __init__(self, sandbox: "Sandbox", seed: int) -> None:
        self.sandbox, self.seed = sandbox, seed
        self.chance = random.Random(seed)  # noqa: S311 - the same behaviour again, not a secret
        self.made: list[Made] = []
        self.told: list[Told] = []
        self.ended: set[str] = set()
        self._count = itertools.count(1)
        self._rooms: dict[str, list[Card]] = {name: [] for name in sandbox.chats}
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------ what happens

    async def make(self, asked: Json) -> list[str]:
        """Late `jobs`, `tickets` and `incidents` that nobody has taken, and `ends` of earlier jobs that were seen."""
        kinds: dict[str, Callable[[], Made]] = {
            "jobs": self._late_job,
            "tickets": self._ticket,
            "incidents": self._incident,
        }
        new = [make() for kind, make in kinds.items() for _ in range(int(asked.get(kind, 0)))]
        for made in new:
            self.sandbox.ledger.expect(made.subject, made.rule)
        self.made += new
        for _ in range(int(asked.get("ends", 0))):
            self._end_one()
        return [made.subject for made in new]

    def _late_job(self) -> Made:
        now = self.sandbox.clock.time()
        start = now - 15 * MINUTE - 2
        technician = next(self._count) % len(self.sandbox.fieldservice.technicians) + 1
        job = self.sandbox.fieldservice.add(
            start=start,
            end=start + 90 * MINUTE,
            technician=technician,
            status="en_route",
            travel_started_at=start - 40 * MINUTE,
            summary="Emergency call-out",
        )
        return Made("fieldservice", job["number"], "technician_late", now)

    def _ticket(self) -> Made:
        now = self.sandbox.clock.time()
        ticket = self.sandbox.freshdesk.tickets.add(
            "Compressor trips on overload",
            created=now - 10 * MINUTE,
            updated=now,
            due=now + 6 * 3600,
            fr_due=now + 5 * 3600,
            priority=4,
        )
        return Made("freshdesk", str(ticket.id), "case_unassigned", now)

    def _incident(self) -> Made:
        now = self.sandbox.clock.time()
        row = self.sandbox.servicenow.tables.incident(
            "Dryer alarm at the paint shop", opened=now - 10 * MINUTE, updated=now, priority="1"
        )
        return Made("servicenow", row["number"], "case_unassigned", now)

    def _end_one(self) -> None:
        """The technician arrives, once people have read that he is late."""
        unseen = {one.subject for one in self.sandbox.ledger.expectations if not one.seen}
        late = (made for made in self.made if made.source == "fieldservice")
        made = next((one for one in late if one.subject not in self.ended | unseen), None)
        if made is not None:
            job = self.sandbox.fieldservice.find(made.subject)
            self.sandbox.fieldservice.change(job["id"], status="on_site", checked_in_at=self.sandbox.clock.time())
            self.ended.add(made.subject)

    # ------------------------------------------------------------ what people do

    async def begin(self, asked: Json) -> None:
        """People go to work; `pause` is how many seconds each takes between two deeds."""
        pause = float(asked.get("pause", 1.0))
        self.sandbox.ledger.cards_of = lambda _: ()  # when chats agree is judged at the end, by all cards
        self._tasks = [asyncio.create_task(self._look())]
        for chat in self.sandbox.chats.values():
            for who in PEOPLE:
                chance = random.Random(f"{self.seed} {chat.name} {who}")  # noqa: S311 - as above
                self._tasks.append(asyncio.create_task(self._work(who, chat, chance, pause)))

    async def end(self, asked: Json) -> None:  # noqa: ARG002 - one shape for all
        """They finish what they are at, and go home."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        for name in itertools.cycle(self.sandbox.chats):
            begun = time.perf_counter()
            self._rooms[name] = list(self.sandbox.chats[name].cards())[-NEWEST:]
            await asyncio.sleep(max(LOOK_S, (time.perf_counter() - begun) / LOOKING))

    async def _work(self, who: str, chat: Chat, chance: random.Random, pause: float) -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.5, 1.5) * pause)
            if cards := self._rooms[chat.name]:
                await self._deed(who, chat, chance.choice(cards), chance)

    async def _deed(self, who: str, chat: Chat, card: Card, chance: random.Random) -> None:
        """One thing at a time for one person in one chat, so that an answer is the answer to it."""
        now = self.sandbox.clock.time()
        if chance.random() < TYPED:
            words = f"called about it, {self.seed}-{next(self._count)}"
            told = Told(now, who, chat.name, "note", card.ref, words)
            await self._try(told, chat.say(who, card.room, f"note {card.ref} {words}"))
            return
        verb, label, answers, _ = chance.choices(PRESSES, [press[3] for press in PRESSES])[0]
        told = Told(now, who, chat.name, verb, card.ref)
        await self._try(told, chat.press(who, card, label, *answers))

    async def _try(self, told: Told, deed: Any) -> None:
        """A button that is not there just now, or a command that no daemon has registered yet, is no deed."""
        try:
            heard: Heard = await deed
        except Refused:
            return
        told.heard, told.failed = [*heard.private, *heard.public], heard.failed
        self.told.append(told)

    # ------------------------------------------------------------ what there is to judge

    def evidence(self) -> Json:
        """The whole truth of the stand-ins, for the oracle."""
        sandbox = self.sandbox
        return {
            "made": [asdict(made) for made in self.made],
            "ended": sorted(self.ended),
            "told": [asdict(told) for told in self.told],
            "cards": [asdict(card) for card in self._every_card()],
            "notes": {made.subject: self._notes(made) for made in self.made},
            "duplicates": {name: list(chat.duplicates()) for name, chat in sandbox.chats.items()},
            "ledger": summary(sandbox.ledger, sandbox.chats, grace=0.0),
        }

    def _every_card(self) -> Iterator[Card]:
        for chat in self.sandbox.chats.values():
            yield from chat.cards()

    def _notes(self, made: Made) -> list[str]:
        """What was written into the record by us."""
        if made.source == "fieldservice":
            return [note["text"] for note in self.sandbox.fieldservice.find(made.subject)["notes"]]
        if made.source == "freshdesk":
            ticket = self.sandbox.freshdesk.tickets.rows[int(made.subject)]
            return [entry["body_text"] for entry in ticket.conversations]
        tables = self.sandbox.servicenow.tables
        return [entry["value"] for entry in tables.journal(tables.by_number(made.subject)["sys_id"])]
