"""The table of rules, and how they are run over a record."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from deskbell.core.records import KINDS, Case, Record, changed, kind_of
from deskbell.core.rules import accounts, billing, cases, changes, crew, happenings, jobs, progress, timing
from deskbell.core.rules.base import NOTHING, Context, Found, Rule, RuleConf, Sight


def _row(kind: str, look: Any, conf: type[RuleConf], title: str, key: str, told: str, **more: Any) -> Rule:
    return Rule(look.__name__, kind, title, conf, look, key=key, told=told, **more)


# A key names the occurrence, never the stage: the stages of one fact edit one card. `told` is in words, for people;
# routes, policies and whoever has the case decide.
_ROWS = (
    _row("visit", timing.technician_late, timing.TechnicianLateConf, "Technician late",
         "late:{source}:{job}:{start}", "dispatch room, dispatcher; on-call and managers as it escalates"),
    _row("visit", timing.technician_cannot_come, timing.TechnicianCannotComeConf, "Technician can't come",
         "cannotcome:{source}:{job}:{start}", "dispatch room, dispatcher; on-call and managers as it escalates"),
    _row("visit", timing.not_en_route, timing.NotEnRouteConf, "Technician has not set out",
         "enroute:{source}:{job}:{start}", "dispatch room"),
    _row("visit", timing.running_over, timing.RunningOverConf, "Job running over",
         "over:{source}:{job}:{start}", "dispatch room", related=("visit",)),
    _row("visit", crew.cascade_risk, crew.CascadeRiskConf, "Later jobs at risk",
         "cascade:{source}:{technician}:{day}", "dispatch room; managers when promised", related=("visit",)),
    _row("visit", changes.cancelled_by_customer, changes.CancelledByCustomerConf, "Cancelled by customer",
         "cancel:{source}:{job}:{version}", "dispatch room; managers at P1", edge=True),
    _row("visit", changes.cancelled_by_company, changes.CancelledByCompanyConf, "Cancelled by the company",
         "cancel:{source}:{job}:{version}", "dispatch room", edge=True),
    _row("visit", changes.reschedule_short_notice, changes.RescheduleShortNoticeConf, "Moved at short notice",
         "resched:{source}:{job}:{old start}->{new start}", "dispatch room", edge=True),
    _row("visit", changes.status_no_show, changes.StatusNoShowConf, "No-show",
         "noshow:{source}:{job}:{start}", "dispatch room, managers", edge=True),
    _row("visit", jobs.status_cannot_complete, jobs.StatusCannotCompleteConf, "Job can't be completed",
         "cannot:{source}:{job}:{version}", "dispatch room", edge=True),
    _row("visit", timing.unassigned_near_start, timing.UnassignedNearStartConf, "No technician assigned",
         "unassigned:{source}:{job}:{start}", "dispatch room"),
    _row("visit", crew.technician_unavailable, crew.TechnicianUnavailableConf, "Technician is away",
         "absent:{technician}:{job}:{start}", "dispatch room", related=("leave",)),
    _row("visit", crew.double_booked, crew.DoubleBookedConf, "Double booked",
         "overlap:{technician}:{job}:{job}", "dispatch room", related=("visit",)),
    _row("visit", jobs.checkin_far_from_site, jobs.CheckinFarFromSiteConf, "Checked in elsewhere",
         "geo:{source}:{job}:{check-in}", "dispatch room"),
    _row("visit", jobs.job_sla_risk, jobs.JobSlaRiskConf, "Job SLA at risk",
         "jobsla:{source}:{job}:{due}", "dispatch room"),
    _row("visit", jobs.job_sla_breach, jobs.JobSlaBreachConf, "Job SLA missed",
         "jobsla:{source}:{job}:{due}", "dispatch room, managers"),
    _row("case", progress.case_status_changed, progress.CaseStatusChangedConf, "Status changed",
         "cstat:{source}:{case}:{status}:{version}", "assignee; the room when reopened", edge=True),
    _row("case", happenings.note_added, happenings.NoteAddedConf, "Note added",
         "note:{source}:{case}:{note}", "assignee; never the customer", edge=True),
    _row("case", happenings.reply_added, happenings.AddedConf, "Reply sent",
         "reply:{source}:{case}:{reply}", "nobody: it is listed", edge=True),
    _row("case", happenings.customer_replied, happenings.CustomerRepliedConf, "Customer replied",
         "creply:{source}:{case}:{reply}", "support room, assignee", edge=True),
    _row("case", happenings.document_added, happenings.DocumentAddedConf, "Document added",
         "doc:{source}:{case}:{document}", "assignee", edge=True),
    _row("case", happenings.document_requested, happenings.DocumentRequestedConf, "Document requested",
         "docreq:{source}:{case}:{request}", "assignee when it is due"),
    _row("case", cases.sla_approaching, cases.SlaApproachingConf, "SLA due soon",
         "sla:{source}:{case}:{metric}:{due}", "support room, assignee"),
    _row("case", cases.sla_breached, cases.SlaBreachedConf, "SLA breached",
         "slab:{source}:{case}:{metric}:{due}", "support room, assignee; managers as it escalates"),
    _row("case", progress.user_action_required, progress.UserActionRequiredConf, "Customer does not answer",
         "uar:{source}:{case}:{since}", "nobody: it is listed"),
    _row("case", cases.case_inactive, cases.CaseInactiveConf, "Case gone quiet",
         "idle:{source}:{case}:{last activity}", "support room, assignee"),
    _row("case", cases.case_escalated, cases.CaseEscalatedConf, "Case escalated",
         "esc:{source}:{case}:{level}:{version}", "support room, on-call, managers", edge=True),
    _row("case", progress.case_assigned, progress.CaseAssignedConf, "Case assigned",
         "asg:{source}:{case}:{agent}:{version}", "the new assignee; the room when it goes in circles", edge=True),
    _row("case", cases.case_unassigned, cases.CaseUnassignedConf, "Case without an owner",
         "unas:{source}:{case}:{since}", "support room"),
    _row("case", progress.priority_raised, progress.PriorityRaisedConf, "Priority raised",
         "prio:{source}:{case}:{priority}:{version}", "support room, assignee", edge=True),
    _row("case", happenings.notice_overdue, happenings.NoticeOverdueConf, "Customer not told in time",
         "notice:{source}:{case}:{event}", "support room, assignee, compliance"),
    _row("account", accounts.account_created, accounts.NewsConf, "New account",
         "acct:{source}:{account}:created:{version}", "nobody: it is listed", edge=True),
    _row("account", accounts.account_verified, accounts.NewsConf, "Account verified",
         "acct:{source}:{account}:verified:{version}", "nobody: it is listed", edge=True),
    _row("account", accounts.onboarding_stalled, accounts.OnboardingStalledConf, "Onboarding stalled",
         "acct:{source}:{account}:stalled:{since}", "accounts room"),
    _row("account", accounts.account_suspended, accounts.AccountSuspendedConf, "Account suspended",
         "susp:{source}:{account}:{version}", "accounts room, dispatch", related=("visit",)),
    _row("account", accounts.plan_changed, accounts.NewsConf, "Plan changed",
         "plan:{source}:{account}:{version}", "nobody: it is listed", edge=True),
    _row("account", accounts.account_closed, accounts.AccountClosedConf, "Account closed",
         "close:{source}:{account}:{version}", "accounts room", edge=True,
         related=("visit", "case", "order", "invoice")),
    _row("order", accounts.order_approved, accounts.OrderApprovedConf, "Order approved",
         "oappr:{source}:{order}", "accounts room once it is stuck"),
    _row("order", accounts.order_scheduled, accounts.NewsConf, "Order scheduled",
         "osched:{source}:{order}:{slot}", "nobody: it is listed", edge=True),
    _row("invoice", billing.invoice_issued, accounts.NewsConf, "Invoice issued",
         "inv:{source}:{invoice}:issued", "nobody: it is listed", edge=True),
    _row("invoice", billing.invoice_paid, accounts.NewsConf, "Invoice paid",
         "inv:{source}:{invoice}:paid:{payment}", "nobody: it is listed", edge=True),
    _row("invoice", billing.invoice_overdue, billing.InvoiceOverdueConf, "Invoice overdue",
         "inv:{source}:{invoice}:overdue", "accounts room from P3 on"),
    _row("invoice", billing.payment_failed, billing.PaymentFailedConf, "Payment failed",
         "payf:{source}:{attempt}", "accounts room", edge=True),
    _row("contract", billing.renewal_due, billing.RenewalDueConf, "Contract ends",
         "renew:{source}:{contract}:{end}", "accounts room from P3 on"),
    _row("contract", billing.contract_expired, billing.ContractExpiredConf, "Contract expired",
         "expd:{source}:{contract}:{end}", "accounts room, dispatch", related=("visit",)),
)  # fmt: skip

RULES: Mapping[str, Rule] = {rule.name: rule for rule in _ROWS}
_DEFAULTS: Mapping[str, RuleConf] = {rule.name: rule.conf_class() for rule in _ROWS}
_BY_KIND = {kind: tuple(rule for rule in _ROWS if rule.kind == kind) for kind in KINDS}


# The kinds that are looked at again when something that has to do with them changes, and those whose change matters
# to others.
AFFECTED = frozenset(rule.kind for rule in _ROWS if rule.related)
AFFECTS = AFFECTED | {"leave"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all rules together have to say of one record.

    An alert on the record whose key is not in `found` and whose rule is not in `holds` is over. `holds` also names the
    rules that raised (they stand in `errors` with why): a fault of ours is no reason to call an alert over. `asks`: the
    technician is to be asked.
    """

    found: tuple[Found, ...] = ()
    holds: frozenset[str] = frozenset()
    due_at: datetime | None = None
    errors: tuple[tuple[str, str], ...] = ()
    asks: bool = False


