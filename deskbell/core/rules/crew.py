"""Rules of a technician's day, which need more than one record: away, in two places at once, late for all that follows.

Each job of the day shows the same; the keys tell that it is one exception.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from deskbell.core.alert import Severity
from deskbell.core.records import Leave, LeaveStatus, Priority, Visit, VisitStatus
from deskbell.core.rules import words
from deskbell.core.rules.base import NOTHING, Context, Found, RuleConf, Sight, by_then, stamp
from deskbell.core.rules.timing import has_arrived, has_technician
from deskbell.core.text import clean, clock, local, span
from deskbell.core.ties import same_person

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_NOT_PLANNED = frozenset({VisitStatus.UNSCHEDULED, VisitStatus.PAUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class TechnicianUnavailableConf(RuleConf):
    severity: Severity = Severity.P3
    near: Severity = Severity.P2
    near_within: timedelta = 24 * _HOUR  # before the start
    length: timedelta = _HOUR  # of a job whose end is not known


def technician_unavailable(
    visit: Visit, _previous: Visit | None, conf: TechnicianUnavailableConf, ctx: Context
) -> Sight:
    """The technician is on leave when the job is."""
    if not _planned(visit) or has_arrived(visit):
        return NOTHING
    start, end = _times(visit, conf.length)
    leaves = [one for one in ctx.related if isinstance(one, Leave) and _away(one, visit, start, end)]
    if not leaves or ctx.now >= end:
        return NOTHING
    leave = min(leaves, key=lambda one: (one.start or start, one.id))
    turns = start - conf.near_within
    near = ctx.now >= turns
    told = max(filter(None, (leave.updated_at, visit.updated_at)), default=None)
    found = Found(
        rule="technician_unavailable",
        key=f"absent:{visit.technician_id or visit.technician}:{visit.id}:{stamp(start)}",
        severity=conf.near if near else conf.severity,
        title="Technician is away",
        summary=words.first_line(
            f"{words.technician(visit)} is away: {words.number(visit)}",
            words.place(visit),
            f"start {clock(start, visit.zone, ctx.now)}",
        ),
        stage="near" if near else "planned",
        facts=words.visit_facts(visit, ("Away", _from_to(leave, visit.zone))),
        since=turns if near else by_then(told, ctx.now),
    )
    return Sight((found,), due_at=end if near else turns)


def _away(leave: Leave, visit: Visit, start: datetime, end: datetime) -> bool:
    if leave.status is not LeaveStatus.APPROVED or leave.start is None or leave.end is None:
        return False
    return leave.start < end and start < leave.end and same_person(leave, visit)


def _from_to(leave: Leave, zone: str) -> str:
    return f"{words.moment(leave.start, zone)} to {words.moment(leave.end, zone)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DoubleBookedConf(RuleConf):
    severity: Severity = Severity.P3
    overlap: timedelta = 15 * _MINUTE  # a shorter one is no exception
    ahead: timedelta = 48 * _HOUR
    length: timedelta = _HOUR  # of a job whose end is not known


def double_booked(visit: Visit, _previous: Visit | None, conf: DoubleBookedConf, ctx: Context) -> Sight:
    """A technician has two jobs at the same time."""
    if not _planned(visit):
        return NOTHING
    sights = [_overlap(visit, other, conf, ctx) for other in _others(visit, ctx)]
    dues = [sight.due_at for sight in sights if sight.due_at]
    return Sight(tuple(found for sight in sights for found in sight.found), due_at=min(dues, default=None))


def _overlap(visit: Visit, other: Visit, conf: DoubleBookedConf, ctx: Context) -> Sight:
    (start, end), (other_start, other_end) = _times(visit, conf.length), _times(other, conf.length)
    begins, ends = max(start, other_start), min(end, other_end)
    if ends - begins <= conf.overlap or ctx.now >= ends:
        return NOTHING
    rings = begins - conf.ahead
    if ctx.now < rings:
        return Sight(due_at=rings)
    first, second = sorted((visit, other), key=lambda one: (_times(one, conf.length), one.id))
    low, high = sorted((visit.id, other.id))
    found = Found(
        rule="double_booked",
        key=f"overlap:{visit.technician_id or visit.technician}:{low}:{high}",
        severity=conf.severity,
        title="Double booked",
        summary=words.first_line(
            f"{words.technician(visit)} is double booked: {words.number(first)} and {words.number(second)}",
            "",
            f"{clock(begins, visit.zone, ctx.now)} for {span(ends - begins)}",
        ),
        facts=words.visit_facts(
            first, ("Also", f"{words.number(second)} {words.moment(_times(second, conf.length)[0], visit.zone)}")
        ),
        since=max(rings, by_then(max(filter(None, (visit.updated_at, other.updated_at)), default=None), ctx.now)),
    )
    return Sight((found,), due_at=ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeRiskConf(RuleConf):
    severity: Severity = Severity.P3
    promised: Severity = Severity.P2  # one of the endangered jobs is urgent, or would miss its SLA
    travel: timedelta = 30 * _MINUTE  # between two jobs
    slack: timedelta = 20 * _MINUTE  # so late a job may begin that has no window
    length: timedelta = _HOUR  # of a job whose end is not known


class _Step(NamedTuple):
    """A job of the day as it would go: it begins at `fixed`, or `moving` after now, whichever is later."""

    visit: Visit
    limit: datetime
    fixed: datetime
    moving: timedelta
    lasts: timedelta

    def begins(self, now: datetime) -> datetime:
        return max(self.fixed, now + self.moving)

    def fails(self, now: datetime) -> bool:
        return self.begins(now) >= self.limit

    @property
    def breaks(self) -> datetime:
        """From when on the job's own promise can't be kept; an urgent one is a promise in itself."""
        if self.visit.priority is Priority.URGENT:
            return _EVER
        due = self.visit.sla_due
        if due is None:
            return _NEVER
        return _EVER if self.fixed + self.lasts >= due else due - self.lasts - self.moving

    def misses(self, now: datetime) -> bool:
        return now >= self.breaks


def cascade_risk(visit: Visit, _previous: Visit | None, conf: CascadeRiskConf, ctx: Context) -> Sight:
    """A job that takes too long, or begins late, will make the technician late for the next ones."""
    if not has_technician(visit) or visit.start is None:
        return NOTHING
    today = local(visit.start, visit.zone).date()
    day = [one for one in (visit, *_others(visit, ctx)) if _planned(one) and _day(one, visit.zone) == today]
    day.sort(key=lambda one: (not has_arrived(one), one.start, one.id))
    steps = _projected(day, conf)
    failing = [step for step in steps if step.fails(ctx.now)]
    promised = any(step.misses(ctx.now) for step in failing)
    turns = [step.limit - step.moving for step in steps if not step.fails(ctx.now)]
    turns += [step.breaks for step in steps if not promised and ctx.now < step.breaks and step.fails(step.breaks)]
    due_at = min(turns, default=None)
    if not failing:
        return Sight(due_at=due_at)
    worst = max(step.begins(ctx.now) - (step.visit.start or ctx.now) for step in failing)
    who = visit.technician_id or visit.technician
    found = Found(
        rule="cascade_risk",
        key=f"cascade:{visit.source}:{who}:{today.isoformat()}",
        severity=conf.promised if promised else conf.severity,
        title="Later jobs at risk",
        summary=words.first_line(
            f"{words.count(len(failing), 'later job')} at risk, {words.technician(day[0])} behind at"
            f" {words.number(day[0])}",
            words.place(day[0]),
            f"worst +{span(worst)}",
        ),
        stage=words.count(len(failing), "job"),
        facts=tuple(_expected(step, ctx.now) for step in failing[:5]),
        since=by_then(max(step.limit - step.moving for step in failing), ctx.now),
        home=(day[0].id, day[0].number),
    )
    return Sight((found,), due_at=due_at)


def _projected(day: Sequence[Visit], conf: CascadeRiskConf) -> list[_Step]:
    """What follows the job that the technician is at, or should be at."""
    if not day:
        return []
    start, end = _times(day[0], conf.length)
    if has_arrived(day[0]):
        fixed, moving = end, timedelta()  # it ends as planned, or not before now
    else:
        fixed, moving = max(start, day[0].eta or start) + (end - start), end - start
    steps = []
    for visit in day[1:]:
        start, end = _times(visit, conf.length)
        begins, moving = max(start, fixed + conf.travel), moving + conf.travel
        limit = max(visit.window_end or start + conf.slack, start + _MINUTE)
        steps.append(_Step(visit, limit, begins, moving, end - start))
        fixed, moving = begins + (end - start), moving + (end - start)
    return steps


def _expected(step: _Step, now: datetime) -> tuple[str, str]:
    begins, zone = step.begins(now), step.visit.zone
    planned = step.visit.start or begins
    said = f"{words.of_day(begins, zone)} instead of {words.of_day(planned, zone)}, +{span(begins - planned)}"
    return clean(words.number(step.visit), 24) or "Job", clean(f"{said} {step.visit.customer}", 200)


def _planned(visit: Visit) -> bool:
    open_ = not visit.done and visit.completed_at is None and visit.status not in _NOT_PLANNED
    return open_ and visit.start is not None and has_technician(visit)


def _others(visit: Visit, ctx: Context) -> list[Visit]:
    """The same technician's other jobs in the same system."""
    found = [one for one in ctx.related if isinstance(one, Visit) and one.source == visit.source and one.id != visit.id]
    return [one for one in found if _planned(one) and same_person(one, visit)]


def _times(visit: Visit, length: timedelta) -> tuple[datetime, datetime]:
    start = visit.start or visit.end or _NEVER
    return start, visit.end if visit.end and visit.end > start else start + length


def _day(visit: Visit, zone: str) -> object:
    return local(visit.start, zone).date() if visit.start else None


_EVER = datetime(1990, 1, 1, tzinfo=UTC)
_NEVER = datetime(2189, 1, 1, tzinfo=UTC)
