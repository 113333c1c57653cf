"""Rules of a visit that the clock decides: late, not set out, running over, nobody assigned."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from deskbell.core.alert import Severity
from deskbell.core.asking import Say
from deskbell.core.records import Visit, VisitStatus
from deskbell.core.rules import words
from deskbell.core.rules.base import (
    NOTHING,
    Context,
    Found,
    RuleConf,
    Rung,
    Sight,
    Stages,
    after,
    before,
    climb,
    rising,
    stamp,
)
from deskbell.core.text import clock, span
from deskbell.core.ties import same_person

_NOT_PROMISED = frozenset({VisitStatus.UNSCHEDULED, VisitStatus.PAUSED})
_UNDER_WAY = frozenset({VisitStatus.EN_ROUTE, VisitStatus.ON_SITE})
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def has_technician(visit: Visit) -> bool:
    return bool(visit.technician or visit.technician_id or visit.technician_email)


def has_arrived(visit: Visit) -> bool:
    return visit.arrived_at is not None or visit.status is VisitStatus.ON_SITE


@dataclass(frozen=True, kw_only=True, slots=True)
class TechnicianLateConf(RuleConf):
    """`anchor`: what lateness counts from, "start" or "window_end" (the end of the promised arrival window).

    `ask`: so long after it the technician is asked, by whichever way reaches them; only silence goes on. 0s: nobody is.
    """

    anchor: Literal["start", "window_end"] = "start"
    ask: timedelta = 5 * _MINUTE
    stages: Stages = ((15 * _MINUTE, Severity.P3), (30 * _MINUTE, Severity.P2), (60 * _MINUTE, Severity.P1))
    # Without a technician it is nobody's lateness: unassigned_near_start tells of it, long before.
    without_technician: bool = False


def technician_late(visit: Visit, _previous: Visit | None, conf: TechnicianLateConf, ctx: Context) -> Sight:
    """Not there so long after the promised time, and no newer promise."""
    anchor = late_anchor(visit, conf.anchor)
    if anchor is None or visit.done or visit.status in _NOT_PROMISED or has_arrived(visit):
        return NOTHING
    if not has_technician(visit) and not conf.without_technician:
        return NOTHING
    if ctx.asked and ctx.asked.answer is Say.CANNOT:
        return NOTHING  # technician_cannot_come tells of it
    rungs = after(anchor, conf.stages)
    asks_at = anchor + conf.ask if rungs and conf.ask and has_technician(visit) else None
    if rungs and visit.eta and visit.eta > ctx.now:  # rests until the promise is broken
        return Sight(due_at=max(visit.eta, min(filter(None, (asks_at, *(rung.at for rung in rungs))))))
    rung, due_at = climb(rungs, ctx.now)
    asks = asks_at is not None and ctx.now >= asks_at
    due_at = min(filter(None, (due_at, None if asks else asks_at)), default=None)
    if rung is None:
        return Sight(due_at=due_at, asks=asks)
    gone = rung.severity is Severity.P1
    late = f"{words.technician(visit)} {words.more_than(rung.offset)} late"
    found = Found(
        rule="technician_late",
        key=f"late:{visit.source}:{visit.id}:{stamp(visit.start or anchor)}",
        severity=rung.severity,
        title="Suspected no-show" if gone else "Technician late",
        summary=words.first_line(
            f"{'Suspected no-show: ' if gone else ''}{late}: {words.number(visit)}",
            words.place(visit),
            f"due {clock(anchor, visit.zone, ctx.now)}",
        ),
        stage=span(rung.offset),
        facts=words.visit_facts(
            visit, ("Due by", words.moment(anchor, visit.zone) if anchor != visit.start else ""), _asked(visit, ctx)
        ),
        since=rung.at,
    )
    return Sight((found,), due_at=due_at, asks=asks)


def _asked(visit: Visit, ctx: Context) -> tuple[str, str]:
    """What the technician was asked, where they did not keep to what they said, or said nothing."""
    if ctx.asked is None:
        return "Asked", ""
    at = clock(ctx.asked.at, visit.zone, ctx.now)
    if ctx.asked.until is None:
        return "Asked", f"{words.technician(visit)} at {at}, no answer yet"
    return "Asked", f"{words.technician(visit)} at {at}, who promised {clock(ctx.asked.until, visit.zone, ctx.now)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TechnicianCannotComeConf(RuleConf):
    severity: Severity = Severity.P1


def technician_cannot_come(
    visit: Visit, _previous: Visit | None, conf: TechnicianCannotComeConf, ctx: Context
) -> Sight:
    """Asked why nobody is there, the technician answered that they can't come; until somebody else is sent."""
    asked = ctx.asked
    if asked is None or asked.answer is not Say.CANNOT or visit.done or has_arrived(visit):
        return NOTHING
    found = Found(
        rule="technician_cannot_come",
        key=f"cannotcome:{visit.source}:{visit.id}:{stamp(visit.start)}",
        severity=conf.severity,
        title="Technician can't come",
        summary=words.first_line(
            f"{words.technician(visit)} can't come: {words.number(visit)}",
            words.place(visit),
            f"due {clock(visit.start, visit.zone, ctx.now)}" if visit.start else "",
        ),
        facts=words.visit_facts(visit, ("Said so", clock(asked.answered_at or asked.at, visit.zone, ctx.now))),
        since=asked.answered_at,
    )
    return Sight((found,))


def late_anchor(visit: Visit, anchor: str) -> datetime | None:
    return (visit.window_end or visit.start) if anchor == "window_end" else (visit.start or visit.window_end)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotEnRouteConf(RuleConf):
    """Told at start - travel - margin; from start + hands_over on it is technician_late that tells."""

    travel: timedelta = 30 * _MINUTE
    margin: timedelta = 10 * _MINUTE
    hands_over: timedelta = 15 * _MINUTE
    severity: Severity = Severity.P3
    blind: tuple[str, ...] = ()  # sources that never tell when a technician sets out: the rule is off for them


