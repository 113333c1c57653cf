"""Salesforce: what it wants and how it answers. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from deskbell.core.outcome import Fault
from deskbell.net.answers import Dialect, Reply
from deskbell.net.auth import ClientCredentials

API = "/services/data"
TOKENS = "/services/oauth2/token"
ME = "/services/oauth2/userinfo"
VERSION = "67.0"
MOST_ROWS = 2000  # of one batch of a query
IN_AT_MOST = 200  # ids in one condition: a query's text has 100,000 characters, an address about 16,000
COMMENT_MOST = 4000
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_NAME = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*")
_LIMITS = frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"})


def login(base_url: str, client_id: str, client_secret: str) -> ClientCredentials:
    """The client credentials flow of an External Client App; the address is that of My Domain."""
    return ClientCredentials(base_url.rstrip("/") + TOKENS, client_id, client_secret)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether it can be the name of an object or of a field, so that nothing else gets into a query."""
    return _NAME.fullmatch(text) is not None


def quoted(text: str) -> str:
    r"""A text in a query. https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm"""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def select(columns: Iterable[str], what: str, where: str, more: str = "") -> str:
    """A query. Names come from the configuration, where they were checked; values are quoted or stamps."""
    return f"SELECT {', '.join(columns)} FROM {what} WHERE {where} {more}".rstrip()  # noqa: S608


def stamp(at: datetime) -> str:
    """A moment in a query: milliseconds and a Z, without quotes."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def reason(reply: Reply) -> str:
    """Its own words: `INVALID_FIELD: No such column 'Support_Status__c' on entity 'Account'`."""
    data: Any = reply.data
    if isinstance(data, Mapping):  # of the token's address
        return ": ".join(str(data[name]) for name in ("error", "error_description") if data.get(name))
    errors = [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []
    return "; ".join(f"{row.get('errorCode', '?')}: {row.get('message', '')}" for row in errors)


def limited(reply: Reply) -> bool:
    """The calls of a day are used up, or a row is locked: told with 403, 400 or 503, over when it is over."""
    rows = reply.data if isinstance(reply.data, list) and not reply.ok else []
    return reply.status == 429 or any(isinstance(row, Mapping) and row.get("errorCode") in _LIMITS for row in rows)


# An entity that was deleted answers 404; 400 is a value that the org's rules refuse.
DIALECT = Dialect(explain=reason, faults={404: Fault.TARGET}, limited=limited)
