"""Rules of a case that fire on a change: its status, its owner, its priority; and the customer's turn that lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskbell.core.alert import Severity
from deskbell.core.records import Case, CaseStatus, Priority
from deskbell.core.rules import words
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
    later,
    once,
    stamp,
)
from deskbell.core.text import clock, span

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_RANK: Mapping[Priority, int] = {Priority.LOW: 0, Priority.NORMAL: 1, Priority.HIGH: 2, Priority.URGENT: 3}


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseStatusChangedConf(RuleConf):
    """`to`: the statuses whose coming is told, and how severe that is. `lasts`: after so long it is old news."""

    to: Mapping[str, Severity] = field(
        default_factory=lambda: {"waiting": Severity.P4, "resolved": Severity.P4, "closed": Severity.P4}
    )
    reopened: Severity = Severity.P2
    lasts: timedelta = _DAY
    recent: timedelta = 2 * _HOUR


def case_status_changed(case: Case, previous: Case | None, conf: CaseStatusChangedConf, ctx: Context) -> Sight:
    """The case was reopened; or resolved, closed, or given to the customer to answer."""
    at = case.status_since or case.updated_at
    reopened = previous is not None and previous.done and not case.done
    severity = conf.reopened if reopened else conf.to.get(case.status)
    until = at + conf.lasts if at and case.status in conf.to else None
    differs = previous is not None and previous.status is not case.status
    if severity is not None and is_new(previous, ctx, at, conf.recent, differs=differs):
        return Sight((_changed(case, previous, severity, at, ctx.now, reopened=reopened),), due_at=until)
    if differs or case.status is CaseStatus.UNKNOWN:
        return NOTHING
    if case.status not in conf.to:
        return Sight(holds=not case.done)  # reopened: somebody has to say that it is looked after
    holds = until is not None and ctx.now < until
    return Sight(holds=holds, due_at=until if holds else None)


def _changed(
    case: Case, previous: Case | None, severity: Severity, at: datetime | None, now: datetime, *, reopened: bool
) -> Found:
    said = "Reopened" if reopened else f"Now {words.status(case)}"
    return Found(
        rule="case_status_changed",
        key=f"cstat:{case.source}:{case.id}:{case.status}:{stamp(at)}",
        severity=severity,
        title="Case reopened" if reopened else "Status changed",
        summary=words.first_line(f"{said}: {words.number(case)}", case.subject, words.holder(case)),
        facts=words.case_facts(case, ("Was", words.status(previous) if previous else "")),
        since=by_then(at, now),
        quiet=severity is Severity.P4,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class UserActionRequiredConf(RuleConf):
    """Stages are business time since it is the customer's turn."""

    stages: Stages = ((2 * _DAY, Severity.P4), (5 * _DAY, Severity.P4), (10 * _DAY, Severity.P4))


def user_action_required(case: Case, _previous: Case | None, conf: UserActionRequiredConf, ctx: Context) -> Sight:
    """It is the customer's turn, and the customer does nothing."""
    since = case.status_since or case.last_activity_at or case.updated_at
    if case.status is not CaseStatus.WAITING or since is None:
        return NOTHING
    rungs = [Rung(later(ctx, since, wait, business=True), wait, severity) for wait, severity in conf.stages]
    rung, due_at = climb(rungs, ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    last = rung.offset == max(offset for offset, _ in conf.stages)
    found = Found(
        rule="user_action_required",
        key=f"uar:{case.source}:{case.id}:{stamp(since)}",
        severity=rung.severity,
        title="Customer does not answer",
        summary=words.first_line(
            f"Waits for the customer, {span(rung.offset)} of business{', may close' if last else ''}:"
            f" {words.number(case)}",
            case.subject,
            f"since {clock(since, case.zone, ctx.now)}",
        ),
        stage=span(rung.offset),
        facts=words.case_facts(case, ("Waits since", words.moment(since, case.zone))),
        since=rung.at,
        quiet=rung.severity is Severity.P4,
    )
    return Sight((found,), due_at=due_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseAssignedConf(RuleConf):
    severity: Severity = Severity.P3
    ping_pong: Severity = Severity.P2  # it goes from hand to hand
    hops: int = 3  # so many in a day are that
    lasts: timedelta = _DAY


def case_assigned(case: Case, previous: Case | None, conf: CaseAssignedConf, ctx: Context) -> Sight:
    """The case got a new owner; from the third in a day on it goes round in circles."""
    if case.done or not _owner(case):
        return NOTHING
    at = case.updated_at
    if previous is None or _owner(previous) == _owner(case):  # one that is new and has an owner changed no hands
        return once((), at, conf.lasts, ctx.now)
    hops = ctx.earlier.get("case_assigned", 0) + 1
    circles = hops >= conf.hops
    said = f"{hops} owners in a day" if circles else "Assigned"
    found = Found(
        rule="case_assigned",
        key=f"asg:{case.source}:{case.id}:{case.assignee_id or case.assignee}:{stamp(at)}",
        severity=conf.ping_pong if circles else conf.severity,
        title="Case goes from hand to hand" if circles else "Case assigned",
        summary=words.first_line(f"{said}: {words.number(case)}", case.subject, f"now {words.holder(case)}"),
        facts=words.case_facts(case, ("Was with", words.holder(previous))),
        since=by_then(at, ctx.now),
        quiet=not circles,
    )
    return once((found,), at, conf.lasts, ctx.now)


def _owner(case: Case) -> str:
    return case.assignee_id or case.assignee


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorityRaisedConf(RuleConf):
    severity: Severity = Severity.P3
    urgent: Severity = Severity.P2  # raised to urgent


def priority_raised(case: Case, previous: Case | None, conf: PriorityRaisedConf, ctx: Context) -> Sight:
    """The case was given a higher priority."""
    if case.done:
        return NOTHING
    if previous is None or previous.priority is case.priority:
        return Sight(holds=True)
    if _RANK[case.priority] < _RANK[previous.priority]:
        return NOTHING
    found = Found(
        rule="priority_raised",
        key=f"prio:{case.source}:{case.id}:{case.priority}:{stamp(case.updated_at)}",
        severity=conf.urgent if case.priority is Priority.URGENT else conf.severity,
        title="Priority raised",
        summary=words.first_line(
            f"Priority {case.priority} now, was {previous.priority}: {words.number(case)}",
            case.subject,
            words.holder(case),
        ),
        facts=words.case_facts(case, ("Was", previous.priority.capitalize())),
        since=by_then(case.updated_at, ctx.now),
    )
    return Sight((found,))
