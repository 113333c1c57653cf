"""The Table API: how rows are asked for, and what of the answers can be believed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from deskbell.net.answers import Reply
from deskbell.net.http import Http
from deskbell.vendors import servicenow as vendor
from pollers import checks
from pollers.cursor import Fetched, Row
from pollers.rows import as_row, moment, number

_MARGIN = 20  # one row in so many is read twice when paging by offset, because rows move while we read
_MANY = 1000  # rows that are asked for by id, in one answer
_MOST_PAGES = 5  # of them


class Instance:
    """One ServiceNow instance, called `title` in errors."""

    def __init__(self, title: str, http: Http) -> None:
        self.title, self.http = title, http

    async def changed(
        self, table: str, filters: str, since: datetime, step: int, *, columns: str, limit: int
    ) -> Fetched:
        """Rows changed since, oldest first. `X-Total-Count` counts rows we may not see as well; it tells the end."""
        offset = step * (limit - limit // _MARGIN)
        order = "ORDERBYsys_updated_on^ORDERBYsys_id"
        query = vendor.joined(filters, f"sys_updated_on>={vendor.stamp(since)}", order)
        reply = await self.read(table, query, columns, limit=limit, offset=offset)
        rows = self.results(reply, table)
        total = number(reply.headers.get("x-total-count"))
        more = offset + limit < total if total is not None else 'rel="next"' in reply.headers.get("link", "")
        return Fetched([row_of(raw) for raw in rows], more, reply.date)

    async def by_ids(
        self, table: str, ids: Sequence[str], columns: str, column: str = "sys_id", more: str = ""
    ) -> list[Mapping[str, Any]]:
        """Rows by their ids, some at a time; rows that were not asked for (a dropped condition) are left out."""
        found: list[Mapping[str, Any]] = []
        for start in range(0, len(ids), vendor.IN_AT_MOST):
            some = list(ids[start : start + vendor.IN_AT_MOST])
            rows = await self._all(table, vendor.joined(vendor.is_in(column, some), more), columns)
            found += [row for row in rows if isinstance(row, Mapping) and vendor.ref(row.get(column)) in some]
        return found

    async def _all(self, table: str, query: str, columns: str) -> list[Any]:
        found: list[Any] = []
        for page in range(_MOST_PAGES):
            reply = await self.read(table, query, columns, limit=_MANY, offset=page * _MANY)
            found += self.results(reply, table)
            if (number(reply.headers.get("x-total-count")) or 0) <= (page + 1) * _MANY:
                break
        return found

    async def read(self, table: str, query: str, columns: str, *, limit: int, offset: int = 0) -> Reply:
        params: dict[str, Any] = {
            "sysparm_query": query,
            "sysparm_fields": columns,
            "sysparm_limit": limit,
            "sysparm_display_value": "false",
            "sysparm_exclude_reference_link": "true",
        }
        if offset:
            params["sysparm_offset"] = offset
        return await self.http.read(f"{vendor.TABLES}/{table}", params)

    def results(self, reply: Reply, table: str) -> list[Any]:
        result = reply.data.get("result") if isinstance(reply.data, Mapping) else None
        return checks.listed(result, self.title, f"{vendor.TABLES}/{table}")

    async def view(self, table: str, record_id: str, columns: str, display: str = "false") -> Mapping[str, Any] | None:
        if not record_id:  # else it would be the whole list that is asked for
            return None
        params = {
            "sysparm_fields": columns,
            "sysparm_display_value": display,
            "sysparm_exclude_reference_link": "true",
        }
        reply = await self.http.read(path_of(table, record_id), params, missing_ok=True)
        result = reply.data.get("result") if reply.ok and isinstance(reply.data, Mapping) else None
        return result if isinstance(result, Mapping) else None


def row_of(raw: Any) -> Row:
    row = raw if isinstance(raw, Mapping) else {}
    return as_row(raw, vendor.ref(row.get("sys_id")), moment(row.get("sys_updated_on")))


def path_of(table: str, record_id: str) -> str:
    return f"{vendor.TABLES}/{table}/{quote(record_id, safe='')}"
