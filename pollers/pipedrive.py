"""Pipedrive as a source: organisations as accounts, deals as orders, with the fields that a firm made itself.

What it hides: a field of one's own is a hash, and its value an option's number; a deleted deal is in a list of its own.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Fault, Outcome, Rejected
from deskbell.core.ports import Finding, Page, SourceError
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from deskbell.vendors import pipedrive as vendor
from pollers import checks, happenings
from pollers.crm import Crm
from pollers.crm_conf import CrmConf, Preset
from pollers.cursor import Fetched, Row
from pollers.mapped import Mapped
from pollers.names import KEEP, Names
from pollers.pipedrive_fields import Own, fields_of, flat
from pollers.rows import child, flag, line, moment
from pollers.writing import failed_read

__all__ = ["Pipedrive", "PipedriveConf"]

# Made of a row by us; all other names are Pipedrive's or the firm's.
_OURS = frozenset({"owner_name", "owner_email", "stage", "organization"})
_COMMON = {"id": "id", "updated_at": "update_time", "owner": "owner_name", "owner_email": "owner_email"}
PRESETS: Mapping[str, Preset] = {
    "organizations": Preset(
        "account",
        _COMMON
        | {"name": "name", "status": "account_status", "support_status": "support_status", "created_at": "add_time"},
        status_map={"Prospect": "new", "Customer": "active", "On hold": "suspended", "Churned": "closed"},
        assignee_field="owner_id",
    ),
    "deals": Preset(
        "order",
        _COMMON
        | {
            "title": "title",
            "status": "status",
            "status_raw": "stage",
            "customer": "organization",
            "account_id": "org_id",
            "total": "value",
            "currency": "currency",
            "approved_at": "won_time",
            "approved_by": "owner_name",
        },
        status_map={"open": "submitted", "won": "approved", "lost": "cancelled", "deleted": "cancelled"},
        assignee_field="owner_id",
    ),
}


@dataclass(frozen=True, slots=True)
class PipedriveConf(CrmConf):
    """Organisations or deals of a company, read with the API token of one of its users.

    `fields` are expressions on a row, in which a field of one's own stands by its name as one word: Support Status is
    support_status, and its value the option's label. Beside them stand owner_name, owner_email, stage, organization.
    """

    token: str = field(default="", repr=False)  # the user's API token
    name: str = "pipedrive"
    title: str = "Pipedrive"
    object: str = "organizations"  # or deals
    fields_api: str = "v2"  # which version of the API tells the names of fields: v2, or v1 as it was
    users_api: str = "v1"  # which one tells the names of users
    activity_type: str = "task"  # what a note of ours is: an activity of this type, done
    deleted_every: timedelta = timedelta(minutes=10)  # of deals: how often the list of deleted ones is asked for
    page_size: int = 200

    PRESETS = PRESETS
    MOST_PER_PAGE = vendor.MOST_PER_PAGE

    def problems(self) -> Iterator[str]:
        if not self.token:
            yield "token is missing"
        if self.object not in vendor.LINKS:
            yield f"object is one of {', '.join(vendor.LINKS)}"
        yield from CrmConf.problems(self)


class Pipedrive(Crm[PipedriveConf]):
    """The source. Names and options of the fields are read once an hour; without them nothing can be understood."""

    def connected(self) -> Http:
        conf = self.conf
        self._path = f"{vendor.API}/{conf.object}"
        self._fields: dict[str, Own] = {}
        self._fields_until = 0.0
        self._users = Names(f"{conf.name} users", self._load_users)
        self._stages = Names(f"{conf.name} stages", self._load_stages)
        self._firms = Names(f"{conf.name} organizations", self._load_firms)
        return Http(
            conf.title, conf.base_url, vendor.login(conf.token), dialect=vendor.DIALECT, allow_http=conf.allow_http
        )

    # ------------------------------------------------------------ reading

    async def ask(self, since: datetime, key: str) -> tuple[Fetched, str]:
        return await self._listed(since, key, {})

    async def _listed(self, since: datetime, key: str, more: Mapping[str, Any]) -> tuple[Fetched, str]:
        await self._known_fields()
        params: dict[str, Any] = {
            "updated_since": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "sort_by": "update_time",
            "sort_direction": "asc",
            "limit": self.conf.page_size,
            **more,
        }
        reply = await self.http.read(self._path, params | ({"cursor": key} if key else {}))
        data = checks.told(reply, self.title, self._path)
        rows = [self.row(flat(raw, self._fields)) for raw in checks.listed(data.get("data"), self.title, self._path)]
        after = line(child(data, "additional_data").get("next_cursor"), 500)
        return Fetched(rows, more=bool(after), date=reply.date), after

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        await self._known_fields()
        path = f"{self._path}/{quote(record_id, safe='')}"
        reply = await self.http.read(path, missing_ok=True)
        raw = child(checks.told(reply, self.title, path), "data") if reply.ok else {}
        return None if not raw or self.is_gone(raw) else await self._named(flat(raw, self._fields))

    def is_gone(self, raw: Any) -> bool:
        return isinstance(raw, Mapping) and (flag(raw.get("is_deleted")) or raw.get("status") == "deleted")

    async def map_rows(self, rows: Sequence[Row]) -> Mapped:
        raws = [row.raw for row in rows if isinstance(row.raw, Mapping)]
        if self.conf.object == "deals":
            await self._firms.of(line(raw.get("org_id"), 50) for raw in raws)
        return await Crm.map_rows(self, [replace(row, raw=await self._named(row.raw)) for row in rows])

    async def _named(self, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        owner, stage, firm = (line(raw.get(name), 50) for name in ("owner_id", "stage_id", "org_id"))
        name, _, email = (await self._users.of([owner])).get(owner, "").partition("\n")
        deal = self.conf.object == "deals"
        return {
            **raw,
            "owner_name": name,
            "owner_email": email,
            "stage": (await self._stages.of([stage])).get(stage, "") if deal else "",
            "organization": (await self._firms.of([firm])).get(firm, "") if deal else "",
        }

    def changed_at(self, raw: Mapping[str, Any]) -> datetime | None:
        return moment(raw.get("update_time"))

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, last, deleted = self._now(), None, cursor.get("deleted")
        async for page in Crm.changes(self, cursor):
            last = replace(page, cursor={**page.cursor, "deleted": deleted})
            yield last
        since = moment(deleted)
        late = since is None or now - since >= self.conf.deleted_every
        if last is not None and late and self.conf.object == "deals":
            gone = await self._deleted((since or now) - self.conf.overlap)
            cursor = {**last.cursor, "deleted": now.isoformat()}
            yield replace(last, records=(), bad=(), unmapped=(), gone=gone, cursor=cursor)

    async def _deleted(self, since: datetime) -> tuple[str, ...]:
        found: list[str] = []
        key = ""
        for _ in range(self.conf.max_pages):
            got, key = await self._listed(since, key, {"status": "deleted"})
            found += [row.id for row in got.rows]
            if not key:
                break
        return tuple(dict.fromkeys(found))

    # ------------------------------------------------------------ names

    async def _known_fields(self) -> None:
        """Once an hour; when it fails later, the old ones still serve."""
        if time.monotonic() < self._fields_until:
            return
        path = f"/api/{self.conf.fields_api}/{vendor.FIELDS[self.conf.object]}"
        try:
            found = fields_of(await self._rows(path, {"limit": vendor.MOST_PER_PAGE}))
        except SourceError:
            if not self._fields:
                raise
            return
        self._fields, self._fields_until = found, time.monotonic() + KEEP

    async def _load_users(self, _ids: frozenset[str]) -> dict[str, str]:
        """Names and addresses, a line each."""
        rows = await self._rows(f"/api/{self.conf.users_api}/users")
        return {line(row.get("id")): f"{line(row.get('name'), 200)}\n{line(row.get('email'), 200)}" for row in rows}

    async def _load_stages(self, _ids: frozenset[str]) -> dict[str, str]:
        rows = await self._rows(f"{vendor.API}/stages", {"limit": vendor.MOST_PER_PAGE})
        return {line(row.get("id")): line(row.get("name"), 100) for row in rows}

    async def _load_firms(self, ids: frozenset[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        wanted = sorted(ids)
        for start in range(0, len(wanted), vendor.IDS_AT_MOST):
            some = ",".join(wanted[start : start + vendor.IDS_AT_MOST])
            rows = await self._rows(f"{vendor.API}/organizations", {"ids": some, "limit": vendor.IDS_AT_MOST})
            found |= {line(row.get("id")): line(row.get("name"), 200) for row in rows}
        return found

    async def _rows(self, path: str, params: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        data = checks.told(await self.http.read(path, params), self.title, path)
        return [row for row in checks.listed(data.get("data"), self.title, path) if isinstance(row, Mapping)]

    # ------------------------------------------------------------ writing

    async def put(self, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        try:
            await self._known_fields()
            body = self._stored(values)
        except SourceError as error:
            return failed_read(error)
        except ValueError as error:
            return Rejected(Fault.CONFIG, f"{self.title}: {error}")
        return await self.http.send("PATCH", f"{self._path}/{quote(record_id, safe='')}", body)

    def _stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a change: fields of one's own by their codes, options by their numbers."""
        codes = {own.name: own for own in self._fields.values()}
        body: dict[str, Any] = {}
        for name, value in values.items():
            own = codes.get(name)
            if own is None or own.code == name:
                body[name] = value
            else:
                body.setdefault("custom_fields", {})[own.code] = own.stored(str(value))
        return body

    async def add_note(self, record_id: str, text: str) -> Reply | Outcome:
        """An activity that is done already, with the text as its note."""
        body = {
            "subject": line(text.partition("\n")[0], 200),
            "type": self.conf.activity_type,
            "done": True,
            "note": happenings.as_html(text),
            vendor.LINKS[self.conf.object]: int(record_id),
        }
        return await self.http.send("POST", f"{vendor.API}/activities", body)

    async def notes(self, record_id: str) -> Sequence[str]:
        params = {vendor.LINKS[self.conf.object]: record_id, "sort_by": "add_time", "sort_direction": "desc"}
        rows = await self._rows(f"{vendor.API}/activities", {**params, "limit": 100})
        return [happenings.plain(row.get("note")) for row in rows]

    def assignee(self, text: str) -> Any:
        return int(text)

    # ------------------------------------------------------------ checking

    async def who(self) -> Sequence[checks.Tried]:
        path = f"/api/{self.conf.users_api}/users/me"
        me = await checks.tried(f"{self.title} credentials", lambda: self.http.read(path), "the token is accepted")
        if me.reply is None:
            return [me]
        told = me.reply.data if isinstance(me.reply.data, Mapping) else {}
        user, what = child(told, "data"), f"{self.title} scope"
        if flag(user.get("is_admin")):
            return [me, checks.Tried(Finding(what, ok=True, detail="an admin sees every record"))]
        why = "the token's user is no admin: what visibility groups hide is missing without a word"
        return [me, checks.Tried(Finding(what, ok=False, detail=why))]

    async def check(self) -> Sequence[Finding]:
        findings = await Crm.check(self)
        return [*findings, self._fields_exist()] if all(one.ok for one in findings) else findings

    def _fields_exist(self) -> Finding:
        what = f"{self.title} fields"
        there = {own.name for own in self._fields.values()} | self._fields.keys() | _OURS
        needed = {name.partition(".")[0] for name in self.described.columns} | set(self.described.on_resolve)
        missing = sorted(needed - there)
        if missing:
            why = (
                f"{self.conf.object} have no field {', '.join(missing)}: make it there, or say in `fields` what is read"
            )
            return Finding(what, ok=False, detail=why)
        return Finding(what, ok=True, detail="those that are read exist")
