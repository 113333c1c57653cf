"""Intercom: what it wants and how it answers. https://developers.intercom.com/docs/references/rest-api/api.intercom.io"""

from collections.abc import Mapping
from typing import Any

from deskbell.core.outcome import Fault
from deskbell.net.answers import Dialect, Reply

BASE = "https://api.intercom.io"
VERSION = "2.15"
MOST_PER_PAGE = 150
CONTACTS_AT_MOST = 50  # ids in one search


def reason(reply: Reply) -> str:
    """Its own words: `unauthorized: Access Token Invalid`."""
    errors = reply.data.get("errors") if isinstance(reply.data, Mapping) else None
    rows: list[Any] = errors if isinstance(errors, list) else []
    return "; ".join(f"{row.get('code', '?')}: {row.get('message', '')}" for row in rows if isinstance(row, Mapping))


DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET})
