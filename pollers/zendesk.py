"""Zendesk Support as a source of cases, by its incremental export with a cursor.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/

What it hides: the export leaves out the last minute (a webhook brings that sooner), gives a ticket twice now and then,
and tells no service clocks unless it is asked; a request without a login is nobody's, and answered all the same.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CASE_DONE, Case
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from deskbell.vendors import zendesk as vendor
from pollers import checks
from pollers.cursor import Row
from pollers.mapped import Mapped, map_each
from pollers.names import Names
from pollers.own import OwnWrites, opened_here
from pollers.rows import as_row, child, flag, line, moment, note_text, number
from pollers.writing import failed_read
from pollers.zendesk_ticket import Book, ZendeskConf, to_record, unmapped

__all__ = ["Zendesk", "ZendeskConf", "to_record"]

_BESIDE = "users,groups,slas"
_TIGHT = 0.2  # share of the account's calls left, below which we poll half as often: others share them
_MOST_COMMENTS = 5  # pages of 100 that a lost note is looked for in


@dataclass(frozen=True, slots=True)
class Place:
    """Where the export was left: Zendesk's own cursor, and the newest change behind it, should that be forgotten."""

    after: str = ""
    at: datetime | None = None

    def to_json(self) -> list[str]:
        return [self.after, self.at.isoformat() if self.at else ""]


@dataclass(frozen=True, slots=True)
class _Got:
    """One page of the export. `ended`: nothing is left behind it."""

    rows: Sequence[Row]
    beside: Mapping[str, Any]
    place: Place
    ended: bool
    date: datetime | None


