"""What customers are told, and when: each letter with what it may say, and which finding or change of a record asks
for it.

A letter says numbers, days, times and amounts, and words of ours for the rest. Nothing that anybody typed gets into
one: no note, no title, no reason, no name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from deskbell.core.customer import REQUIRED, Letter, Medium, Purpose, Stage
from deskbell.core.records import Case, CaseStatus, Invoice, Record, Visit, VisitStatus, kind_of
from deskbell.core.rules.base import Found, stamp
from deskbell.core.text import clean, clock

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MOVED = timedelta(minutes=5)  # less is no other appointment
_LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class NoticeConf:
    """[customers.notices.NAME]"""

    send: bool = True  # by itself; false: only when somebody of the staff sends it
    required: bool = False  # the law demands that it is told, so that it goes without an opt-in too
    within: timedelta = _DAY  # a required one that has not arrived by then rings


@dataclass(frozen=True, slots=True)
class OriginConf:
    """[customers.sources.NAME]: what a source's contacts mean. Empty values are those of [customers]."""

    region: str = ""  # of phone numbers without a country: "DE"
    phones: tuple[Medium, ...] = ()  # what a bare phone number is an address for
    language: str = ""
    opt_in: tuple[Medium, ...] = ()  # whoever is in this source agreed to these
    proof: str = ""  # where that can be looked up: "terms of service, 2026-01"


@dataclass(frozen=True, slots=True)
class CustomersConf:
    """[customers]. `channels`: for each way, a channel of [channels] or a chat; by no other way is anybody told."""

    firm: str  # how the house calls itself in every letter
    call: str = ""  # a number or address where people answer
    language: str = "en"  # of customers whose language nobody knows
    region: str = ""
    phones: tuple[Medium, ...] = (Medium.SMS,)
    order: tuple[Medium, ...] = (Medium.WHATSAPP, Medium.SMS, Medium.TELEGRAM, Medium.PUSH, Medium.MAIL)
    legal: tuple[Medium, ...] = (Medium.MAIL, Medium.SMS)  # what the law demands goes by these without an opt-in
    quiet: str = "21:00-08:00"  # nobody is told anything, by the customer's own clock; "": never quiet
    version: str = "1"  # of the words that customers agree to; kept with each consent
    templates: str = ""  # a folder with letters of your own
    channels: Mapping[Medium, str] = field(default_factory=dict)
    options: Mapping[Medium, Mapping[str, str]] = field(default_factory=dict)  # for a channel that has some
    sources: Mapping[str, OriginConf] = field(default_factory=dict)
    notices: Mapping[str, NoticeConf] = field(default_factory=dict)

    def notice(self, name: str) -> NoticeConf:
        return self.notices.get(name, NoticeConf())

    def origin(self, source: str) -> OriginConf:
        return self.sources.get(source, OriginConf())


