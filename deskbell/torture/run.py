"""One run: daemons are killed while exceptions happen and people act, then all comes to rest and is judged."""

import asyncio
import contextlib
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deskbell.config import load
from deskbell.config.sense import OWN_RULES
from deskbell.core.alert import Status
from deskbell.core.ports import AuditRow
from deskbell.core.store import Reader
from deskbell.parts import open_store
from deskbell.torture import plan as planning
from deskbell.torture.oracle import Book, Down, Trial, judge
from deskbell.torture.plan import How, Strike, plan
from deskbell.torture.proxy import HOST
from deskbell.torture.stage import Broken, Instance, Stage, Wish, stage
from storage.store import SqlStore
from storage.verify import verify

BEAT_S = 0.5  # between two groups of new exceptions
SHARE = {"jobs": 0.8, "tickets": 0.1, "incidents": 0.1}
ENDS = 0.1  # so often an earlier job comes to its end
REACH_S = 3.0  # a place that is not passed within this time is given up, and the daemon is killed anyway
READY_S = 30.0
PASSED_S = 60.0  # how long people go on for the sake of a place that nobody has passed yet
REST_S = 1800.0  # until everything has been told, once nobody disturbs any more
LIVES_AFTER = 3  # so often at most a daemon is started again for what fell due while it stopped
CALM = 4  # looks in a row that find nothing left
STUCK_S = 60.0  # with nothing done in this time, it will not be
PAUSE_S = 0.7  # between two deeds of one person
ROWS = 5000


@dataclass(frozen=True, slots=True)
class Ordered:
    """What `deskbell torture` was asked for."""

    config: Path
    kills: int = 200
    alerts: int = 5000
    faults: float = 0.13
    database: str = "sqlite"
    instances: int = 1
    seed: int = 1
    sabotage: bool = False


