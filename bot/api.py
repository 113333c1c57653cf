"""/api/v1 for other programs: raise an alert, list alerts, read the audit. Each token has a name, and scopes."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.ports import LIVE, Front
from bot.raising import Raising, known_key
from bot.web import Refused, answer, read_number, read_object, read_query
from deskbell.core.alert import Alert, Status
from deskbell.core.text import clean

TRIGGER, READ, AUDIT = "trigger", "read", "audit"
SCOPES = frozenset({TRIGGER, READ, AUDIT})
_SHORTEST = 16

STATUSES = {"live": LIVE, **{str(status): (status,) for status in Status}}


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One caller's secret. Two tokens of one name are one caller, so that a secret can be changed without a gap."""

    name: str
    secret: str = field(repr=False)
    scopes: frozenset[str] = frozenset({TRIGGER})

    def __post_init__(self) -> None:
        if len(self.secret) < _SHORTEST:
            raise ValueError(f"the API token {self.name!r} is shorter than {_SHORTEST} characters")
        if unknown := set(self.scopes) - SCOPES:
            raise ValueError(f"the API token {self.name!r} has unknown scopes: {', '.join(sorted(unknown))}")


class Api:
    """The handlers of /api/v1 and who may call them."""

    def __init__(self, front: Front, tokens: tuple[ApiToken, ...], alerts_per_hour: int) -> None:
        self._front = front
        self._tokens = [(hashlib.sha256(token.secret.encode()).digest(), token) for token in tokens]
        self._raising = Raising(front, alerts_per_hour)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/alerts", self._raise),
            web.get("/api/v1/alerts", self._list),
            web.get("/api/v1/alerts/{ref}/why", self._why),
            web.get("/api/v1/audit", self._audit),
        ]

    def _caller(self, request: web.Request, scope: str) -> str:
        """The name of the token that was sent. Compares with every token, so that time tells nothing."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        found = [token for held, token in self._tokens if hmac.compare_digest(held, digest)]
        if not found or scheme.casefold() != "bearer":
            raise Refused(401, "Unauthorized.", {"WWW-Authenticate": "Bearer"})
        if scope not in found[0].scopes:
            raise Refused(403, f"This token does not have the scope {scope}.")
        return found[0].name

    # ------------------------------------------------------------ raise

    async def _raise(self, request: web.Request) -> web.Response:
        caller = self._caller(request, TRIGGER)
        key = known_key(request.headers.get("Idempotency-Key", ""))
        alert, status = await self._raising.take(caller, key, await read_object(request))
        url = {"url": alert.url} if alert.url else {}
        return answer({"ref": alert.ref, **url}, status)

    # ------------------------------------------------------------ look

    async def _list(self, request: web.Request) -> web.Response:
        self._caller(request, READ)
        values = read_query(request, frozenset({"status", "assignee", "team", "source", "limit", "offset"}))
        status = values.get("status", "live")
        if status not in STATUSES:
            raise Refused(422, f"status must be one of {', '.join(STATUSES)}.")
        alerts, count = await self._front.alerts(
            statuses=STATUSES[status],
            assignee=values.get("assignee"),
            team=values.get("team"),
            source=values.get("source"),
            limit=read_number(values, "limit", 50, 1, 200),
            offset=read_number(values, "offset", 0, 0, 1_000_000),
        )
        return answer({"alerts": [_shown(alert) for alert in alerts], "count": count})

    async def _why(self, request: web.Request) -> web.Response:
        self._caller(request, READ)
        read_query(request, frozenset())
        ref = clean(request.match_info["ref"], 40)
        alert = await self._front.find_alert(ref)
        if alert is None:
            raise Refused(404, f"There is no alert {ref}.")
        told = await self._front.why(alert)
        return answer({"ref": alert.ref, "why": [{"what": label, "said": said} for label, said in told]})

    async def _audit(self, request: web.Request) -> web.Response:
        self._caller(request, AUDIT)
        values = read_query(request, frozenset({"limit", "after"}))
        limit = read_number(values, "limit", 100, 1, 1000)
        after = read_number(values, "after", 0, 0, 10**14)
        return answer(dict(await self._front.audit_tail(limit, after)))


def _shown(alert: Alert) -> dict[str, Any]:
    return {
        "ref": alert.ref,
        "severity": str(alert.severity),
        "status": str(alert.status),
        "rule": alert.rule,
        "title": alert.title,
        "summary": alert.summary,
        "subject": alert.subject,
        "source": alert.source,
        "team": alert.team,
        "assignee": alert.assignee,
        "level": alert.level,
        "opened_at": alert.opened_at,
        "updated_at": alert.updated_at,
        "url": alert.url,
    }
