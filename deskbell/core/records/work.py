"""What people work on: a visit, a case; and the leave that keeps them from it."""

from dataclasses import dataclass, field
from datetime import datetime
from math import asin, cos, radians, sin, sqrt

from deskbell.core.records.statuses import (
    CASE_DONE,
    LEAVE_DONE,
    VISIT_DONE,
    CaseStatus,
    HappeningKind,
    LeaveStatus,
    Priority,
    VisitStatus,
)

EARTH = 6_371_000  # metres, its mean radius
HAPPENINGS = 30  # the newest of a case; older ones are history that no rule asks for


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
    account_id: str = ""  # the customer's id in the system that keeps the accounts
    status_since: datetime | None = None
    sla_due: datetime | None = None  # where the contract promises more than the window
    site_lat: float | None = None
    site_lon: float | None = None
    checkin_lat: float | None = None
    checkin_lon: float | None = None
    moves: int = 0  # how often it was rescheduled, where the source counts

    @property
    def done(self) -> bool:
        return self.status in VISIT_DONE


def checkin_metres(visit: Visit) -> float | None:
    """Between site and check-in, on the ground; None where either is not known."""
    at = (visit.site_lat, visit.site_lon, visit.checkin_lat, visit.checkin_lon)
    if None in at:
        return None
    lat_a, lon_a, lat_b, lon_b = (radians(value) for value in at if value is not None)
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(max(half, 0.0))))


@dataclass(frozen=True, slots=True)
class Sla:
    """One service clock of a case: `metric` is first_response, next_reply or resolution."""

    metric: str
    due_at: datetime
    met: bool = False
    paused: bool = False
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that was added to a case. What was written stays in the source: `text_hint` is its beginning at most.

    `id` is the source's own; `name` a document's. `due_at`: until when a requested document is needed.
    """

    kind: HappeningKind
    id: str
    at: datetime
    author: str = ""
    author_id: str = ""
    private: bool = False
    text_hint: str = ""
    name: str = ""
    due_at: datetime | None = None


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
    account_id: str = ""
    requester_id: str = ""
    status_since: datetime | None = None
    happenings: tuple[Happening, ...] = ()  # the newest HAPPENINGS, oldest first

    @property
    def done(self) -> bool:
        return self.status in CASE_DONE


@dataclass(frozen=True, slots=True)
class Leave:
    """Time off of one person. Why somebody is away is nobody's business in a room: `what` is never shown."""

    source: str
    id: str
    number: str
    status: LeaveStatus
    status_raw: str = ""
    person: str = ""
    person_id: str = ""
    person_email: str = ""
    what: str = field(default="", repr=False)
    start: datetime | None = None
    end: datetime | None = None
    team: str = ""
    zone: str = "UTC"
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status in LEAVE_DONE