@dataclass
class Run:
    ordered: Ordered
    stage: Stage
    tell: Callable[[str, int, int], None] = lambda *_: None  # what, how many of it are done, of how many
    downs: list[Down] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    made: int = 0

    # ------------------------------------------------------------ the whole

    async def go(self) -> dict[str, Any]:
        begun = time.monotonic()
        await self.migrate()
        for instance in self.stage.instances:
            self.stage.start(instance)
        await self.ready()
        await self.stage.do("ordeal.begin", pause=PAUSE_S)
        world = asyncio.create_task(self._world())
        try:
            struck = time.monotonic()
            await self._strike_all()
            striking = time.monotonic() - struck
            await world
            await self._until_reached()
        finally:
            world.cancel()
        await self.rest()
        return self._report(await self._judged(), begun, striking)

    async def migrate(self) -> None:
        """The database is made by migrations that are killed half-way, at each of their places."""
        instance = self.stage.instances[0]
        for place in planning.MIGRATION:
            self.stage.start(instance, f"{place}@1:kill", ("db", "upgrade"))
            await self._ended(instance, place)
        self.stage.start(instance, command=("db", "upgrade"))
        if await self._end_of(instance) != 0:
            raise Broken(f"the migration failed\n{instance.said()}")

    async def ready(self) -> None:
        """Until every source was read twice with nothing in it: what comes then is news."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            ledger = await self.stage.ask("ledger")
            if all(source["reads"] >= 2 for source in ledger["sources"].values()):
                await asyncio.sleep(1.0)
                return
            await asyncio.sleep(0.1)
        raise Broken(f"the sources were not read within {READY_S:.0f} s\n{self.stage.instances[0].said()}")

    async def _world(self) -> None:
        """Exceptions happen as long as daemons are killed, and until there are enough."""
        wanted, lifetime = self.ordered.alerts, sum(planning.LIVES_S) / 2 + 0.3
        chance = random.Random(f"world {self.ordered.seed}")  # noqa: S311 - a plan, not a secret
        each = max(1, round(wanted * BEAT_S / (self.ordered.kills * lifetime + 1)))
        while self.made < wanted:
            count = min(each, wanted - self.made)
            kinds = Counter(chance.choices(list(SHARE), list(SHARE.values()), k=count))
            await self.stage.do("ordeal.make", **kinds, ends=sum(chance.random() < ENDS for _ in range(count)))
            self.made += count
            self.tell("alerts", self.made, wanted)
            await asyncio.sleep(BEAT_S)

    # ------------------------------------------------------------ strikes

    async def _strike_all(self) -> None:
        """Each instance lives and dies at its own pace; the last life of each goes on."""
        strikes = plan(self.ordered.kills - len(planning.MIGRATION), self.ordered.instances, self.ordered.seed)
        for instance in self.stage.instances:
            await self.stage.stop(instance)
        lives = [
            self._lives(instance, [one for one in strikes if one.instance == number])
            for number, instance in enumerate(self.stage.instances)
        ]
        tasks = [asyncio.create_task(life) for life in lives]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _lives(self, instance: Instance, strikes: Sequence[Strike]) -> None:
        for strike in strikes:
            self.stage.start(instance, f"{strike.point}@{strike.nth}:kill" if strike.point else "")
            await self._live(instance, strike)
            self.tell("kills", self._deaths(), self.ordered.kills)
        self.stage.start(instance)

    def _deaths(self) -> int:
        return sum(down.how != How.STOP for down in self.downs)

    async def _live(self, instance: Instance, strike: Strike) -> None:
        """One life, and its end."""
        if strike.how is How.POINT:
            await self._ended(instance, strike.point)
            return
        if strike.how is not How.KILL:
            await self._listening(instance)
        await asyncio.sleep(strike.after)
        if not instance.alive:
            raise Broken(f"{instance.name} ended by itself\n{instance.said()}")
        match strike.how:
            case How.KILL:
                await self._kill(instance)
            case How.STOP:
                await self._stand_still(instance, strike)
                await self._stopped(instance)
            case How.RESTART:
                await self._stopped(instance)
            case How.DRAIN:
                await self._drain(instance, strike)

    async def _listening(self, instance: Instance) -> None:
        """Until it has begun, so that it knows how to stop."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end and instance.alive:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, instance.port)
                writer.close()
                return
            await asyncio.sleep(0.02)

    async def _stopped(self, instance: Instance) -> None:
        status = await self.stage.stop(instance)
        if status not in (0, -signal.SIGTERM):  # who had only begun knows no other way to stop
            raise Broken(f"{instance.name} stopped with {status}\n{instance.said()}")

    async def _drain(self, instance: Instance, strike: Strike) -> None:
        """Killed in the middle of a stop: at a named place, or a moment after it was asked for."""
        if instance.process is not None:
            instance.process.send_signal(signal.SIGTERM)
        if strike.point:
            await self._ended(instance, strike.point)
            return
        await asyncio.sleep(strike.after / 4)
        await self._kill(instance)

    async def _kill(self, instance: Instance) -> None:
        if instance.process is not None:
            self.downs.append(Down(time.time(), instance.name, How.KILL))
            instance.process.kill()
            await instance.process.wait()

    async def _ended(self, instance: Instance, place: str) -> None:
        """It kills itself at a place; where that is not passed in time, it is killed all the same."""
        try:
            status = await asyncio.wait_for(self._end_of(instance), REACH_S)
        except TimeoutError:
            await self._kill(instance)
            return
        if status != -signal.SIGKILL:
            raise Broken(f"{instance.name} ended with {status} instead of at {place}\n{instance.said()}")
        self.downs.append(Down(time.time(), instance.name, How.POINT))
        self.struck[place] += 1

    async def _end_of(self, instance: Instance) -> int:
        return await instance.process.wait() if instance.process is not None else 0

    async def _stand_still(self, instance: Instance, strike: Strike) -> None:
        seconds = random.Random(f"{strike}").uniform(*planning.STOPS_S)  # noqa: S311 - a plan, not a secret
        if instance.process is not None:
            self.downs.append(Down(time.time(), instance.name, How.STOP))
            instance.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            instance.process.send_signal(signal.SIGCONT)

    # ------------------------------------------------------------ the end

    async def rest(self, within: float = REST_S) -> None:
        """People go home, the network behaves, and everything is told that is to be told; then all stop."""
        await self.stage.do("ordeal.end")
        self.stage.calm()
        # As a guest beside the daemons. Never in this thread: a PostgreSQL is reached through a proxy that lives in it.
        guest = await asyncio.to_thread(self._guest)
        try:
            for _ in range(LIVES_AFTER):
                all_told = await self._until_told(guest, within)
                for instance in self.stage.instances:
                    await self._stopped(instance)
                if not all_told or not await self._left(guest):
                    break
                for instance in self.stage.instances:  # something fell due just then: the next start goes on with it
                    self.stage.start(instance)
        finally:
            await asyncio.to_thread(guest.close)
        for instance in self.stage.instances:
            await self._stopped(instance)

    async def _until_reached(self) -> None:
        """People go on under fire until each place was passed that only their deeds lead to."""
        end, wanted = time.monotonic() + PASSED_S, set(planning.POINTS)
        while time.monotonic() < end and (left := wanted - self.stage.points_seen()):
            self.tell("places not passed yet", len(left), len(wanted))
            await asyncio.sleep(BEAT_S)

    async def _until_told(self, guest: SqlStore, within: float) -> bool:
        """Until nothing is left for two seconds; or False, when for too long nothing is done."""
        end = changed = time.monotonic()
        end, least, said, calm = end + within, -1, 0, 0
        while time.monotonic() < min(end, changed + STUCK_S) and calm < CALM:
            left, now_said = await self._left(guest), len(self.stage.log())
            if least < 0 or left < least or now_said > said:  # what is read now makes more work than it was
                least, said, changed = left, now_said, time.monotonic()
            calm = 0 if left else calm + 1
            self.tell("still to be told", left, max(least, left))
            await asyncio.sleep(BEAT_S)
        return calm == CALM

    async def _left(self, guest: SqlStore) -> int:
        """What waits in the outbox, or was not even read."""
        return await guest.read(_waiting) + max(0, self.made - await guest.read(_alerts))

    def _guest(self) -> SqlStore:
        return open_store(load(self.stage.instances[0].config, self.stage.environ))

    async def _judged(self) -> dict[str, Any]:
        evidence = await self.stage.ask("ordeal")
        trial = Trial.of(
            evidence,
            await asyncio.to_thread(self.book),
            log=self.stage.log(),
            downs=self.downs,
            points_wanted=frozenset((*planning.POINTS, *planning.MIGRATION, *planning.DRAIN)),
            points_seen=frozenset(self.stage.points_seen() - set(planning.ELSEWHERE)),
        )
        return judge(trial) | {
            "alerts": len(trial.book.alerts),
            "entries": len(trial.book.entries),
            "told": len(evidence["told"]),
            "messages": len(self.stage.log()),
        }

    def book(self) -> Book:
        settings, store = load(self.stage.instances[0].config, self.stage.environ), self._guest()
        try:
            book = store.read_now(
                lambda reader: Book(
                    alerts=reader.alerts(statuses=tuple(Status), limit=10**9),
                    entries=_entries(reader),
                    outbox=reader.outbox(limit=ROWS),
                    people=settings.house.people,
                    now=datetime.now(UTC),
                )
            )
        finally:
            store.close()
        return Book(book.alerts, book.entries, book.outbox, book.people, book.now, self._faults_of_audit())

    def _faults_of_audit(self) -> list[str]:
        """Of the chain, as each instance's own head file and the one chain have it."""
        found = []
        for instance in self.stage.instances:
            settings = load(instance.config, self.stage.environ)
            verdict = verify(
                settings.database,
                audit_key=settings.general.secret.encode(),
                head_file=Path(settings.general.head_file),
            )
            if not verdict.ok:
                found.append(f"{instance.name}: entry {verdict.where}: {verdict.why}")
        return found

    def _report(self, verdict: dict[str, Any], begun: float, striking: float) -> dict[str, Any]:
        thrown: Counter[str] = Counter()
        for proxy in self.stage.proxies.values():
            thrown.update(proxy.dice.thrown)
        deaths = self._deaths()
        return verdict | {
            "kills": deaths,
            "points_struck": len(self.struck),
            "stops": sum(down.how == How.STOP for down in self.downs),
            "kills_per_s": round(deaths / striking, 2),
            "seconds": round(time.monotonic() - begun, 1),
            "seed": self.ordered.seed,
            "database": self.ordered.database if "://" not in self.ordered.database else "postgres",
            "instances": self.ordered.instances,
            "faults": dict(sorted(thrown.items())),
        }


