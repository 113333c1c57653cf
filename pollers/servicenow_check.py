"""`deskbell check` of a ServiceNow instance: each way in which it would silently show us too little or too much."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deskbell.core.ports import Finding, SourceError
from deskbell.vendors import servicenow as vendor
from pollers import checks
from pollers.rows import line

if TYPE_CHECKING:
    from pollers.servicenow import ServiceNow

FAR = datetime(2099, 1, 1, tzinfo=UTC)
_ONE = "sys_id,sys_updated_on"
_GMT = frozenset({"", "GMT", "UTC", "Etc/UTC", "Etc/GMT"})


async def findings(source: "ServiceNow") -> Sequence[Finding]:
    title, table = source.title, source.conf.table
    first = await checks.tried(
        f"{title} credentials", lambda: source.read(table, source.conf.query, _ONE, limit=1), f"{table} can be read"
    )
    if first.reply is None:
        return [first.finding]
    rows = source.results(first.reply, table)
    row = rows[0] if rows and isinstance(rows[0], Mapping) else {}
    return [
        first.finding,
        checks.clock(title, first.reply.date, source.now()),
        await _range(source, row),
        await _control(source),
        *[await _obeyed(source, term) for term in vendor.terms(source.conf.query)],
        await _stored_time(source, row),
        await _zone(source),
        await _readable(source, "task_sla", "due times are unknown, so that no SLA can ring"),
        await _readable(source, "sys_journal_field", "a note whose answer was lost may be written twice"),
    ]


async def _count(source: "ServiceNow", table: str, query: str, columns: str = "sys_id") -> list[Any]:
    return source.results(await source.read(table, query, columns, limit=1), table)


async def _range(source: "ServiceNow", row: Mapping[str, Any]) -> Finding:
    """Ranges and sorting need the right `query_range`; without it polls come back empty, for ever."""
    query = vendor.joined(source.conf.query, "sys_updated_on>=1970-01-01 00:00:00", "ORDERBYsys_updated_on")
    why = "rows can be read, but not by a range of sys_updated_on: grant our role the query_range ACL on that column"
    return await _expect(source, f"{source.title} range query", query, bool(row), why)


async def _control(source: "ServiceNow") -> Finding:
    query = vendor.joined(source.conf.query, f"sys_updated_on>={vendor.stamp(FAR)}")
    why = "a filter on sys_updated_on is ignored; may our role query that column?"
    return await _expect(source, f"{source.title} time filter", query, False, why)


async def _obeyed(source: "ServiceNow", term: vendor.Term) -> Finding:
    """The condition together with its opposite must find nothing; if rows come, the vendor dropped it."""
    query = vendor.joined(term.text(), term.opposite())
    why = f"the condition {term.text()!r} of `query` is ignored: check the column's name and our rights"
    return await _expect(source, f"{source.title} filter {term.column}", query, False, why)


async def _expect(source: "ServiceNow", what: str, query: str, some: bool, why: str) -> Finding:  # noqa: FBT001
    try:
        rows = await _count(source, source.conf.table, query)
    except SourceError as error:
        return Finding(what, ok=False, detail=str(error))
    good = bool(rows) == some
    return Finding(what, ok=good, detail="works" if good else why)


async def _stored_time(source: "ServiceNow", row: Mapping[str, Any]) -> Finding:
    """A moment in a query must mean the same as the one in the answer."""
    stamp = line(row.get("sys_updated_on"), 30)
    if not stamp:
        return Finding(f"{source.title} times", ok=True, detail="no row yet to try with")
    query = vendor.joined(f"sys_id={vendor.safe(str(row.get('sys_id')))}", f"sys_updated_on={vendor.safe(stamp)}")
    why = "times in queries are read in another zone than those in answers: set our user's time zone to GMT"
    return await _expect(source, f"{source.title} times", query, True, why)


async def _zone(source: "ServiceNow") -> Finding:
    what = f"{source.title} user"
    if not source.conf.user:
        return Finding(what, ok=False, detail="set `user` to our account's user name, so that our own notes are known")
    query = f"user_name={vendor.safe(source.conf.user)}"
    try:
        rows = await _count(source, "sys_user", query, "user_name,time_zone")
    except SourceError as error:
        return Finding(what, ok=False, detail=str(error))
    row = rows[0] if rows and isinstance(rows[0], Mapping) else {}
    if row.get("user_name") != source.conf.user:
        return Finding(what, ok=False, detail=f"there is no user {source.conf.user}, or sys_user can't be read")
    zone = line(row.get("time_zone"), 50)
    ok = zone in _GMT
    return Finding(what, ok=ok, detail="its zone is GMT" if ok else f"its time zone is {zone}; set it to GMT")


async def _readable(source: "ServiceNow", table: str, otherwise: str) -> Finding:
    try:
        await _count(source, table, "")
    except SourceError as error:
        return Finding(f"{source.title} {table}", ok=False, detail=f"{error} Until then {otherwise}.")
    return Finding(f"{source.title} {table}", ok=True, detail="can be read")
