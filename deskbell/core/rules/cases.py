"""Rules of a case: service clocks near their end or over it, nobody assigned, escalated, gone quiet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskbell.core.alert import Severity
from deskbell.core.records import CASE_CLOCK_STOPPED, Case, Sla
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
    climb,
    is_recent,
    later,
    stamp,
)
from deskbell.core.text import clock, span

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlaApproachingConf(RuleConf):
    """Stages are times before the due time.

    The first one begins when `share` of the whole time is left, where the source tells when the clock started (0: never
    mind), and the others not before it: else a clock of half an hour would ring the moment it starts.
    """

    stages: Stages = ((60 * _MINUTE, Severity.P3), (30 * _MINUTE, Severity.P3), (15 * _MINUTE, Severity.P2))
    share: float = 0.25
    business: bool = False  # count opening hours: what is due on Monday 9:30 rings on Friday, while people are there

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError("`share` is a part of the time, from 0 up to but not including 1.")


def sla_approaching(case: Case, _previous: Case | None, conf: SlaApproachingConf, ctx: Context) -> Sight:
    """A service clock is about to run out."""
    return _each_clock(case, lambda sla: _approaching(case, sla, conf, ctx))


def _approaching(case: Case, sla: Sla, conf: SlaApproachingConf, ctx: Context) -> Sight:
    if ctx.now >= sla.due_at:
        return NOTHING
    rungs = _ahead(sla, conf, ctx)
    rung, due_at = climb(rungs, ctx.now)
    if rung is None:
        return Sight(due_at=due_at or None)
    first = rung.offset == max(offset for offset, _ in conf.stages)
    found = Found(
        rule="sla_approaching",
        # The reference has the stage in this key; without it one card is edited through its stages.
        key=f"sla:{case.source}:{case.id}:{sla.metric}:{stamp(sla.due_at)}",
        severity=rung.severity,
        title=f"{words.metric(sla.metric)} due soon",
        summary=words.first_line(
            f"{words.metric(sla.metric)} due {clock(sla.due_at, case.zone, ctx.now)}"
            f"{'' if first else f', under {span(rung.offset)}'}: {words.number(case)}",
            case.subject,
            words.holder(case),
        ),
        stage=span(rung.offset),
        facts=words.case_facts(case, ("Due", words.moment(sla.due_at, case.zone))),
        since=rung.at,
    )
    return Sight((found,), due_at=due_at or sla.due_at)


def _ahead(sla: Sla, conf: SlaApproachingConf, ctx: Context) -> list[Rung]:
    rungs = [
        Rung(later(ctx, sla.due_at, -offset, business=conf.business), offset, severity)
        for offset, severity in sorted(conf.stages, reverse=True)
    ]
    if not conf.share or not sla.started_at or not sla.started_at < sla.due_at:
        return rungs
    gate = sla.due_at - conf.share * (sla.due_at - sla.started_at)
    return [rung._replace(at=gate if rung is rungs[0] else max(rung.at, gate)) for rung in rungs]


@dataclass(frozen=True, kw_only=True, slots=True)
class SlaBreachedConf(RuleConf):
    """Stages are times after the due time."""

    stages: Stages = ((0 * _MINUTE, Severity.P2), (30 * _MINUTE, Severity.P1), (120 * _MINUTE, Severity.P1))


def sla_breached(case: Case, _previous: Case | None, conf: SlaBreachedConf, ctx: Context) -> Sight:
    """A service clock has run out."""
    return _each_clock(case, lambda sla: _breached(case, sla, conf, ctx))


def _breached(case: Case, sla: Sla, conf: SlaBreachedConf, ctx: Context) -> Sight:
    rungs = after(sla.due_at, conf.stages)
    rung, due_at = climb(rungs, ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    over = f"{words.more_than(rung.offset)} overdue" if rung.offset else "overdue"
    found = Found(
        rule="sla_breached",
        key=f"slab:{case.source}:{case.id}:{sla.metric}:{stamp(sla.due_at)}",
        severity=rung.severity,
        title=f"{words.metric(sla.metric)} overdue",
        summary=words.first_line(
            f"{words.metric(sla.metric)} {over}, due {clock(sla.due_at, case.zone, ctx.now)}: {words.number(case)}",
            case.subject,
            words.holder(case),
        ),
        stage=span(rung.offset) if rung.offset else "due",
        facts=words.case_facts(case, ("Was due", words.moment(sla.due_at, case.zone))),
        since=rung.at,
    )
    return Sight((found,), due_at=due_at)


def _each_clock(case: Case, look: Callable[[Sla], Sight]) -> Sight:
    if case.status in CASE_CLOCK_STOPPED:
        return NOTHING
    sights = [look(sla) for sla in case.slas if not sla.met and not sla.paused]
    dues = [sight.due_at for sight in sights if sight.due_at]
    return Sight(tuple(found for sight in sights for found in sight.found), due_at=min(dues, default=None))


def _spans(urgent: timedelta, high: timedelta, normal: timedelta, low: timedelta) -> dict[str, timedelta]:
    return {"urgent": urgent, "high": high, "normal": normal, "low": low}


def _severities(urgent: Severity, high: Severity, normal: Severity, low: Severity) -> dict[str, Severity]:
    return {"urgent": urgent, "high": high, "normal": normal, "low": low}


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseUnassignedConf(RuleConf):
    """By the case's priority; one that `after` does not name is never told. `business`: counted in opening hours."""

    after: Mapping[str, timedelta] = field(
        default_factory=lambda: _spans(5 * _MINUTE, 15 * _MINUTE, 60 * _MINUTE, 60 * _MINUTE)
    )
    severity: Mapping[str, Severity] = field(
        default_factory=lambda: _severities(Severity.P2, Severity.P2, Severity.P3, Severity.P3)
    )
    business: tuple[str, ...] = ("normal", "low")


