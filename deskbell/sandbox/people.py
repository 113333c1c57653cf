"""Scripted people: Ana dispatches, Ben is on call, Carla manages, Dan may only look. They know no more of Deskbell than
what is on the screen: buttons by the beginning of their action id, forms by their inputs."""

import asyncio
import contextlib
import random
import re
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.slack.messages import Key, Message
from deskbell.sandbox.slack.payloads import options_of
from deskbell.sandbox.slack.results import Outcome, Refused, Submitted
from deskbell.sandbox.slack.views import View
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

PREFIX = "desk."
REACTION = (1.0, 4.0)  # seconds between a card and the first tap on it
THINKING = (0.7, 1.6)  # seconds in front of a form
FOLLOW_UP = (9.0, 16.0)
TYPING = (4.0, 6.5)  # seconds between two commands
FIRST_WORD = 3.0
TURNS = (
    ("ana", "ack"),
    ("ana", "reassign"),
    ("dan", "ack"),
    ("ben", "take"),
    ("ana", "snooze"),
    ("carla", "escalate"),
    ("ana", "resolve"),
    ("ben", "ack"),
)
AFTERWARDS = (("ana", "resolve"), ("ben", "note"), ("carla", "reassign"), ("ana", "unack"))
WORDS = (
    "Spoke to the customer, we agreed on half past.",
    "Spare regulator swapped, 9.8 bar and stable.",
    "Technician found a parking space at last.",
    "Loaner machine is on the van.",
)
COMMANDS = (
    ("ana", "dispatch", "/desk list"),
    ("ben", "support", "/desk case {case}"),
    ("carla", "dispatch", "/desk help"),
    ("ana", "dispatch", "/desk show {ref}"),
    ("ben", "dispatch", "/oncall"),
    ("ana", "dispatch", "/desk note {ref} Customer called, gate code 4410"),
    ("dan", "dispatch", "/desk whoami"),
    ("ana", "dispatch", "/desk job {job}"),
    ("ben", "support", "/case {incident}"),
    ("ana", "dispatch", "/desk list mine"),
    ("ben", "support", "/desk ack {ref}"),
    ("dan", "support", "/desk resolve {ref} looks fine to me"),
    ("carla", "dispatch", "/desk lst"),
)
REF = re.compile(r"D-\d+")


@dataclass(frozen=True, slots=True)
class Turn:
    who: str
    verb: str


class People:
    def __init__(self, sandbox: "Sandbox", seed: int) -> None:
        self.sandbox, self.slack = sandbox, sandbox.slack
        self.chance = random.Random(seed)  # noqa: S311 - the same behaviour again, not a secret
        self._seen: set[Key] = set()
        self._turns = deque(Turn(*turn) for turn in TURNS)
        self._afterwards = deque(Turn(*turn) for turn in AFTERWARDS)
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look at the rooms whenever something changes; type something now and then."""
        self._start(self._type_on())
        try:
            while True:
                await self.slack.pulse.wait(1.0)
                for card in self.slack.cards():
                    if card.key not in self._seen and card.action_ids:
                        self._seen.add(card.key)
                        self._start(self._attend(card))
        finally:
            for task in self._busy:
                task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _attend(self, card: Message) -> None:
        """One card: a first reaction, and later perhaps a second."""
        await self._wait(REACTION)
        await self._take(card, self._turns)
        await self._wait(FOLLOW_UP)
        await self._take(card, self._afterwards)

    async def _wait(self, span: tuple[float, float]) -> None:
        await asyncio.sleep(self.chance.uniform(*span))

    async def _take(self, card: Message, turns: deque[Turn]) -> None:
        """The next turn that this card has a button for."""
        for _ in range(len(turns)):
            turn = turns[0]
            turns.rotate(-1)
            if self._button(card, turn.verb) is not None:
                await self._tap(card, turn)
                return

    # ------------------------------------------------------------------ buttons and forms

    def _button(self, card: Message, verb: str) -> Json | None:
        if not self.slack.workspace.visible(card):
            return None
        wanted = re.compile(re.escape(PREFIX + verb) + r"(\W.*)?")
        elements = (element for _, element in card.elements())
        return next((e for e in elements if wanted.fullmatch(str(e.get("action_id", "")))), None)

    async def _tap(self, card: Message, turn: Turn) -> None:
        element = self._button(card, turn.verb)
        if element is None:
            return
        offered = options_of(element)
        selected = self.chance.choice(offered)["value"] if offered else None
        try:
            outcome = await self.slack.tap(
                turn.who, card.channel, card.ts, element["action_id"], selected=selected, changes=turn.who != "dan"
            )
            view = await self._form(outcome)
            if view is not None:
                await self._wait(THINKING)
                await self._fill_in(turn.who, view)
        except Refused:
            return  # the card changed between the look and the tap

    async def _form(self, outcome: Outcome) -> View | None:
        await self.slack.pulse.until(lambda: outcome.view or outcome.edited or outcome.ephemerals, 2.5)
        return outcome.view

    async def _fill_in(self, who: str, view: View) -> None:
        for _ in range(2):  # a second try when the first choice was refused
            done: Submitted = await self.slack.submit(who, view.id, await self._values(who, view))
            if not done.errors:
                break
        if view.open:
            await self.slack.close(who, view.id)

    async def _values(self, who: str, view: View) -> Json:
        return {
            block["element"]["action_id"]: await self._value(who, view, block["element"]) for block in view.inputs()
        }

    async def _value(self, who: str, view: View, element: Json) -> Any:
        kind = element["type"]
        offered = options_of(element)
        if kind == "external_select":
            typed = "a" * element.get("min_query_length", 3)
            found = await self.slack.suggest(who, element["action_id"], typed, view_id=view.id)
            return self.chance.choice(found.options) if found.options else None
        if offered:
            choice = self.chance.choice(offered)["value"]
            return [choice] if kind in ("checkboxes", "multi_static_select") else choice
        if kind == "users_select":
            return self.chance.choice(("U0MARCO", "U0LENA", "U0BEN"))
        return self.chance.choice(WORDS)[: element.get("max_length", 3000)] if "text" in kind else None

    # ------------------------------------------------------------------ typing

    async def _type_on(self) -> None:
        await self.slack.pulse.until(self._ready, 3600)
        await asyncio.sleep(FIRST_WORD)
        for number in range(10_000):
            who, channel, text = COMMANDS[number % len(COMMANDS)]
            words = self._words(text)
            if words is not None:
                with contextlib.suppress(Refused):  # a command that this installation calls otherwise
                    await self.slack.type(who, channel, words)
            await self._wait(TYPING)

    def _ready(self) -> bool:
        return bool(self.slack.cards())

    def _words(self, text: str) -> str | None:
        """The command with names filled in; None when there is nothing to name yet."""
        refs = [ref for card in self.slack.cards() for ref in REF.findall(str(card.event[1].get("alert", "")))]
        names = {
            "ref": self.chance.choice(refs) if refs else "",
            "case": _any(self.chance, [str(ticket) for ticket in self.sandbox.freshdesk.tickets.rows]),
            "incident": _any(self.chance, [row["number"] for row in self.sandbox.servicenow.tables.incidents]),
            "job": _any(self.chance, [job["number"] for job in self.sandbox.fieldservice.jobs.values()]),
        }
        needed = re.findall(r"{(\w+)}", text)
        return text.format(**names) if all(names[name] for name in needed) else None


def _any(chance: random.Random, names: list[str]) -> str:
    return chance.choice(names) if names else ""
