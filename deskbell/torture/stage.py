"""Everything a run needs around the daemons: stand-ins in a process of their own, proxies, a database, a nursery."""

import asyncio
import contextlib
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from deskbell.net.faults import SEEN, VARIABLE
from deskbell.torture import postgres
from deskbell.torture.certificates import Papers, issue
from deskbell.torture.house import API_TOKEN, VENDORS, House
from deskbell.torture.nursery import Born, Nursery
from deskbell.torture.proxy import DATABASE, HOST, Exchange, Proxy
from deskbell.torture.toxics import Dice

STOP_S = 30.0  # a stop on SIGTERM takes no longer


class Broken(Exception):
    """The run can't go on: what ended that should not have, with its last words."""


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass
class Instance:
    """One Deskbell, life after life."""

    name: str
    config: Path
    port: int
    log: Path
    process: Born | None = None
    born_at: float = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


@dataclass
class Stage:
    folder: Path
    house: House
    nursery: Nursery
    client: aiohttp.ClientSession
    proxies: Mapping[str, Proxy]
    instances: Sequence[Instance]
    door: "Door"
    environ: Mapping[str, str] = field(repr=False, default_factory=dict)

    # ------------------------------------------------------------ the stand-ins

    async def do(self, verb: str, **asked: Any) -> Any:
        async with self.client.post("/_sandbox/do", json={"do": verb, **asked}) as answer:
            said = await answer.json()
            if not said.get("ok"):
                raise Broken(f"the stand-ins refused {verb}: {said}")
            return said["result"]

    async def ask(self, what: str) -> Any:
        async with self.client.get(f"/_sandbox/{what}") as answer:
            return orjson.loads(await answer.read())

    # ------------------------------------------------------------ the daemons

    def start(self, instance: Instance, faults: str = "", command: Sequence[str] = ("run",)) -> None:
        environ = {**self.environ, VARIABLE: faults, SEEN: str(self.seen)}
        instance.process = self.nursery.born((*command, "-c", str(instance.config)), environ, instance.log)
        instance.born_at = time.time()

    async def stop(self, instance: Instance) -> int:
        """As a supervisor stops it; its exit status. Raises Broken when it does not end."""
        if instance.process is None:
            return 0
        instance.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(instance.process.wait(), STOP_S)
        except TimeoutError:
            raise Broken(f"{instance.name} did not stop within {STOP_S:.0f} s\n{instance.said()}") from None

    @property
    def seen(self) -> Path:
        """Where daemons write down which fault points they pass."""
        return self.folder / "points"

    def points_seen(self) -> set[str]:
        lines = self.seen.read_text().splitlines() if self.seen.exists() else ()
        return {line.partition(" ")[0] for line in lines}

    def log(self) -> list[Exchange]:
        return [exchange for proxy in self.proxies.values() for exchange in proxy.log]

    def calm(self) -> None:
        """No faults from now on."""
        for proxy in self.proxies.values():
            proxy.dice.on = False