def not_en_route(visit: Visit, _previous: Visit | None, conf: NotEnRouteConf, ctx: Context) -> Sight:
    """Time to set out, and the technician has not."""
    start = visit.start
    if start is None or visit.source in conf.blind or not _waits_at_home(visit):
        return NOTHING
    expected = max(start, visit.eta or start)
    leave_by = expected - conf.travel - conf.margin
    end = max(start + conf.hands_over, expected)
    if ctx.now < leave_by:
        return Sight(due_at=leave_by if leave_by < end else None)
    if ctx.now >= end:
        return NOTHING
    found = Found(
        rule="not_en_route",
        key=f"enroute:{visit.source}:{visit.id}:{stamp(start)}",
        severity=conf.severity,
        title="Technician has not set out",
        summary=words.first_line(
            f"{words.technician(visit)} has not set out: {words.number(visit)}",
            words.place(visit),
            f"due {clock(expected, visit.zone, ctx.now)}",
        ),
        facts=words.visit_facts(visit, ("Should have left by", words.moment(leave_by, visit.zone))),
        since=leave_by,
    )
    return Sight((found,), due_at=end)


def _waits_at_home(visit: Visit) -> bool:
    if visit.done or visit.status in _NOT_PROMISED or visit.status in _UNDER_WAY or has_arrived(visit):
        return False
    return visit.travel_started_at is None and has_technician(visit)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningOverConf(RuleConf):
    """`endangers`: how severe it is once `travel` no longer fits in before the technician's next job."""

    stages: Stages = ((15 * _MINUTE, Severity.P3), (60 * _MINUTE, Severity.P2))
    travel: timedelta = 30 * _MINUTE
    endangers: Severity = Severity.P2


def running_over(visit: Visit, _previous: Visit | None, conf: RunningOverConf, ctx: Context) -> Sight:
    """Still on site so long after the planned end."""
    if visit.end is None or visit.done or visit.status is VisitStatus.PAUSED or not has_arrived(visit):
        return NOTHING
    following = _next_job(visit, ctx)
    rungs = _over_rungs(visit.end, following, conf)
    rung, due_at = climb(rungs, ctx.now)
    if rung is None or visit.completed_at:
        return NOTHING if visit.completed_at else Sight(due_at=due_at)
    late_for = following if following and following.start and ctx.now >= following.start - conf.travel else None
    found = Found(
        rule="running_over",
        key=f"over:{visit.source}:{visit.id}:{stamp(visit.start)}",
        severity=rung.severity,
        title="Job running over",
        summary=words.first_line(
            f"{words.technician(visit)} {words.more_than(rung.offset)} over: {words.number(visit)}",
            words.place(visit),
            f"next job {clock(late_for.start, visit.zone, ctx.now)}"
            if late_for and late_for.start
            else f"end was {clock(visit.end, visit.zone, ctx.now)}",
        ),
        stage=f"{span(rung.offset)}, next job" if late_for else span(rung.offset),
        facts=words.visit_facts(
            visit,
            ("Next job", f"{words.number(late_for)} {words.moment(late_for.start, visit.zone)}" if late_for else ""),
            ("Planned end", words.moment(visit.end, visit.zone)),
            ("Checked in", words.moment(visit.arrived_at, visit.zone)),
        ),
        since=rung.at,
    )
    return Sight((found,), due_at=due_at)


def _next_job(visit: Visit, ctx: Context) -> Visit | None:
    """The technician's next job that is still to be begun."""
    jobs = [one for one in ctx.related if isinstance(one, Visit) and one.source == visit.source]
    able = [
        one
        for one in jobs
        if one.start and visit.start and one.start > visit.start and not (one.done or has_arrived(one))
    ]
    mine = [one for one in able if one.status not in _NOT_PROMISED and same_person(one, visit)]
    return min(mine, key=lambda one: (one.start, one.id), default=None)


def _over_rungs(end: datetime, following: Visit | None, conf: RunningOverConf) -> list[Rung]:
    rungs = after(end, conf.stages)
    if not rungs or following is None or following.start is None:
        return rungs
    near = max(min(rung.at for rung in rungs), following.start - conf.travel)
    offset = max(rung.offset for rung in rungs if rung.at <= near)
    return rising([*rungs, Rung(near, offset, conf.endangers)])


@dataclass(frozen=True, kw_only=True, slots=True)
class UnassignedNearStartConf(RuleConf):
    """Stages are times before the start."""

    stages: Stages = ((24 * _HOUR, Severity.P3), (2 * _HOUR, Severity.P1))


def unassigned_near_start(visit: Visit, _previous: Visit | None, conf: UnassignedNearStartConf, ctx: Context) -> Sight:
    """The start is near and the job has no technician."""
    if visit.start is None or visit.done or visit.status is VisitStatus.PAUSED:
        return NOTHING
    if has_technician(visit) or visit.status in _UNDER_WAY or has_arrived(visit):
        return NOTHING
    rungs = before(visit.start, conf.stages)
    rung, due_at = climb(rungs, ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    found = Found(
        rule="unassigned_near_start",
        key=f"unassigned:{visit.source}:{visit.id}:{stamp(visit.start)}",
        severity=rung.severity,
        title="No technician assigned",
        summary=words.first_line(
            f"No technician, under {span(rung.offset)} to start: {words.number(visit)}",
            words.place(visit),
            f"start {clock(visit.start, visit.zone, ctx.now)}",
        ),
        stage=span(rung.offset),
        facts=words.visit_facts(visit),
        since=rung.at,
    )
    return Sight((found,), due_at=due_at)
