"""Random histories of every scheduling system, with trouble in between, end with everything known and nothing lost."""

import random

import pytest

from deskbell.core.ports import SourceError
from tests.pollers.schedules import ALL, HOUR

TROUBLE = ("500", "drop", "html", "429", "401")


class History:
    """What really happened to the visits, and what a desk would hold of them."""

    def __init__(self, sb, trial, held, rng):
        self.sb, self.trial, self.held, self.rng = sb, trial, held, rng
        self.starts, self.removed = {}, set()
        self.told, self.known = [], {}

    def now(self):
        return int(self.sb.clock.time())

    def lay(self):
        start = self.now() + self.rng.randint(1, 200) * 600
        self.starts[self.trial.lay(start)] = start

    def move(self):
        if self.starts:
            one = self.rng.choice(sorted(self.starts))
            self.starts[one] = self.now() + self.rng.randint(1, 200) * 600
            self.trial.move(one, self.starts[one])

    def remove(self):
        if len(self.starts) > 6:  # one at a time: half of them at once is another story
            one = self.rng.choice(sorted(self.starts))
            del self.starts[one]
            self.removed.add(one)
            self.trial.remove(one)

    def wait(self):
        self.sb.clock.advance(self.rng.choice([1, 5, 30, 130, 400]))

    def trouble(self):
        self.trial.stand.faults.set(self.rng.choice(TROUBLE), times=self.rng.randint(1, 3))

    async def poll(self):
        seen = len(self.held.pages)
        try:
            await self.held.poll()
        except SourceError:
            self.trial.source.http._cool_until = 0.0  # the sandbox's clock is not the one that a limit waits by
        for page in self.held.pages[seen:]:
            self.known |= {record.id: record for record in page.records}
            self.told += page.gone

    async def act(self):
        works = (self.lay, self.lay, self.move, self.move, self.remove, self.wait, self.wait, self.trouble)
        work = self.rng.choice((*works, self.poll, self.poll, self.poll))
        done = work()
        if done is not None:
            await done

    async def settle(self):
        """Long enough without trouble for everything to be told, also what is read whole now and then."""
        self.trial.stand.faults.heal()
        for _ in range(4):
            self.sb.clock.advance(1000)
            await self.poll()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ALL)
async def test_in_the_end_everything_is_known(sb, reading, name, seed):
    trial = ALL[name](sb)
    history = History(sb, trial, reading(trial.source), random.Random(f"{name} {seed}"))
    for _ in range(8):
        history.lay()
    for _ in range(80):
        await history.act()
    await history.settle()
    known = {one: int(visit.start.timestamp()) for one, visit in history.known.items() if one not in history.told}
    over = {one for one, start in known.items() if start + HOUR <= history.now()}
    left = {one: start for one, start in known.items() if one in history.starts or one not in over}
    assert left == history.starts, "what was deleted after its time was over need not be told"
    assert set(history.told) <= history.removed, "nothing else is gone"
    await trial.source.close()