class Zendesk:
    """The source. `full` in its cursor is the place of a second reading, of all of `lookback`, once in a while."""

    def __init__(
        self, conf: ZendeskConf, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        base = vendor.site_of(conf.base_url) + vendor.API
        login = vendor.login(conf.base_url, conf.user, conf.token, conf.client_id, conf.client_secret)
        self.http = http or Http(conf.title, base, login, dialect=vendor.DIALECT, allow_http=conf.allow_http)
        self.own = OwnWrites()
        self._now = now
        self._tight = False
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

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        self.own.load(cursor.get("own", {}))
        news, full = _place(cursor.get("news")), cursor.get("full")
        swept = moment(cursor.get("swept")) or now
        ended = False
        for _ in range(conf.max_pages):
            got = await self._export(news, now)
            news, ended = got.place, got.ended
            yield await self._page(got, self._cursor(news, full, swept), complete=ended)
            if ended:
                break
        if ended and (full is not None or now - swept >= conf.full_every):
            got = await self._export(_place(full), now)
            full, swept = (None, now) if got.ended else (got.place.to_json(), swept)
            yield await self._page(got, self._cursor(news, full, swept), complete=True)

    def _cursor(self, news: Place, full: Any, swept: datetime) -> dict[str, Any]:
        data = {"news": news.to_json(), "swept": swept.isoformat(), "own": self.own.dump()}
        return data if full is None else data | {"full": full}

    async def _page(self, got: _Got, cursor: Mapping[str, Any], *, complete: bool) -> Page:
        mapped = await self._map(got.rows, got.beside)
        return Page(
            source=self.name,
            records=mapped.records,
            cursor={**cursor, "own": self.own.dump()},
            complete=complete,
            bad=mapped.bad,
            unmapped=mapped.unmapped,
            read_at=got.date,
        )

    async def _export(self, place: Place, now: datetime) -> _Got:
        """The next page. A cursor that Zendesk refuses is replaced by the time of the newest change behind it."""
        start = (place.at or now - self.conf.lookback) - (self.conf.overlap if place.at else timedelta())
        if not place.after:
            return await self._exported(place, {"start_time": _seconds(start, now)})
        try:
            return await self._exported(place, {"cursor": place.after})
        except SourceError as error:
            if error.fault is not SourceFault.ANSWER:
                raise
        # Where the cursor stood is no end on this way: its page may well be the last one before it.
        return await self._exported(replace(place, after=""), {"start_time": _seconds(start, now)})

    async def _exported(self, place: Place, where: Mapping[str, Any]) -> _Got:
        reply = await self._read(vendor.EXPORT, {**where, "per_page": self.conf.page_size, "include": _BESIDE})
        data = checks.told(reply, self.title, vendor.EXPORT)
        rows = [self._row(raw) for raw in checks.listed(data.get("tickets"), self.title, vendor.EXPORT)]
        stamps = [at for row in rows if isinstance(row.raw, Mapping) and (at := _generated(row.raw))]
        newest = max([*stamps, *([place.at] if place.at else [])], default=None)
        if newest and reply.date:
            newest = min(newest, reply.date)
        after = data.get("after_cursor")
        ended = flag(data.get("end_of_stream")) or not after or after == place.after
        once = {row.id: row for row in rows}
        return _Got(list(once.values()), data, Place(str(after or place.after), newest), ended, reply.date)

    async def fetch(self, record_id: str) -> Case | None:
        data = await self._ticket(record_id, {"include": _BESIDE})
        if data is None:
            return None
        mapped = await self._map([self._row(data["ticket"])], data)
        for broken in mapped.bad:
            raise SourceError(SourceFault.ANSWER, f"{self.title} ticket {record_id}: {broken.error}")
        return next((case for case in mapped.records if isinstance(case, Case)), None)

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the tickets that are gone: deleted, or in a place that we may not see."""
        found: set[str] = set()
        wanted = [one for one in ids if one.isdigit()]
        for start in range(0, len(wanted), vendor.MANY):
            found |= {line(row.get("id"), 100) for row in await self._many(wanted[start : start + vendor.MANY])}
        return [one for one in ids if one not in found]

    def _row(self, raw: Any) -> Row:
        row = raw if isinstance(raw, Mapping) else {}
        return as_row(raw, row.get("id"), _generated(row))

    async def _map(self, found: Sequence[Row], beside: Mapping[str, Any]) -> Mapped:
        rows = [row for row in found if not opened_here(row.raw, "external_id")]
        book = await self._book([row.raw for row in rows if isinstance(row.raw, Mapping)], beside)
        return map_each(rows, lambda raw: self._mapped(raw, book))

    def _mapped(self, raw: Any, book: Book) -> tuple[Case, list[tuple[str, str]]]:
        case = to_record(raw, self.conf, book)
        return case, unmapped(raw, case)

    async def _book(self, raws: Sequence[Mapping[str, Any]], beside: Mapping[str, Any]) -> Book:
        users = _by_id(beside.get("users"))
        comments = {}
        for raw in filter(self._may_tell, raws):
            comments[line(raw.get("id"), 100)], writers = await self._comments(line(raw.get("id"), 100))
            users |= writers
        return Book(
            users=users,
            groups={key: line(row.get("name"), 200) for key, row in _by_id(beside.get("groups")).items()},
            statuses=await self._statuses.of(line(raw.get("custom_status_id"), 100) for raw in raws),
            clocks=await self._clocks(raws),
            comments=comments,
            activity=self.own.activity,
        )

    def _may_tell(self, raw: Mapping[str, Any]) -> bool:
        """Whether its comments are worth a call: of an open ticket that changed lately."""
        updated = moment(raw.get("updated_at"))
        fresh = updated is not None and updated >= self._now() - self.conf.comments_within
        known = bool(line(raw.get("id"), 100))
        return bool(self.conf.comments_within) and known and fresh and _alive(raw)

    async def _comments(self, record_id: str) -> tuple[list[Any], Mapping[str, Mapping[str, Any]]]:
        """The newest comments of a ticket, and who wrote them; none when it is gone meanwhile."""
        path = f"/tickets/{quote(record_id, safe='')}/comments"
        params = {"include": "users", "sort": "-created_at", "page[size]": 100}
        reply = await self._read(path, params, missing_ok=True)
        if not reply.ok:
            return [], {}
        data = checks.told(reply, self.title, path)
        return checks.listed(data.get("comments"), self.title, path), _by_id(data.get("users"))

    async def _clocks(self, raws: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Service clocks: beside the tickets, or where the export told none, from the tickets read once more."""
        found = {line(raw.get("id"), 100): raw["slas"] for raw in raws if isinstance(raw.get("slas"), Mapping)}
        ids = [line(raw.get("id"), 100) for raw in raws if _alive(raw)]
        silent = [one for one in ids if one not in found and one.isdigit()]
        for start in range(0, len(silent), vendor.MANY):
            for row in await self._many(silent[start : start + vendor.MANY]):
                found[line(row.get("id"), 100)] = row.get("slas")
        return found

    async def _many(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        path = "/tickets/show_many"
        reply = await self._read(path, {"ids": ",".join(ids), "include": "slas"})
        rows = checks.listed(checks.told(reply, self.title, path).get("tickets"), self.title, path)
        return [row for row in rows if isinstance(row, Mapping) and row.get("status") != "deleted"]

    async def _ticket(self, record_id: str, params: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """The answer with a ticket in it; None when that is gone."""
        path = f"/tickets/{quote(record_id, safe='')}"
        reply = await self._read(path, params, missing_ok=True)
        if not reply.ok:
            return None
        data = checks.told(reply, self.title, path)
        if not isinstance(data.get("ticket"), Mapping):
            raise SourceError(SourceFault.ANSWER, f"{self.title} {path} gave no ticket")
        return None if data["ticket"].get("status") == "deleted" else data

    async def _read(self, path: str, params: Mapping[str, Any] | None = None, *, missing_ok: bool = False) -> Reply:
        reply = await self.http.read(path, params, missing_ok=missing_ok)
        left, total = (number(reply.headers.get(one)) for one in ("x-rate-limit-remaining", "x-rate-limit"))
        if left is not None and total:
            self._tight = left < _TIGHT * total
        return reply

    async def _load_statuses(self, _ids: frozenset[str]) -> dict[str, str]:
        data = checks.told(await self._read_statuses(), self.title, "/custom_statuses")
        rows = checks.listed(data.get("custom_statuses"), self.title, "/custom_statuses")
        return {line(row.get("id")): line(row.get("agent_label"), 100) for row in rows if isinstance(row, Mapping)}

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        try:
            data = await self._ticket(item.record_id)
        except SourceError as error:
            return failed_read(error)
        if data is None:
            return Rejected(Fault.TARGET, f"{self.title}: ticket {item.record_id} is gone (deleted or hidden from us)")
        ticket = data["ticket"]
        if (before := moment(ticket.get("updated_at"))) is not None:
            self.own.begin(item.record_id, before)
        match item.kind:
            case WriteKind.NOTE:
                return await self._put(item, _note(item))
            case WriteKind.ASSIGN:
                return await self._assign(item, ticket)
            case WriteKind.RESOLVE:
                done = vendor.STATUSES.get(line(ticket.get("status"))) in CASE_DONE
                if done and not item.text:
                    return Sent({}, "was solved already")
                return await self._put(item, _note(item) | ({} if done else {"status": "solved"}))

    async def find(self, item: WriteBack) -> bool:
        """A note by its marker, an assignment or a resolution by what the ticket says now."""
        data = await self._ticket(item.record_id)
        if data is None:
            return False
        ticket = data["ticket"]
        if item.kind is WriteKind.ASSIGN:
            return line(ticket.get("assignee_id")) == item.assignee
        noted = not item.text or await self._marked(item, ticket)
        if item.kind is WriteKind.NOTE:
            return noted
        return noted and vendor.STATUSES.get(line(ticket.get("status"))) in CASE_DONE

    async def _assign(self, item: WriteBack, ticket: Mapping[str, Any]) -> Outcome:
        agent = number(item.assignee)
        if agent is None:
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} is no agent id; it must be a number")
        if number(ticket.get("assignee_id")) == agent:
            return Sent({}, "was assigned already")
        return await self._put(item, {"assignee_id": agent})

    async def _put(self, item: WriteBack, ticket: Mapping[str, Any]) -> Outcome:
        reply = await self.http.send("PUT", f"/tickets/{quote(item.record_id, safe='')}", {"ticket": ticket})
        if not isinstance(reply, Reply):
            return reply
        answer = reply.data.get("ticket") if isinstance(reply.data, Mapping) else None
        if isinstance(answer, Mapping) and (after := moment(answer.get("updated_at"))) is not None:
            self.own.done(item.record_id, after)
        return Sent({"id": item.record_id})

    async def _marked(self, item: WriteBack, ticket: Mapping[str, Any]) -> bool:
        rows, _ = await self._comments(item.record_id)
        for row in rows:
            if isinstance(row, Mapping) and item.marker in str(row.get("plain_body") or row.get("body")):
                at = moment(ticket.get("updated_at")) if row is rows[0] else moment(row.get("created_at"))
                if at is not None:
                    self.own.done(item.record_id, at)
                return True
        return False

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        me = await checks.tried(f"{self.title} credentials", lambda: self._read("/users/me"), "they are accepted")
        if me.reply is None:
            return [me.finding]
        who = child(me.reply.data, "user") if isinstance(me.reply.data, Mapping) else {}
        if not who.get("id"):
            why = "we are taken for an anonymous visitor. Check its credentials."
            return [replace(me.finding, ok=False, detail=why)]
        return [
            me.finding,
            self._scope(who),
            checks.clock(self.title, me.reply.date, self._now()),
            (await checks.tried(f"{self.title} statuses", self._read_statuses, "their labels can be read")).finding,
            *await self._export_works(),
        ]

    def _scope(self, who: Mapping[str, Any]) -> Finding:
        role, what = line(who.get("role"), 50), f"{self.title} scope"
        if role == "admin":
            return Finding(what, ok=True, detail="an admin sees every ticket")
        why = f"the account's role is {role or 'unknown'}: the export is for admins, others see only some tickets"
        return Finding(what, ok=False, detail=why)

    async def _read_statuses(self) -> Reply:
        return await self._read("/custom_statuses")

    async def _export_works(self) -> list[Finding]:
        """An hour of it: whether it comes at all, keeps to its time, and tells service clocks."""
        what, now = f"{self.title} export", self._now()
        since = now - timedelta(hours=1)
        try:
            got = await self._exported(Place(), {"start_time": int(since.timestamp())})
            raws = [row.raw for row in got.rows if isinstance(row.raw, Mapping)]
            clocks = await self._clocks(raws)
        except SourceError as error:
            return [Finding(what, ok=False, detail=str(error))]
        old = [row for row in got.rows if row.stamp and row.stamp < since - timedelta(minutes=1)]
        kept = Finding(
            what, ok=not old, detail="start_time is ignored; is there a proxy that drops it?" if old else "works"
        )
        alive = sum(map(_alive, raws))
        told = f"of {alive} open tickets of the last hour {sum(map(bool, clocks.values()))} tell when they are due"
        return [kept, Finding(f"{self.title} service clocks", ok=True, detail=told)]


def _note(item: WriteBack) -> dict[str, Any]:
    return {"comment": {"body": note_text(item.text, item.marker), "public": False}}


def _alive(raw: Mapping[str, Any]) -> bool:
    return vendor.STATUSES.get(line(raw.get("status"), 20)) not in CASE_DONE


def _generated(raw: Mapping[str, Any]) -> datetime | None:
    """The export's own stamp, which also moves when the system itself changes a ticket."""
    return moment(raw.get("generated_timestamp")) or moment(raw.get("updated_at"))


def _seconds(start: datetime, now: datetime) -> int:
    return int(min(start, now - timedelta(seconds=2 * vendor.TOO_RECENT_S)).timestamp())


def _place(data: Any) -> Place:
    after, at = data if isinstance(data, list) and len(data) == 2 else ("", "")
    return Place(str(after), moment(at))


def _by_id(rows: Any) -> dict[str, Mapping[str, Any]]:
    found: Iterable[Any] = rows if isinstance(rows, list) else []
    return {line(row.get("id"), 100): row for row in found if isinstance(row, Mapping)}
