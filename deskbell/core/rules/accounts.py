"""Rules of a customer's account and its orders: made, verified, stuck, suspended, closed; approved, not scheduled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskbell.core.alert import Severity
from deskbell.core.records import Account, AccountStatus, Invoice, Order, OrderStatus, Record, Visit
from deskbell.core.rules import words
from deskbell.core.rules.base import NOTHING, Context, Found, RuleConf, Sight, by_then, is_new, later, once, stamp
from deskbell.core.text import clean, clock
from deskbell.core.ties import same_customer

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_YOUNG = frozenset({AccountStatus.NEW, AccountStatus.VERIFIED})


@dataclass(frozen=True, kw_only=True, slots=True)
class NewsConf(RuleConf):
    """Of what is told once. `lasts`: after so long it is old news."""

    severity: Severity = Severity.P4
    lasts: timedelta = _DAY
    recent: timedelta = 2 * _HOUR


def account_created(account: Account, previous: Account | None, conf: NewsConf, ctx: Context) -> Sight:
    """There is a new account."""
    at = account.created_at
    news = previous is None and is_new(None, ctx, at, conf.recent, differs=False)
    key = f"acct:{account.source}:{account.id}:created:{stamp(at)}"
    found = _news("account_created", key, "New account", account, by_then(at, ctx.now), conf.severity)
    return once((found,) * news, at, conf.lasts, ctx.now)


def account_verified(account: Account, previous: Account | None, conf: NewsConf, ctx: Context) -> Sight:
    """An account was verified."""
    at = account.verified_at
    if at is None:
        return NOTHING
    differs = previous is not None and previous.verified_at is None
    news = is_new(previous, ctx, at, conf.recent, differs=differs)
    key = f"acct:{account.source}:{account.id}:verified:{stamp(at)}"
    found = _news("account_verified", key, "Account verified", account, by_then(at, ctx.now), conf.severity)
    return once((found,) * news, at, conf.lasts, ctx.now)


def plan_changed(account: Account, previous: Account | None, conf: NewsConf, ctx: Context) -> Sight:
    """The account changed to another plan."""
    at = account.updated_at
    if previous is None or not (previous.plan and account.plan) or previous.plan == account.plan:
        return once((), at, conf.lasts, ctx.now)
    key = f"plan:{account.source}:{account.id}:{stamp(at)}"
    said = f"Plan {account.plan}, was {previous.plan}"
    more = ("In force from", words.day(account.plan_from))
    found = _news("plan_changed", key, said, account, by_then(at, ctx.now), conf.severity, more)
    return once((found,), at, conf.lasts, ctx.now)


def _news(
    rule: str, key: str, said: str, account: Account, at: datetime, severity: Severity, *more: tuple[str, str]
) -> Found:
    return Found(
        rule=rule,
        key=key,
        severity=severity,
        title=clean(said, 100),
        summary=words.first_line(f"{said}: {words.number(account)}", account.name, account.owner),
        facts=words.account_facts(account, *more),
        since=at,
        quiet=severity is Severity.P4,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OnboardingStalledConf(RuleConf):
    after: timedelta = 3 * _DAY  # business time
    severity: Severity = Severity.P3


def onboarding_stalled(account: Account, _previous: Account | None, conf: OnboardingStalledConf, ctx: Context) -> Sight:
    """A new account gets no further."""
    since = account.verified_at or account.created_at
    if account.status not in _YOUNG or account.onboarded_at or since is None:
        return NOTHING
    due_at = later(ctx, since, conf.after, business=True)
    if ctx.now < due_at:
        return Sight(due_at=due_at)
    found = Found(
        rule="onboarding_stalled",
        key=f"acct:{account.source}:{account.id}:stalled:{stamp(since)}",
        severity=conf.severity,
        title="Onboarding stalled",
        summary=words.first_line(
            f"Onboarding stalled: {words.number(account)}",
            account.name,
            f"no step since {clock(since, account.zone, ctx.now)}",
        ),
        facts=words.account_facts(account, ("Last step", words.moment(since, account.zone))),
        since=due_at,
    )
    return Sight((found,))


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountSuspendedConf(RuleConf):
    severity: Severity = Severity.P2
    with_job: Severity = Severity.P1  # a job is near: nobody should be sent
    job_within: timedelta = 48 * _HOUR


def account_suspended(account: Account, _previous: Account | None, conf: AccountSuspendedConf, ctx: Context) -> Sight:
    """An account is suspended; the more severe while the customer has a job soon."""
    if account.status is not AccountStatus.SUSPENDED:
        return NOTHING
    jobs = sorted((job for job in _jobs(account, ctx) if job.start), key=lambda job: (job.start or ctx.now, job.id))
    turns = [job.start - conf.job_within for job in jobs if job.start]
    near = [job for job, turn in zip(jobs, turns, strict=True) if turn <= ctx.now]
    at = by_then(account.status_since or account.updated_at, ctx.now)
    found = Found(
        rule="account_suspended",
        key=f"susp:{account.source}:{account.id}:{stamp(account.status_since)}",
        severity=conf.with_job if near else conf.severity,
        title="Suspended, and a job is planned" if near else "Account suspended",
        summary=words.first_line(
            f"Suspended{', do not send a technician' if near else ''}: {words.number(account)}",
            account.name,
            f"job {words.number(near[0])}" if near else "",
        ),
        stage="job planned" if near else "",
        facts=words.account_facts(account, *(_job_fact(job) for job in near[:2])),
        since=max(at, min(turns)) if near else at,
    )
    return Sight((found,), due_at=None if near else min(turns, default=None))


def _job_fact(job: Visit) -> tuple[str, str]:
    return "Job", f"{words.number(job)} {words.moment(job.start, job.zone)} {words.technician(job)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountClosedConf(RuleConf):
    severity: Severity = Severity.P3
    with_open: Severity = Severity.P2  # jobs, cases or money are still open
    recent: timedelta = 2 * _HOUR


def account_closed(account: Account, previous: Account | None, conf: AccountClosedConf, ctx: Context) -> Sight:
    """An account was closed; the more severe when something of it is still open."""
    if account.status is not AccountStatus.CLOSED:
        return NOTHING
    at = account.closed_at or account.status_since or account.updated_at
    differs = previous is not None and previous.status is not AccountStatus.CLOSED
    if not is_new(previous, ctx, at, conf.recent, differs=differs):
        return Sight(holds=True)
    open_ = open_items(account, ctx)
    found = Found(
        rule="account_closed",
        key=f"close:{account.source}:{account.id}:{stamp(at)}",
        severity=conf.with_open if open_ else conf.severity,
        title="Closed with open items" if open_ else "Account closed",
        summary=words.first_line(
            f"Account closed{', still open' if open_ else ''}: {words.number(account)}", account.name, open_
        ),
        facts=words.account_facts(account, ("Still open", open_)),
        since=by_then(at, ctx.now),
    )
    return Sight((found,))


def open_items(account: Account, ctx: Context) -> str:
    """`1 job, 2 cases, 120.00 EUR`; nothing when all is settled."""
    mine = [one for one in ctx.related if same_customer(account, one)]
    kinds = (("job", Visit), ("invoice", Invoice), ("order", Order))
    counted = [(noun, sum(isinstance(one, cls) for one in mine)) for noun, cls in kinds]
    cases = sum(type(one).__name__ == "Case" for one in mine)
    said = [words.count(amount, noun) for noun, amount in (*counted, ("case", cases)) if amount]
    owed = words.money(account.balance, account.currency) if account.balance and account.balance > 0 else ""
    return ", ".join([*said, *([owed] if owed else [])])


def _jobs(record: Record, ctx: Context) -> list[Visit]:
    return [one for one in ctx.related if isinstance(one, Visit) and same_customer(record, one)]


# ---------------------------------------------------------------- orders


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderApprovedConf(RuleConf):
    severity: Severity = Severity.P4
    stuck: Severity = Severity.P3  # approved, and not scheduled
    stuck_after: timedelta = _DAY  # business time


def order_approved(order: Order, _previous: Order | None, conf: OrderApprovedConf, ctx: Context) -> Sight:
    """An order was approved; the more severe when it is not scheduled within a business day."""
    at = order.approved_at or order.updated_at
    if order.status is not OrderStatus.APPROVED or order.slot or order.job or at is None:
        return NOTHING
    if ctx.now < at:
        return Sight(due_at=at)
    due_at = later(ctx, at, conf.stuck_after, business=True)
    stuck = ctx.now >= due_at
    said = "Approved, not scheduled" if stuck else "Order approved"
    found = Found(
        rule="order_approved",
        key=f"oappr:{order.source}:{order.id}",
        severity=min(conf.stuck, conf.severity) if stuck else conf.severity,
        title=said,
        summary=words.first_line(
            f"{said}: {words.number(order)}",
            order.customer or order.title,
            f"since {clock(at, order.zone, ctx.now)}",
        ),
        stage="not scheduled" if stuck else "approved",
        facts=words.paper_facts(
            order,
            ("Approved", words.moment(at, order.zone)),
            ("By", order.approved_by),
            ("Total", words.money(order.total, order.currency)),
        ),
        since=due_at if stuck else at,
        quiet=not stuck and conf.severity is Severity.P4,
    )
    return Sight((found,), due_at=None if stuck else due_at)


def order_scheduled(order: Order, previous: Order | None, conf: NewsConf, ctx: Context) -> Sight:
    """An order got its slot, or another one."""
    at = order.updated_at
    differs = previous is not None and previous.slot != order.slot
    if order.slot is None or order.done:
        return NOTHING
    if not is_new(previous, ctx, at, conf.recent, differs=differs):
        return once((), at, conf.lasts, ctx.now)
    found = Found(
        rule="order_scheduled",
        key=f"osched:{order.source}:{order.id}:{stamp(order.slot)}",
        severity=conf.severity,
        title="Order scheduled",
        summary=words.first_line(
            f"Scheduled: {words.number(order)}",
            order.customer or order.title,
            clock(order.slot, order.zone, ctx.now),
        ),
        facts=words.paper_facts(order, ("Job", order.job), ("Slot", words.moment(order.slot, order.zone))),
        since=by_then(at, ctx.now),
        quiet=conf.severity is Severity.P4,
    )
    return once((found,), at, conf.lasts, ctx.now)
