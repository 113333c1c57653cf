"""Freshdesk, API v2: what it wants and how it answers. https://developers.freshdesk.com/api/"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from deskbell.core.outcome import Fault
from deskbell.core.records import CaseStatus, Priority
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import Basic

API = "/api/v2"
PAGE_SIZE = 100  # https://developers.freshdesk.com/api/#pagination: 100 at most
GLOBAL_SCOPE = 1  # https://developers.freshdesk.com/api/#agents: 1 sees every ticket, 2 its groups', 3 its own
RESOLVED = 4
INCLUDES = frozenset({"requester", "stats", "description"})  # of a list
BINS = ("deleted", "spam")  # lists of their own; no other list shows what is in them
# https://developers.freshdesk.com/api/#conversations: how something got there, of what is no word between us and the
# customer: 6 is a survey's result, 8 was forwarded to somebody else
NOT_SAID_TO_US = frozenset({6, 8})

# https://developers.freshdesk.com/api/#ticket_attributes
STATUSES: Mapping[str, CaseStatus] = {
    "2": CaseStatus.OPEN,
    "3": CaseStatus.PAUSED,
    "4": CaseStatus.RESOLVED,
    "5": CaseStatus.CLOSED,
    "6": CaseStatus.WAITING,
    "7": CaseStatus.PAUSED,
}
STATUS_NAMES: Mapping[str, str] = {
    "2": "Open",
    "3": "Pending",
    "4": "Resolved",
    "5": "Closed",
    "6": "Waiting on Customer",
    "7": "Waiting on Third Party",
}
PRIORITIES: Mapping[int, Priority] = {1: Priority.LOW, 2: Priority.NORMAL, 3: Priority.HIGH, 4: Priority.URGENT}


def login(key: str) -> Basic:
    """The key stands where a user would; the password may be anything."""
    return Basic(key, "X")


def site_of(base_url: str) -> str:
    """The address people use, whether or not the API's path was configured with it."""
    return base_url.rstrip("/").removesuffix(API)


def reason(reply: Reply) -> str:
    """Freshdesk's own words: `Validation failed: status (It should be one of ...)`."""
    data = reply.data
    if not isinstance(data, Mapping):
        return ""
    said = str(data.get("description") or data.get("message") or "")
    errors = data.get("errors")
    fields = [_field(error) for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else []
    return ": ".join(part for part in (said, "; ".join(fields)) if part)


def _field(error: Mapping[str, Any]) -> str:
    return f"{error.get('field', '?')} ({error.get('message', '')})"


# https://developers.freshdesk.com/api/#error: 404 has an empty body, 405 is a ticket in the bin or in spam
DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET, 405: Fault.TARGET})


def as_html(text: str) -> str:
    """A note's body is HTML."""
    return "<br>".join(escape(line) for line in text.splitlines())


def status_choices(fields: Any) -> dict[str, str]:
    """Code -> label out of /ticket_fields, whose choices are a map on older accounts and a list on newer ones."""
    rows = fields if isinstance(fields, list) else []
    for field in rows:
        if isinstance(field, Mapping) and field.get("type") == "default_status":
            return _choices(field.get("choices"))
    return {}


def _choices(choices: Any) -> dict[str, str]:
    if isinstance(choices, Mapping):
        return {str(code): _label(names) for code, names in choices.items()}
    rows = choices if isinstance(choices, list) else []
    return {str(row.get("id", row.get("value"))): _label(row.get("label")) for row in rows if isinstance(row, Mapping)}


def _label(names: Any) -> str:
    if isinstance(names, Sequence) and not isinstance(names, str):
        return str(names[0]) if names else ""
    return str(names or "")
