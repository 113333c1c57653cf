"""The table of rules, and how they are run over a record."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from deskbell.core.records import KINDS, Case, Record, changed, kind_of
from deskbell.core.rules import cases, changes, timing
from deskbell.core.rules.base import NOTHING, Context, Found, Rule, RuleConf, Sight

_ROWS = (
    Rule("technician_late", "visit", "Technician late", timing.TechnicianLateConf, timing.technician_late),
    Rule("not_en_route", "visit", "Technician has not set out", timing.NotEnRouteConf, timing.not_en_route),
    Rule("running_over", "visit", "Job running over", timing.RunningOverConf, timing.running_over),
    Rule(
        "unassigned_near_start",
        "visit",
        "No technician assigned",
        timing.UnassignedNearStartConf,
        timing.unassigned_near_start,
    ),
    Rule("status_no_show", "visit", "No-show", changes.StatusNoShowConf, changes.status_no_show, edge=True),
    Rule(
        "cancelled_by_customer",
        "visit",
        "Cancelled by customer",
        changes.CancelledByCustomerConf,
        changes.cancelled_by_customer,
        edge=True,
    ),
    Rule(
        "reschedule_short_notice",
        "visit",
        "Moved at short notice",
        changes.RescheduleShortNoticeConf,
        changes.reschedule_short_notice,
        edge=True,
    ),
    Rule("sla_approaching", "case", "SLA due soon", cases.SlaApproachingConf, cases.sla_approaching),
    Rule("sla_breached", "case", "SLA breached", cases.SlaBreachedConf, cases.sla_breached),
    Rule("case_unassigned", "case", "Case without an owner", cases.CaseUnassignedConf, cases.case_unassigned),
    Rule("case_escalated", "case", "Case escalated", cases.CaseEscalatedConf, cases.case_escalated, edge=True),
    Rule("case_inactive", "case", "Case gone quiet", cases.CaseInactiveConf, cases.case_inactive),
)

RULES: Mapping[str, Rule] = {rule.name: rule for rule in _ROWS}
_DEFAULTS: Mapping[str, RuleConf] = {rule.name: rule.conf_class() for rule in _ROWS}
_BY_KIND = {kind: tuple(rule for rule in _ROWS if rule.kind == kind) for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all rules together have to say of one record.

    An alert on the record whose key is not in `found` and whose rule is not in `holds` is over. `holds` also names the
    rules that raised (they stand in `errors` with why): a fault of ours is no reason to call an alert over.
    """

    found: tuple[Found, ...] = ()
    holds: frozenset[str] = frozenset()
    due_at: datetime | None = None
    errors: tuple[tuple[str, str], ...] = ()


def evaluate(record: Record, previous: Record | None, confs: Mapping[str, RuleConf], context: Context) -> Verdict:
    """Runs every enabled rule of the record's kind; a rule without a configuration of its own has its defaults.

    `previous` is the reading before, None for a record seen for the first time, and the record itself when only the
    clock has moved on.
    """
    record, previous = _sane(record), _sane(previous) if previous is not None else None
    found: dict[str, Found] = {}
    holds, dues, errors = set(), [], []
    for rule in _BY_KIND[kind_of(record)]:
        sight, error = _look(rule, record, previous, confs.get(rule.name, _DEFAULTS[rule.name]), context)
        for item in sorted(sight.found, key=lambda item: -item.severity):
            found[item.key] = item  # of two readings of one thing the more severe counts
        if sight.holds:
            holds.add(rule.name)
        if sight.due_at:
            dues.append(sight.due_at)
        if error:
            errors.append((rule.name, error))
    return Verdict(tuple(found.values()), frozenset(holds), min(dues, default=None), tuple(errors))


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
