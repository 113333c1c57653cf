"""What a source tells us, normalised and frozen: a Case, a Visit or an Account.

Vendors' words are mapped to ours in the source's `to_record`; `status_raw` keeps the vendor's own word for people.
All times are aware datetimes in UTC; `zone` is the IANA name of the site's zone, in which people read them and business
hours are counted.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class VisitStatus(StrEnum):
    """Where a field-service visit stands. UNKNOWN is a vendor word that no map knows: told to people, never guessed."""

    UNSCHEDULED = "unscheduled"
    SCHEDULED = "scheduled"
    DISPATCHED = "dispatched"
    EN_ROUTE = "en_route"
    ON_SITE = "on_site"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANNOT_COMPLETE = "cannot_complete"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    UNKNOWN = "unknown"


class CaseStatus(StrEnum):
    """Where a helpdesk case stands. WAITING and PAUSED stop its service clock (customer's turn, or on hold)."""

    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"
    PAUSED = "paused"
    RESOLVED = "resolved"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Priority(StrEnum):
    """A case's or visit's own priority in its source; not the severity of an alert about it."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


VISIT_DONE = frozenset({VisitStatus.COMPLETED, VisitStatus.CANCELLED, VisitStatus.NO_SHOW, VisitStatus.CANNOT_COMPLETE})
CASE_DONE = frozenset({CaseStatus.RESOLVED, CaseStatus.CLOSED})
CASE_CLOCK_STOPPED = CASE_DONE | {CaseStatus.WAITING, CaseStatus.PAUSED}


@dataclass(frozen=True, slots=True)
class Visit:
    """One job at one site at one time."""

    source: str
    id: str
    number: str
    status: VisitStatus
    status_raw: str = ""
    title: str = ""
    customer: str = ""
    contact: str = ""  # whom to call there: a name, a number, an address
    site: str = ""
    zone: str = "UTC"
    team: str = ""
    technician: str = ""
    technician_id: str = ""
    technician_email: str = ""
    priority: Priority = Priority.NORMAL
    start: datetime | None = None
    end: datetime | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    eta: datetime | None = None
    travel_started_at: datetime | None = None
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_by: str = ""  # "customer", "company", or "" when the source does not say
    reason: str = ""
    absent: str = ""  # who missed a NO_SHOW: "technician", "customer", or "" when the source does not say
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status in VISIT_DONE


@dataclass(frozen=True, slots=True)
class Sla:
    """One service clock of a case: `metric` is first_response, next_reply or resolution."""

    metric: str
    due_at: datetime
    met: bool = False
    paused: bool = False
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One ticket, incident or case of a helpdesk."""

    source: str
    id: str
    number: str
    status: CaseStatus
    status_raw: str = ""
    subject: str = ""
    requester: str = ""
    contact: str = ""  # how to reach the requester
    team: str = ""
    zone: str = "UTC"
    assignee: str = ""
    assignee_id: str = ""
    group: str = ""
    group_id: str = ""
    priority: Priority = Priority.NORMAL
    escalated: bool = False
    escalation_level: int = 0
    slas: tuple[Sla, ...] = ()
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status in CASE_DONE


@dataclass(frozen=True, slots=True)
class Account:
    """One customer account of a billing, CRM or rental system."""

    source: str
    id: str
    number: str
    status: str
    status_raw: str = ""
    name: str = ""
    plan: str = ""
    owner: str = ""
    team: str = ""
    zone: str = "UTC"
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status == "closed"


Record = Visit | Case | Account
KINDS: Mapping[str, type[Visit] | type[Case] | type[Account]] = {"visit": Visit, "case": Case, "account": Account}
KIND_OF = {cls: kind for kind, cls in KINDS.items()}

# A source moves these whenever anything happens, our own notes included; alone they are no change.
_NOT_A_CHANGE = frozenset({"updated_at"})
_ENUMS: Mapping[str, type[StrEnum]] = {"visit": VisitStatus, "case": CaseStatus}


def kind_of(record: Record) -> str:
    return KIND_OF[type(record)]


def to_data(record: Record) -> dict[str, Any]:
    """The record as JSON-ready data, blanks left out; `from_data` reverses it."""
    data = {f.name: _plain(getattr(record, f.name)) for f in fields(record)}
    needed = {f.name for f in fields(record) if f.default is MISSING}
    return {"kind": kind_of(record)} | {k: v for k, v in data.items() if k in needed or v not in ("", None, [])}


def from_data(data: Mapping[str, Any]) -> Record:
    """The record that `to_data` wrote; fields a newer version wrote are ignored, so that a rollback can read them."""
    cls = KINDS[data["kind"]]
    known = {f.name for f in fields(cls)}
    values = {k: _revive(data["kind"], k, v) for k, v in data.items() if k in known}
    return cls(**values)


# What may tell who a customer is. `site` is shown in rooms all the same: without it nobody could be sent there.
_PERSONAL: Mapping[str, Mapping[str, str]] = {
    "visit": {"customer": "Customer", "contact": "Contact", "site": "Site"},
    "case": {"requester": "Requester", "contact": "Contact"},
    "account": {"name": "Name"},
}


def personal_of(record: Record) -> tuple[tuple[str, str], ...]:
    """The (label, value) pairs that may tell who somebody is."""
    names = _PERSONAL[kind_of(record)]
    return tuple((label, value) for name, label in names.items() if (value := str(getattr(record, name))))


def unnamed(record: Record) -> Record:
    """The record for rooms that may not know who the customer is."""
    return changed(record, **dict.fromkeys(_PERSONAL[kind_of(record)].keys() - {"site"}, ""))


def fingerprint(record: Record) -> str:
    """Equal for two readings of a record in which nothing that matters differs."""
    data = {k: v for k, v in to_data(record).items() if k not in _NOT_A_CHANGE}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def changed(record: Record, **values: Any) -> Record:
    return replace(record, **values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [{f.name: _plain(getattr(item, f.name)) for f in fields(item)} for item in value]
    return value


def _revive(kind: str, name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "status" and kind in _ENUMS:
        known = _ENUMS[kind]
        return known(value) if value in tuple(known) else known("unknown")  # a newer version's word, after a rollback
    if name == "priority":
        return Priority(value) if value in tuple(Priority) else Priority.NORMAL
    if name == "slas":
        return tuple(_sla(item) for item in value)
    if name in _TIMES:
        return datetime.fromisoformat(value)
    return value


def _sla(item: Mapping[str, Any]) -> Sla:
    times = {k: datetime.fromisoformat(item[k]) for k in ("due_at", "started_at") if item.get(k)}
    return Sla(metric=item["metric"], met=item["met"], paused=item["paused"], **times)


_TIMES = frozenset(f.name for cls in KINDS.values() for f in fields(cls) if "datetime" in str(f.type))
