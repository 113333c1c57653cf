"""Dynamics 365 (Dataverse Web API): what it wants and how it answers.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/overview
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from deskbell.core.outcome import Fault
from deskbell.core.records import VisitStatus
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import ClientCredentials

API = "/api/data/v9.2"
LOGIN = "https://login.microsoftonline.com"
MOST_ROWS = 5000  # https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/page-results
HEADERS = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# https://learn.microsoft.com/dynamics365/field-service/field-service-architecture: of a booking status, whose name
# anybody may change.
STATUSES: Mapping[str, VisitStatus] = {
    "690970000": VisitStatus.SCHEDULED,
    "690970001": VisitStatus.EN_ROUTE,
    "690970002": VisitStatus.PAUSED,
    "690970003": VisitStatus.ON_SITE,
    "690970004": VisitStatus.COMPLETED,
    "690970005": VisitStatus.CANCELLED,
}
COMPLETED = "690970004"
# The status type of a booking status that Field Service does not know: proposed, committed, canceled.
TYPES: Mapping[str, VisitStatus] = {
    "1": VisitStatus.UNSCHEDULED,
    "2": VisitStatus.SCHEDULED,
    "3": VisitStatus.CANCELLED,
}


def login(base_url: str, tenant: str, client_id: str, secret: str, *, login_url: str = LOGIN) -> ClientCredentials:
    """An application user of the environment."""
    scope = f"{base_url.rstrip('/')}/.default"
    return ClientCredentials(f"{login_url.rstrip('/')}/{tenant}/oauth2/v2.0/token", client_id, secret, scope)


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None


def stamp(at: datetime) -> str:
    """A moment in a filter, without quotes."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def reason(reply: Reply) -> str:
    """Its own words: `0x80040220: Principal user is missing prvReadBookableResourceBooking privilege`."""
    data = reply.data.get("error") if isinstance(reply.data, Mapping) else None
    if isinstance(data, Mapping):
        return ": ".join(str(data[name]) for name in ("code", "message") if data.get(name))
    return str(data or "")


DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET, 412: Fault.TARGET})