class Door:
    """Where the chats find Deskbell: leads to whichever instance is alive, as a load balancer does."""

    def __init__(self) -> None:
        self.port, self.instances = 0, list[Instance]()
        self._server: asyncio.Server | None = None

    async def open(self) -> "Door":
        self._server = await asyncio.start_server(self._come_in, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _come_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for instance in random.sample(self.instances, len(self.instances)):
            with contextlib.suppress(OSError):
                inside, back = await asyncio.open_connection(HOST, instance.port)
                await asyncio.gather(_carry(reader, back), _carry(inside, writer), return_exceptions=True)
                break
        writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


# ---------------------------------------------------------------- building it


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of stage. `rate`: the share of faults; `database`: sqlite, postgres or a URL."""

    config: Path
    folder: Path
    database: str = "sqlite"
    instances: int = 1
    rate: float = 0.0
    seed: int = 1
    sabotage: bool = False
    interval_s: float = 1.0
    patience_s: float = 4.0
    stale_after: int = 3


@contextlib.asynccontextmanager
async def stage(wish: Wish) -> AsyncIterator[Stage]:
    """Everything but the daemons is running; at the end nothing is left."""
    async with contextlib.AsyncExitStack() as later:
        papers = issue(wish.folder)
        url = await later.enter_async_context(_stand_ins(wish))
        client = await later.enter_async_context(aiohttp.ClientSession(url))
        proxies = {vendor: await _proxy(wish, vendor, url, papers) for vendor in VENDORS}
        database = await _database(wish, later, proxies)
        for proxy in proxies.values():
            later.push_async_callback(proxy.close)
        addresses = {vendor: proxies[vendor].url for vendor in VENDORS}
        pace = (wish.interval_s, wish.patience_s, wish.stale_after)
        house = House(wish.config, wish.folder, database, url, addresses, papers.authority, *pace)
        instances = [_instance(house, number) for number in range(1, wish.instances + 1)]
        door = await Door().open()
        later.push_async_callback(door.close)
        door.instances = instances
        environ = house.environ()
        nursery = Nursery(wish.folder, environ)
        later.callback(nursery.close)
        made = Stage(wish.folder, house, nursery, client, proxies, instances, door, environ)
        later.push_async_callback(_bury, instances)
        await made.do("no_limits")
        await made.do("desk", url=f"http://{HOST}:{door.port}", token=API_TOKEN)
        await made.do("front", urls={chat: proxies[chat].url for chat in ("slack", "teams", "discord")})
        yield made


def _instance(house: House, number: int) -> Instance:
    name, port = f"desk{number}", free_port()
    return Instance(name, house.config(name, port), port, house.folder / f"{name}.log")


async def _bury(instances: Sequence[Instance]) -> None:
    for instance in instances:
        if instance.process is not None and instance.alive:
            instance.process.kill()
            await instance.process.wait()


@contextlib.asynccontextmanager
async def _stand_ins(wish: Wish) -> AsyncIterator[str]:
    arguments = ["--port", "0", "--scenario", "empty", "--seed", str(wish.seed)]
    arguments += ["--sabotage"] if wish.sabotage else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deskbell.sandbox", *arguments), stdout=asyncio.subprocess.PIPE
    )
    try:
        line = await process.stdout.readline() if process.stdout else b""
        if not line:
            raise Broken("the stand-ins did not start")
        yield str(orjson.loads(line)["url"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _proxy(wish: Wish, vendor: str, url: str, papers: Papers) -> Proxy:
    port = int(url.rpartition(":")[2])

    async def upstream() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, port, limit=2**20)

    return await Proxy(Dice(vendor, wish.rate, str(wish.seed)), upstream, papers).start()


async def _database(wish: Wish, later: contextlib.AsyncExitStack, proxies: dict[str, Proxy]) -> str:
    """The URL of an empty database; a PostgreSQL is reached through a proxy, so that it can vanish."""
    if wish.database == "sqlite":
        return f"sqlite:///{wish.folder}/deskbell.db"
    url = wish.database
    if url == "postgres":
        url = await asyncio.to_thread(later.enter_context, postgres.database())
        later.callback(postgres.stop)
    return await _through_a_proxy(url, proxies)


async def _through_a_proxy(url: str, proxies: dict[str, Proxy]) -> str:
    import sqlalchemy as sa

    parts = sa.make_url(url)
    host = parts.query.get("host", parts.host) or HOST
    host, port = str(host), parts.port or 5432

    async def upstream() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    proxy = proxies[DATABASE] = await Proxy(Dice(DATABASE, 0.0, ""), upstream).start()
    query = {name: value for name, value in parts.query.items() if name != "host"} | {"sslmode": "disable"}
    return parts.set(host=HOST, port=proxy.port, query=query).render_as_string(hide_password=False)
