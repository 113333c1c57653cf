"""Salesforce as a source: cases, and accounts, orders, contracts, invoices of whichever object holds them.

What it hides: a comment, an e-mail or a milestone moves without its case; what is not shared with us is not there.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deskbell.core.outcome import Outcome
from deskbell.core.ports import Finding, Page, SourceError
from deskbell.core.records import CASE_CLOCK_STOPPED, CASE_DONE, Case, Happening, HappeningKind, Record, Sla
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from deskbell.vendors import salesforce as vendor
from pollers import checks, happenings
from pollers.chain import Chain
from pollers.crm import Crm
from pollers.crm_conf import CrmConf
from pollers.cursor import Batch, Fetched, Pace, Row, from_json, sweep, to_json
from pollers.rows import as_row, child, flag, line, moment, number
from pollers.salesforce_org import Org
from pollers.salesforce_presets import PRESETS

__all__ = ["Salesforce", "SalesforceConf"]

_TIGHT = 0.1  # share of the day's calls left, below which `deskbell check` warns
_COMMENTS = (
    "(SELECT Id, CommentBody, IsPublished, CreatedDate, CreatedById, CreatedBy.Name, CreatedBy.UserType "
    "FROM CaseComments ORDER BY CreatedDate DESC LIMIT 30)"
)
_EMAILS = (
    "(SELECT Id, Subject, Incoming, MessageDate, FromName, FromAddress, HasAttachment "
    "FROM EmailMessages ORDER BY MessageDate DESC LIMIT 30)"
)
_MILESTONES = "(SELECT Id, StartDate, TargetDate, IsCompleted, MilestoneType.Name FROM CaseMilestones)"
# What moves without its case: the object, and which of its fields names the case.
_BESIDE: Mapping[str, tuple[str, str]] = {
    "comments": ("CaseComment", "ParentId"),
    "emails": ("EmailMessage", "ParentId"),
    "milestones": ("CaseMilestone", "CaseId"),
}
_INSIDE = frozenset({"Standard", ""})  # kinds of users who are staff; all others come by a portal


@dataclass(frozen=True, slots=True)
class SalesforceConf(CrmConf):
    """An object of an org, read by an External Client App with the client credentials flow.

    Well-known objects (Case, Account, Opportunity, Order, Contract) need no `fields`; others need them, and `records`.
    """

    client_id: str = ""  # the consumer key of the app
    client_secret: str = field(default="", repr=False)  # its consumer secret
    name: str = "salesforce"
    title: str = "Salesforce"
    object: str = "Case"
    version: str = vendor.VERSION  # of the API
    filter: str = ""  # a condition in SOQL that narrows what is read: `RecordType.DeveloperName = 'Support'`
    comments: bool = True  # of cases: comments ring and count as answers; one more call a poll
    emails: bool = False  # of cases, where Email-to-Case is used; one more call a poll
    milestones: bool = False  # of cases, where entitlements tell when they are due; one more call a poll
    page_size: int = 200

    PRESETS = PRESETS
    MOST_PER_PAGE = vendor.MOST_ROWS

    def problems(self) -> Iterator[str]:
        if not (self.client_id and self.client_secret):
            yield "give client_id and client_secret"
        if not vendor.is_name(self.object):
            yield f"object: {self.object!r} can be no object's name"
        yield from CrmConf.problems(self)

    def page_of_record(self) -> str:
        return f"{self.base_url.rstrip('/')}/lightning/r/{self.object}/{{id}}/view"


class Salesforce(Crm[SalesforceConf]):
    """The source. For cases it also reads, by their own times of change, what belongs to them."""

    def connected(self) -> Http:
        conf = self.conf
        login = vendor.login(conf.base_url, conf.client_id, conf.client_secret)
        self.org = Org(conf.title, conf.base_url, login, version=conf.version, allow_http=conf.allow_http)
        beside = {"comments": _COMMENTS, "emails": _EMAILS, "milestones": _MILESTONES}
        self.beside = [one for one in _BESIDE if conf.object == "Case" and getattr(conf, one)]
        more = [self.described.assignee_field, *self.described.on_resolve]
        self.columns = [*self.described.columns, *filter(None, more), *(beside[one] for one in self.beside)]
        return self.org.http

    # ------------------------------------------------------------ reading

    async def ask(self, since: datetime, key: str) -> tuple[Fetched, str]:
        return await self._changed(since, key, self.conf.filter)

    async def open_rows(self, since: datetime, key: str) -> tuple[Fetched, str]:
        unclosed = "IsClosed = false" if self.conf.object in ("Case", "Opportunity") else ""
        both = " AND ".join(f"({one})" for one in (unclosed, self.conf.filter) if one)
        return await self._changed(since, key, both)

    async def _changed(self, since: datetime, key: str, where: str) -> tuple[Fetched, str]:
        conf = self.conf
        rows, after, reply = await self.org.changed(
            conf.object, self.columns, since=since, key=key, limit=conf.page_size, where=where
        )
        return Fetched([self.row(raw) for raw in rows], more=bool(after), date=reply.date), after

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        rows = await self.org.some(self.conf.object, self.columns, [record_id])
        return rows[0] if rows else None

    async def missing(self, ids: Sequence[str]) -> list[str]:
        there = {line(row.get("Id"), 20) for row in await self.org.some(self.conf.object, (), ids)}
        return [one for one in ids if one not in there]

    def is_gone(self, raw: Any) -> bool:
        return isinstance(raw, Mapping) and flag(raw.get("IsDeleted"))

    def row(self, raw: Any) -> Row:
        row = raw if isinstance(raw, Mapping) else {}
        return as_row(raw, row.get("Id"), self.changed_at(row))

    def changed_at(self, raw: Mapping[str, Any]) -> datetime | None:
        return moment(raw.get("SystemModstamp"))

    def record_of(self, raw: Any, told: Mapping[str, tuple[Happening, ...]]) -> Record:
        record = Crm.record_of(self, raw, told)
        if not isinstance(record, Case):
            return record
        return replace(record, slas=record.slas or milestones(raw, record), happenings=happened(raw))

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        beside, last = dict(cursor.get("beside", {})), None
        async for page in Crm.changes(self, cursor):
            last = replace(page, cursor={**page.cursor, "beside": beside})
            yield last
        for what in self.beside:
            if last is None:
                return
            async for page in self._moved(what, last):
                last = page
                yield page

    async def _moved(self, what: str, last: Page) -> AsyncIterator[Page]:
        """Cases to which something was added or whose milestone moved, which their own time of change need not show."""
        name, parent = _BESIDE[what]
        conf, held = self.conf, from_json(last.cursor["beside"].get(what, {}))

        async def ask(since: datetime, key: str) -> tuple[Fetched, str]:
            rows, after, reply = await self.org.changed(
                name, (parent,), since=since, key=key, limit=conf.page_size, where=f"{parent} != null"
            )
            return Fetched([self.row(raw) for raw in rows], more=bool(after), date=reply.date), after

        pace = Pace(overlap=conf.overlap, max_pages=conf.max_pages)
        async for batch in sweep(held, Chain(ask).fetch, self._now() - conf.overlap, pace):
            beside = {**last.cursor["beside"], what: to_json(batch.cursor)}
            ids = {line(row.raw.get(parent), 20) for row in batch.rows if isinstance(row.raw, Mapping)}
            last = await self._again(last, batch, sorted(ids - {""}), beside)
            yield last

    async def _again(self, last: Page, batch: Batch, ids: Sequence[str], beside: Mapping[str, Any]) -> Page:
        raws = await self.org.some(self.conf.object, self.columns, ids) if ids else []
        mapped = await self.map_rows([self.row(raw) for raw in raws])
        return replace(
            last,
            records=mapped.records,
            bad=mapped.bad,
            unmapped=mapped.unmapped,
            gone=(),
            cursor={**last.cursor, "beside": beside, "own": self.own.dump()},
            read_at=batch.date or last.read_at,
        )

    # ------------------------------------------------------------ writing

    async def put(self, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        return await self.org.update(self.conf.object, record_id, values)

    async def add_note(self, record_id: str, text: str) -> Reply | Outcome:
        """An internal comment of a case, a post in the feed of anything else."""
        if self.conf.object == "Case":
            body = {"ParentId": record_id, "CommentBody": text[-vendor.COMMENT_MOST :], "IsPublished": False}
            return await self.org.create("CaseComment", body)
        return await self.org.create("FeedItem", {"ParentId": record_id, "Body": text, "Type": "TextPost"})

    async def notes(self, record_id: str) -> Sequence[str]:
        what, column = ("CaseComment", "CommentBody") if self.conf.object == "Case" else ("FeedItem", "Body")
        where, order = f"ParentId = {vendor.quoted(record_id)}", "ORDER BY CreatedDate DESC, Id DESC LIMIT 100"
        rows, _ = await self.org.query(vendor.select(("Id", column), what, where, order))
        return [str(row.get(column)) for row in rows if isinstance(row, Mapping)]

    # ------------------------------------------------------------ checking

    async def who(self) -> Sequence[checks.Tried]:
        me = await checks.tried(
            f"{self.title} credentials", lambda: self.http.read(vendor.ME), "the app's run-as user is logged in"
        )
        if me.reply is None:
            return [me]
        return [me, await self._scope(me.reply), await self._budget()]

    async def _scope(self, me: Reply) -> checks.Tried:
        """Whether the user's permission sets let it see every record, whoever they are shared with."""
        what = f"{self.title} scope"
        user = line(me.data.get("user_id"), 20) if isinstance(me.data, Mapping) else ""
        mine = f"AssigneeId = {vendor.quoted(user)}"
        try:
            sets, _ = await self.org.query(vendor.select(("PermissionSetId",), "PermissionSetAssignment", mine))
            ids = ", ".join(vendor.quoted(line(row.get("PermissionSetId"), 20)) for row in sets) or "''"
            where = f"SobjectType = {vendor.quoted(self.conf.object)} AND ParentId IN ({ids})"
            columns = ("PermissionsRead", "PermissionsViewAllRecords")
            rows, _ = await self.org.query(vendor.select(columns, "ObjectPermissions", where))
        except SourceError as error:
            return checks.Tried(Finding(what, ok=False, detail=str(error)))
        if any(flag(row.get("PermissionsViewAllRecords")) for row in rows if isinstance(row, Mapping)):
            return checks.Tried(Finding(what, ok=True, detail=f"every {self.conf.object} can be seen"))
        why = f"what is not shared with the run-as user is silently missing; grant it View All on {self.conf.object}"
        return checks.Tried(Finding(what, ok=False, detail=why))

    async def _budget(self) -> checks.Tried:
        what = f"{self.title} calls"
        tried = await checks.tried(what, lambda: self.http.read(f"{self.org.data}/limits"), "")
        calls = (
            tried.reply.data.get("DailyApiRequests") if tried.reply and isinstance(tried.reply.data, Mapping) else None
        )
        if not isinstance(calls, Mapping):
            return tried
        left, most = number(calls.get("Remaining")) or 0, number(calls.get("Max")) or 0
        ok = left >= _TIGHT * most
        return checks.Tried(
            Finding(what, ok=ok, detail=f"{left} of the {most} calls of 24 hours are left"), tried.reply
        )


