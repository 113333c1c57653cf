"""`deskbell check` of a ServiceNow instance: each way in which it would silently show us too little or too much."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deskbell.core.ports import Finding, SourceError
from deskbell.net.answers import Reply
from deskbell.vendors import servicenow as vendor
from pollers import checks
from pollers.rows import flag, line, number
from pollers.servicenow_conf import Book, status_of

if TYPE_CHECKING:
    from pollers.servicenow import ServiceNow

FAR = datetime(2099, 1, 1, tzinfo=UTC)
_PAGE = 20  # rows that are looked at
_GMT = frozenset({"", "GMT", "UTC", "Etc/UTC", "Etc/GMT"})


async def findings(source: "ServiceNow") -> Sequence[Finding]:
    title, conf = source.title, source.conf
    first = await checks.tried(
        f"{title} credentials",
        lambda: source.api.read(conf.table, conf.query, conf.asked, limit=_PAGE),
        f"{conf.table} can be read",
    )
    if first.reply is None:
        return [first.finding]
    try:
        rows = [row for row in source.api.results(first.reply, conf.table) if isinstance(row, Mapping)]
    except SourceError as error:
        return [replace(first.finding, ok=False, detail=str(error))]
    row = rows[0] if rows else {}
    return [
        first.finding,
        checks.clock(title, first.reply.date, source.now()),
        _rows(source, first.reply, len(rows)),
        _columns(source, rows),
        await _range(source, row),
        await _control(source),
        *[await _obeyed(source, term) for term in vendor.terms(conf.query)],
        await _stored_time(source, row),
        await _zone(source),
        await _states(source),
        *[await _readable(source, table, otherwise) for table, otherwise in _beside(source)],
    ]


def _beside(source: "ServiceNow") -> list[tuple[str, str]]:
    """The tables beside that are read, and what is missing without the right to."""
    conf = source.conf
    told = "notes, replies and documents are unknown, and a note whose answer was lost may be written twice"
    wanted = (
        (True, "sys_user", "people are shown by their ids"),
        (True, "sys_user_group", "groups are shown by their ids, and `teams` finds them by those alone"),
        (conf.slas, "task_sla", "due times are unknown, so that no SLA can ring"),
        (conf.journal and not conf.kind.visits, "sys_journal_field", told),
        (conf.attachments and not conf.kind.visits, "sys_attachment", "documents are unknown"),
        (conf.deletions, "sys_audit_delete", "what is deleted is noticed late; or set `deletions = false`"),
    )
    return [(table, otherwise) for reads, table, otherwise in wanted if reads]


def _rows(source: "ServiceNow", reply: Reply, shown: int) -> Finding:
    """The total counts what we may not see as well."""
    what, total = f"{source.title} rows", number(reply.headers.get("x-total-count"))
    there = shown if total is None else min(total, _PAGE)
    if shown >= there:
        return Finding(what, ok=True, detail=f"{shown} of {shown if total is None else total} came on a first page")
    why = f"{there - shown} of the first {there} are hidden from us: grant our role read access to every row"
    return Finding(what, ok=False, detail=why)


def _columns(source: "ServiceNow", rows: Sequence[Mapping[str, Any]]) -> Finding:
    """A column that does not exist, or that we may not see, is left out without a word."""
    what = f"{source.title} columns"
    missing = [name for name in source.conf.asked.split(",") if rows and not any(name in row for row in rows)]
    if missing:
        why = f"{', '.join(missing)}: not there, or hidden from our role; `columns` says what they are called"
        return Finding(what, ok=False, detail=why)
    return Finding(what, ok=True, detail="all are shown" if rows else "no row yet to try with")


async def _states(source: "ServiceNow") -> Finding:
    """Whether all states of the table are known, before a row comes with one that is not."""
    what = f"{source.title} states"
    try:
        rows = await source.choices()
    except SourceError as error:
        why = f"{error} Until then states are known by their usual codes alone. Grant our role read on sys_choice."
        return Finding(what, ok=False, detail=why)
    used = [row for row in rows if isinstance(row, Mapping) and not flag(row.get("inactive"))]
    labels = vendor.labels(used, source.conf.table, source.conf.language)
    book = Book(labels=labels)
    unknown = [
        label
        for code, label in labels.items()
        if status_of({"state": code}, source.conf, book) == source.conf.kind.unknown
    ]
    if unknown:
        return Finding(what, ok=False, detail=f"not in status_map: {', '.join(unknown)}")
    return Finding(what, ok=True, detail=f"all {len(labels)} are known" if labels else "sys_choice shows none to us")


async def _count(source: "ServiceNow", table: str, query: str, columns: str = "sys_id") -> list[Any]:
    return source.api.results(await source.api.read(table, query, columns, limit=1), table)


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
    """The condition together with its opposite must find nothing; if rows come, the vendor dropped it. Where an admin
    has unknown columns give nothing at all (glide.invalid_query.returns_no_rows), one that is there gives some."""
    what = f"{source.title} filter {term.column}"
    why = f"the condition {term.text()!r} of `query` is ignored: check the column's name and our rights"
    found = await _expect(source, what, vendor.joined(term.text(), term.opposite()), False, why)
    if not found.ok:
        return found
    either = f"{term.column}ISEMPTY^OR{term.column}ISNOTEMPTY"
    why = f"{term.column} finds nothing, whatever it holds: check the column's name and our rights"
    return await _expect(source, what, either, await _there(source, "sys_idISNOTEMPTY"), why)


async def _expect(source: "ServiceNow", what: str, query: str, some: bool, why: str) -> Finding:  # noqa: FBT001
    try:
        good = await _there(source, query) == some
    except SourceError as error:
        return Finding(what, ok=False, detail=str(error))
    return Finding(what, ok=good, detail="works" if good else why)


async def _there(source: "ServiceNow", query: str) -> bool:
    """Whether the query finds any row, one that is hidden from us among them."""
    table = source.conf.table
    reply = await source.api.read(table, query, "sys_id", limit=1)
    return bool(source.api.results(reply, table)) or (number(reply.headers.get("x-total-count")) or 0) > 0


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
