"""Intercom as a source of cases: conversations, or tickets, by its search.

What it hides: a search shows no parts, so that what was said costs a call each; nobody is written as null, 0 or "0"; it
tells that a service clock was missed, and never when it runs out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Outcome
from deskbell.core.ports import Finding, SourceError, SourceFault
from deskbell.core.records import Case, Happening, Record
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.net.http import Http
from deskbell.vendors import intercom as vendor
from pollers import checks, happenings
from pollers.crm import Crm
from pollers.crm_conf import CrmConf
from pollers.cursor import Fetched, Row
from pollers.intercom_rows import PRESETS, alive, flat, happened, parts
from pollers.mapped import Mapped
from pollers.names import Names
from pollers.rows import child, flag, line, moment, number
from pollers.writing import failed_read

__all__ = ["Intercom", "IntercomConf"]

_TIGHT = 0.2  # share of the calls left, below which we poll half as often: others share them


@dataclass(frozen=True, slots=True)
class IntercomConf(CrmConf):
    """Conversations or tickets of a workspace, read with the access token of an app of its own.

    `fields` are expressions on a flat row: id, number, subject, state, label, priority, requester, contact, assignee,
    group, tags, and `custom` with attributes of one's own.
    """

    base_url: str = vendor.BASE
    token: str = field(default="", repr=False)  # the app's access token
    name: str = "intercom"
    title: str = "Intercom"
    object: str = "conversations"  # or tickets
    version: str = vendor.VERSION  # of the API
    key_field: str = "mark"  # what a ticket of [channels.intercom] begins with: what has one rings nobody
    parts_within: timedelta = timedelta(days=7)  # of what changed within, it is read what was said; 0 for nothing
    page_size: int = 50

    PRESETS = PRESETS
    MOST_PER_PAGE = vendor.MOST_PER_PAGE

    def problems(self) -> Iterator[str]:
        if not self.token:
            yield "token is missing"
        if self.object not in PRESETS:
            yield f"object is one of {', '.join(PRESETS)}"
        yield from CrmConf.problems(self)


class Intercom(Crm[IntercomConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        self._admins = Names(f"{conf.name} admins", self._load_admins)
        self._teams = Names(f"{conf.name} teams", self._load_teams)
        self._contacts = Names(f"{conf.name} contacts", self._load_contacts)
        self._me = ""
        self._tight = False
        return Http(
            conf.title,
            conf.base_url,
            Bearer(conf.token),
            dialect=vendor.DIALECT,
            allow_http=conf.allow_http,
            headers={"Intercom-Version": conf.version},
        )

    @property
    def interval(self) -> timedelta:
        return self.conf.interval * 2 if self._tight else self.conf.interval

    # ------------------------------------------------------------ reading

    async def ask(self, since: datetime, key: str) -> tuple[Fetched, str]:
        return await self._search(since, key, [])

    async def open_rows(self, since: datetime, key: str) -> tuple[Fetched, str]:
        return await self._search(since, key, [{"field": "open", "operator": "=", "value": True}])

    async def _search(self, since: datetime, key: str, more: Sequence[Mapping[str, Any]]) -> tuple[Fetched, str]:
        """There is no "or later": it is asked for what is later, and for the second itself."""
        at = int(since.timestamp())
        later = [{"field": "updated_at", "operator": sign, "value": at} for sign in (">", "=")]
        paging: dict[str, Any] = {"per_page": self.conf.page_size} | ({"starting_after": key} if key else {})
        body = {
            "query": {"operator": "AND", "value": [{"operator": "OR", "value": later}, *more]},
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": paging,
        }
        path = f"/{self.conf.object}/search"
        reply = await self._read(path, method="POST", json=body)
        data = checks.told(reply, self.title, path)
        rows = [self.row(flat(raw)) for raw in checks.listed(data.get(self.conf.object), self.title, path)]
        after = line(child(child(data, "pages"), "next").get("starting_after"), 500)
        return Fetched(rows, more=bool(after), date=reply.date), after

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        raw = await self._whole(record_id)
        return None if raw is None else await self._named(flat(raw))

    async def _whole(self, record_id: str) -> Mapping[str, Any] | None:
        """With its parts, which only a single one shows."""
        path = f"/{self.conf.object}/{quote(record_id, safe='')}"
        reply = await self._read(path, missing_ok=True)
        return checks.told(reply, self.title, path) if reply.ok else None

    async def map_rows(self, rows: Sequence[Row]) -> Mapped:
        raws = [row.raw for row in rows if isinstance(row.raw, Mapping)]
        await self._contacts.of(line(raw.get("requester_id"), 100) for raw in raws)
        return await Crm.map_rows(self, [replace(row, raw=await self._named(row.raw)) for row in rows])

    async def _named(self, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        admin, team, contact = (line(raw.get(name), 100) for name in ("assignee_id", "group_id", "requester_id"))
        admins, teams = await self._admins.of([admin]), await self._teams.of([team])
        name, _, email = (await self._contacts.of([contact])).get(contact, "").partition("\n")
        return {
            **raw,
            "assignee": admins.get(admin, ""),
            "group": teams.get(team, ""),
            "requester": name or raw.get("requester"),
            "contact": email or raw.get("contact"),
        }

    async def happenings(self, raws: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[Happening, ...]]:
        found = {}
        since = self._now() - self.conf.parts_within
        for raw in raws:
            updated, record_id = self.changed_at(raw), line(raw.get("id"), 100)
            if self.conf.parts_within and record_id and alive(raw) and updated is not None and updated >= since:
                found[record_id] = happened(await self._whole(record_id))
        return found

    async def _read(self, path: str, **how: Any) -> Reply:
        reply = await self.http.read(path, **how)
        left, total = (number(reply.headers.get(f"x-ratelimit-{one}")) for one in ("remaining", "limit"))
        if left is not None and total:
            self._tight = left < _TIGHT * total
        return reply

    async def _load_admins(self, _ids: frozenset[str]) -> dict[str, str]:
        return _names(await self._rows("/admins", "admins"))

    async def _load_teams(self, _ids: frozenset[str]) -> dict[str, str]:
        return _names(await self._rows("/teams", "teams"))

    async def _load_contacts(self, ids: frozenset[str]) -> dict[str, str]:
        """Names and addresses, a line each."""
        found: dict[str, str] = {}
        wanted = sorted(ids)
        for start in range(0, len(wanted), vendor.CONTACTS_AT_MOST):
            some = wanted[start : start + vendor.CONTACTS_AT_MOST]
            body = {
                "query": {"field": "id", "operator": "IN", "value": some},
                "pagination": {"per_page": vendor.CONTACTS_AT_MOST},
            }
            for row in await self._rows("/contacts/search", "data", method="POST", json=body):
                found[line(row.get("id"), 100)] = f"{line(row.get('name'), 200)}\n{line(row.get('email'), 200)}"
        return found

    async def _rows(self, path: str, name: str, **how: Any) -> list[Mapping[str, Any]]:
        data = checks.told(await self._read(path, **how), self.title, path)
        return [row for row in checks.listed(data.get(name), self.title, path) if isinstance(row, Mapping)]

    # ------------------------------------------------------------ writing

    async def put(self, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        """Assigns or closes, which are calls of their own; a ticket is resolved by the id of such a state."""
        try:
            me = await self._author()
            state = await self._resolved_state() if self.conf.object == "tickets" and "state" in values else ""
        except SourceError as error:
            return failed_read(error)
        where = quote(record_id, safe="")
        if self.conf.object == "tickets":
            doing = {"ticket_state_id": state, "open": False} if state else dict(values)
            return await self.http.send("PUT", f"/tickets/{where}", {**doing, "admin_id": me})
        told = {"message_type": "assignment", **values} if "assignee_id" in values else {"message_type": "close"}
        return await self.http.send("POST", f"/conversations/{where}/parts", {**told, "type": "admin", "admin_id": me})

    async def add_note(self, record_id: str, text: str) -> Reply | Outcome:
        try:
            me = await self._author()
        except SourceError as error:
            return failed_read(error)
        body = {"message_type": "note", "type": "admin", "admin_id": me, "body": happenings.as_html(text)}
        return await self.http.send("POST", f"/{self.conf.object}/{quote(record_id, safe='')}/reply", body)

    async def notes(self, record_id: str) -> Sequence[str]:
        return [happenings.plain(part.get("body")) for part in parts(await self._whole(record_id))]

    async def _author(self) -> str:
        """The admin whom the token belongs to: every change must say who made it."""
        if not self._me:
            self._me = line(checks.told(await self._read("/me"), self.title, "/me").get("id"), 50)
        return self._me

    async def _resolved_state(self) -> str:
        for row in await self._rows("/ticket_states", "data"):
            if row.get("category") == "resolved" and not flag(row.get("archived")):
                return line(row.get("id"), 50)
        raise SourceError(SourceFault.ANSWER, f"{self.title} /ticket_states has none of the category resolved")

    def assignee(self, text: str) -> Any:
        if not text.isdigit():
            raise ValueError(text)
        return text

    # ------------------------------------------------------------ checking

    async def who(self) -> Sequence[checks.Tried]:
        me = await checks.tried(f"{self.title} credentials", lambda: self._read("/me"), "the token is accepted")
        if me.reply is None:
            return [me]
        return [
            me,
            await checks.tried(f"{self.title} people", lambda: self._read("/admins"), "their names can be read"),
        ]

    async def check(self) -> Sequence[Finding]:
        findings = list(await Crm.check(self))
        if all(one.ok for one in findings) and self.conf.parts_within:
            why = "none; when they run out is told by no API of Intercom, so that no SLA rings"
            findings.append(Finding(f"{self.title} service clocks", ok=True, detail=why))
        return findings

    def record_of(self, raw: Any, told: Mapping[str, tuple[Happening, ...]]) -> Record:
        record = Crm.record_of(self, raw, told)
        return replace(record, escalation_level=int(record.escalated)) if isinstance(record, Case) else record

    def changed_at(self, raw: Mapping[str, Any]) -> datetime | None:
        return moment(raw.get("updated_at"))


def _names(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {line(row.get("id"), 100): line(row.get("name"), 200) for row in rows}