def _waiting(reader: Reader) -> int:
    counts = reader.count_outbox()
    return counts.get("waiting", 0) + counts.get("claimed", 0)


def _alerts(reader: Reader) -> int:
    """Those of the sources' records; not what Deskbell tells of itself."""
    every = tuple(Status)
    own = sum(len(reader.alerts(statuses=every, rule=rule, limit=ROWS)) for rule in OWN_RULES)
    return reader.count_alerts(every) - own


def _entries(reader: Reader) -> list[AuditRow]:
    rows: list[AuditRow] = []
    while page := reader.audit_rows(rows[-1].seq if rows else 0, ROWS):
        rows += page
    return rows


async def run(ordered: Ordered, tell: Callable[[str, int, int], None] = lambda *_: None) -> dict[str, Any]:
    """The report, with `ok` false where anything is wrong. Raises Broken where the run could not be finished."""
    with tempfile.TemporaryDirectory(prefix="deskbell-torture-", ignore_cleanup_errors=True) as folder:
        wish = Wish(
            ordered.config,
            Path(folder),
            ordered.database,
            ordered.instances,
            ordered.faults,
            ordered.seed,
            ordered.sabotage,
        )
        async with stage(wish) as made:
            return await Run(ordered, made, tell).go()


__all__ = ["Broken", "Ordered", "run"]
