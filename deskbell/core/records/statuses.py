"""The words that records use: where each kind of them may stand, and which of these are the end of it.

UNKNOWN is a vendor's word that no map knows: told to people, never guessed.
"""

from collections.abc import Mapping
from enum import StrEnum


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


class AccountStatus(StrEnum):
    """Where a customer account stands: NEW was made and not yet verified."""

    NEW = "new"
    VERIFIED = "verified"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class OrderStatus(StrEnum):
    """Where an order stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class InvoiceStatus(StrEnum):
    """Where an invoice stands. That it is overdue is no status: the clock says so."""

    DRAFT = "draft"
    ISSUED = "issued"
    PARTIAL = "partial"
    PAID = "paid"
    DISPUTED = "disputed"
    VOID = "void"
    UNKNOWN = "unknown"


class ContractStatus(StrEnum):
    """Where a contract stands. RENEWED: another one goes on where this one ends."""

    DRAFT = "draft"
    ACTIVE = "active"
    EXPIRED = "expired"
    RENEWED = "renewed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class LeaveStatus(StrEnum):
    """Where a request for time off stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class HappeningKind(StrEnum):
    """What was added to a case. A NOTE is internal, a REPLY goes to the customer, a CUSTOMER_REPLY comes from there."""

    NOTE = "note"
    REPLY = "reply"
    CUSTOMER_REPLY = "customer_reply"
    DOCUMENT = "document"
    DOCUMENT_REQUEST = "document_request"


class Priority(StrEnum):
    """A case's or visit's own priority in its source; not the severity of an alert about it."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


VISIT_DONE = frozenset({VisitStatus.COMPLETED, VisitStatus.CANCELLED, VisitStatus.NO_SHOW, VisitStatus.CANNOT_COMPLETE})
CASE_DONE = frozenset({CaseStatus.RESOLVED, CaseStatus.CLOSED})
CASE_CLOCK_STOPPED = CASE_DONE | {CaseStatus.WAITING, CaseStatus.PAUSED}
ORDER_DONE = frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED})
INVOICE_DONE = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID})
CONTRACT_DONE = frozenset({ContractStatus.RENEWED, ContractStatus.CANCELLED})
LEAVE_DONE = frozenset({LeaveStatus.DENIED, LeaveStatus.CANCELLED})

STATUSES: Mapping[str, type[StrEnum]] = {
    "visit": VisitStatus,
    "case": CaseStatus,
    "account": AccountStatus,
    "order": OrderStatus,
    "invoice": InvoiceStatus,
    "contract": ContractStatus,
    "leave": LeaveStatus,
}