def evaluate(
    record: Record,
    previous: Record | None,
    confs: Mapping[str, RuleConf],
    context: Context,
    custom: Iterable[Rule] = (),
) -> Verdict:
    """Runs every enabled rule of the record's kind; a rule without a configuration of its own has its defaults.

    `custom`: rules that are not in the table; each has a configuration.

    `previous` is the reading before, None for a record seen for the first time, and the record itself when only the
    clock has moved on.
    """
    found: dict[str, Found] = {}
    holds, dues, errors, asks = set(), [], [], False
    for rule, _, _, sight, error in looks(record, previous, confs, context, custom):
        for item in sorted(sight.found, key=lambda item: -item.severity):
            found[item.key] = item  # of two readings of one thing the more severe counts
        if sight.holds:
            holds.add(rule.name)
        asks = asks or sight.asks
        if sight.due_at:
            dues.append(sight.due_at)
        if error:
            errors.append((rule.name, error))
    return Verdict(tuple(found.values()), frozenset(holds), min(dues, default=None), tuple(errors), asks)


def looks(
    record: Record,
    previous: Record | None,
    confs: Mapping[str, RuleConf],
    context: Context,
    custom: Iterable[Rule] = (),
) -> Iterator[tuple[Rule, RuleConf, Context, Sight, str]]:
    """Every rule of the record's kind: with what it was asked, what it says, and why it could not be asked, if so."""
    record, previous = _sane(record), _sane(previous) if previous is not None else None
    kind = kind_of(record)
    for rule in (*_BY_KIND[kind], *(rule for rule in custom if rule.kind == kind)):
        conf = (confs.get(rule.name) or _DEFAULTS[rule.name]).of(record)
        ctx = context.under(conf, record.zone)
        sight, error = _look(rule, record, previous, conf, ctx)
        yield rule, conf, ctx, sight, error


def _look(rule: Rule, record: Record, previous: Record | None, conf: RuleConf, context: Context) -> tuple[Sight, str]:
    if not conf.enabled:
        return NOTHING, ""
    try:
        return rule.look(record, previous, conf, context), ""
    except Exception as error:  # noqa: BLE001 - one rule's fault must not silence the others; it is reported
        return Sight(holds=True), f"{type(error).__name__}: {error}"


# Systems write "never" and "not yet" as year 1 or year 9999; nothing good comes of counting from there.
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2190, 1, 1, tzinfo=UTC)


def _sane(record: Record) -> Record:
    """The record with such moments taken for what they mean: not known."""
    moments = ((f.name, getattr(record, f.name)) for f in fields(record))
    off = {name: None for name, value in moments if isinstance(value, datetime) and not _EARLIEST < value < _LATEST}
    if off:
        record = changed(record, **off)
    if isinstance(record, Case) and not all(_EARLIEST < sla.due_at < _LATEST for sla in record.slas):
        record = changed(record, slas=tuple(sla for sla in record.slas if _EARLIEST < sla.due_at < _LATEST))
    return record
