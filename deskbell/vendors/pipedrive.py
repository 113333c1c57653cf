"""Pipedrive, API v2: what it wants and how it answers. https://developers.pipedrive.com/docs/api/v1"""

from collections.abc import Mapping

from deskbell.core.outcome import Fault
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import HeaderKey

API = "/api/v2"
MOST_PER_PAGE = 500
IDS_AT_MOST = 100
# What a record's own fields are asked for by, and what an activity calls a record of the kind.
FIELDS: Mapping[str, str] = {"organizations": "organizationFields", "deals": "dealFields", "persons": "personFields"}
LINKS: Mapping[str, str] = {"organizations": "org_id", "deals": "deal_id", "persons": "person_id"}


def login(token: str) -> HeaderKey:
    return HeaderKey("x-api-token", token)


def reason(reply: Reply) -> str:
    """Its own words: `Deal not found (ERR_NOT_FOUND)`."""
    if not isinstance(reply.data, Mapping):
        return ""
    said, code = reply.data.get("error") or reply.data.get("message"), reply.data.get("code")
    return f"{said} ({code})" if said and code else str(said or code or "")


DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET, 410: Fault.TARGET})
