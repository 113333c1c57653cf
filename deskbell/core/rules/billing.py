"""Rules of invoices and contracts: issued, paid, not paid in time; about to end, ended.

What is due on a day is told at an hour of the morning, by the clock of the customer's place.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from deskbell.core.alert import Severity
from deskbell.core.records import Contract, ContractStatus, Invoice, InvoiceStatus, Payment, Visit
from deskbell.core.rules import words
from deskbell.core.rules.accounts import NewsConf
from deskbell.core.rules.base import (
    NOTHING,
    Context,
    Found,
    RuleConf,
    Rung,
    Sight,
    Stages,
    by_then,
    climb,
    is_new,
    is_recent,
    on_day,
    once,
    rising,
)
from deskbell.core.text import clean, span
from deskbell.core.ties import same_customer

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_OPEN = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTIAL, InvoiceStatus.UNKNOWN})
_RUNS = frozenset({ContractStatus.ACTIVE, ContractStatus.UNKNOWN})
_MORNING = time(9)


def invoice_issued(invoice: Invoice, previous: Invoice | None, conf: NewsConf, ctx: Context) -> Sight:
    """An invoice was issued."""
    at = invoice.issued_at or invoice.updated_at
    if invoice.done or invoice.status is InvoiceStatus.DRAFT:
        return NOTHING
    differs = previous is not None and previous.status is InvoiceStatus.DRAFT
    news = is_new(previous, ctx, at, conf.recent, differs=differs)
    said = "First invoice issued" if invoice.first else "Invoice issued"
    key = f"inv:{invoice.source}:{invoice.id}:issued"
    found = _found("invoice_issued", key, said, invoice, conf.severity, by_then(at, ctx.now), "")
    return once((found,) * news, at, conf.lasts, ctx.now)


def invoice_paid(invoice: Invoice, previous: Invoice | None, conf: NewsConf, ctx: Context) -> Sight:
    """A payment came in."""
    paid = [one for one in invoice.payments if not one.failed]
    lasting = [one.at + conf.lasts for one in paid if ctx.now < one.at + conf.lasts]
    news = [one for one in paid if _is_news(one, previous, ctx, conf.recent)]
    found = tuple(_payment("invoice_paid", "paid", one, invoice, conf.severity, ctx.now) for one in news)
    return Sight(found, holds=not found and bool(lasting), due_at=max(lasting, default=None))


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentFailedConf(RuleConf):
    severity: Severity = Severity.P3
    recent: timedelta = 2 * _HOUR


def payment_failed(invoice: Invoice, previous: Invoice | None, conf: PaymentFailedConf, ctx: Context) -> Sight:
    """A payment failed, and none has come in since."""
    if invoice.done:
        return NOTHING
    paid = max((one.at for one in invoice.payments if not one.failed), default=None)
    failed = [one for one in invoice.payments if one.failed and (paid is None or one.at > paid)]
    news = [one for one in failed if _is_news(one, previous, ctx, conf.recent)]
    found = tuple(_payment("payment_failed", "failed", one, invoice, conf.severity, ctx.now) for one in news)
    return Sight(found, holds=not found and bool(failed))


def _is_news(one: Payment, previous: Invoice | None, ctx: Context, recent: timedelta) -> bool:
    if previous is None:
        return not ctx.baseline and is_recent(one.at, ctx.now, recent)
    return one.id not in {known.id for known in previous.payments}


def _payment(rule: str, what: str, one: Payment, invoice: Invoice, severity: Severity, now: datetime) -> Found:
    failed = what == "failed"
    key = f"payf:{invoice.source}:{one.id}" if failed else f"inv:{invoice.source}:{invoice.id}:paid:{one.id}"
    part = not failed and invoice.status is InvoiceStatus.PARTIAL
    said = "Payment failed" if failed else "Paid in part" if part else "Paid"
    amount = words.money(one.amount, invoice.currency)
    more = (("Amount", amount), ("Reason", clean(one.reason, 200)))
    tail = clean(one.reason, 40) if failed and one.reason else amount
    return _found(rule, key, said, invoice, severity, by_then(one.at, now), tail, *more)


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceOverdueConf(RuleConf):
    """Stages are days after the due day, told at `at` by the clock of the place. A promise or a dispute stops them."""

    stages: Stages = (
        (1 * _DAY, Severity.P4),
        (7 * _DAY, Severity.P4),
        (14 * _DAY, Severity.P3),
        (30 * _DAY, Severity.P2),
    )
    at: time = _MORNING


def invoice_overdue(invoice: Invoice, _previous: Invoice | None, conf: InvoiceOverdueConf, ctx: Context) -> Sight:
    """An invoice is not paid in time."""
    due = invoice.due_on
    if due is None or invoice.status not in _OPEN or (invoice.balance is not None and invoice.balance <= 0):
        return NOTHING
    rungs = [Rung(on_day(due + offset, conf.at, invoice.zone), offset, severity) for offset, severity in conf.stages]
    promised = invoice.promised_on
    broken = on_day(promised + _DAY, conf.at, invoice.zone) if promised else None
    if broken is not None and ctx.now < broken:
        return Sight(due_at=max(broken, min((rung.at for rung in rungs), default=broken)))
    rung, due_at = climb(rungs, ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    owed = words.money(invoice.balance if invoice.balance is not None else invoice.total, invoice.currency)
    found = _found(
        "invoice_overdue",
        f"inv:{invoice.source}:{invoice.id}:overdue",
        f"Overdue for {words.count(rung.offset.days, 'day')}{' or more' if due_at is None else ''}",
        invoice,
        rung.severity,
        max(rung.at, broken) if broken else rung.at,
        owed,
        ("Was due", words.day(due)),
        ("Promised for", words.day(promised)),
    )
    return Sight((replace(found, stage=span(rung.offset)),), due_at=due_at)


def _found(
    rule: str,
    key: str,
    said: str,
    invoice: Invoice,
    severity: Severity,
    since: datetime,
    tail: str,
    *more: tuple[str, str],
) -> Found:
    return Found(
        rule=rule,
        key=key,
        severity=severity,
        title=said,
        summary=words.first_line(f"{said}: {words.number(invoice)}", invoice.customer, tail),
        facts=words.paper_facts(
            invoice,
            ("Total", words.money(invoice.total, invoice.currency)),
            ("Open", words.money(invoice.balance, invoice.currency)),
            *more,
        ),
        since=since,
        quiet=severity is Severity.P4,
    )


# ---------------------------------------------------------------- contracts


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalDueConf(RuleConf):
    """Stages are days before the contract ends, told at `at` by the clock of the place."""

    stages: Stages = (
        (60 * _DAY, Severity.P4),
        (30 * _DAY, Severity.P4),
        (7 * _DAY, Severity.P3),
        (1 * _DAY, Severity.P3),
    )
    notice: timedelta = 7 * _DAY  # so long before the last day on which notice can be given
    notice_severity: Severity = Severity.P3
    at: time = _MORNING


def renewal_due(contract: Contract, _previous: Contract | None, conf: RenewalDueConf, ctx: Context) -> Sight:
    """A contract is about to end, or about to renew itself."""
    if contract.status not in _RUNS or contract.ends_on is None:
        return NOTHING
    over = _over(contract.ends_on, contract.zone)
    if ctx.now >= over:
        return NOTHING
    rung, due_at = climb(_ahead(contract, contract.ends_on, conf), ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    said = "Renews itself" if contract.auto_renew else "Ends"
    found = Found(
        rule="renewal_due",
        key=f"renew:{contract.source}:{contract.id}:{contract.ends_on.isoformat()}",
        severity=rung.severity,
        title="Contract renews itself" if contract.auto_renew else "Contract ends",
        summary=words.first_line(
            f"{said} {words.day(contract.ends_on)}: {words.number(contract)}", contract.customer, contract.owner
        ),
        stage=f"{rung.offset.days} days" if rung.offset > timedelta() else "notice",
        facts=words.paper_facts(
            contract,
            ("Ends", words.day(contract.ends_on)),
            ("Notice by", words.day(contract.notice_by)),
            ("Value", words.money(contract.value, contract.currency)),
        ),
        since=rung.at,
        quiet=rung.severity is Severity.P4,
    )
    return Sight((found,), due_at=due_at or over)


def _ahead(contract: Contract, end: date, conf: RenewalDueConf) -> list[Rung]:
    """The stages, none milder than one before it: nearing the end never calms anybody down."""
    rungs = [
        Rung(on_day(_moved(end, -offset), conf.at, contract.zone), offset, severity) for offset, severity in conf.stages
    ]
    if contract.notice_by is not None:
        at = on_day(_moved(contract.notice_by, -conf.notice), conf.at, contract.zone)
        rungs.append(Rung(at, timedelta(), conf.notice_severity))
    return rising(rungs)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractExpiredConf(RuleConf):
    severity: Severity = Severity.P3
    with_jobs: Severity = Severity.P2  # the customer still has jobs planned


def contract_expired(contract: Contract, _previous: Contract | None, conf: ContractExpiredConf, ctx: Context) -> Sight:
    """A contract has ended and was not renewed."""
    if contract.ends_on is None or contract.status not in (*_RUNS, ContractStatus.EXPIRED):
        return NOTHING
    over = _over(contract.ends_on, contract.zone)
    if ctx.now < over:
        return Sight(due_at=over)
    jobs = [one for one in ctx.related if isinstance(one, Visit) and same_customer(contract, one)]
    found = Found(
        rule="contract_expired",
        key=f"expd:{contract.source}:{contract.id}:{contract.ends_on.isoformat()}",
        severity=conf.with_jobs if jobs else conf.severity,
        title="Contract expired, jobs planned" if jobs else "Contract expired",
        summary=words.first_line(
            f"Expired {words.day(contract.ends_on)}: {words.number(contract)}",
            contract.customer,
            f"{words.count(len(jobs), 'job')} planned" if jobs else contract.owner,
        ),
        stage="jobs planned" if jobs else "",
        facts=words.paper_facts(
            contract,
            ("Ended", words.day(contract.ends_on)),
            ("Planned", ", ".join(words.number(job) for job in jobs[:5])),
        ),
        since=over,
    )
    return Sight((found,))


def _moved(day: date, by: timedelta) -> date:
    """So many days on or back, as far as there are days: a source may say the year 1 or 9999."""
    return date.fromordinal(min(max(day.toordinal() + by.days, 1), date.max.toordinal()))


def _over(end: date, zone: str) -> datetime:
    """The first moment after the last day, at the place."""
    return on_day(_moved(end, _DAY), time(), zone)
