"""Zendesk Support: what it wants and how it answers. https://developer.zendesk.com/api-reference/ticketing/introduction/"""

from collections.abc import Mapping
from typing import Any

from deskbell.core.records import CaseStatus, Priority
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import Auth, Basic, ClientCredentials

API = "/api/v2"
TOKENS = "/oauth/tokens"
EXPORT = "/incremental/tickets/cursor"
# https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
MOST_PER_PAGE = 1000
TOO_RECENT_S = 60  # what changed in the last minute is left out, and may not be asked for
MANY = 100  # ids in one call of show_many

# https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
STATUSES: Mapping[str, CaseStatus] = {
    "new": CaseStatus.NEW,
    "open": CaseStatus.OPEN,
    "pending": CaseStatus.WAITING,
    "hold": CaseStatus.PAUSED,
    "solved": CaseStatus.RESOLVED,
    "closed": CaseStatus.CLOSED,
    "deleted": CaseStatus.CLOSED,
}
PRIORITIES: Mapping[str, Priority] = {
    "urgent": Priority.URGENT,
    "high": Priority.HIGH,
    "normal": Priority.NORMAL,
    "low": Priority.LOW,
}
# https://developer.zendesk.com/api-reference/ticketing/business-rules/sla_policies/#available-metrics
METRICS: Mapping[str, str] = {
    "first_reply_time": "first_response",
    "next_reply_time": "next_reply",
    "periodic_update_time": "next_reply",
    "pausable_update_time": "next_reply",
    "requester_wait_time": "resolution",
    "agent_work_time": "resolution",
    "total_resolution_time": "resolution",
}
SLA_MET = frozenset({"achieved", "fulfilled", "inactive"})
SLA_PAUSED = "paused"


def login(base_url: str, user: str, token: str, client_id: str, client_secret: str) -> Auth:
    """An API token stands where a password would, `/token` behind its user's address."""
    if client_id:
        return ClientCredentials(site_of(base_url) + TOKENS, client_id, client_secret, "read write")
    return Basic(f"{user}/token", token)


def site_of(base_url: str) -> str:
    """The address people use, whether or not the API's path was configured with it."""
    return base_url.rstrip("/").removesuffix(API)


def reason(reply: Reply) -> str:
    """Zendesk's own words: `RecordInvalid: Record validation errors: Status: closed prevents ticket update`."""
    data = reply.data
    if not isinstance(data, Mapping):
        return ""
    error = data.get("error")
    said = [str(error.get("title") or ""), str(error.get("message") or "")] if isinstance(error, Mapping) else [error]
    return ": ".join(str(part) for part in (*said, data.get("description"), *_details(data.get("details"))) if part)


def _details(details: Any) -> list[str]:
    rows = (
        [row for rows in details.values() if isinstance(rows, list) for row in rows]
        if isinstance(details, Mapping)
        else []
    )
    return [str(row.get("description")) for row in rows if isinstance(row, Mapping)]


DIALECT = Dialect(explain=reason)
