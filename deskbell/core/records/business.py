"""A customer's account, and what belongs to it: orders, invoices, contracts."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from deskbell.core.records.statuses import (
    CONTRACT_DONE,
    INVOICE_DONE,
    ORDER_DONE,
    AccountStatus,
    ContractStatus,
    InvoiceStatus,
    OrderStatus,
)


@dataclass(frozen=True, slots=True)
class Account:
    """One customer account of a billing, CRM or rental system. `support_status`: a vendor's own field, as it stands."""

    source: str
    id: str
    number: str
    status: AccountStatus
    status_raw: str = ""
    name: str = ""
    contact: str = ""
    plan: str = ""
    plan_from: date | None = None  # from when the plan is in force
    support_status: str = ""
    owner: str = ""
    owner_email: str = ""
    team: str = ""
    zone: str = "UTC"
    balance: Decimal | None = None  # what is still owed
    currency: str = ""
    reason: str = ""  # of a suspension or a closing
    created_at: datetime | None = None
    verified_at: datetime | None = None
    onboarded_at: datetime | None = None
    status_since: datetime | None = None
    closed_at: datetime | None = None
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status is AccountStatus.CLOSED


@dataclass(frozen=True, slots=True)
class Order:
    """One order: approved by somebody, then scheduled as a job."""

    source: str
    id: str
    number: str
    status: OrderStatus
    status_raw: str = ""
    title: str = ""
    customer: str = ""
    contact: str = ""
    account_id: str = ""
    owner: str = ""
    owner_email: str = ""
    team: str = ""
    zone: str = "UTC"
    total: Decimal | None = None
    currency: str = ""
    approved_at: datetime | None = None
    approved_by: str = ""
    job: str = ""  # the number of the job that it became
    slot: datetime | None = None  # when that job is to begin
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status in ORDER_DONE


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay. `failed` ones have a `reason`."""

    id: str
    at: datetime
    amount: Decimal | None = None
    failed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice with what was paid of it."""

    source: str
    id: str
    number: str
    status: InvoiceStatus
    status_raw: str = ""
    customer: str = ""
    contact: str = ""
    account_id: str = ""
    owner: str = ""
    owner_email: str = ""
    team: str = ""
    zone: str = "UTC"
    total: Decimal | None = None
    balance: Decimal | None = None
    currency: str = ""
    first: bool = False  # the customer's first one
    issued_at: datetime | None = None
    due_on: date | None = None
    promised_on: date | None = None  # when the customer said that it will be paid
    payments: tuple[Payment, ...] = ()
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status in INVOICE_DONE


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract. `notice_by`: the last day on which it can be ended before it renews itself."""

    source: str
    id: str
    number: str
    status: ContractStatus
    status_raw: str = ""
    title: str = ""
    customer: str = ""
    contact: str = ""
    account_id: str = ""
    owner: str = ""
    owner_email: str = ""
    team: str = ""
    zone: str = "UTC"
    value: Decimal | None = None
    currency: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    auto_renew: bool = False
    notice_by: date | None = None
    updated_at: datetime | None = None
    url: str = ""

    @property
    def done(self) -> bool:
        return self.status in CONTRACT_DONE
