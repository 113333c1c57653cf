"""Zoho CRM, API v8: what it wants and how it answers. https://www.zoho.com/crm/developer/docs/api/v8/"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deskbell.core.outcome import Fault, Outcome, Rejected
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import RefreshToken

BASE = "https://www.zohoapis.com"
ACCOUNTS = "https://accounts.zoho.com"
TOKENS = "/oauth/v2/token"
API = "/crm/v8"
SCHEME = "Zoho-oauthtoken"
MOST_PER_PAGE = 200
MOST_FIELDS = 50  # in one request
MOST_BY_NUMBER = 10  # pages; behind them a token is needed
IDS_AT_MOST = 100
LIMITS = frozenset({"TOO_MANY_REQUESTS", "LIMIT_EXCEEDED", "LIMIT_REACHED"})
FAULTS = {
    "INVALID_TOKEN": Fault.AUTH,
    "AUTHENTICATION_FAILURE": Fault.AUTH,
    "OAUTH_SCOPE_MISMATCH": Fault.CONFIG,
    "NO_PERMISSION": Fault.CONFIG,
    "RECORD_NOT_FOUND": Fault.TARGET,
}


def login(accounts: str, client_id: str, client_secret: str, refresh_token: str) -> RefreshToken:
    """A self client's refresh token does not end; ten access tokens may be had of it in ten minutes."""
    return RefreshToken(accounts.rstrip("/") + TOKENS, client_id, client_secret, refresh_token, SCHEME)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat()


def code_of(reply: Reply) -> str:
    return str(reply.data.get("code") or "") if isinstance(reply.data, Mapping) else ""


def reason(reply: Reply) -> str:
    """Its own words: `OAUTH_SCOPE_MISMATCH: invalid oauth scope to access this URL`."""
    return _words(reply.data) if isinstance(reply.data, Mapping) else ""


def limited(reply: Reply) -> bool:
    return reply.status == 429 or (not reply.ok and code_of(reply) in LIMITS)


DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET}, limited=limited)


def hidden_failure(reply: Reply, title: str) -> Outcome | None:
    """What became of the one record that was sent: also a 200, a 202 or a 207 may hold a refusal."""
    rows = reply.data.get("data") if isinstance(reply.data, Mapping) else None
    row = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(row, Mapping) or row.get("status") != "error":
        return None
    return Rejected(FAULTS.get(str(row.get("code")), Fault.PAYLOAD), f"{title}: {_words(row)}")


def _words(row: Mapping[str, Any]) -> str:
    details = row.get("details")
    more = ", ".join(f"{name} {value}" for name, value in details.items()) if isinstance(details, Mapping) else ""
    return ": ".join(str(part) for part in (row.get("code"), row.get("message"), more) if part)[:300]
