"""What every gateway does once it knows that something is genuine: carry it out in time, and have an answer ready.

The desk is given two seconds to make it durable. What takes longer is said to be unsaved, and told again when it turns
out otherwise; what fails is said to be unsaved as well. Nothing here raises.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bot.commands import Commands
from bot.ports import Front, Said, Spoken
from deskbell.core.access import holds
from deskbell.core.alert import MOVES, Verb
from deskbell.core.button import Press
from deskbell.core.card import Reply
from deskbell.core.ports import Answer, Interaction
from deskbell.net import metrics
from deskbell.net.faults import point

T = TypeVar("T")

DURABLE_S = 2.0  # for the desk to store what was done
CLOSE_S = 5.0
VERBS = frozenset(Verb)

UNSAVED = "Not saved in time. Please tap again in a moment."
STILL_WORKING = "This takes a little longer. The answer comes here."

log = logging.getLogger("deskbell.clerk")


class Clerk:
    """Serves one gateway, that of `platform`."""

    def __init__(self, platform: str, front: Front, commands: Commands) -> None:
        self.platform, self.front, self.commands = platform, front, commands
        self._tasks: set[asyncio.Task[Any]] = set()

    async def act(self, interaction: Interaction, late: Callable[[Answer], Awaitable[None]]) -> Answer:
        """Carries a tap or a form out. `late` is told what became of it when that took longer than a person waits."""
        work = self._act(interaction)
        answer = await self.within(work, lambda answer: late(_afterwards(answer)))
        return answer or Answer(ok=False, code="unsaved", text=UNSAVED)

    async def _act(self, interaction: Interaction) -> Answer:
        started = time.perf_counter()
        point("clerk.act.before")
        answer = await self.front.act(interaction)
        point("clerk.act.after")
        verb = interaction.verb if interaction.verb in VERBS else "unknown"  # what came in may be any word
        metrics.answered(interaction.kind, verb, answer.code, time.perf_counter() - started)
        return answer

    async def may(self, account: str, press: Press) -> bool:
        """Whether to ask somebody for more before the desk is told: who may not do it anyway is refused at once."""
        person = await self.front.person(self.platform, account)
        return person is not None and holds(person, MOVES[press.verb].roles)

    async def run(self, line: str, said: Said, late: Callable[[Reply], Awaitable[None]]) -> Reply:
        """Answers a typed line. What a slower source adds, or an answer that took too long, goes to `late`."""
        spoken = await self.within(self.commands.run(line, said), lambda spoken: self._speak(spoken, late))
        if spoken is None:
            return Reply(lines=(STILL_WORKING,))
        if spoken.later is not None:
            self.spawn(self._more(spoken, late))
        return spoken.reply

    async def _speak(self, spoken: Spoken, late: Callable[[Reply], Awaitable[None]]) -> None:
        await late(spoken.reply)
        await self._more(spoken, late)

    async def _more(self, spoken: Spoken, late: Callable[[Reply], Awaitable[None]]) -> None:
        more = await spoken.later() if spoken.later else None
        if more is not None:
            await late(more)

    async def within(self, work: Coroutine[Any, Any, T], late: Callable[[T], Awaitable[None]]) -> T | None:
        """What the work gives in time; None when it fails, or takes longer: then `late` hears how it ended."""
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=DURABLE_S)
        if not done:
            self.spawn(_follow(task, late))
            return None
        if error := task.exception():
            log.error("what was done in %s could not be stored", self.platform, exc_info=error)
            return None
        return task.result()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Work that goes on behind an answer; `close` ends it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("something behind an answer in %s failed", self.platform, exc_info=error)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _follow(task: asyncio.Task[T], late: Callable[[T], Awaitable[None]]) -> None:
    await late(await task)


def _afterwards(answer: Answer) -> Answer:
    """Somebody was told that it was not saved."""
    if not answer.ok:
        return answer
    return Answer(True, answer.code, f"It was saved after all: {answer.text}", answer.alert, answer.undo, answer.reply)
