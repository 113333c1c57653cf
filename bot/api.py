"""/api/v1 for other programs: raise an alert, list alerts, read the audit. Each token has a name, and scopes."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.allowance import Allowance
from bot.grammar import MAX_RAISED
from bot.ports import LIVE, Front
from bot.questions import teams_of
from bot.web import Refused, answer, read_number, read_object, read_query
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.card import FIRST_LINE
from deskbell.core.text import clean, clean_lines

TRIGGER, READ, AUDIT = "trigger", "read", "audit"
SCOPES = frozenset({TRIGGER, READ, AUDIT})
_SHORTEST = 16

# The fields of POST /api/v1/alerts and their longest value. What is longer is refused: a cut text may mislead.
FIELDS = {"title": FIRST_LINE, "text": MAX_RAISED, "severity": 2, "subject": 60, "team": 60}
_STATUS_OF = {"done": 201, "repeat": 200, "conflict": 409, "limit": 429, "role": 403, "scope": 403}
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
        self._allowance = Allowance(alerts_per_hour, timedelta(hours=1))

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
        key = _idempotency_key(request)
        fields = _fields(await read_object(request))
        self._known_team(fields["team"])
        if wait := self._allowance.take(caller, key, self._front.now()):
            seconds = str(int(wait.total_seconds()) + 1)
            raise Refused(429, "Too many alerts from this caller in an hour.", {"Retry-After": seconds})
        result = await self._front.raise_manual(caller=caller, person=None, idempotency_key=key, **fields)
        status = _STATUS_OF.get(result.code, 422)
        if result.alert is None or status >= 400:
            raise Refused(status if status >= 400 else 422, result.text)
        url = {"url": result.alert.url} if result.alert.url else {}
        return answer({"ref": result.alert.ref, **url}, status)

    def _known_team(self, team: str) -> None:
        known = teams_of(self._front)
        if team and known and team not in known:
            raise Refused(422, f"Unknown team {team!r}. Known: {', '.join(known)}.")

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


def _idempotency_key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise Refused(400, "Send the header Idempotency-Key: your own id of this alert, up to 200 characters.")
    return key


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """The body's fields, each checked; what is wrong is named."""
    for name, value in data.items():
        if name not in FIELDS:
            raise Refused(422, f"Unknown field {clean(name, 40)!r}. Known: {', '.join(FIELDS)}.")
        if not isinstance(value, str):
            raise Refused(422, f"{name} must be text.")
        if len(value) > FIELDS[name]:
            raise Refused(422, f"{name} is over {FIELDS[name]} characters.")
    texts = {name: clean(data.get(name, ""), limit) for name, limit in FIELDS.items()}
    if not texts["title"]:
        raise Refused(422, "title is missing: say in a few words what is wrong.")
    severity = texts["severity"].upper() or "P3"
    if severity not in Severity.__members__:
        raise Refused(422, f"severity must be one of {', '.join(Severity.__members__)}.")
    text = clean_lines(data.get("text", ""), FIELDS["text"])
    return {**texts, "text": text, "severity": Severity[severity]}


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
