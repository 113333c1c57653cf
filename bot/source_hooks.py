"""POST /hooks/SOURCE: a system says that something changed there. It is kept before it is answered, then read anew.

Nothing in a body is believed but the ids, and those only as a hint: whoever could forge a call, or repeats one, has us
read a record that we would have read anyway.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

import orjson
import structlog
from aiohttp import web
from jmespath.exceptions import JMESPathError

from bot.web import Refused, answer, read_body
from deskbell.net.faults import point
from deskbell.net.inbound import Call, Genuine
from deskbell.vendors.hooks import ROOT, Door, compiled

MOST_IDS = 100  # of one call; what names more is told by a poll
TOLD_EVERY_S = 60.0  # so often a refused call is logged, for each source
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@=+/-]{0,199}")
_FORM = "application/x-www-form-urlencoded"

log = structlog.get_logger("deskbell.hooks")


class Desk(Protocol):
    async def take_hint(self, source: str, ids: Sequence[str], call: Genuine) -> bool:
        """Keeps what is to be read; returns when it is durable. False for a call that was taken before.

        No ids: poll. Raises NotKept when it can't be kept now.
        """
        ...


class SourceHooks:
    """`doors` by source. `told`: called with the source's name when something new is kept."""

    def __init__(
        self,
        doors: Mapping[str, Door],
        desk: Desk,
        told: Callable[[str], None] = lambda _source: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._doors, self._desk, self._told, self._now = doors, desk, told, now
        self._logged: dict[str, float] = {}

    def routes(self) -> list[web.RouteDef]:
        if not self._doors:
            return []
        return [web.post(ROOT + "/{source}", self._take), web.post(ROOT + "/{source}/{secret}", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        door, genuine = self._proven(request, body)
        ids = ids_in(door, request.content_type, body)
        point("hook.keep.before")
        new = await self._desk.take_hint(door.source, ids, genuine)
        point("hook.keep.after")
        if new:
            self._told(door.source)
        return answer({})

    def _proven(self, request: web.Request, body: bytes) -> tuple[Door, Genuine]:
        """Nobody learns what was wrong, nor which sources there are."""
        door = self._doors.get(request.match_info["source"])
        secret = request.match_info.get("secret", "")
        if door is not None and bool(secret) == (door.way_name == "path"):
            call = Call("POST", door.address, request.headers, body, secret)
            genuine = door.way.check(call, door.secrets, self._now())
            if genuine is not None:
                return door, genuine
        self._log_refused(door.source if door else "")
        raise Refused(401, "Unauthorized.")

    def _log_refused(self, source: str) -> None:
        now = time.monotonic()
        if now - self._logged.get(source, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._logged[source] = now
            log.warning("hook_refused", source=source or "unknown")


def ids_in(door: Door, content_type: str, body: bytes) -> list[str]:
    """The ids that a genuine body names; none where it has to be a poll."""
    if not body.strip():
        return []
    found = _found(door.ids, _read(content_type, body))
    ids = [ident for one in found if (ident := _ident(one))]
    return list(dict.fromkeys(ids)) if len(ids) == len(found) <= MOST_IDS else []


def _read(content_type: str, body: bytes) -> Any:
    try:
        if content_type == _FORM:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
        if content_type == "application/json" or content_type.endswith("+json"):
            return orjson.loads(body)
    except ValueError as error:
        raise Refused(400, "This is not a request that I can read.") from error
    raise Refused(415, "Send JSON or a form, with its Content-Type.")


def _found(path: str, data: Any) -> list[Any]:
    try:
        found = compiled(path).search(data)
    except (JMESPathError, TypeError, ValueError, RecursionError):  # made for another body
        return []
    values = found if isinstance(found, list) else [found]
    return [one for one in values if one is not None and one != ""]


def _ident(value: Any) -> str:
    """An id as sources take it; "" for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if _ID.fullmatch(text) else ""
