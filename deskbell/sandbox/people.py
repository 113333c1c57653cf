"""Scripted people: Ana dispatches, mostly in Slack; Ben is on call, with Telegram on his phone; Carla manages from
Teams; Priya works in the field, with Discord; Dan may only look, and tries all the same.

They know no more of Deskbell than what is on their screens: buttons and options by their words, and what they type.
"""

import asyncio
import contextlib
import itertools
import random
import re
from collections import Counter, deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Card, Chat, Refused

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

REACTION = (1.0, 4.0)  # seconds between a card and the first tap on it
SECOND_THOUGHT = (1.0, 2.0)  # before what was just done is taken back
FOLLOW_UP = (9.0, 16.0)
NOSY = 2  # Dan tries his hand at one alert in so many
SECOND_LOOK = 3  # one alert in so many: in a Telegram group a bot may speak and edit 20 times a minute
TYPING = (9.0, 14.0)  # seconds between two lines in one chat
FIRST_WORD = (2.0, 6.0)
UNDO = "Undo"


@dataclass(frozen=True, slots=True)
class Turn:
    """`allowed`: Deskbell lets this person do it, as far as the person knows."""

    who: str
    label: str
    answers: tuple[str, ...] = ()
    undo: bool = False
    allowed: bool = True


ANA_ACKS, BEN_ACKS, CARLA_ACKS, PRIYA_ACKS = (Turn(who, "Acknowledge") for who in ("ana", "ben", "carla", "priya"))
# What is done with the next new card of a chat, and with some of them again seconds later. An alert is handled in one
# chat: four people who all tap on everything would be no firm.
FIRST: Mapping[str, tuple[Turn, ...]] = {
    "slack": (
        ANA_ACKS,
        Turn("ana", "Reassign", ("Ben Okafor",)),
        Turn("ana", "Snooze", ("15 min",)),
        Turn("ana", "Resolve", ("Customer informed",)),
    ),
    "teams": (
        CARLA_ACKS,
        Turn("carla", "Reassign", ("Ana Ruiz",)),
        Turn("carla", "Acknowledge", undo=True),
        Turn("carla", "Snooze", ("1 hour",)),
        Turn("carla", "Resolve", ("Fixed",)),
    ),
    "telegram": (
        BEN_ACKS,
        Turn("ben", "Snooze", ("30 min",)),
        Turn("ben", "Acknowledge", undo=True),
        Turn("ben", "Reassign", ("Carla Weiss",)),
        Turn("ben", "Resolve", ("Fixed",)),
    ),
    "discord": (
        PRIYA_ACKS,
        Turn("ana", "Reassign", ("Ben Okafor",)),
        Turn("ana", "Acknowledge", undo=True),
        Turn("ana", "Snooze", ("30 min",)),
    ),
}
LATER: Mapping[str, tuple[Turn, ...]] = {
    "slack": (Turn("ana", "Resolve", ("Fixed",)), Turn("ben", "Take it"), Turn("ana", "Acknowledge", undo=True)),
    "teams": (Turn("carla", "Escalate"), Turn("carla", "Resolve", ("Rescheduled",))),
    "telegram": (Turn("ben", "Take it"), Turn("ben", "Resolve", ("Technician on site",))),
    "discord": (Turn("ana", "Resolve", ("Loaner machine is on the van.",)), Turn("ana", "Take it")),
}
# Money is Carla's, in whichever chat: others may not act there.
MONEY = (CARLA_ACKS, Turn("carla", "Snooze", ("1 hour",)), Turn("carla", "Acknowledge", undo=True))
MONEY_LATER = (Turn("carla", "Resolve", ("Customer informed",)), Turn("carla", "Take it"))
_ROOMS = (credentials.TEAMS_ROOMS, credentials.TELEGRAM_ROOMS, credentials.DISCORD_ROOMS)
MONEY_ROOMS = frozenset({"C0ACCOUNTS", *(rooms["accounts"] for rooms in _ROOMS)})
IN_VAIN = Turn("dan", "Escalate", allowed=False)  # he is told why not, and nothing is edited anywhere
# Who types what; `>` stands before what is said to the bot alone.
COMMANDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "slack": (
        ("ana", "list"),
        ("ana", "show {ref}"),
        ("ben", "/oncall"),
        ("ana", "note {ref} Customer called, gate code 4410"),
        ("ana", "job {job}"),
        ("ben", "/case {incident}"),
        ("carla", "lst"),
    ),
    "teams": (
        ("carla", "list"),
        ("carla", "> show {ref}"),
        ("carla", "oncall"),
        ("carla", "note {ref} Told the customer that I look after it myself."),
        ("dan", "> whoami"),
        ("carla", "case {case}"),
    ),
    "telegram": (
        ("ben", "> list mine"),
        ("ben", "> show {ref}"),
        ("ben", "note {ref} Spare regulator swapped, 9.8 bar and stable."),
        ("ben", "> oncall"),
        ("ben", "> case {incident}"),
    ),
    "discord": (
        ("priya", "list"),
        ("dan", "whoami"),
        ("priya", "job {job}"),
        ("priya", "note {ref} Found a parking space at last."),
        ("dan", "resolve {ref} looks fine to me"),
        ("ana", "help snooze"),
    ),
}


