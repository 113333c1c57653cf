"""The sandbox as a process of its own, so that its ledger is nobody's but its own."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import aiohttp
import orjson

_PATIENCE_S = 5.0


@contextlib.asynccontextmanager
async def stand_ins(*arguments: str) -> AsyncIterator[str]:
    """Their address, while they run. `arguments` as `python -m deskbell.sandbox` takes them."""
    command = (sys.executable, "-m", "deskbell.sandbox", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield await _address(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _PATIENCE_S)


async def _address(process: asyncio.subprocess.Process) -> str:
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        raise SystemExit("The stand-ins did not start. Is the port taken? Choose another with --port.")
    return str(orjson.loads(line)["url"])


async def requests_seen(url: str) -> int | None:
    """How many requests the stand-ins of sources have seen, by their own ledger. None when nobody tells."""
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as client, client.get(f"{url}/_sandbox/ledger") as answer:
            told = await answer.json()
            return sum(int(count) for count in told["requests"].values())
    except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, KeyError, AttributeError):
        return None
