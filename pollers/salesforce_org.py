"""One connection to a Salesforce org: queries by keyset, single records, changes. Whoever reads an org uses this.

What it hides: a query's batch may be smaller than its LIMIT; rows become visible when their transaction ends, with the
stamp of its beginning; what sharing hides is left out without a word.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deskbell.core.outcome import Outcome
from deskbell.core.ports import SourceError, SourceFault
from deskbell.net.answers import Reply
from deskbell.net.auth import Auth
from deskbell.net.http import Http
from deskbell.vendors import salesforce as vendor
from pollers import checks

_MOST_BATCHES = 40  # of one query: 2,000 rows come in batches of 50 at the worst


class Org:
    """`auth` is client credentials as a rule, or a signed claim."""

    def __init__(self, title: str, base_url: str, auth: Auth, *, version: str, allow_http: bool = False) -> None:
        self.title = title
        self.data = f"{vendor.API}/v{version}"
        self.http = Http(title, base_url, auth, dialect=vendor.DIALECT, allow_http=allow_http)

    async def query(self, soql: str, *, deleted: bool = False) -> tuple[list[Any], Reply]:
        """All rows of a query, and the last answer. `deleted`: rows in the bin as well."""
        reply = await self.http.read(f"{self.data}/{'queryAll' if deleted else 'query'}", {"q": soql})
        rows = self._records(reply)
        for _ in range(_MOST_BATCHES):
            after = reply.data.get("nextRecordsUrl")
            if reply.data.get("done", True) or not isinstance(after, str):
                return rows, reply
            reply = await (self.http.read(after) if after.startswith("/") else self.http.follow(after))
            rows += self._records(reply)
        raise SourceError(SourceFault.ANSWER, f"{self.title} gave more than {_MOST_BATCHES} batches for one query")

    async def changed(
        self, what: str, columns: Sequence[str], *, since: datetime, key: str, limit: int, where: str = ""
    ) -> tuple[list[Any], str, Reply]:
        """Rows changed since, oldest first, deleted ones too; the key of the next page is the last row's place."""
        later = f"SystemModstamp >= {vendor.stamp(since)}"
        if key:
            at, _, last = key.partition("|")
            later = f"(SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > {vendor.quoted(last)}))"
        conditions = f"{later} AND ({where})" if where else later
        order = f"ORDER BY SystemModstamp ASC, Id ASC LIMIT {limit}"
        rows, reply = await self.query(vendor.select(_with_stamps(columns), what, conditions, order), deleted=True)
        return rows, _key(rows, limit), reply

    async def some(self, what: str, columns: Sequence[str], ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Those of the records that are there and that we may see."""
        found: list[Mapping[str, Any]] = []
        wanted = [one for one in ids if vendor.is_id(one)]
        for start in range(0, len(wanted), vendor.IN_AT_MOST):
            listed = ", ".join(map(vendor.quoted, wanted[start : start + vendor.IN_AT_MOST]))
            rows, _ = await self.query(vendor.select(_with_stamps(columns), what, f"Id IN ({listed})"))
            found += [row for row in rows if isinstance(row, Mapping)]
        return found

    async def update(self, what: str, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        """Sets fields; the org's assignment rules stay out of it."""
        path, headers = f"{self.data}/sobjects/{what}/{record_id}", {"Sforce-Auto-Assign": "FALSE"}
        return await self.http.send("PATCH", path, values, headers=headers, expect_json=False)

    async def create(self, what: str, values: Mapping[str, Any]) -> Reply | Outcome:
        return await self.http.send("POST", f"{self.data}/sobjects/{what}", values)

    def _records(self, reply: Reply) -> list[Any]:
        path = f"{self.data}/query"
        return list(checks.listed(checks.told(reply, self.title, path).get("records"), self.title, path))


def _with_stamps(columns: Sequence[str]) -> Sequence[str]:
    return list(dict.fromkeys(("Id", "SystemModstamp", "IsDeleted", *columns)))


def _key(rows: Sequence[Any], limit: int) -> str:
    """Fewer rows than the LIMIT are the last ones."""
    last = rows[-1] if len(rows) >= limit and isinstance(rows[-1], Mapping) else {}
    at, record_id = last.get("SystemModstamp"), last.get("Id")
    if not isinstance(at, str) or not isinstance(record_id, str):
        return ""
    try:
        return f"{vendor.stamp(datetime.fromisoformat(at))}|{record_id}"
    except ValueError:
        return ""
