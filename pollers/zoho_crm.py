"""Zoho CRM as a source: cases, accounts, deals, invoices, or modules of one's own.

What it hides: a note does not move its case; a field that does not exist is left out; a deleted record is in a list of
its own; an answer of success may hold a refusal.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Outcome
from deskbell.core.ports import Finding, Page, SourceError, SourceFault
from deskbell.core.records import CASE_DONE, Happening, HappeningKind
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from deskbell.vendors import zoho_crm as vendor
from pollers import checks, happenings
from pollers.crm import Crm
from pollers.crm_conf import CrmConf
from pollers.cursor import Fetched
from pollers.rest_map import status_of
from pollers.rows import child, flag, line, moment
from pollers.zoho_crm_presets import PRESETS

__all__ = ["ZohoCrm", "ZohoCrmConf"]

_NOTHING = frozenset({204, 304})
_NOTE = "Parent_Id,Note_Title,Note_Content,Created_Time,Modified_Time,Created_By"


@dataclass(frozen=True, slots=True)
class ZohoCrmConf(CrmConf):
    """A module, read with the refresh token of a self client.

    Well-known modules (Cases, Accounts, Deals, Sales_Orders, Invoices) need no `fields`; others do, and `records`.
    """

    base_url: str = vendor.BASE
    accounts_url: str = vendor.ACCOUNTS  # where tokens come from, of the same data centre
    client_id: str = ""  # of the self client
    client_secret: str = field(default="", repr=False)  # its secret
    refresh_token: str = field(default="", repr=False)  # scopes: ZohoCRM.modules.ALL, ZohoCRM.users.READ
    name: str = "zoho_crm"
    title: str = "Zoho CRM"
    object: str = "Cases"
    notes: bool = False  # of cases: notes ring and count as answers; one more call for each open case that is read
    deleted_every: timedelta = timedelta(minutes=10)  # how often the list of deleted records is asked for
    page_size: int = 200

    PRESETS = PRESETS
    MOST_PER_PAGE = vendor.MOST_PER_PAGE

    def problems(self) -> Iterator[str]:
        needed = ("client_id", "client_secret", "refresh_token")
        yield from (f"{name} is missing" for name in needed if not getattr(self, name))
        yield from CrmConf.problems(self)
        if len(_names(self.described().columns)) > vendor.MOST_FIELDS:
            yield f"fields: more than {vendor.MOST_FIELDS} are not given in one request"


class ZohoCrm(Crm[ZohoCrmConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        more = (self.described.assignee_field, *self.described.on_resolve)
        self.columns = _names([*self.described.columns, "Modified_Time", *filter(None, more)])
        self._path = f"{vendor.API}/{conf.object}"
        login = vendor.login(conf.accounts_url, conf.client_id, conf.client_secret, conf.refresh_token)
        return Http(conf.title, conf.base_url, login, dialect=vendor.DIALECT, allow_http=conf.allow_http)

    # ------------------------------------------------------------ reading

    async def ask(self, since: datetime, key: str) -> tuple[Fetched, str]:
        """`key` is the number of the page, or behind the tenth a token."""
        rows, after, reply = await self._listed(self._path, self.columns, since, key)
        return Fetched([self.row(raw) for raw in rows], more=bool(after), date=reply.date), after

    async def _listed(
        self, path: str, columns: Sequence[str], since: datetime, key: str
    ) -> tuple[list[Any], str, Reply]:
        page = int(key) if key.isdigit() else 1
        params: dict[str, Any] = {
            "fields": ",".join(columns),
            "sort_by": "Modified_Time",
            "sort_order": "asc",
            "per_page": self.conf.page_size,
        }
        params |= {"page_token": key} if key and not key.isdigit() else {"page": page}
        # Whether the moment itself belongs to it is not documented: a second earlier it does in either case.
        headers = {"If-Modified-Since": vendor.stamp(since - timedelta(seconds=1))}
        reply = await self.http.read(path, params, headers=headers)
        if reply.status in _NOTHING:
            return [], "", reply
        data = checks.told(reply, self.title, path)
        rows, info = checks.listed(data.get("data"), self.title, path), child(data, "info")
        if not flag(info.get("more_records")):
            return rows, "", reply
        by_number = (not key or key.isdigit()) and page < vendor.MOST_BY_NUMBER
        after = str(page + 1) if by_number else line(info.get("next_page_token"), 500)
        if not after:
            raise SourceError(SourceFault.ANSWER, f"{self.title} {path} has more rows and no token to ask for them")
        return rows, after, reply

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        rows = await self._some([record_id], self.columns)
        return rows[0] if rows else None

    async def missing(self, ids: Sequence[str]) -> list[str]:
        there = {line(row.get("id"), 50) for row in await self._some(ids, ["Modified_Time"])}
        return [one for one in ids if one not in there]

    async def _some(self, ids: Sequence[str], columns: Sequence[str]) -> list[Mapping[str, Any]]:
        """Those of the records that are there."""
        found: list[Mapping[str, Any]] = []
        wanted = [one for one in ids if one.isdigit()]
        for start in range(0, len(wanted), vendor.IDS_AT_MOST):
            some = wanted[start : start + vendor.IDS_AT_MOST]
            reply = await self.http.read(self._path, {"ids": ",".join(some), "fields": ",".join(columns)})
            rows = self._data(reply, self._path)
            found += [row for row in rows if isinstance(row, Mapping) and line(row.get("id"), 50) in some]
        return found

    def changed_at(self, raw: Mapping[str, Any]) -> datetime | None:
        return moment(raw.get("Modified_Time"))

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, last = self._now(), None
        notes, deleted = cursor.get("notes"), cursor.get("deleted")
        async for page in Crm.changes(self, cursor):
            last = replace(page, cursor={**page.cursor, "notes": notes, "deleted": deleted})
            yield last
        if last is None:
            return
        since = moment(deleted)
        if since is None or now - since >= self.conf.deleted_every:
            gone = await self._deleted((since or now) - self.conf.overlap)
            last = replace(last, records=(), bad=(), unmapped=(), gone=gone)
            last = replace(last, cursor={**last.cursor, "deleted": now.isoformat()})
            yield last
        if self.conf.notes and self.described.records == "case":
            yield await self._noted(last, moment(notes) or now, now)

    async def _deleted(self, since: datetime) -> tuple[str, ...]:
        path, found = f"{self._path}/deleted", []
        for page in range(1, self.conf.max_pages + 1):
            params = {"type": "all", "page": page, "per_page": self.conf.page_size}
            reply = await self.http.read(path, params, headers={"If-Modified-Since": vendor.stamp(since)})
            found += self._data(reply, path)
            if reply.status in _NOTHING or not flag(child(reply.data, "info").get("more_records")):
                break
        ids = [line(row.get("id"), 50) for row in found if isinstance(row, Mapping)]
        return tuple(dict.fromkeys(one for one in ids if one))

    async def _noted(self, last: Page, since: datetime, now: datetime) -> Page:
        """Cases that got a note, which their own time of change does not show."""
        ids: set[str] = set()
        path, key, upto = f"{vendor.API}/Notes", "", now
        for _ in range(self.conf.max_pages):
            rows, key, _ = await self._listed(path, _NOTE.split(","), since - self.conf.overlap, key)
            notes = [row for row in rows if isinstance(row, Mapping)]
            ids |= {_parent(row) for row in notes if not happenings.ours(_text(row))}
            if not key:
                break
            upto = max((at for row in notes if (at := moment(row.get("Modified_Time")))), default=since)
        else:
            now = upto  # the rest comes with the next poll
        raws = await self._some(sorted(ids), self.columns)
        mapped = await self.map_rows([self.row(raw) for raw in raws])
        cursor = {**last.cursor, "notes": now.isoformat(), "own": self.own.dump()}
        return replace(last, records=mapped.records, bad=mapped.bad, unmapped=mapped.unmapped, gone=(), cursor=cursor)

    async def happenings(self, raws: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[Happening, ...]]:
        found: dict[str, tuple[Happening, ...]] = {}
        for raw in raws if self.conf.notes else ():
            record_id = line(raw.get("id"), 50)
            if record_id and status_of(raw, self.plan) not in CASE_DONE:
                told = map(_happened, await self._notes_of(record_id))
                found[record_id] = happenings.newest(one for one in told if one is not None)
        return found

    async def _notes_of(self, record_id: str) -> list[Mapping[str, Any]]:
        path = f"{self._path}/{quote(record_id, safe='')}/Notes"
        params = {"fields": _NOTE, "sort_by": "Modified_Time", "sort_order": "desc", "per_page": 100}
        reply = await self.http.read(path, params, missing_ok=True)
        return [row for row in self._data(reply, path) if isinstance(row, Mapping)] if reply.ok else []

    def _data(self, reply: Reply, path: str) -> list[Any]:
        """The rows of an answer; none where there is nothing (204) or nothing new (304)."""
        if reply.status in _NOTHING:
            return []
        return checks.listed(checks.told(reply, self.title, path).get("data"), self.title, path)

    # ------------------------------------------------------------ writing

    async def put(self, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        """Without its workflows: what Deskbell writes must set off nothing."""
        return self._told(await self.http.send("PUT", f"{self._path}/{record_id}", {"data": [values], "trigger": []}))

    async def add_note(self, record_id: str, text: str) -> Reply | Outcome:
        parent = {"module": {"api_name": self.conf.object}, "id": record_id}
        note = {"Parent_Id": parent, "Note_Title": "Deskbell", "Note_Content": text}
        return self._told(await self.http.send("POST", f"{vendor.API}/Notes", {"data": [note]}))

    def _told(self, answer: Reply | Outcome) -> Reply | Outcome:
        return vendor.hidden_failure(answer, self.title) or answer if isinstance(answer, Reply) else answer

    async def notes(self, record_id: str) -> Sequence[str]:
        return [_text(row) for row in await self._notes_of(record_id)]

    def assignee(self, text: str) -> Any:
        if not text.isdigit():
            raise ValueError(text)
        return {"id": text}

    # ------------------------------------------------------------ checking

    async def who(self) -> Sequence[checks.Tried]:
        me = await checks.tried(f"{self.title} credentials", self._read_me, "the refresh token is accepted")
        if me.reply is None:
            return [me]
        users = me.reply.data.get("users") if isinstance(me.reply.data, Mapping) else None
        user = users[0] if isinstance(users, list) and users and isinstance(users[0], Mapping) else {}
        profile, what = line(child(user, "profile").get("name"), 100), f"{self.title} scope"
        if profile.lower() == "standard":
            why = "our user has the profile Standard: records that are not shared with it are missing without a word"
            return [me, checks.Tried(Finding(what, ok=False, detail=why))]
        return [me, checks.Tried(Finding(what, ok=True, detail=f"our user's profile is {profile or 'not told'}"))]

    async def _read_me(self) -> Reply:
        return await self.http.read(f"{vendor.API}/users", {"type": "CurrentUser"})

    async def check(self) -> Sequence[Finding]:
        findings = await Crm.check(self)
        return [*findings, await self._fields_exist()] if all(one.ok for one in findings) else findings

    async def _fields_exist(self) -> Finding:
        """A field that does not exist is left out without a word, so that ours would stay empty for ever."""
        what, path = f"{self.title} fields", f"{vendor.API}/settings/fields"
        try:
            reply = await self.http.read(path, {"module": self.conf.object})
            rows = checks.listed(checks.told(reply, self.title, path).get("fields"), self.title, path)
        except SourceError as error:
            return Finding(what, ok=False, detail=f"{error} The scope ZohoCRM.settings.fields.READ is needed.")
        there = {row.get("api_name") for row in rows if isinstance(row, Mapping)} | {"id"}
        missing = sorted(set(self.columns) - there)
        if missing:
            why = (
                f"{self.conf.object} have no field {', '.join(missing)}: make it there, or say in `fields` what is read"
            )
            return Finding(what, ok=False, detail=why)
        return Finding(what, ok=True, detail="those that are read exist")


def _names(columns: Sequence[str]) -> list[str]:
    """The fields themselves: of `Owner.name` it is Owner."""
    return list(dict.fromkeys(one.partition(".")[0] for one in columns if one != "id"))


def _parent(row: Mapping[str, Any]) -> str:
    return line(child(row, "Parent_Id").get("id"), 50)


def _text(row: Mapping[str, Any]) -> str:
    return str(row.get("Note_Content") or "")


def _happened(row: Mapping[str, Any]) -> Happening | None:
    at, text = moment(row.get("Created_Time")), _text(row)
    if at is None or happenings.ours(text):
        return None
    by = child(row, "Created_By")
    return Happening(
        HappeningKind.NOTE,
        line(row.get("id"), 50),
        at,
        line(by.get("name"), 200),
        line(by.get("id"), 50),
        private=True,
        text_hint=happenings.hint(text),
    )
