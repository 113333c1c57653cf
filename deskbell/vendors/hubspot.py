"""HubSpot: what it wants and how it answers. https://developers.hubspot.com/docs/api-reference"""

from collections.abc import Mapping
from typing import Any

from deskbell.core.outcome import Fault
from deskbell.net.answers import Dialect, Reply

BASE = "https://api.hubapi.com"
VERSION = "2026-09"  # of the API; versions are dates, and before that v3
MOST_PER_PAGE = 200  # of a search
MOST_FOUND = 10_000  # rows that a search gives, however it is paged
BATCH = 100  # ids in one batch read
# Which kind of association a note has with an object, as HubSpot numbers them.
NOTE_TYPES: Mapping[str, int] = {"contacts": 202, "companies": 190, "deals": 214, "tickets": 228}


def path_of(version: str, part: str) -> str:
    """`/crm/objects/2026-09/tickets`, as it is since 2026; `/crm/v3/objects/tickets`, as it was."""
    first, _, rest = part.partition("/")
    return f"/crm/{version}/{part}" if version.startswith("v") else f"/crm/{first}/{version}/{rest}".rstrip("/")


def reason(reply: Reply) -> str:
    """Its own words: `VALIDATION_ERROR: Property values were not valid`."""
    data: Any = reply.data
    if not isinstance(data, Mapping):
        return ""
    errors = data.get("errors")
    more = [str(row.get("message")) for row in errors if isinstance(row, Mapping)] if isinstance(errors, list) else []
    return ": ".join(str(part) for part in (data.get("category"), data.get("message"), *more[:3]) if part)


DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET})
