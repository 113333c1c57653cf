"""What vendors publish to prove their calls by: certificates and lists of keys, fetched when one is first needed."""

import asyncio
import time
from urllib.parse import urlsplit

import structlog

from deskbell.net.answers import CallFailed
from deskbell.net.egress import Forbidden
from deskbell.net.http import Http, Limits, Timeouts

KEPT_S = 3600.0
FAILED_S = 60.0  # what could not be fetched is not asked for again sooner, however many calls name it
MOST = 50  # addresses
_TIMEOUTS = Timeouts(connect=2, read=2, write=2, whole=2.5)  # who calls us gets an answer within three seconds
_LIMITS = Limits(connections=1, max_bytes=256 * 1024, text_kept=64 * 1024)

log = structlog.get_logger("deskbell.inbound")


class Published:
    """The text at an address that the way of proving a call has allowed; empty where it can't be had."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, str]] = {}
        self._fetching = asyncio.Lock()

    async def __call__(self, url: str) -> str:
        async with self._fetching:
            until, text = self._kept.get(url, (0.0, ""))
            if time.monotonic() < until:
                return text
            text = await _fetched(url)
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[url] = time.monotonic() + (KEPT_S if text else FAILED_S), text
            return text


async def _fetched(url: str) -> str:
    parts = urlsplit(url)
    try:
        client = Http("keys", f"{parts.scheme}://{parts.netloc}", timeouts=_TIMEOUTS, limits=_LIMITS)
    except Forbidden as error:
        log.warning("key_not_fetched", why=str(error))
        return ""
    try:
        reply = await client.call("GET", parts.path + (f"?{parts.query}" if parts.query else ""), expect_json=False)
    except CallFailed as failed:
        log.warning("key_not_fetched", why=str(failed))
        return ""
    finally:
        await client.close()
    return reply.text if reply.ok else ""