# ---------------------------------------------------------------- what each may say

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One letter. `values`: what it says of a record; `lasts`: later it is no news. `by_hand`: staff may send it."""

    name: str
    of: str
    purpose: Purpose
    title: str  # for staff
    values: Callable[[Any, datetime], Values]
    lasts: timedelta = _DAY
    by_hand: bool = True


def _visit(visit: Visit, now: datetime) -> Values:
    late = max(late_by(visit, now), timedelta())
    minutes = max(5, int(late.total_seconds()) // 300 * 5)
    return {"start": _moment(visit.start), "end": _moment(visit.window_end or visit.end), "minutes": str(minutes)}


def late_by(visit: Visit, now: datetime) -> timedelta:
    """By the promise that stands, or else by the clock."""
    if visit.start is None:
        return timedelta()
    return (visit.eta if visit.eta and visit.eta > now else now) - visit.start


def _case(case: Case, _now: datetime) -> Values:
    due = max((one.due_at for one in case.happenings if one.due_at), default=None)
    return {"due": _moment(due)}


def _nothing(_record: Record, _now: datetime) -> Values:
    return {}


def _account(account: Any, _now: datetime) -> Values:
    return {"day": _day(account.plan_from)}


def _order(order: Any, _now: datetime) -> Values:
    return {"start": _moment(order.slot)}


def _invoice(invoice: Invoice, _now: datetime) -> Values:
    paid = next((one for one in reversed(invoice.payments) if not one.failed), None)
    return {
        "total": _amount(invoice.total, invoice.currency),
        "balance": _amount(invoice.balance, invoice.currency) if invoice.balance else "",
        "paid": _amount(paid.amount, invoice.currency) if paid else "",
        "day": _day(invoice.due_on),
    }


def _contract(contract: Any, _now: datetime) -> Values:
    return {"day": _day(contract.ends_on), "notice": _day(contract.notice_by), "renews": "yes" * contract.auto_renew}


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _amount(amount: Decimal | None, currency: str) -> str:
    known = len(currency) == 3 and currency.isascii() and currency.isalpha()
    return f"{amount:.2f} {currency.upper() if known else ''}".strip() if amount is not None else ""


def _row(name: str, of: str, title: str, values: Any, **more: Any) -> Kind:
    purpose = Purpose.SERVICE if of in ("visit", "case") else Purpose.ACCOUNT
    return Kind(name, of, purpose, title, values, **more)


_ROWS = (
    _row("visit_late", "visit", "The technician is late", _visit, lasts=_HOUR / 2),
    _row("visit_on_the_way", "visit", "The technician is on the way", _visit, lasts=_HOUR),
    _row("visit_moved", "visit", "The visit has another time", _visit),
    _row("visit_cancelled", "visit", "The visit is cancelled", _visit),
    _row("case_waiting", "case", "We need an answer", _case),
    _row("case_reminder", "case", "We still need an answer", _case),
    _row("case_replied", "case", "We have answered", _case),
    _row("case_document", "case", "There is a new document", _case),
    _row("case_document_wanted", "case", "We need a document", _case),
    _row("case_resolved", "case", "The request is solved", _case),
    _row("case_closed", "case", "The request is closed", _case),
    _row("account_created", "account", "The account was opened", _nothing, lasts=2 * _DAY),
    _row("account_verified", "account", "The account is verified", _nothing, lasts=2 * _DAY),
    _row("onboarding_stalled", "account", "The account is not set up yet", _nothing, lasts=2 * _DAY),
    _row("account_suspended", "account", "The account is suspended", _nothing, lasts=2 * _DAY),
    _row("plan_changed", "account", "The plan has changed", _account, lasts=2 * _DAY),
    _row("order_approved", "order", "The order is approved", _order, lasts=2 * _DAY),
    _row("order_scheduled", "order", "The order has a date", _order, lasts=2 * _DAY),
    _row("invoice_issued", "invoice", "An invoice", _invoice, lasts=2 * _DAY),
    _row("invoice_paid", "invoice", "A payment came", _invoice, lasts=2 * _DAY),
    _row("invoice_overdue", "invoice", "An invoice is overdue", _invoice, lasts=2 * _DAY),
    _row("payment_failed", "invoice", "A payment failed", _invoice, lasts=2 * _DAY),
    _row("renewal_due", "contract", "The contract ends soon", _contract, lasts=2 * _DAY),
)
LETTERS: Mapping[str, Kind] = {row.name: row for row in _ROWS}


TELLING = frozenset(row.of for row in _ROWS)  # the kinds of records about which customers are told


def in_short(letter: Letter, zone: str, now: datetime) -> str:
    """For a card: what was told, by which way, and what became of it."""
    title = LETTERS[letter.name].title if letter.name in LETTERS else letter.name
    by = f" by {letter.medium}" if letter.medium else ""
    law = f", {REQUIRED}" if letter.basis == REQUIRED else ""
    why = f" ({letter.why})" if letter.why else ""
    at = f", {clock(letter.updated_at, zone, now)}" if letter.updated_at else ""
    stage = "not sent" if letter.stage is Stage.WITHHELD else f"{letter.stage}{by}"
    return f"“{title}” {stage}{law}{why}{at}"


def said_of(name: str, record: Record, now: datetime) -> Values:
    """All that a letter may say of a record."""
    values = {"number": clean(record.number or record.id, 40), **LETTERS[name].values(record, now)}
    return {key: value for key, value in values.items() if value}


def by_hand(record: Record) -> tuple[Kind, ...]:
    """Those that staff may send about a record."""
    return tuple(row for row in _ROWS if row.of == kind_of(record))


# ---------------------------------------------------------------- when

_STATUS = {
    CaseStatus.RESOLVED: "case_resolved",
    CaseStatus.CLOSED: "case_closed",
    CaseStatus.WAITING: "case_waiting",
}


CASE_LETTERS = tuple(_STATUS.values())
VISIT_LETTERS = ("visit_late", "visit_on_the_way", "visit_moved", "visit_cancelled")  # that a change asks for


def _of_status(case: Any, _found: Found) -> str:
    return _STATUS.get(case.status, "")


def _of_document(case: Any, found: Found) -> str:
    """Only of one that the customer may see, and did not bring."""
    shown = (one.id for one in case.happenings if not one.private and one.author_id != case.requester_id)
    return "case_document" if any(found.key.endswith(f":{ident}") for ident in shown) else ""


# The rules whose finding is told to the customer as well, and as which letter. Those that come in stages are told
# again with each: they remind.
TOLD: Mapping[str, str | Callable[[Any, Found], str]] = {
    "technician_late": "visit_late",
    "case_status_changed": _of_status,
    "reply_added": "case_replied",
    "document_added": _of_document,
    "document_requested": "case_document_wanted",
    "user_action_required": "case_reminder",
    **{
        name: name
        for name in (
            "account_created", "account_verified", "onboarding_stalled", "order_approved", "order_scheduled",
            "invoice_issued", "invoice_paid", "invoice_overdue", "payment_failed", "renewal_due", "account_suspended",
            "plan_changed",
        )
    },
}  # fmt: skip
STAGED = frozenset({"document_requested", "user_action_required", "invoice_overdue", "renewal_due"})


@dataclass(frozen=True, slots=True)
class Wish:
    """A letter that is to be written. `key` is of this occurrence and no other; `rule` asked for it, if one did."""

    name: str
    key: str
    found: str = ""  # the key of the alert that it goes with
    rule: str = ""


def wanted(record: Record, before: Record | None, found: Sequence[Found], now: datetime) -> list[Wish]:
    """What the customer is to be told now, by what the rules found and by what has changed."""
    wishes = [*_by_rules(record, found, now), *_by_change(record, before)]
    return list({wish.key: wish for wish in wishes}.values())


def _by_rules(record: Record, found: Iterable[Found], now: datetime) -> Iterable[Wish]:
    for one in found:
        told = TOLD.get(one.rule, "")
        name = told if isinstance(told, str) else told(record, one)
        if not name or (one.since is not None and now - one.since > LETTERS[name].lasts):
            continue
        stage = f":{one.stage}" if one.rule in STAGED else ""
        yield Wish(name, f"{name}:{one.key}{stage}", one.key, one.rule)


def _by_change(visit: Record, before: Record | None) -> Iterable[Wish]:
    if not isinstance(visit, Visit) or not isinstance(before, Visit):
        return
    about = f"{visit.source}:{visit.id}:{stamp(visit.start)}"
    if visit.status is VisitStatus.EN_ROUTE and before.status is not VisitStatus.EN_ROUTE:
        yield Wish("visit_on_the_way", f"visit_on_the_way:{about}")
    if visit.status is VisitStatus.CANCELLED and not before.done:
        yield Wish("visit_cancelled", f"visit_cancelled:{about}")
    if visit.done or visit.start is None:
        return
    if before.start is not None and abs(visit.start - before.start) >= _MOVED:
        yield Wish("visit_moved", f"visit_moved:{about}")
    elif visit.eta is not None and visit.eta != before.eta and visit.eta - visit.start >= _LATE:
        yield Wish("visit_late", f"visit_late:late:{about}:{stamp(visit.eta)}")
