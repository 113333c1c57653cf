"""How fast one instance takes over from another that falls, and what comes twice by it.

    .venv/bin/python -m benchmarks.takeover [--rounds 100] [--lease 10] [--seed 1] [--json]

Two daemons on one PostgreSQL, over HTTP against the stand-ins. In each round the holder of one lease, each kind in its
turn, gets SIGKILL or SIGSTOP while cards are under way. At that moment something new happens, and people type commands
in Telegram and Discord, again and again until they are taken. The clock runs from the signal: until the lease has
another holder (`leases`), until the new card is in every chat, and until the commands were carried out. Who was stopped
wakes afterwards, and must change nothing. What is lost or doubled the stand-ins' own ledger tells. The rooms are slow,
so that most falls hit messages that are being sent.
"""  # noqa: INP001 - a script, not a package

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from deskbell.sandbox.chat import Refused
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.verdict import summary
from deskbell.torture import postgres
from deskbell.torture.certificates import issue
from deskbell.torture.house import CHATS, SECRET, House, as_toml
from deskbell.torture.nursery import Born, Nursery
from deskbell.torture.stage import free_port
from storage.verify import verify

ROOT = Path(__file__).parents[1]
LOOK_S = 0.05
PAUSE_S = 0.2  # of a person who tries again
GIVEN_UP_S = 60.0
PATIENCE_S = 180.0  # for what was claimed by who fell
SLOW_S = 0.7  # so long a slow room takes for a message
SENDS = {"slack": ("chat.postMessage",), "teams": ("create", "send"), "telegram": ("sendMessage",),
         "discord": ("POST message",)}  # fmt: skip
STORED = "has your note"
TYPED_IN = ("telegram", "discord")  # where one instance listens for all
_HELD = "SELECT name, holder FROM leases WHERE holder <> '' AND until > extract(epoch FROM now()) * 1000000"
_IN_FLIGHT = (
    "SELECT (SELECT count(*) FROM posts WHERE state = 'claimed') + "
    "(SELECT count(*) FROM dispatches WHERE state = 'claimed')"
)
_LATE = "SELECT count(*) FROM alerts WHERE rule = 'technician_late' AND status <> 'resolved'"
_LEFT = (
    "SELECT (SELECT count(*) FROM posts WHERE state IN ('waiting', 'claimed')) + "
    "(SELECT count(*) FROM dispatches WHERE state IN ('blocked', 'waiting', 'claimed'))"
)


class TooLong(Exception):
    """Nothing came of it for minutes."""


@dataclass
class Instance:
    """One of the daemons, life after life."""

    name: str
    config: Path
    port: int
    log: Path
    process: Born | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


