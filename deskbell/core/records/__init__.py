"""What a source tells us, normalised and frozen: a Case, a Visit, an Account and what belongs to one, or a Leave.

Vendors' words are mapped to ours in the source's `to_record`; `status_raw` keeps the vendor's own word for people.
All times are aware datetimes in UTC; `zone` is the IANA name of the site's zone, in which people read them and business
hours are counted. What a system knows by the day alone (a due date) is a date, and begins and ends in that zone.
Amounts are Decimal, never float."""

from deskbell.core.records.business import (
    Account,
    Contract,
    Invoice,
    Order,
    Payment,
)
from deskbell.core.records.data import (
    amounts_of,
    days_of,
    fingerprint,
    from_data,
    moments_of,
    to_data,
)
from deskbell.core.records.kinds import (
    KIND_OF,
    KINDS,
    Record,
    about,
    changed,
    kind_of,
    personal_of,
    unnamed,
)
from deskbell.core.records.statuses import (
    CASE_CLOCK_STOPPED,
    CASE_DONE,
    CONTRACT_DONE,
    INVOICE_DONE,
    LEAVE_DONE,
    ORDER_DONE,
    STATUSES,
    VISIT_DONE,
    AccountStatus,
    CaseStatus,
    ContractStatus,
    HappeningKind,
    InvoiceStatus,
    LeaveStatus,
    OrderStatus,
    Priority,
    VisitStatus,
)
from deskbell.core.records.work import (
    HAPPENINGS,
    Case,
    Happening,
    Leave,
    Sla,
    Visit,
)

__all__ = [
    "CASE_CLOCK_STOPPED",
    "CASE_DONE",
    "CONTRACT_DONE",
    "HAPPENINGS",
    "INVOICE_DONE",
    "KINDS",
    "KIND_OF",
    "LEAVE_DONE",
    "ORDER_DONE",
    "STATUSES",
    "VISIT_DONE",
    "Account",
    "AccountStatus",
    "Case",
    "CaseStatus",
    "Contract",
    "ContractStatus",
    "Happening",
    "HappeningKind",
    "Invoice",
    "InvoiceStatus",
    "Leave",
    "LeaveStatus",
    "Order",
    "OrderStatus",
    "Payment",
    "Priority",
    "Record",
    "Sla",
    "Visit",
    "VisitStatus",
    "about",
    "amounts_of",
    "changed",
    "days_of",
    "fingerprint",
    "from_data",
    "kind_of",
    "moments_of",
    "personal_of",
    "to_data",
    "unnamed",
]
