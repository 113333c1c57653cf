"""Freshdesk as a source of cases. https://developers.freshdesk.com/api/

What it hides: a list without `updated_since` holds 30 days only; deleted tickets and spam are in lists of their own;
due times are null for some seconds after a ticket was made; without `stats` nothing says whether somebody has answered;
stamps are whole seconds, so that two changes may look like one.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import structlog

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CASE_DONE, HAPPENINGS, Case
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from deskbell.vendors import freshdesk as vendor
from pollers import checks
from pollers.cursor import Fetched, Pace, Row, from_json, sweep, to_json
from pollers.freshdesk_talk import Talk
from pollers.freshdesk_ticket import Book, FreshdeskConf, thrown_away, to_record, unmapped
from pollers.names import Names
from pollers.own import OwnWrites, opened_here
from pollers.rows import as_row, child, line, mapping, moment, note_text, number, version
from pollers.share import Share
from pollers.sweeper import FullSweep, Mapped, Poll, map_each, pages
from pollers.writing import failed_read

__all__ = ["Book", "Freshdesk", "FreshdeskConf", "to_record", "unmapped"]

log = structlog.get_logger(__name__)

_TIGHT = 0.2  # share of the account's calls left, below which we poll half as often: others share them
_MOST_CONVERSATIONS = 30  # pages of 100 in one ticket
_ASKED_ANEW = 20  # tickets that changed nothing, in a page of all, whose conversations we have forgotten


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
        self.share = Share(conf.share)
        self.now = now
        self._tight = False
        self._agents = Names(f"{conf.name} agents", self._load_agents)
        self._groups = Names(f"{conf.name} groups", self._load_groups)
        self._statuses = Names(f"{conf.name} statuses", self._load_statuses)
        self.talk = Talk(conf, self.conversations, self._agents, self._statuses)

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

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self.now(), self.conf
        start = now - conf.lookback
        poll = Poll(
            source=conf.name,
            fetch=self._fetch_page,
            start=start,
            pace=self._pace,
            map_rows=self._map,
            now=now,
            own=self.own,
            # One page a poll: what was said in its tickets may have to be asked for as well, and news wait behind it.
            full=FullSweep(self._fetch_again, start, conf.full_every, pages_a_poll=1),
        )
        bins, last = cursor.get("bins", {}), None
        async for page in pages(cursor, poll):
            last = replace(page, cursor={**page.cursor, "bins": bins})
            yield last
        looked = moment(bins.get("at"))
        if last is not None and (looked is None or now - looked >= conf.bins_every):
            try:
                async for page in self._thrown_away(last, now):
                    yield page
            except SourceError as error:
                if error.fault is not SourceFault.AUTH or error.login:
                    raise
                log.warning("bins_unreadable", source=self.name, error=str(error))  # `deskbell check` says so too

    @property
    def _pace(self) -> Pace:
        return Pace(overlap=self.conf.overlap, max_pages=self.conf.max_pages)

    async def _thrown_away(self, last: Page, now: datetime) -> AsyncIterator[Page]:
        """Tickets that were deleted or put into spam, which have left every other list."""
        last = replace(last, records=(), bad=(), unmapped=())
        for name in vendor.BINS:
            held = from_json(last.cursor["bins"].get(name, {}))
            fetch = partial(self._fetch_bin, name)
            async for batch in sweep(held, fetch, held.floor or now - self.conf.overlap, self._pace):
                bins = {**last.cursor["bins"], name: to_json(batch.cursor), "at": now.isoformat()}
                gone = tuple(row.id for row in batch.rows)
                last = replace(last, gone=gone, cursor={**last.cursor, "bins": bins}, read_at=batch.date)
                yield last

    async def fetch(self, record_id: str) -> Case | None:
        reply = await self._ticket_reply(record_id, ",".join(self.conf.include))
        row = mapping(reply.data) if reply.ok else None
        if row is None or thrown_away(row) or opened_here(row, "tags"):
            return None
        await self.talk.look(row, reply.date or self.now())
        return to_record(row, self.conf, await self._book([row]))

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the tickets that are gone: deleted, spam, archived."""
        found = []
        for one in ids:
            row = await self._ticket(one)
            if row is None or thrown_away(row):
                found.append(one)
        return found

    async def _fetch_again(self, since: datetime, step: int) -> Fetched:
        """A page of all tickets once more, for what moved without a stamp, which is nothing that was said. Those of
        which we would have to ask that, and did for many others, are left out: they are as they were read last."""
        got = await self._list(since, step, include=",".join(self.conf.include))
        now, rows, asked = got.date or self.now(), [], 0
        for row in got.rows:
            known = await self.talk.knows(row.raw, now)
            asked += not known
            if known or asked <= _ASKED_ANEW:
                rows.append(await self._with_talk(row, now))
        return replace(got, rows=rows)

    async def _fetch_page(self, since: datetime, step: int) -> Fetched:
        got = await self._list(since, step, include=",".join(self.conf.include))
        now = got.date or self.now()
        return replace(got, rows=[await self._with_talk(row, now) for row in got.rows])

    async def _with_talk(self, row: Row, now: datetime) -> Row:
        """What was said counts as a part of the row. While more may come under its stamp, it is no last reading."""
        said = await self.talk.look(row.raw, now)
        if said is None:
            return row
        return replace(row, version=version([row.version, [repr(one) for one in said.told], said.final]))

    async def _fetch_bin(self, name: str, since: datetime, step: int) -> Fetched:
        return await self._list(since, step, filter=name)

    async def _list(self, since: datetime, step: int, **more: str) -> Fetched:
        params = {
            "updated_since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "updated_at",
            "order_type": "asc",
            "per_page": self.conf.page_size,
            "page": step + 1,
        }
        reply = await self.read("/tickets", params | {name: value for name, value in more.items() if value})
        rows = [self._row(raw) for raw in checks.listed(reply.data, self.title, "/tickets")]
        return Fetched(rows, more='rel="next"' in reply.headers.get("link", ""), date=reply.date)

    async def listed(self, since: datetime, name: str = "") -> list[Any]:
        """A first page of what changed since, or of one of the bins."""
        return [row.raw for row in (await self._list(since, 0, filter=name)).rows]

    def _row(self, raw: Any) -> Row:
        row = raw if isinstance(raw, Mapping) else {}
        return as_row(raw, row.get("id"), moment(row.get("updated_at")))

    async def _map(self, found: Sequence[Row]) -> Mapped:
        rows = [row for row in found if not opened_here(row.raw, "tags")]
        book = await self._book([row.raw for row in rows if isinstance(row.raw, Mapping)])
        mapped = map_each(rows, lambda raw: self._mapped(raw, book))
        return replace(mapped, bad=mapped.bad + self.talk.bad([record.id for record in mapped.records]))

    def _mapped(self, raw: Any, book: Book) -> tuple[Case, list[tuple[str, str]]]:
        case = to_record(raw, self.conf, book)
        return case, unmapped(raw, case)

    async def _book(self, raws: Iterable[Mapping[str, Any]]) -> Book:
        rows = list(raws)
        return Book(
            agents=await self._agents.of(line(row.get("responder_id")) for row in rows),
            groups=await self._groups.of(line(row.get("group_id")) for row in rows),
            statuses=await self._statuses.of(line(row.get("status")) for row in rows),
            told=self.talk.told([line(row.get("id"), 100) for row in rows]),
            activity=self.own.activity,
        )

    async def conversations(self, record_id: str, first: int = 1) -> tuple[list[Any], int]:
        """What was said in a ticket from a page on, oldest first, and the last page that was full, or 1.

        Nothing when the ticket is gone meanwhile. Where so much was taken back that the page is short, from the start.
        """
        path, found, full = _path(record_id, "/conversations"), [], 1
        for page in range(first, first + _MOST_CONVERSATIONS):
            reply = await self.read(path, {"per_page": vendor.PAGE_SIZE, "page": page}, missing_ok=True)
            rows = checks.listed(reply.data, self.title, path) if reply.ok else []
            found += rows
            if len(rows) < vendor.PAGE_SIZE:
                break
            full = page
        if first > 1 and len(found) < HAPPENINGS:
            return await self.conversations(record_id)
        return found, full

    async def _ticket(self, record_id: str) -> Mapping[str, Any] | None:
        reply = await self._ticket_reply(record_id)
        return mapping(reply.data) if reply.ok else None

    async def _ticket_reply(self, record_id: str, include: str = "") -> Reply:
        return await self.read(_path(record_id), {"include": include} if include else None, missing_ok=True)

    async def read(
        self, path: str, params: Mapping[str, Any] | None = None, *, missing_ok: bool = False, waits: bool = True
    ) -> Reply:
        """An answer, once our share of the account's calls allows the question. What people wait for goes at once."""
        if waits:
            await self.share.turn()
        return self._counted(await self.http.read(path, params, missing_ok=missing_ok))

    def _counted(self, reply: Reply) -> Reply:
        said = (reply.headers.get(f"x-ratelimit-{one}") for one in ("used-currentrequest", "total", "remaining"))
        cost, total, left = map(number, said)
        self.share.spend(cost or 1, total)
        if left is not None and total:
            self._tight = left < _TIGHT * total
        return reply

    async def _load_agents(self, _ids: frozenset[str]) -> dict[str, str]:
        rows = await self._all("/agents")
        return {line(row.get("id")): line(child(row, "contact").get("name"), 200) for row in rows}

    async def _load_groups(self, _ids: frozenset[str]) -> dict[str, str]:
        return {line(row.get("id")): line(row.get("name"), 200) for row in await self._all("/groups")}

    async def _load_statuses(self, _codes: frozenset[str]) -> dict[str, str]:
        return vendor.status_choices((await self.read("/ticket_fields", {"type": "default_status"})).data)

    async def _all(self, path: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for page in range(1, self.conf.max_pages + 1):
            reply = await self.read(path, {"per_page": vendor.PAGE_SIZE, "page": page})
            rows = checks.listed(reply.data, self.title, path)
            found += [row for row in rows if isinstance(row, Mapping)]
            if len(rows) < vendor.PAGE_SIZE:
                break
        return found

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        try:
            ticket = await self._urgent(item.record_id)
        except SourceError as error:
            return failed_read(error)
        if ticket is None or thrown_away(ticket):
            why = f"{self.title}: ticket {item.record_id} is gone (deleted, spam or archived)"
            return Rejected(Fault.TARGET, why)
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
        return await self._done(item, "POST", _path(item.record_id, "/notes"), body)

    async def _assign(self, item: WriteBack, ticket: Mapping[str, Any]) -> Outcome:
        agent = number(item.assignee)
        if agent is None:
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} is no agent id; it must be a number")
        if number(ticket.get("responder_id")) == agent:
            return Sent({}, "was assigned already")
        return await self._done(item, "PUT", _path(item.record_id), {"responder_id": agent})

    async def _resolve(self, item: WriteBack, ticket: Mapping[str, Any]) -> Outcome:
        """The status first: it can be set twice without harm, the note can't."""
        if vendor.STATUSES.get(line(ticket.get("status"))) not in CASE_DONE:
            outcome = await self._done(item, "PUT", _path(item.record_id), {"status": vendor.RESOLVED})
            if not isinstance(outcome, Sent):
                return outcome
        return await self._note(item) if item.text else Sent()

    async def _done(self, item: WriteBack, method: str, path: str, body: Mapping[str, Any]) -> Outcome:
        reply = await self.http.send(method, path, body)
        if not isinstance(reply, Reply):
            return reply
        data = self._counted(reply).data
        answer = data if isinstance(data, Mapping) else {}
        if (after := moment(answer.get("updated_at"))) is not None:
            self.own.done(item.record_id, after)
        return Sent({"id": line(answer.get("id"), 100)})

    async def _urgent(self, record_id: str) -> Mapping[str, Any] | None:
        """The ticket that somebody waits for, whatever is left of our share."""
        reply = await self.read(_path(record_id), missing_ok=True, waits=False)
        return mapping(reply.data) if reply.ok else None

    async def _marked(self, item: WriteBack) -> bool:
        rows, _ = await self.conversations(item.record_id)
        for row in rows:
            if isinstance(row, Mapping) and item.marker in str(row.get("body_text") or row.get("body")):
                self._found(item, row)
                return True
        return False

    def _found(self, item: WriteBack, row: Mapping[str, Any]) -> None:
        if (at := moment(row.get("updated_at"))) is not None:
            self.own.done(item.record_id, at)

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        from pollers.freshdesk_check import findings

        return await findings(self)


def _path(record_id: str, rest: str = "") -> str:
    return f"/tickets/{quote(record_id, safe='')}{rest}"