@dataclass
class Several:
    """The stand-ins, a database, and the daemons on it."""

    folder: Path
    url: str
    sandbox: Sandbox
    nursery: Nursery
    house: House
    instances: list[Instance]
    jobs: list[str] = field(default_factory=list)  # that somebody is late for
    slow_s: float = 0.0  # that the rooms take for each message
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(4711))
    _notes: Iterator[int] = field(default_factory=itertools.count)

    # ------------------------------------------------------------ the daemons

    def start(self, instance: Instance, *options: str) -> None:
        arguments = ("run", *options, "-c", str(instance.config))
        instance.process = self.nursery.born(arguments, self.house.environ(), instance.log)

    async def stop(self, instance: Instance) -> int:
        """As a supervisor stops it; its exit status."""
        if instance.process is None:
            return 0
        instance.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(instance.process.wait(), 30)

    async def bury(self) -> None:
        for instance in self.instances:
            if instance.process is not None and instance.alive:
                instance.process.kill()
                await instance.process.wait()

    def slow_down(self, seconds: float) -> None:
        """From now on the chats take so long for each message."""
        self.slow_s = seconds
        for chat, places in SENDS.items():
            for place in places:
                self.sandbox.chats[chat].faults.set("slow", where=place, delay=seconds)

    # ------------------------------------------------------------ what the database says

    async def ask(self, query: str) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            return await (await connection.execute(query.encode())).fetchall()

    async def holders(self) -> dict[str, Instance]:
        """Who holds which lease, of those that live."""
        by_pid = {one.pid: one for one in self.instances if one.alive}
        rows = await self.ask(_HELD)
        found = {str(name): by_pid.get(int(str(holder).split(":")[1])) for name, holder in rows}
        return {name: one for name, one in found.items() if one is not None}

    async def in_flight(self) -> int:
        return int((await self.ask(_IN_FLIGHT))[0][0])

    async def audit_faults(self) -> list[str]:
        """What is wrong with the chain, as the head file of each instance sees it."""
        faults: list[str] = []
        for one in self.instances:
            head = self.folder / f"{one.name}.head"
            verdict = await asyncio.to_thread(verify, self.url, audit_key=SECRET.encode(), head_file=head)
            faults += [] if verdict.ok else [f"{one.name}: entry {verdict.where}: {verdict.why}"]
        return faults

    # ------------------------------------------------------------ what happens, and what people see and do

    def late_job(self) -> str:
        start = time.time() - 16 * 60
        number = next(self._numbers)
        technician = number % len(self.sandbox.fieldservice.technicians) + 1
        row = self.sandbox.fieldservice.add(start=start, end=start + 5400, technician=technician, id=number)
        self.jobs.append(row["number"])
        self.sandbox.ledger.expect(row["number"], "technician_late")
        return str(row["number"])

    def ref(self, job: str, chat: str) -> str:
        """What people call the alert about a job, as a chat shows it; nothing while it does not."""
        return next((card.ref for card in self.sandbox.chats[chat].cards() if job in card.text), "")

    def everywhere(self, job: str) -> bool:
        return all(self.ref(job, chat) for chat in CHATS)

    async def note(self, job: str, chat: str) -> None:
        """Typed until the chat says that it is stored; in other words each time, for the same would look like ours."""
        room = next(card.room for card in self.sandbox.chats[chat].cards() if job in card.text)
        ref = self.ref(job, chat)
        end, heard = time.monotonic() + GIVEN_UP_S, None
        while time.monotonic() < end:
            with suppress(Refused):
                words = f"called about {job}, {next(self._notes)}"
                heard = await self.sandbox.chats[chat].say("ana", room, f"note {ref} {words}")
                if f"{ref} {STORED}" in heard.text:
                    return
            await asyncio.sleep(PAUSE_S)
        raise self._too_long(f"a note on {ref} in {chat}; at last there was {heard}")

    async def until(self, seen: Callable[[], Any], what: str, seconds: float = GIVEN_UP_S) -> None:
        end = time.monotonic() + seconds
        while True:
            found = seen()
            if await found if isinstance(found, Awaitable) else found:
                return
            if time.monotonic() > end:
                raise self._too_long(what)
            await asyncio.sleep(LOOK_S)

    def _too_long(self, what: str) -> TooLong:
        return TooLong(f"{what}\n" + "\n".join(one.said() for one in self.instances))

    async def ready(self) -> None:
        """Until everything is held, and a card and a command come through."""
        job = self.late_job()
        await self.until(lambda: self.everywhere(job), "the first card")
        for chat in TYPED_IN:
            await self.note(job, chat)

    async def quiet(self) -> None:
        await self.until(lambda: all(map(self.everywhere, self.jobs)), "a card of everything", PATIENCE_S)
        await self.until(self._nothing_left, "an empty outbox", PATIENCE_S)

    async def _nothing_left(self) -> bool:
        return (await self.ask(_LEFT))[0][0] == 0

    async def _nobody_late(self) -> bool:
        return (await self.ask(_LATE))[0][0] == 0

    async def sweep(self) -> None:
        """Everybody arrives, and the cards are taken away: rooms full of old ones slow down the stand-ins."""
        now = self.sandbox.clock.time()
        for job in self.jobs:
            row = self.sandbox.fieldservice.find(job)
            self.sandbox.fieldservice.change(row["id"], status="on_site", checked_in_at=now)
        await self.until(self._nobody_late, "the end of all alerts", PATIENCE_S)
        await self.quiet()
        for chat in self.sandbox.chats.values():
            for card in chat.cards():
                chat.delete_by_hand(card)
        self.jobs.clear()

    def lost(self) -> list[Any]:
        found: list[Any] = summary(self.sandbox.ledger, self.sandbox.chats, grace=0.0)["lost_items"]
        return found

    def twice(self) -> list[Any]:
        """What stands in a room twice, but for the same answer to two commands."""
        found: list[Any] = summary(self.sandbox.ledger, self.sandbox.chats, grace=0.0)["duplicate_items"]
        return [one for one in found if STORED not in str(one)]


