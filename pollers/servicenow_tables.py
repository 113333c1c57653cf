"""The tables of ServiceNow that are read: what their states are called, and which columns are their own.

https://www.servicenow.com/docs/bundle/zurich-platform-administration/page/administer/table-administration/concept/tables-and-classes.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deskbell.core.records import CaseStatus, VisitStatus

# Of every task. https://www.servicenow.com/docs/bundle/zurich-platform-administration/page/administer/task-table/reference/r_TaskTable.html
TASK = (
    *("sys_id", "number", "short_description", "state", "priority", "active", "assigned_to", "assignment_group"),
    *("escalation", "opened_at", "sys_created_on", "sys_updated_on", "sys_updated_by", "sys_mod_count"),
    "correlation_id",
)


@dataclass(frozen=True, slots=True)
class Table:
    """`states`: (usual code, label, what it is here); a code that differs from instance to instance is left out.

    `columns`: our names -> columns, dot-walked where need be. `resolved`: the state that Resolve sets; `closing`: the
    column of a closing code and its usual value; `closing_notes`: the column for the words that go with it.
    """

    states: tuple[tuple[str, str, CaseStatus | VisitStatus], ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()  # further columns that the mapping looks at
    resolved: str = ""
    closing: tuple[str, str] = ("", "")
    closing_notes: str = "work_notes"
    visits: bool = False

    @property
    def codes(self) -> Mapping[str, str]:
        """Usual codes -> labels."""
        return {code: label for code, label, _ in self.states if code}

    @property
    def words(self) -> Mapping[str, CaseStatus | VisitStatus]:
        """Labels, in lower case, -> what they are here."""
        return {label.lower(): status for _, label, status in self.states}

    @property
    def unknown(self) -> CaseStatus | VisitStatus:
        return VisitStatus.UNKNOWN if self.visits else CaseStatus.UNKNOWN


INCIDENT = Table(
    states=(
        ("1", "New", CaseStatus.NEW),
        ("2", "In Progress", CaseStatus.OPEN),
        ("3", "On Hold", CaseStatus.PAUSED),
        ("6", "Resolved", CaseStatus.RESOLVED),
        ("7", "Closed", CaseStatus.CLOSED),
        ("8", "Canceled", CaseStatus.CLOSED),
    ),
    columns={"requester_id": "caller_id", "login": "caller_id.user_name", "contact": "caller_id.email",
             "account_id": "company"},
    more=("hold_reason",),
    resolved="6",
    closing=("close_code", "Solved (Permanently)"),
    closing_notes="close_notes",
)  # fmt: skip
CASE = Table(
    states=(
        ("1", "New", CaseStatus.NEW),
        ("10", "Open", CaseStatus.OPEN),
        ("18", "Awaiting Info", CaseStatus.WAITING),
        ("6", "Resolved", CaseStatus.RESOLVED),
        ("3", "Closed", CaseStatus.CLOSED),
        ("7", "Cancelled", CaseStatus.CLOSED),
    ),
    columns={"requester_id": "contact", "login": "contact.user_name", "contact": "contact.email",
             "account_id": "account"},
    resolved="6",
    closing=("resolution_code", ""),
    closing_notes="close_notes",
)  # fmt: skip
CATALOG_TASK = Table(
    states=(
        ("-5", "Pending", CaseStatus.PAUSED),
        ("1", "Open", CaseStatus.OPEN),
        ("2", "Work in Progress", CaseStatus.OPEN),
        ("3", "Closed Complete", CaseStatus.RESOLVED),
        ("4", "Closed Incomplete", CaseStatus.CLOSED),
        ("7", "Closed Skipped", CaseStatus.CLOSED),
    ),
    columns={"requester_id": "request.requested_for", "login": "request.requested_for.user_name",
             "contact": "request.requested_for.email", "account_id": "company"},
    resolved="3",
)  # fmt: skip
# Field service; the codes are those of a fresh instance, the labels go before them.
WORK_ORDER_TASK = Table(
    states=(
        ("1", "Draft", VisitStatus.UNSCHEDULED),
        ("10", "Pending Dispatch", VisitStatus.UNSCHEDULED),
        ("", "Scheduled", VisitStatus.SCHEDULED),
        ("16", "Assigned", VisitStatus.SCHEDULED),
        ("17", "Accepted", VisitStatus.DISPATCHED),
        ("18", "Work in Progress", VisitStatus.ON_SITE),
        ("3", "Closed Complete", VisitStatus.COMPLETED),
        ("4", "Closed Incomplete", VisitStatus.CANNOT_COMPLETE),
        ("7", "Cancelled", VisitStatus.CANCELLED),
        ("", "Canceled", VisitStatus.CANCELLED),
    ),
    columns={
        "start": "expected_start", "end": "estimated_end", "window_start": "window_start", "window_end": "window_end",
        "travel_started_at": "travel_start", "arrived_at": "work_start", "completed_at": "work_end",
        "cancelled_at": "closed_at", "customer": "company.name", "account_id": "company", "site": "location.name",
        "street": "location.street", "city": "location.city", "zone": "location.time_zone",
        "site_lat": "location.latitude", "site_lon": "location.longitude", "technician_email": "assigned_to.email",
    },
    resolved="3",
    visits=True,
)  # fmt: skip

TABLES: Mapping[str, Table] = {
    "incident": INCIDENT,
    "sn_customerservice_case": CASE,
    "sc_task": CATALOG_TASK,
    "wm_task": WORK_ORDER_TASK,
}
# A source may name columns of its own for these.
CASE_NAMES = frozenset({"requester_id", "login", "contact", "account_id"})
VISIT_NAMES = frozenset(WORK_ORDER_TASK.columns) | {"reason", "cancelled_by", "absent", "contact", "eta"}


def table_of(name: str) -> Table:
    """What is known of a table; one that is not known is taken for one built like the incidents'."""
    return TABLES.get(name, INCIDENT)
