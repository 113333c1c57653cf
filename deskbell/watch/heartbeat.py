"""The dead man's switch: an address is called while all is truly well, and whoever is behind it notices silence.

Any service that watches for such calls will do (healthchecks.io and its likes); it must not run on this machine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit, urlunsplit

import structlog

from deskbell.net.answers import CallFailed
from deskbell.net.http import Http, Timeouts
from deskbell.net.redact import learn
from deskbell.watch.conf import WatchConf

log = structlog.get_logger("deskbell.watch")

_TIMEOUTS = Timeouts(connect=5, read=8, write=5, whole=10)


class Heartbeat:
    """`reasons` tells what is wrong with Deskbell itself; nothing is what the heart beats for."""

    def __init__(self, conf: WatchConf, reasons: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._conf, self._reasons = conf, reasons
        self._http = Http("heartbeat", conf.heartbeat_url, timeouts=_TIMEOUTS)
        self._said: dict[str, str] = {}
        learn(conf.heartbeat_url, urlsplit(conf.heartbeat_url).path.strip("/"))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(self._conf.heartbeat_every.total_seconds())

    async def beat(self) -> None:
        reasons = await self._reasons()
        self._once("heart_stopped", "; ".join(reasons))
        if not reasons:
            await self._call(self._conf.heartbeat_url)
        elif self._conf.heartbeat_fail:
            await self._call(_behind(self._conf.heartbeat_url, self._conf.heartbeat_fail), reasons)

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, url: str, reasons: Sequence[str] = ()) -> None:
        """Trouble with the call is told once, and so is its end: a log that says it each minute is not read."""
        method = self._conf.heartbeat_method
        body = {"reasons": list(reasons)} if reasons and method == "POST" else None
        try:
            reply = await self._http.call(method, url, json=body, expect_json=False)
            trouble = "" if reply.ok else f"answered {reply.status}"
        except CallFailed as failed:
            trouble = str(failed)
        self._once("heartbeat_failed", trouble)

    def _once(self, what: str, why: str) -> None:
        before, self._said[what] = self._said.get(what, ""), why
        if why and not before:
            log.warning(what, why=why)
        elif before and not why:
            log.info("over", what=what)


def _behind(url: str, suffix: str) -> str:
    """The address with the suffix behind its path, before its query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))