@asynccontextmanager
async def several(
    folder: Path, url: str, nursery: Nursery, *, lease_s: float = 10.0, count: int = 2
) -> AsyncIterator[Several]:
    """The stand-ins run and the daemons can be started; at the end nothing is left of them."""
    template = folder / "config.toml"
    raw = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))
    raw["deskbell"]["lease"] = f"{lease_s:g}s"
    # here each has a card of its own at once, however many there are
    raw["own_rules"] = {**raw.get("own_rules", {}), "storm": 1_000_000, "group_wait": "0s"}
    template.write_text(as_toml(raw), encoding="utf-8")
    async with AsyncExitStack() as later:
        sandbox = await later.enter_async_context(Sandbox(port=0, scenario="empty"))
        for chat in sandbox.chats.values():
            chat.no_limits()
        house = House(template, folder, url, sandbox.url, {}, issue(folder).authority)
        ports = {f"desk{number}": free_port() for number in range(1, count + 1)}
        instances = [
            Instance(name, house.config(name, port), port, folder / f"{name}.log") for name, port in ports.items()
        ]
        made = Several(folder, url, sandbox, nursery, house, instances)
        later.push_async_callback(made.bury)
        sandbox.introduce(f"http://127.0.0.1:{ports['desk1']}")
        yield made


# ---------------------------------------------------------------- rounds


@dataclass
class Round:
    """What one fall brought about; seconds from the signal."""

    lease: str
    sign: str
    leases: dict[str, float] = field(default_factory=dict)
    cards: float = 0.0
    commands: dict[str, float] = field(default_factory=dict)
    in_flight: int = 0
    duplicates: list[Any] = field(default_factory=list)
    lost: list[Any] = field(default_factory=list)
    conflicts: list[float] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        return max(self.cards, *self.leases.values(), *self.commands.values())

    @property
    def conflict_s(self) -> float:
        return self.conflicts[-1] - self.conflicts[0] if self.conflicts else 0.0


def kind_of(lease: str) -> str:
    return lease.partition(":")[0]


async def fall(house: Several, lease: str, sign: signal.Signals, chance: random.Random) -> Round:
    """The holder of the lease falls at a random moment of a card's way; until all that it did is done by others."""
    victim = (await house.holders())[lease]
    began = Round(lease, sign.name)
    doubled = house.twice()
    known = house.late_job()
    await house.until(lambda: house.everywhere(known), "a card before the fall")
    house.late_job()
    if house.slow_s:
        await house.until(house.in_flight, "a card on its way")
    await asyncio.sleep(chance.uniform(0, house.slow_s or 1.5))
    held = [name for name, one in (await house.holders()).items() if one is victim and kind_of(name) != "lane"]
    os.kill(victim.pid, sign)
    at, wall = time.monotonic(), house.sandbox.clock.time()
    began.in_flight = await house.in_flight()
    job = house.late_job()
    await asyncio.gather(
        _leases(house, began, held, victim, at),
        _cards(house, began, job, at),
        *(_command(house, began, known, chat, at) for chat in TYPED_IN),
    )
    if sign is signal.SIGSTOP:
        os.kill(victim.pid, signal.SIGCONT)
        await asyncio.sleep(1.0)  # whatever it does when it wakes
    else:
        house.start(victim)
    await house.quiet()
    began.duplicates = [one for one in house.twice() if one not in doubled]
    began.lost = house.lost()
    refused = house.sandbox.ledger.of("telegram", "rejected")
    began.conflicts = [one.at for one in refused if one.at >= wall and "Conflict" in str(one.what.get("error"))]
    await house.sweep()
    return began


async def _leases(house: Several, began: Round, held: list[str], victim: Instance, at: float) -> None:
    pid = victim.pid

    async def taken() -> bool:
        for name, one in (await house.holders()).items():
            if name in held and one.pid != pid:
                began.leases.setdefault(name, time.monotonic() - at)
        return len(began.leases) == len(held)

    await house.until(taken, f"other holders of {held}")


