"""POST /inbound/CHANNEL: a vendor says what became of a message, what somebody answered, how a record stands.

What it says is durable before it is answered; a call that can't be kept now is answered so that it comes again.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from aiohttp import web

from bot.letterbox import Letterbox
from bot.web import Refused, answer, read_body
from deskbell.net.faults import point
from deskbell.net.inbound import REMEMBERED_S, Call, Genuine
from deskbell.vendors.hears import ROOT, Ear, Thanks

MOST_KEPT = 10_000
TOLD_EVERY_S = 60.0  # so often a refused call is logged, for each channel
_UNREADABLE = "This is not a request that I can read."

log = structlog.get_logger("deskbell.inbound")

Keys = Callable[[str], Awaitable[str]]


class Inbound:
    """`ears` by channel. `poke`: has a channel asked at once. `keys`: what is published at an address."""

    def __init__(
        self,
        ears: Mapping[str, Ear],
        box: Letterbox,
        keys: Keys,
        poke: Callable[[str], None] = lambda _channel: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ears, self._box, self._keys, self._poke, self._now = ears, box, keys, poke, now
        self._logged: dict[str, float] = {}
        self._done: dict[str, float] = {}  # what was carried out, by channel and proof; until when it is kept in mind

    def routes(self) -> list[web.RouteDef]:
        if not self._ears:
            return []
        paths = (ROOT + "/{channel}", ROOT + "/{channel}/{secret}")
        return [make(path, self._take) for path in paths for make in (web.get, web.post)]

    async def _take(self, request: web.Request) -> web.Response:
        """Some ask first whether the address is ours; some say with a GET what became of a message."""
        body = await read_body(request)
        ear = self._ears.get(request.match_info["channel"])
        call = _call(request, ear, body) if ear else None
        if ear is not None and call is not None and (thanks := ear.hears.greet(call, ear.hook)) is not None:
            return _said(thanks)
        genuine = await self._genuine(ear, call) if ear and call else None
        if ear is None or call is None or genuine is None:
            self._log_refused(ear.channel if ear else "")
            raise Refused(401, "Unauthorized.")
        key = f"{ear.channel} {genuine.proof}" if getattr(ear.way, "once", False) else ""
        if self._done.get(key, 0.0) > self._now():
            with _readable():
                return _said(ear.thanks(call, ()))
        with _readable():
            heard, first = ear.read(call), ear.hears.confirm(call, ear.conf)
        if first and not await self._keys(first):
            raise Refused(503, "Not confirmed. Say it again later.")
        point("inbound.keep.before")
        try:
            told = await self._box.take(ear.channel, heard)
        except Refused as refused:
            log.warning("inbound_not_raised", channel=ear.channel, why=refused.text)  # a vendor shows nobody our answer
            raise
        point("inbound.keep.after")
        if key:
            self._keep(key)
        if ear.hears.read is None:
            self._poke(ear.channel)
        with _readable():
            return _said(ear.thanks(call, told))

    def _keep(self, key: str) -> None:
        now = self._now()
        if len(self._done) >= MOST_KEPT:
            self._done = {one: until for one, until in self._done.items() if until > now}
        self._done[key] = now + REMEMBERED_S

    async def _genuine(self, ear: Ear, call: Call) -> Genuine | None:
        """Nobody learns what was wrong, nor which channels there are."""
        if bool(call.secret) != ear.in_path:
            return None
        secrets = ear.hook.secrets
        published = getattr(ear.way, "published", None)
        if published is not None:
            where = published(call)
            secrets = (await self._keys(where),) if where else ()
        return ear.way.check(call, secrets, self._now())

    def _log_refused(self, channel: str) -> None:
        now = time.monotonic()
        if now - self._logged.get(channel, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._logged[channel] = now
            log.warning("inbound_refused", channel=channel or "unknown")


@contextmanager
def _readable() -> Iterator[None]:
    """A proven call may still be none that its vendor's file knows."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Refused(400, _UNREADABLE) from error


def _call(request: web.Request, ear: Ear, body: bytes) -> Call:
    """The address is the one that the vendor was given; of the request only what follows the question mark counts."""
    query = request.raw_path.partition("?")[2]
    return Call(request.method, ear.address, request.headers, body, request.match_info.get("secret", ""), query)


def _said(thanks: Thanks) -> web.Response:
    if not thanks.body:
        return answer({}, thanks.status) if thanks.status == 200 else web.Response(status=thanks.status)
    return web.Response(text=thanks.body, status=thanks.status, content_type=thanks.kind)
