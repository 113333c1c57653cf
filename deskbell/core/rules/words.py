"""The words of the rules: first lines that fit a lock screen, and the facts below them.

A first line says who, what, where and how late, with times of the day; facts carry the date too, and so stay true.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

from deskbell.core.card import FIRST_LINE
from deskbell.core.records import Account, Case, CaseStatus, Contract, Invoice, Order, Record, Visit, VisitStatus
from deskbell.core.text import clean, cut, local, span

Facts = tuple[tuple[str, str], ...]

_NAME = 40
_VALUE = 200

METRICS = {"first_response": "First response", "next_reply": "Next reply", "resolution": "Resolution"}
ENDED = {
    VisitStatus.COMPLETED: "the job was completed",
    VisitStatus.CANCELLED: "the job was cancelled",
    VisitStatus.NO_SHOW: "the job ended as a no-show",
    VisitStatus.CANNOT_COMPLETE: "the job ended without being completed",
    CaseStatus.RESOLVED: "the case was resolved",
    CaseStatus.CLOSED: "the case was closed",
}


def first_line(head: str, name: str, tail: str = "") -> str:
    """`head name tail` on one line; when it is too long, the name is cut, never the time behind it."""
    head, tail = clean(head, FIRST_LINE - 20), clean(tail, 60)
    room = FIRST_LINE - len(head) - len(tail) - 3
    name = clean(name, room) if room > 3 else ""
    line = f"{head} {name}".rstrip()
    return cut(f"{line}, {tail}" if tail else line, FIRST_LINE)


def number(record: Record) -> str:
    return clean(record.number, 24) or clean(record.id, 24)


def technician(visit: Visit) -> str:
    return clean(visit.technician, _NAME) or "The technician"


def technician_or_none(visit: Visit) -> str:
    return clean(visit.technician, _NAME) or "no technician"


def count(amount: int, noun: str) -> str:
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def place(visit: Visit) -> str:
    """The job as people know it: its customer, or the site, or what is to be done."""
    return clean(visit.customer, _VALUE) or clean(visit.site, _VALUE) or clean(visit.title, _VALUE)


def holder(case: Case) -> str:
    return clean(case.assignee, _NAME) or "nobody assigned"


def more_than(offset: timedelta) -> str:
    """`15+ min`, `60+ min`, `2+ h`: words of a stage, which stay true while it lasts."""
    seconds = int(offset.total_seconds())
    if seconds % 60:
        return f"{seconds}+ s"
    minutes = seconds // 60
    return f"{minutes // 60}+ h" if minutes >= 120 and minutes % 60 == 0 else f"{minutes}+ min"


def moment(at: datetime | None, zone: str) -> str:
    """`Sat 21 Nov 14:00`: for facts, which are read on other days too."""
    return f"{local(at, zone):%a %d %b %H:%M}" if at else ""


def weekday(at: datetime, zone: str) -> str:
    return f"{local(at, zone):%a %H:%M}"


def of_day(at: datetime, zone: str) -> str:
    return f"{local(at, zone):%H:%M}"


def status(record: Record) -> str:
    return clean(record.status_raw.replace("_", " "), _VALUE) or str(record.status).replace("_", " ").capitalize()


def metric(name: str) -> str:
    return METRICS.get(name) or clean(name.replace("_", " "), _NAME).capitalize() or "SLA"


def notice(before_start: timedelta) -> str:
    return f"{span(before_start)} before start" if before_start > timedelta() else "after the start"


def visit_facts(visit: Visit, *more: tuple[str, str]) -> Facts:
    return _facts(
        ("Job", visit.title),
        ("Customer", visit.customer),
        ("Site", visit.site),
        ("Technician", visit.technician),
        ("Start", moment(visit.start, visit.zone)),
        ("Status", status(visit)),
        *more,
    )


def case_facts(case: Case, *more: tuple[str, str]) -> Facts:
    return _facts(
        ("Subject", case.subject),
        ("Customer", case.requester),
        ("Assignee", case.assignee or "nobody"),
        ("Group", case.group),
        ("Priority", case.priority.capitalize()),
        ("Status", status(case)),
        *more,
    )


def account_facts(account: Account, *more: tuple[str, str]) -> Facts:
    return _facts(
        ("Account", account.name),
        ("Status", status(account)),
        ("Plan", account.plan),
        ("Owner", account.owner),
        ("Reason", account.reason),
        *more,
    )


def paper_facts(paper: Order | Invoice | Contract, *more: tuple[str, str]) -> Facts:
    """Of an order, an invoice or a contract."""
    return _facts(
        ("What", getattr(paper, "title", "")),
        ("Customer", paper.customer),
        ("Status", status(paper)),
        ("Owner", paper.owner),
        *more,
    )


def money(amount: Decimal | None, currency: str) -> str:
    """`1234.50 EUR`, as the system has it; nothing when it is not known."""
    return f"{amount:f} {clean(currency, 8)}".strip() if amount is not None else ""


def day(at: date | None) -> str:
    """`Sat 21 Nov 2026`"""
    return f"{at:%a %d %b %Y}" if at else ""


def _facts(*pairs: tuple[str, str]) -> Facts:
    cleaned = ((label, clean(value, _VALUE)) for label, value in pairs)
    return tuple((label, value) for label, value in cleaned if value)
