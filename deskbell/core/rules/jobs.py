"""Rules of where a job stands: it can't be completed, its service promise runs out, the check-in was elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskbell.core.alert import Severity
from deskbell.core.records import Visit, VisitStatus, checkin_metres
from deskbell.core.rules import words
from deskbell.core.rules.base import (
    NOTHING,
    Context,
    Found,
    RuleConf,
    Sight,
    Stages,
    after,
    before,
    by_then,
    climb,
    is_new,
    later,
    stamp,
)
from deskbell.core.rules.timing import has_arrived
from deskbell.core.text import clock, span

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusCannotCompleteConf(RuleConf):
    severity: Severity = Severity.P2
    hold: Severity = Severity.P3  # on hold without a reason, or for too long
    hold_after: timedelta = _DAY  # business time
    recent: timedelta = 2 * _HOUR


def status_cannot_complete(visit: Visit, previous: Visit | None, conf: StatusCannotCompleteConf, ctx: Context) -> Sight:
    """The job could not be completed; or it is on hold without a reason, or for longer than a business day."""
    if visit.status is VisitStatus.PAUSED:
        return _on_hold(visit, conf, ctx)
    if visit.status is not VisitStatus.CANNOT_COMPLETE:
        return NOTHING
    at = visit.status_since or visit.updated_at
    differs = previous is not None and previous.status is not VisitStatus.CANNOT_COMPLETE
    if not is_new(previous, ctx, at, conf.recent, differs=differs):
        return Sight(holds=True)
    found = Found(
        rule="status_cannot_complete",
        key=f"cannot:{visit.source}:{visit.id}:{stamp(at)}",
        severity=conf.severity,
        title="Job can't be completed",
        summary=words.first_line(f"Can't be completed: {words.number(visit)}", words.place(visit), visit.reason),
        facts=words.visit_facts(visit, ("Reason", visit.reason)),
        since=by_then(at, ctx.now),
    )
    return Sight((found,))


def _on_hold(visit: Visit, conf: StatusCannotCompleteConf, ctx: Context) -> Sight:
    since = visit.status_since or visit.updated_at
    if since is None:
        return NOTHING
    due_at = since if not visit.reason else later(ctx, since, conf.hold_after, business=True)
    if ctx.now < due_at:
        return Sight(due_at=due_at)
    why = "for no reason told" if not visit.reason else f"since {clock(since, visit.zone, ctx.now)}"
    found = Found(
        rule="status_cannot_complete",
        # Where the source does not tell since when, any later change of the job would make another key.
        key=f"cannot:{visit.source}:{visit.id}:{stamp(visit.status_since or visit.start)}",
        severity=conf.hold,
        title="Job on hold",
        summary=words.first_line(f"On hold {why}: {words.number(visit)}", words.place(visit), visit.reason),
        facts=words.visit_facts(visit, ("On hold since", words.moment(since, visit.zone)), ("Reason", visit.reason)),
        since=due_at,
    )
    return Sight((found,))


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSlaRiskConf(RuleConf):
    """Stages are times before the job's SLA is due."""

    stages: Stages = ((4 * _HOUR, Severity.P3), (1 * _HOUR, Severity.P2))
    window: bool = False  # where no SLA is told, the end of the promised window counts as one, met by arriving


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSlaBreachConf(RuleConf):
    """Stages are times after the job's SLA was due."""

    stages: Stages = ((timedelta(), Severity.P1),)
    window: bool = False  # as for job_sla_risk


def job_sla_risk(visit: Visit, _previous: Visit | None, conf: JobSlaRiskConf, ctx: Context) -> Sight:
    """The service promise of a job is about to run out."""
    due = _promise(visit, window=conf.window)
    if due is None or ctx.now >= due:
        return NOTHING
    rung, due_at = climb(before(due, conf.stages), ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    said = f"SLA due {clock(due, visit.zone, ctx.now)}"
    found = _sla(visit, due, said, "job_sla_risk", rung.severity, span(rung.offset), rung.at)
    return Sight((found,), due_at=due_at or due)


def job_sla_breach(visit: Visit, _previous: Visit | None, conf: JobSlaBreachConf, ctx: Context) -> Sight:
    """The service promise of a job has run out; the card of job_sla_risk goes on."""
    due = _promise(visit, window=conf.window)
    if due is None:
        return NOTHING
    rung, due_at = climb(after(due, conf.stages), ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    said = f"SLA missed, due {clock(due, visit.zone, ctx.now)}"
    stage = f"{span(rung.offset)} over" if rung.offset else "missed"
    return Sight((_sla(visit, due, said, "job_sla_breach", rung.severity, stage, rung.at),), due_at=due_at)


def _sla(visit: Visit, due: datetime, said: str, rule: str, severity: Severity, stage: str, since: datetime) -> Found:
    return Found(
        rule=rule,
        key=f"jobsla:{visit.source}:{visit.id}:{stamp(due)}",
        severity=severity,
        title="Job SLA missed" if rule == "job_sla_breach" else "Job SLA at risk",
        summary=words.first_line(f"{said}: {words.number(visit)}", words.place(visit), words.technician_or_none(visit)),
        stage=stage,
        facts=words.visit_facts(
            visit, ("SLA due", words.moment(due, visit.zone)), ("Priority", visit.priority.capitalize())
        ),
        since=since,
    )


def _promise(visit: Visit, *, window: bool) -> datetime | None:
    """When the job has to be done, or begun where only a window was promised; None when it is or nothing was."""
    if visit.done or visit.completed_at:
        return None
    if visit.sla_due is not None:
        return visit.sla_due
    return visit.window_end if window and not has_arrived(visit) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckinFarFromSiteConf(RuleConf):
    """Off unless switched on: it looks at where people are, which needs their consent."""

    enabled: bool = False
    metres: int = 500
    severity: Severity = Severity.P4


def checkin_far_from_site(visit: Visit, _previous: Visit | None, conf: CheckinFarFromSiteConf, _ctx: Context) -> Sight:
    """The technician checked in far from the site."""
    if visit.arrived_at is None or visit.arrived_at > _ctx.now or visit.done:
        return NOTHING
    away = checkin_metres(visit)
    if away is None or away <= conf.metres:
        return NOTHING
    far = f"{away / 1000:.1f} km" if away >= 1000 else f"{away:.0f} m"
    found = Found(
        rule="checkin_far_from_site",
        key=f"geo:{visit.source}:{visit.id}:{stamp(visit.arrived_at)}",
        severity=conf.severity,
        title="Checked in elsewhere",
        summary=words.first_line(f"Checked in {far} from the site: {words.number(visit)}", words.place(visit)),
        facts=words.visit_facts(visit, ("Checked in", words.moment(visit.arrived_at, visit.zone)), ("Distance", far)),
        since=visit.arrived_at,
    )
    return Sight((found,))