async def _cards(house: Several, began: Round, job: str, at: float) -> None:
    await house.until(lambda: house.everywhere(job), f"the card of {job} everywhere")
    began.cards = time.monotonic() - at


async def _command(house: Several, began: Round, job: str, chat: str, at: float) -> None:
    await house.note(job, chat)
    began.commands[chat] = time.monotonic() - at


async def falls(house: Several, rounds: int, seed: int, tell: Callable[[Round], None] = lambda _: None) -> list[Round]:
    """Each kind of lease in its turn, by SIGKILL and SIGSTOP in turns. The daemons run, and go on running."""
    chance = random.Random(seed)  # noqa: S311 - the same run again, not a secret
    done: list[Round] = []
    for number in range(rounds):
        held = sorted(await house.holders())
        kinds = sorted({kind_of(name) for name in held})
        kind = kinds[number % len(kinds)]
        lease = chance.choice([name for name in held if kind_of(name) == kind])
        sign = (signal.SIGKILL, signal.SIGSTOP)[(number // len(kinds) + number) % 2]
        done.append(await fall(house, lease, sign, chance))
        tell(done[-1])
    return done


def report(rounds: list[Round], *, whole: bool) -> dict[str, Any]:
    leases = [seconds for one in rounds for seconds in one.leases.values()]
    typed = {chat: [one.commands[chat] for one in rounds] for chat in TYPED_IN}
    return {
        "rounds": len(rounds),
        "fell": dict(Counter(f"{one.sign} {kind_of(one.lease)}" for one in rounds)),
        "takeover_s": {
            "max": _rounded(max(one.slowest for one in rounds)),
            "leases_max": _rounded(max(leases, default=0.0)),
            "leases_median": _rounded(median(leases or [0.0])),
            "cards_max": _rounded(max(one.cards for one in rounds)),
            **{f"{chat}_max": _rounded(max(seconds)) for chat, seconds in typed.items()},
        },
        "lost": sum(len(one.lost) for one in rounds),
        "duplicates": sum(len(one.duplicates) for one in rounds),
        "in_flight": sum(one.in_flight for one in rounds),
        "worse_than_in_flight": sum(len(one.duplicates) > one.in_flight for one in rounds),
        "telegram_409": sum(len(one.conflicts) for one in rounds),
        "telegram_409_longest_s": _rounded(max(one.conflict_s for one in rounds)),
        "audit_whole": whole,
        "database": "; ".join(postgres.used),
    }


def _rounded(seconds: float) -> float:
    return round(seconds, 2)


def _tell(one: Round) -> None:
    typed = ", ".join(f"{chat} {seconds:.1f}" for chat, seconds in one.commands.items())
    sys.stderr.write(
        f"{one.sign} of the holder of {one.lease}: leases {max(one.leases.values(), default=0.0):.1f} s, "
        f"cards {one.cards:.1f}, "
        f"{typed}; {len(one.lost)} lost, {one.in_flight} in flight, {len(one.duplicates)} twice, "
        f"{len(one.conflicts)} times 409\n" + "".join(f"  twice: {item}\n" for item in one.duplicates)
    )


async def run(rounds: int, lease_s: float, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="deskbell-takeover-") as name, postgres.database() as url:
        nursery = Nursery(Path(name))
        async with AsyncExitStack() as later:
            later.callback(nursery.close)
            house = await later.enter_async_context(several(Path(name), url, nursery, lease_s=lease_s))
            for instance in house.instances:
                house.start(instance)
            await house.ready()
            house.slow_down(SLOW_S)
            done = await falls(house, rounds, seed, _tell)
            for instance in house.instances:
                await house.stop(instance)
            return report(done, whole=not await house.audit_faults())


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--lease", type=float, default=10.0, help="seconds that a lease lasts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        found = asyncio.run(run(asked.rounds, asked.lease, asked.seed))
    finally:
        postgres.stop()
    if asked.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.writelines(f"{key}: {value}\n" for key, value in found.items())


if __name__ == "__main__":
    main()