def milestones(raw: Mapping[str, Any], case: Case) -> tuple[Sla, ...]:
    """One clock of each kind, the first to run out of those that run. A stopped case stops them all."""
    done, paused = case.status in CASE_DONE, flag(raw.get("IsStopped")) or case.status in CASE_CLOCK_STOPPED - CASE_DONE
    found: dict[str, Sla] = {}
    for row in _children(raw, "CaseMilestones"):
        due = moment(row.get("TargetDate"))
        if due is None:
            continue
        said = line(child(row, "MilestoneType").get("Name"), 100).lower()
        metric = "first_response" if "first" in said else "next_reply" if "respon" in said else "resolution"
        sla = Sla(metric, due, done or flag(row.get("IsCompleted")), paused and not done, moment(row.get("StartDate")))
        held = found.get(metric)
        if held is None or (held.met, held.due_at) > (sla.met, sla.due_at):
            found[metric] = sla
    return tuple(found[metric] for metric in sorted(found))


def happened(raw: Mapping[str, Any]) -> tuple[Happening, ...]:
    told = [*map(_comment, _children(raw, "CaseComments")), *map(_email, _children(raw, "EmailMessages"))]
    files = [_attached(row) for row in _children(raw, "EmailMessages") if flag(row.get("HasAttachment"))]
    return happenings.newest(one for one in (*told, *files) if one is not None)


