"""HubSpot as a source: tickets, and companies, deals, invoices or objects of one's own, by its search.

What it hides: the search tells a change some seconds late, and ends at 10,000 rows without a word; a name that is no
property is left out; an archived record is in no list.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskbell.core.outcome import Outcome
from deskbell.core.ports import Finding, SourceError, SourceFault
from deskbell.core.records import Case, Happening, HappeningKind, Record, Sla
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.net.http import Http
from deskbell.vendors import hubspot as vendor
from pollers import checks, happenings
from pollers.crm import Crm
from pollers.crm_conf import CrmConf
from pollers.cursor import Fetched, Row
from pollers.hubspot_presets import PRESETS
from pollers.mapped import Mapped
from pollers.names import Names
from pollers.rest_conf import SLA_FIELDS
from pollers.rows import child, flag, line, moment

__all__ = ["HubSpot", "HubSpotConf"]

_STAGES = {"tickets": "hs_pipeline_stage", "deals": "dealstage"}
# What is made of a property's value, and which property it is made of: no column of HubSpot's own.
_OURS = frozenset({"id", "stage", "stage_closed", "owner_name", "owner_email"})
_MOST_NOTES = 100


@dataclass(frozen=True, slots=True)
class HubSpotConf(CrmConf):
    """An object of an account, read with a service key or the token of a private app.

    Well-known objects (tickets, companies, deals, invoices) need no `fields`; others need them, and `records`. Beside
    properties, expressions may use `stage` (its label), `stage_closed`, `owner_name` and `owner_email`.
    """

    base_url: str = vendor.BASE
    token: str = field(default="", repr=False)  # the key; scopes: read of the object and of owners, write for notes
    name: str = "hubspot"
    title: str = "HubSpot"
    object: str = "tickets"
    version: str = vendor.VERSION  # of the API: a date, or v3
    key_field: str = "alert_key"  # where [channels.hubspot] keeps the keys of alerts: what has one rings nobody
    changed_property: str = "hs_lastmodifieddate"  # the time of change; of contacts it is lastmodifieddate
    reply_property: str = "hs_last_message_sent_at"  # of tickets: when we last answered
    customer_reply_property: str = "hs_last_message_received_at"  # of tickets: when the customer last wrote
    note_type: int = 0  # the number of the association between a note and the object; 0: the usual one
    search_pause: timedelta = timedelta(milliseconds=250)  # between two searches: five a second are allowed
    overlap: timedelta = timedelta(minutes=5)

    PRESETS = PRESETS
    MOST_PER_PAGE = vendor.MOST_PER_PAGE

    def problems(self) -> Iterator[str]:
        if not self.token:
            yield "token is missing"
        yield from CrmConf.problems(self)


class HubSpot(Crm[HubSpotConf]):
    """The source. Rows are flat: an object's properties, its id, and the names behind its stage and its owner."""

    def connected(self) -> Http:
        conf = self.conf
        self._stages = Names(f"{conf.name} stages", self._load_stages)
        self._closed: frozenset[str] = frozenset()
        self._owners = Names(f"{conf.name} owners", self._load_owners)
        self._next_search = 0.0
        self._stage = _STAGES.get(conf.object, "")
        due = {metric: self.described.fields.get(name, "") for name, metric in SLA_FIELDS.items()}
        self._sla_status = {metric: f"{name[:-2]}status" for metric, name in due.items() if name.endswith("_sla_at")}
        more = (conf.changed_property, "hubspot_owner_id", self._stage, self.described.assignee_field)
        told = (conf.reply_property, conf.customer_reply_property) if conf.object == "tickets" else ()
        names = dict.fromkeys(
            (*self.described.columns, *more, *told, *self._sla_status.values(), *self.described.on_resolve)
        )
        self.properties = [name for name in names if name and name not in _OURS]
        return Http(conf.title, conf.base_url, Bearer(conf.token), dialect=vendor.DIALECT, allow_http=conf.allow_http)

    # ------------------------------------------------------------ reading

    async def ask(self, since: datetime, key: str) -> tuple[Fetched, str]:
        return await self._search(since, key, [])

    async def open_rows(self, since: datetime, key: str) -> tuple[Fetched, str]:
        if not self._stage or self.described.records != "case":
            return await self._search(since, key, [])
        await self._stages.of(["?"])
        closed = {"propertyName": self._stage, "operator": "NOT_IN", "values": sorted(self._closed)}
        return await self._search(since, key, [closed] if self._closed else [])

    async def _search(self, since: datetime, key: str, filters: Sequence[Mapping[str, Any]]) -> tuple[Fetched, str]:
        conf = self.conf
        stamp = str(int(since.timestamp() * 1000))
        later = {"propertyName": conf.changed_property, "operator": "GTE", "value": stamp}
        body: dict[str, Any] = {
            "filterGroups": [{"filters": [later, *filters]}],
            "sorts": [{"propertyName": conf.changed_property, "direction": "ASCENDING"}],
            "properties": self.properties,
            "limit": conf.page_size,
        }
        if key:
            body["after"] = key
        await self._paced()
        path = self._path(f"objects/{conf.object}/search")
        reply = await self.http.read(path, method="POST", json=body)
        data = checks.told(reply, self.title, path)
        rows = [self.row(_flat(raw)) for raw in checks.listed(data.get("results"), self.title, path)]
        after = line(child(child(data, "paging"), "next").get("after"), 50)
        if after.isdigit() and int(after) + conf.page_size > vendor.MOST_FOUND:
            why = f"{self.title} {path}: more than {vendor.MOST_FOUND} rows have one time of change; it gives no more"
            raise SourceError(SourceFault.ANSWER, why)
        return Fetched(rows, more=bool(after), date=reply.date), after

    async def _paced(self) -> None:
        wait = self._next_search - time.monotonic()
        self._next_search = max(self._next_search, time.monotonic()) + self.conf.search_pause.total_seconds()
        if wait > 0:
            await asyncio.sleep(wait)

    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        path = self._path(f"objects/{self.conf.object}/{quote(record_id, safe='')}")
        reply = await self.http.read(path, {"properties": ",".join(self.properties)}, missing_ok=True)
        if not reply.ok:
            return None
        raw = _flat(checks.told(reply, self.title, path))
        return None if flag(raw.get("archived")) else await self._named(raw)

    async def map_rows(self, rows: Sequence[Row]) -> Mapped:
        raws = [replace(row, raw=await self._named(row.raw)) for row in rows]
        return await Crm.map_rows(self, raws)

    async def _named(self, raw: Any) -> Any:
        """With the label of its stage and the name of its owner."""
        if not isinstance(raw, Mapping):
            return raw
        stage, owner = line(raw.get(self._stage), 100), line(raw.get("hubspot_owner_id"), 100)
        stages, owners = await self._stages.of([stage] if self._stage else []), await self._owners.of([owner])
        name, _, email = owners.get(owner, "").partition("\n")
        named = {"stage": stages.get(stage, stage), "stage_closed": stage in self._closed}
        return {**raw, **named, "owner_name": name, "owner_email": email}

    def changed_at(self, raw: Mapping[str, Any]) -> datetime | None:
        return moment(raw.get(self.conf.changed_property)) or moment(raw.get("updatedAt"))

    def record_of(self, raw: Any, told: Mapping[str, tuple[Happening, ...]]) -> Record:
        record = Crm.record_of(self, raw, told)
        if not isinstance(record, Case):
            return record
        slas = tuple(replace(sla, met=sla.met or self._kept(sla, raw)) for sla in record.slas)
        return replace(record, slas=slas, happenings=self._answers(raw))

    def _kept(self, sla: Sla, raw: Mapping[str, Any]) -> bool:
        """Whether the property beside the due time says that it is over."""
        name = self._sla_status.get(sla.metric, "")
        return line(raw.get(name), 50).upper().startswith(("COMPLETED", "CANCEL"))

    def _answers(self, raw: Mapping[str, Any]) -> tuple[Happening, ...]:
        """A ticket tells when the last message came and went, and not what it said."""
        kinds = {
            self.conf.customer_reply_property: HappeningKind.CUSTOMER_REPLY,
            self.conf.reply_property: HappeningKind.REPLY,
        }
        told = ((kind, moment(raw.get(name))) for name, kind in kinds.items())
        return happenings.newest(Happening(kind, f"{kind}-{at.isoformat()}", at) for kind, at in told if at is not None)

    async def _load_stages(self, _ids: frozenset[str]) -> dict[str, str]:
        path = self._path(f"pipelines/{self.conf.object}")
        data = checks.told(await self.http.read(path), self.title, path)
        found, closed = {}, set()
        for pipeline in checks.listed(data.get("results"), self.title, path):
            stages = pipeline.get("stages") if isinstance(pipeline, Mapping) else None
            for stage in stages if isinstance(stages, list) else []:
                if isinstance(stage, Mapping):
                    key, about = line(stage.get("id"), 100), child(stage, "metadata")
                    found[key] = line(stage.get("label"), 100)
                    if flag(about.get("isClosed")) or about.get("ticketState") == "CLOSED":
                        closed.add(key)
        self._closed = frozenset(closed)
        return found

    async def _load_owners(self, _ids: frozenset[str]) -> dict[str, str]:
        """Names and addresses, a line each."""
        path = self._path("owners")
        rows = checks.listed(checks.told(await self._read_owners(), self.title, path).get("results"), self.title, path)
        return {line(row.get("id"), 100): _owner(row) for row in rows if isinstance(row, Mapping)}

    async def _read_owners(self) -> Reply:
        return await self.http.read(self._path("owners"), {"limit": 500})

    def _path(self, part: str) -> str:
        return vendor.path_of(self.conf.version, part)

    # ------------------------------------------------------------ writing

    async def put(self, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        path = self._path(f"objects/{self.conf.object}/{quote(record_id, safe='')}")
        return await self.http.send("PATCH", path, {"properties": values})

    async def add_note(self, record_id: str, text: str) -> Reply | Outcome:
        kind = self.conf.note_type or vendor.NOTE_TYPES.get(self.conf.object, 0)
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]
        body = {
            "properties": {"hs_note_body": happenings.as_html(text), "hs_timestamp": _iso(self._now())},
            "associations": [{"to": {"id": record_id}, "types": types}],
        }
        return await self.http.send("POST", self._path("objects/notes"), body)

    async def notes(self, record_id: str) -> Sequence[str]:
        """By the record's associations: the search would not know the newest yet."""
        path = self._path(f"objects/{self.conf.object}/{quote(record_id, safe='')}")
        reply = await self.http.read(path, {"associations": "notes"}, missing_ok=True)
        data = checks.told(reply, self.title, path) if reply.ok else {}
        rows = child(child(data, "associations"), "notes").get("results")
        ids = [line(row.get("id"), 50) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        ids = sorted(set(ids), key=lambda one: (len(one), one))[-_MOST_NOTES:]
        if not ids:
            return []
        body = {"inputs": [{"id": one} for one in ids], "properties": ["hs_note_body"]}
        path = self._path("objects/notes/batch/read")
        data = checks.told(await self.http.read(path, method="POST", json=body), self.title, path)
        found = checks.listed(data.get("results"), self.title, path)
        return [happenings.plain(_flat(row).get("hs_note_body")) for row in found if isinstance(row, Mapping)]

    # ------------------------------------------------------------ checking

    async def who(self) -> Sequence[checks.Tried]:
        me = await checks.tried(
            f"{self.title} credentials", self._read_owners, "the key is accepted, owners can be read"
        )
        if me.reply is None or not self._stage:
            return [me]
        path = self._path(f"pipelines/{self.conf.object}")
        return [
            me,
            await checks.tried(f"{self.title} stages", lambda: self.http.read(path), "their labels can be read"),
        ]

    async def check(self) -> Sequence[Finding]:
        findings = await Crm.check(self)
        return [*findings, await self._properties()] if all(one.ok for one in findings) else findings

    async def _properties(self) -> Finding:
        """A property that does not exist is left out without a word, so that its field would stay empty for ever."""
        what, path = f"{self.title} properties", self._path(f"properties/{self.conf.object}")
        try:
            data = checks.told(await self.http.read(path), self.title, path)
            rows = checks.listed(data.get("results"), self.title, path)
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        there = {row.get("name") for row in rows if isinstance(row, Mapping)}
        due = {self.described.fields.get(name, "") for name in SLA_FIELDS}  # there with Service Hub alone
        spare = _OURS | due | {self.described.key_field}  # where Deskbell opens no tickets, nobody made that one
        needed = {*self.described.columns, self.conf.changed_property, *self.described.on_resolve} - spare
        missing = sorted(needed - there)
        if missing:
            return Finding(
                what, ok=False, detail=f"{self.conf.object} have no property {', '.join(missing)}; see fields"
            )
        return Finding(what, ok=True, detail="those that are read exist")


def _flat(raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    return {**child(raw, "properties"), **{name: raw.get(name) for name in ("id", "archived", "updatedAt")}}


def _owner(row: Mapping[str, Any]) -> str:
    name = " ".join(filter(None, (line(row.get("firstName"), 100), line(row.get("lastName"), 100))))
    return f"{name}\n{line(row.get('email'), 200)}"


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
