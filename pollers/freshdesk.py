"""Freshdesk as a source of cases. https://developers.freshdesk.com/api/

What it hides: a list without `updated_since` holds 30 days only; due times are null for some seconds after a ticket was
made; without `stats` nothing says whether somebody has answered.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, WriteBack, WriteKind
from deskbell.core.records import CASE_CLOCK_STOPPED, CASE_DONE, Case, CaseStatus, Priority, Sla
from deskbell.net.answers import Reply
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from deskbell.vendors import freshdesk as vendor
from pollers import checks
from pollers.conf import Writeback
from pollers.cursor import OVERLAP, Fetched, Pace, Row
from pollers.names import Names
from pollers.own import OwnWrites
from pollers.rows import as_row, child, flag, ident, line, mapping, moment, note_text, number
from pollers.sweeper import FullSweep, Mapped, Poll, map_each, pages
from pollers.writing import failed_read

_TIGHT = 0.2  # share of the account's calls left, below which we poll half as often: others share them
_MOST_CONVERSATIONS = 5  # pages of 100 that a lost note is looked for in


@dataclass(frozen=True, slots=True)
class FreshdeskConf:
    """`include` costs 2 calls of the account's minute each; without `stats` only a missed first response is seen.

    `status_map` holds codes or labels of custom statuses -> a CaseStatus; `teams` group names or ids -> our teams.
    """

    base_url: str
    key: str = field(repr=False)
    name: str = "freshdesk"
    title: str = "Freshdesk"
    web_url: str = ""
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    page_size: int = vendor.PAGE_SIZE
    max_pages: int = 20
    include: tuple[str, ...] = ("requester", "stats")
    status_map: Mapping[str, CaseStatus] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)


def same_activity(_record_id: str, changed_at: datetime) -> datetime:
    return changed_at


@dataclass(frozen=True, slots=True)
class Book:
    """What a row does not say itself: names, labels, and whether its last change was ours."""

    agents: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    activity: Callable[[str, datetime], datetime] = same_activity


def to_record(raw: Any, conf: FreshdeskConf, book: Book) -> Case:
    """A ticket as a case. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(row.get("id"))
    code = line(row.get("status"))
    status = _status(code, row, conf, book)
    group_id, agent_id = line(row.get("group_id")), line(row.get("responder_id"))
    group = line(book.groups.get(group_id, ""), 200)
    updated = moment(row.get("updated_at"))
    return Case(
        source=conf.name,
        id=record_id,
        number=record_id,
        status=status,
        status_raw=line(book.statuses.get(code) or vendor.STATUS_NAMES.get(code) or code, 100),
        subject=line(row.get("subject")),
        requester=line(child(row, "requester").get("name"), 200),
        team=conf.teams.get(group) or conf.teams.get(group_id) or conf.team,
        zone=conf.zone,
        assignee=line(book.agents.get(agent_id, ""), 200),
        assignee_id=agent_id,
        group=group,
        group_id=group_id,
        priority=_priority(row) or Priority.NORMAL,
        escalated=flag(row.get("is_escalated")),
        escalation_level=int(flag(row.get("is_escalated"))),
        slas=_slas(row, status),
        created_at=moment(row.get("created_at")),
        last_activity_at=book.activity(record_id, updated) if updated else None,
        updated_at=updated,
        url=f"{conf.web_url or vendor.site_of(conf.base_url)}/a/tickets/{quote(record_id, safe='')}",
    )


def unmapped(raw: Any, case: Case) -> list[tuple[str, str]]:
    """What of the row no map knows."""
    found = [("status", case.status_raw)] if case.status is CaseStatus.UNKNOWN else []
    if _priority(raw) is None:
        found.append(("priority", line(raw.get("priority"), 100)))
    return found


def _status(code: str, row: Mapping[str, Any], conf: FreshdeskConf, book: Book) -> CaseStatus:
    if flag(row.get("deleted")) or flag(row.get("spam")):
        return CaseStatus.CLOSED
    label = book.statuses.get(code, "")
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    mapped = ours.get(code) or ours.get(label.lower())
    return CaseStatus(mapped) if mapped else vendor.STATUSES.get(code, CaseStatus.UNKNOWN)


def _priority(row: Mapping[str, Any]) -> Priority | None:
    return vendor.PRIORITIES.get(number(row.get("priority")) or 0)


def _slas(row: Mapping[str, Any], status: CaseStatus) -> tuple[Sla, ...]:
    """Null means "not worked out yet", not "none"; a later reading brings it."""
    paused = status in CASE_CLOCK_STOPPED - CASE_DONE
    done = status in CASE_DONE
    started = moment(row.get("created_at"))
    met = {"first_response": done or _answered(row), "next_reply": done, "resolution": done}
    due = {"first_response": "fr_due_by", "next_reply": "nr_due_by", "resolution": "due_by"}
    found = ((metric, moment(row.get(name))) for metric, name in due.items())
    return tuple(Sla(metric, at, met[metric], paused, started) for metric, at in found if at is not None)