def case_unassigned(case: Case, _previous: Case | None, conf: CaseUnassignedConf, ctx: Context) -> Sight:
    """A case that nobody has taken."""
    since = case.created_at or case.updated_at
    wait = conf.after.get(case.priority)
    if case.status in CASE_CLOCK_STOPPED or case.assignee or case.assignee_id or since is None or wait is None:
        return NOTHING
    due_at = later(ctx, since, wait, business=case.priority in conf.business)
    if ctx.now < due_at:
        return Sight(due_at=due_at)
    found = Found(
        rule="case_unassigned",
        key=f"unas:{case.source}:{case.id}:{stamp(case.created_at)}",
        severity=conf.severity.get(case.priority, Severity.P3),
        title="Case without an owner",
        summary=words.first_line(
            f"Nobody has taken {words.number(case)}",
            case.subject,
            f"{case.priority}, since {clock(since, case.zone, ctx.now)}",
        ),
        facts=words.case_facts(case, ("Since", words.moment(since, case.zone))),
        since=due_at,
    )
    return Sight((found,))


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseInactiveConf(RuleConf):
    """By the case's priority; whole days are business days for the priorities in `business`."""

    after: Mapping[str, timedelta] = field(default_factory=lambda: _spans(4 * _HOUR, 1 * _DAY, 2 * _DAY, 5 * _DAY))
    severity: Mapping[str, Severity] = field(
        default_factory=lambda: _severities(Severity.P2, Severity.P3, Severity.P3, Severity.P4)
    )
    business: tuple[str, ...] = ("high", "normal", "low")


def case_inactive(case: Case, _previous: Case | None, conf: CaseInactiveConf, ctx: Context) -> Sight:
    """An open case in which nothing happens."""
    last = case.last_activity_at or case.updated_at
    wait = conf.after.get(case.priority)
    if case.status in CASE_CLOCK_STOPPED or last is None or wait is None:
        return NOTHING
    due_at = later(ctx, last, wait, business=case.priority in conf.business)
    if ctx.now < due_at:
        return Sight(due_at=due_at)
    found = Found(
        rule="case_inactive",
        key=f"idle:{case.source}:{case.id}:{stamp(last)}",
        severity=conf.severity.get(case.priority, Severity.P3),
        title="Case gone quiet",
        summary=words.first_line(
            f"Nothing has happened since {clock(last, case.zone, ctx.now)}: {words.number(case)}",
            case.subject,
            words.holder(case),
        ),
        facts=words.case_facts(case, ("Last activity", words.moment(last, case.zone))),
        since=due_at,
    )
    return Sight((found,))


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseEscalatedConf(RuleConf):
    severity: Severity = Severity.P2
    critical: Severity = Severity.P1
    critical_level: int = 3  # this level of the source's own and above
    from_level: int = 1  # a level below it is no escalation
    recent: timedelta = 2 * _HOUR


def case_escalated(case: Case, previous: Case | None, conf: CaseEscalatedConf, ctx: Context) -> Sight:
    """The case was escalated in its source, or escalated further."""
    if case.done or not _height(case, conf):
        return NOTHING
    if previous is None:
        new = not ctx.baseline and is_recent(case.updated_at, ctx.now, conf.recent)
    else:
        new = _height(case, conf) > _height(previous, conf) or previous.done
    if not new:
        # Brought down a level, what there is to say changes; the alert of the higher one stays until a person ends it.
        return Sight(holds=True)
    level = case.escalation_level
    found = Found(
        rule="case_escalated",
        key=f"esc:{case.source}:{case.id}:{level}:{stamp(case.updated_at)}",
        severity=conf.critical if level >= conf.critical_level else conf.severity,
        title="Case escalated",
        summary=words.first_line(
            f"Escalated{f' to level {level}' if level else ''}: {words.number(case)}", case.subject, words.holder(case)
        ),
        stage=f"level {level}" if level else "",
        facts=words.case_facts(case, ("Level", str(level) if level else "")),
        since=_escalated_at(case, ctx.now),
    )
    return Sight((found,))


def _height(case: Case, conf: CaseEscalatedConf) -> int:
    """How high it is escalated, 0 for not at all; a bare flag counts as half a step below level 1."""
    by_level = 2 * case.escalation_level if case.escalation_level >= conf.from_level else 0
    return max(by_level, int(case.escalated))


def _escalated_at(case: Case, now: datetime) -> datetime:
    return min(case.updated_at or now, now)
