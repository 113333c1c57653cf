"""Run the day: lay it out when Deskbell first looks, play the timeline, keep the work going, then improvise."""

import asyncio
import random
from typing import TYPE_CHECKING

from deskbell.sandbox import trouble
from deskbell.sandbox.scenario import ordinary
from deskbell.sandbox.scenario.day import TIMELINE, Event
from deskbell.sandbox.scenario.laying import lay, promise, scripted
from deskbell.sandbox.scenario.verbs import VERBS

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

PATIENCE = 60.0  # the day begins by then, read or not
BASELINE = 2  # sweeps of each source before anything happens that only a comparison can show
BASELINE_PATIENCE = 30.0
TROUBLE = ("late", "cancel", "reschedule", "near_sla", "urgent_ticket", "no_show", "payment_fails", "suspend_account")
GAP = (14.0, 30.0)  # seconds between two improvised events
TROUBLE_SHARE = 0.4
HEALING = (50.0, 90.0)


class Director:
    def __init__(self, sandbox: "Sandbox", seed: int) -> None:
        self.sandbox = sandbox
        self.chance = random.Random(seed)  # noqa: S311 - the same day again, not a secret
        self.began = 0.0
        self.second = 0.0
        self._healing: list[tuple[float, str]] = []
        lay(sandbox, sandbox.clock.time())

    def begin(self) -> None:
        """Called before the first answer of any source: the day is laid around this moment."""
        if not self.began:
            self.began = self.sandbox.clock.time()
            lay(self.sandbox, self.began)
            promise(self.sandbox, self.began)

    async def run(self) -> None:
        await self.sandbox.pulse.until(lambda: self.began, PATIENCE)
        self.begin()
        await self.sandbox.pulse.until(self._compared, BASELINE_PATIENCE)
        clock = self.sandbox.clock
        zero = max(self.began, clock.time() - TIMELINE[0].second + 2)
        todo = list(TIMELINE)
        next_idea = zero + TIMELINE[-1].second + 5
        while True:
            await asyncio.sleep(0.5)
            self.second = clock.time() - zero
            while todo and todo[0].second <= self.second:
                self.play(todo.pop(0))
                if not todo:
                    self._let_go()
            ordinary.tick(self.sandbox)
            self._heal()
            if clock.time() >= next_idea:
                next_idea = clock.time() + self.chance.uniform(*GAP)
                await self.improvise()

    def _compared(self) -> bool:
        return all(source.sweeps >= BASELINE for source in self.sandbox.sources.values())

    def play(self, event: Event) -> None:
        """One event. One that no longer fits, since somebody was quicker, is left out."""
        try:
            VERBS[event.verb](self.sandbox, event.subject, event.args)
        except (LookupError, StopIteration):
            return
        if event.rings:
            self.sandbox.ledger.expect(event.subject, event.rings)
        self.sandbox.ledger.note("day", event.verb, subject=event.subject)

    def _let_go(self) -> None:
        """The script is over: from here the ordinary day cares for everything."""
        for subject in scripted():
            self.sandbox.release(subject)

    async def improvise(self) -> None:
        if self.chance.random() >= TROUBLE_SHARE:
            ordinary.some_work(self.sandbox, self.chance)
            return
        verb = self.chance.choice(TROUBLE)
        try:
            subject = await trouble.VERBS[verb](self.sandbox, {})
        except LookupError:
            return
        self._healing.append((self.sandbox.clock.time() + self.chance.uniform(*HEALING), subject))
        self.sandbox.ledger.note("day", verb, subject=subject)

    def _heal(self) -> None:
        """Improvised trouble passes: the ordinary day takes the subject over again."""
        now = self.sandbox.clock.time()
        for moment, subject in list(self._healing):
            if moment <= now:
                self._healing.remove((moment, subject))
                self.sandbox.release(subject)
