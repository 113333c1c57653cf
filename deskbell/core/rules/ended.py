"""Why an alert about what was added to a case, about a technician's day or about money is over, in words for people."""

from collections.abc import Callable, Mapping
from typing import Any

from deskbell.core.records import Case, HappeningKind, Invoice, InvoiceStatus, Order, Record, Visit, kind_of
from deskbell.core.rules import words
from deskbell.core.rules.timing import has_technician


def reason(rule: str, record: Record) -> str:
    """Empty where the rule has no words of its own for it."""
    say = _WORDS.get(kind_of(record), {}).get(rule)
    return say(record) if say else ""


def _status_now(record: Record) -> str:
    return f"the status is {words.status(record)} now"


def _answered(case: Case) -> str:
    return words.ENDED.get(case.status) or ("it was answered" if _has(case, HappeningKind.REPLY) else _OLD)


def _came(case: Case) -> str:
    return words.ENDED.get(case.status) or ("the document came" if _has(case, HappeningKind.DOCUMENT) else _OLD)


def _told(case: Case) -> str:
    return "the customer was told" if _has(case, HappeningKind.REPLY) else _status_now(case)


def _has(case: Case, kind: HappeningKind) -> bool:
    return any(one.kind is kind for one in case.happenings)


def _taken_on(case: Case) -> str:
    return words.ENDED.get(case.status) or _OLD


def _of_the_day(visit: Visit, why: str) -> str:
    if visit.done:
        return words.ENDED[visit.status]
    return why if has_technician(visit) else "no technician is assigned any more"


def _kept(visit: Visit) -> str:
    if visit.done:
        return words.ENDED[visit.status]
    due = visit.sla_due
    return f"it is due {words.weekday(due, visit.zone)} now" if due else "no SLA is promised any more"


def _settled(invoice: Invoice) -> str:
    if invoice.status is InvoiceStatus.PAID or (invoice.balance is not None and invoice.balance <= 0):
        return "it was paid"
    if invoice.promised_on and invoice.status is not InvoiceStatus.DISPUTED:
        return f"payment was promised for {words.day(invoice.promised_on)}"
    return _status_now(invoice)


def _scheduled(order: Order) -> str:
    return "it was scheduled" if order.slot or order.job else _status_now(order)


_OLD = "it is old news by now"
_WORDS: Mapping[str, Mapping[str, Callable[[Any], str]]] = {
    "visit": {
        "cascade_risk": lambda visit: _of_the_day(visit, "the technician's day has recovered"),
        "double_booked": lambda visit: _of_the_day(visit, "the jobs no longer overlap"),
        "technician_unavailable": lambda visit: _of_the_day(visit, "the technician is there at that time"),
        "status_cannot_complete": _status_now,
        "cancelled_by_company": _status_now,
        "job_sla_risk": _kept,
        "job_sla_breach": _kept,
    },
    "case": {
        "case_status_changed": _taken_on,
        "note_added": _taken_on,
        "reply_added": _taken_on,
        "document_added": _taken_on,
        "customer_replied": _answered,
        "document_requested": _came,
        "user_action_required": _status_now,
        "case_assigned": lambda case: words.ENDED.get(case.status) or f"it is with {words.holder(case)} now",
        "priority_raised": lambda case: words.ENDED.get(case.status) or f"its priority is {case.priority} now",
        "notice_overdue": _told,
    },
    "account": {
        "account_created": lambda _: _OLD,
        "account_verified": lambda _: _OLD,
        "plan_changed": lambda _: _OLD,
        "onboarding_stalled": _status_now,
        "account_suspended": _status_now,
        "account_closed": _status_now,
    },
    "order": {
        "order_approved": _scheduled,
        "order_scheduled": lambda _: _OLD,
    },
    "invoice": {
        "invoice_issued": lambda _: _OLD,
        "invoice_paid": lambda _: _OLD,
        "invoice_overdue": _settled,
        "payment_failed": _settled,
    },
    "contract": {
        "renewal_due": _status_now,
        "contract_expired": _status_now,
    },
}