def _answered(row: Mapping[str, Any]) -> bool:
    """Without stats the only sign of a first response still owed is that Freshdesk itself says it is late."""
    if not isinstance(row.get("stats"), Mapping):
        return not flag(row.get("fr_escalated"))
    return moment(child(row, "stats").get("first_responded_at")) is not None


class Freshdesk:
    """The source. One client, few calls: the account's limit is shared with everything else that uses it."""

    def __init__(
        self, conf: FreshdeskConf, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        base = vendor.site_of(conf.base_url) + vendor.API
        self.http = http or Http(
            conf.title, base, vendor.login(conf.key), dialect=vendor.DIALECT, allow_http=conf.allow_http
        )
        self.own = OwnWrites()
        self._now = now
        self._tight = False
        self._agents = Names(f"{conf.name} agents", self._load_agents)
        self._groups = Names(f"{conf.name} groups", self._load_groups)
        self._statuses = Names(f"{conf.name} statuses", self._load_statuses)

    @property
    def name(self) -> str:
        return self.conf.name

    @property
    def title(self) -> str:
        return self.conf.title

    @property
    def interval(self) -> timedelta:
        return self.conf.interval * 2 if self._tight else self.conf.interval

    async def close(self) -> None:
        await self.http.close()

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        start = now - conf.lookback
        return pages(
            cursor,
            Poll(
                source=conf.name,
                fetch=self._fetch_page,
                start=start,
                pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
                map_rows=self._map,
                now=now,
                own=self.own,
                full=FullSweep(self._fetch_page, start, conf.full_every),
            ),
        )

    async def fetch(self, record_id: str) -> Case | None:
        row = await self._ticket(record_id, ",".join(self.conf.include))
        if row is None or flag(row.get("deleted")) or flag(row.get("spam")):
            return None
        return to_record(row, self.conf, await self._book([row]))

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the tickets that are gone: deleted, spam, archived."""
        return [one for one in ids if await self.fetch(one) is None]

    async def _fetch_page(self, since: datetime, step: int) -> Fetched:
        params = {
            "updated_since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "updated_at",
            "order_type": "asc",
            "per_page": self.conf.page_size,
            "page": step + 1,
        }
        if self.conf.include:
            params["include"] = ",".join(self.conf.include)
        reply = await self._read("/tickets", params)
        rows = [self._row(raw) for raw in checks.listed(reply.data, self.title, "/tickets")]
        return Fetched(rows, more='rel="next"' in reply.headers.get("link", ""), date=reply.date)

    def _row(self, raw: Any) -> Row:
        row = raw if isinstance(raw, Mapping) else {}
        return as_row(raw, row.get("id"), moment(row.get("updated_at")))

    async def _map(self, rows: Sequence[Row]) -> Mapped:
        book = await self._book([row.raw for row in rows if isinstance(row.raw, Mapping)])
        return map_each(rows, lambda raw: self._mapped(raw, book))

    def _mapped(self, raw: Any, book: Book) -> tuple[Case, list[tuple[str, str]]]:
        case = to_record(raw, self.conf, book)
        return case, unmapped(raw, case)

    async def _book(self, raws: Iterable[Mapping[str, Any]]) -> Book:
        rows = list(raws)
        return Book(
            agents=await self._agents.of(line(row.get("responder_id")) for row in rows),
            groups=await self._groups.of(line(row.get("group_id")) for row in rows),
            statuses=await self._statuses.of(line(row.get("status")) for row in rows),
            activity=self.own.activity,
        )

    async def _ticket(self, record_id: str, include: str = "") -> Mapping[str, Any] | None:
        path = f"/tickets/{quote(record_id, safe='')}"
        reply = await self.http.read(path, {"include": include} if include else None, missing_ok=True)
        return mapping(reply.data) if reply.ok else None

    async def _read(self, path: str, params: Mapping[str, Any] | None = None) -> Reply:
        reply = await self.http.read(path, params)
        left, total = (number(reply.headers.get(f"x-ratelimit-{one}")) for one in ("remaining", "total"))
        self._tight = left is not None and bool(total) and left < _TIGHT * (total or 0)
        return reply

    async def _load_agents(self, _ids: frozenset[str]) -> dict[str, str]:
        rows = await self._all("/agents")
        return {line(row.get("id")): line(child(row, "contact").get("name"), 200) for row in rows}

    async def _load_groups(self, _ids: frozenset[str]) -> dict[str, str]:
        return {line(row.get("id")): line(row.get("name"), 200) for row in await self._all("/groups")}

    async def _load_statuses(self, _codes: frozenset[str]) -> dict[str, str]:
        return vendor.status_choices((await self._read("/ticket_fields", {"type": "default_status"})).data)

    async def _all(self, path: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for page in range(1, self.conf.max_pages + 1):
            reply = await self._read(path, {"per_page": vendor.PAGE_SIZE, "page": page})
            rows = checks.listed(reply.data, self.title, path)
            found += [row for row in rows if isinstance(row, Mapping)]
            if len(rows) < vendor.PAGE_SIZE:
                break
        return found

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        try:
            ticket = await self._ticket(item.record_id)
        except SourceError as error:
            return failed_read(error)
        if ticket is None or flag(ticket.get("deleted")):
            return Rejected(Fault.TARGET, f"{self.title}: ticket {item.record_id} is gone (deleted or archived)")
        if (before := moment(ticket.get("updated_at"))) is not None:
            self.own.begin(item.record_id, before)
        match item.kind:
            case WriteKind.NOTE:
                return await self._note(item)
            case WriteKind.ASSIGN:
                return await self._assign(item, ticket)
            case WriteKind.RESOLVE:
                return await self._resolve(item, ticket)

    async def find(self, item: WriteBack) -> bool:
        """A note by its marker, an assignment or a resolution by what the ticket says now."""
        ticket = await self._ticket(item.record_id)
        if ticket is None:
            return False
        if item.kind is WriteKind.ASSIGN:
            return line(ticket.get("responder_id")) == item.assignee
        noted = not item.text or await self._marked(item)
        if item.kind is WriteKind.NOTE:
            return noted
        return noted and vendor.STATUSES.get(line(ticket.get("status"))) in CASE_DONE

    async def _note(self, item: WriteBack) -> Outcome:
        body = {"body": vendor.as_html(note_text(item.text, item.marker)), "private": True}
        return await self._done(item, "POST", f"/tickets/{quote(item.record_id, safe='')}/notes", body)

    async def _assign(self, item: WriteBack, ticket: Mapping[str, Any]) -> Outcome:
        agent = number(item.assignee)
        if agent is None:
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} is no agent id; it must be a number")
        if number(ticket.get("responder_id")) == agent:
            return Sent({}, "was assigned already")
        return await self._done(item, "PUT", f"/tickets/{quote(item.record_id, safe='')}", {"responder_id": agent})

    async def _resolve(self, item: WriteBack, ticket: Mapping[str, Any]) -> Outcome:
        """The status first: it can be set twice without harm, the note can't."""
        if vendor.STATUSES.get(line(ticket.get("status"))) not in CASE_DONE:
            path = f"/tickets/{quote(item.record_id, safe='')}"
            outcome = await self._done(item, "PUT", path, {"status": vendor.RESOLVED})
            if not isinstance(outcome, Sent):
                return outcome
        return await self._note(item) if item.text else Sent()

    async def _done(self, item: WriteBack, method: str, path: str, body: Mapping[str, Any]) -> Outcome:
        reply = await self.http.send(method, path, body)
        if not isinstance(reply, Reply):
            return reply
        answer = reply.data if isinstance(reply.data, Mapping) else {}
        if (after := moment(answer.get("updated_at"))) is not None:
            self.own.done(item.record_id, after)
        return Sent({"id": line(answer.get("id"), 100)})

    async def _marked(self, item: WriteBack) -> bool:
        path = f"/tickets/{quote(item.record_id, safe='')}/conversations"
        for page in range(1, _MOST_CONVERSATIONS + 1):
            reply = await self._read(path, {"per_page": vendor.PAGE_SIZE, "page": page})
            rows = [row for row in checks.listed(reply.data, self.title, path) if isinstance(row, Mapping)]
            for row in rows:
                if item.marker in str(row.get("body_text") or row.get("body")):
                    self._found(item, row)
                    return True
            if len(rows) < vendor.PAGE_SIZE:
                break
        return False

    def _found(self, item: WriteBack, row: Mapping[str, Any]) -> None:
        if (at := moment(row.get("updated_at"))) is not None:
            self.own.done(item.record_id, at)

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        me = await checks.tried(f"{self.title} credentials", lambda: self._read("/agents/me"), "the key is accepted")
        if me.reply is None:
            return [me.finding]
        return [
            me.finding,
            self._scope(me.reply),
            checks.clock(self.title, me.reply.date, self._now()),
            (await checks.tried(f"{self.title} statuses", self._read_statuses, "their labels can be read")).finding,
            await self._time_filter(),
        ]

    def _scope(self, reply: Reply) -> Finding:
        scope = number(mapping(reply.data).get("ticket_scope")) if isinstance(reply.data, Mapping) else None
        if scope in (None, vendor.GLOBAL_SCOPE):
            return Finding(f"{self.title} scope", ok=True, detail="the key's agent sees every ticket")
        why = "the key's agent sees only some tickets, the others are silently missing; give it global access"
        return Finding(f"{self.title} scope", ok=False, detail=why)

    async def _read_statuses(self) -> Reply:
        return await self._read("/ticket_fields", {"type": "default_status"})

    async def _time_filter(self) -> Finding:
        """A list of what will change tomorrow must be empty; if it is not, the filter is not obeyed."""
        what = f"{self.title} time filter"
        try:
            got = await self._fetch_page(self._now() + timedelta(days=1), 0)
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        if got.rows:
            return Finding(what, ok=False, detail="updated_since is ignored; is there a proxy that drops it?")
        return Finding(what, ok=True, detail="updated_since is obeyed")