def _children(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = child(raw, name).get("records")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _comment(row: Mapping[str, Any]) -> Happening | None:
    at, text = moment(row.get("CreatedDate")), row.get("CommentBody")
    if at is None or happenings.ours(text):
        return None
    by, public = child(row, "CreatedBy"), flag(row.get("IsPublished"))
    inside = line(by.get("UserType"), 50) in _INSIDE
    kind = HappeningKind.REPLY if public else HappeningKind.NOTE
    return Happening(
        kind if inside else HappeningKind.CUSTOMER_REPLY,
        line(row.get("Id"), 20),
        at,
        line(by.get("Name"), 200),
        line(row.get("CreatedById"), 20),
        not public,
        happenings.hint(text),
    )


def _email(row: Mapping[str, Any]) -> Happening | None:
    at = moment(row.get("MessageDate"))
    if at is None:
        return None
    incoming, author = flag(row.get("Incoming")), line(row.get("FromName") or row.get("FromAddress"), 200)
    kind = HappeningKind.CUSTOMER_REPLY if incoming else HappeningKind.REPLY
    return Happening(kind, line(row.get("Id"), 20), at, author, text_hint=happenings.hint(row.get("Subject")))


def _attached(row: Mapping[str, Any]) -> Happening | None:
    """An e-mail tells that files came with it, and not what they are called."""
    told = _email(row)
    return told and replace(told, kind=HappeningKind.DOCUMENT, name=told.text_hint, text_hint="")