class People:
    def __init__(self, sandbox: "Sandbox", seed: int) -> None:
        self.sandbox, self.chats = sandbox, sandbox.chats
        self.chance = random.Random(seed)  # noqa: S311 - the same behaviour again, not a secret
        self._seen: set[str] = set()
        self._first = {name: deque(FIRST[name]) for name in self.chats}
        self._later = {name: deque(LATER[name]) for name in self.chats}
        self._money = {name: deque(MONEY) for name in self.chats}
        self._money_later = {name: deque(MONEY_LATER) for name in self.chats}
        self._in_vain = {name: deque([IN_VAIN]) for name in self.chats}
        self._said: set[tuple[str, str]] = set()  # nobody says the same of the same alert again
        self._done: Counter[str] = Counter()  # taps by chat: whose turn it is
        self._count = itertools.count(1)
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look at the rooms whenever something changes; type something now and then."""
        for chat in self.chats.values():
            self._start(self._type_on(chat))
        try:
            while True:
                await self.sandbox.pulse.wait(1.0)
                shown = (card.ref for chat in self.chats.values() for card in chat.cards())
                for ref in [ref for ref in dict.fromkeys(shown) if ref not in self._seen]:
                    self._seen.add(ref)
                    self._start(self._attend(ref))
        finally:
            for task in self._busy:
                task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _wait(self, span: tuple[float, float]) -> None:
        await asyncio.sleep(self.chance.uniform(*span))

    # ------------------------------------------------------------------ tapping

    async def _attend(self, ref: str) -> None:
        """One alert: a first reaction in one chat, and to some of them a second, perhaps in another."""
        number = next(self._count)
        await self._wait(REACTION)
        money = any(card.room in MONEY_ROOMS for card in self._cards(ref))
        await self._take(ref, self._money if money else self._first)
        if number % NOSY == 0:
            await self._take(ref, self._in_vain)
        if number % SECOND_LOOK == 0:
            await self._wait(FOLLOW_UP)
            await self._take(ref, self._money_later if money else self._later)

    async def _take(self, ref: str, turns: Mapping[str, deque[Turn]]) -> None:
        """The next turn that the card has a button for, in the chat that had the fewest."""
        for card in sorted(self._cards(ref), key=lambda card: self._done[card.chat]):
            waiting = turns[card.chat]
            turn = next((turn for turn in waiting if offers(card, turn.label)), None)
            if turn is not None:
                waiting.remove(turn)
                waiting.append(turn)
                self._done[card.chat] += 1
                await self._tap(card, turn)
                return

    def _cards(self, ref: str) -> list[Card]:
        return [card for chat in self.chats.values() for card in chat.cards() if card.ref == ref]

    async def _tap(self, card: Card, turn: Turn) -> None:
        chat = self.chats[card.chat]
        with contextlib.suppress(Refused):  # the card changed between the look and the tap
            await chat.press(turn.who, card, turn.label, *turn.answers, changes=turn.allowed)
            if turn.undo:
                await self._wait(SECOND_THOUGHT)
                await self._undo(chat, turn.who, card)

    async def _undo(self, chat: Chat, who: str, card: Card) -> None:
        """With the button that came with the answer; where the chat has no such answers, it is on the card."""
        fresh = next((one for one in chat.cards(card.room) if one.id == card.id), card)
        if offers(fresh, UNDO):
            await chat.press(who, fresh, UNDO)
        else:
            await chat.press_private(who, UNDO)

    # ------------------------------------------------------------------ typing

    async def _type_on(self, chat: Chat) -> None:
        await self.sandbox.pulse.until(chat.cards, 3600)
        await self._wait(FIRST_WORD)
        for who, text in itertools.cycle(COMMANDS[chat.name]):
            words = self._words(chat, text)
            if words is not None:
                room = "" if words.startswith(">") else chat.cards()[0].room
                with contextlib.suppress(Refused):  # a command that this installation calls otherwise
                    await chat.say(who, room, words.removeprefix(">").strip())
            await self._wait(TYPING)

    def _words(self, chat: Chat, text: str) -> str | None:
        """The command with names filled in; None when there is nothing to name yet."""
        refs = {card.ref: None for card in chat.cards() if (text, card.ref) not in self._said}
        names = {
            "ref": self._any(list(refs)),
            "case": self._any([str(ticket) for ticket in self.sandbox.freshdesk.tickets.rows]),
            "incident": self._any([row["number"] for row in self.sandbox.servicenow.tables.incidents]),
            "job": self._any([job["number"] for job in self.sandbox.fieldservice.jobs.values()]),
        }
        needed = re.findall(r"{(\w+)}", text)
        self._said.add((text, names["ref"]))
        return text.format(**names) if all(names[name] for name in needed) else None

    def _any(self, names: list[str]) -> str:
        return self.chance.choice(names) if names else ""


def offers(card: Card, label: str) -> bool:
    return any(words.casefold().startswith(label.casefold()) for words in card.buttons)
