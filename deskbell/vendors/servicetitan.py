"""ServiceTitan, API v2: what it wants and how it answers. https://developer.servicetitan.io/"""

from collections.abc import Mapping
from typing import Any

from deskbell.core.records import VisitStatus
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import ClientCredentials

BASE = "https://api.servicetitan.io"
TOKEN = "https://auth.servicetitan.io/connect/token"  # noqa: S105 - an address
APP_KEY = "ST-App-Key"
IDS_AT_MOST = 50  # https://developer.servicetitan.io/api-details/#api=tenant-jpm-v2: `ids`, maximum 50

# Who is dispatched is on the way. An appointment has no time of arrival; Working is all that tells.
STATUSES: Mapping[str, VisitStatus] = {
    "scheduled": VisitStatus.SCHEDULED,
    "dispatched": VisitStatus.EN_ROUTE,
    "working": VisitStatus.ON_SITE,
    "hold": VisitStatus.PAUSED,
    "done": VisitStatus.COMPLETED,
    "canceled": VisitStatus.CANCELLED,
}


def login(token_url: str, client_id: str, client_secret: str) -> ClientCredentials:
    return ClientCredentials(token_url, client_id, client_secret)


def reason(reply: Reply) -> str:
    """RFC 7807, with the fields that are wrong: `One or more validation errors (pageSize: must be ...)`."""
    data = reply.data
    if not isinstance(data, Mapping):
        return ""
    said = str(data.get("title") or data.get("message") or "")
    errors: Any = data.get("errors")
    fields = [f"{name}: {why}" for name, why in errors.items()] if isinstance(errors, Mapping) else []
    return f"{said} ({'; '.join(fields)})" if fields else said


DIALECT = Dialect(explain=reason)
