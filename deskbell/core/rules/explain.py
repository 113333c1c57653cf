"""Why an alert rang, and why a record is quiet: the rules asked again, in words for people. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, time, timedelta
from enum import Enum
from typing import Any

from deskbell.core.alert import Alert
from deskbell.core.calendar import ALWAYS, SITE, Calendar
from deskbell.core.records import CASE_CLOCK_STOPPED, Record, VisitStatus
from deskbell.core.rules import words
from deskbell.core.rules.base import Context, Found, Rule, RuleConf, Sight
from deskbell.core.rules.over import resolve_reason
from deskbell.core.rules.table import looks
from deskbell.core.rules.timing import has_arrived, has_technician
from deskbell.core.text import clock, cut, span

_COMMON = frozenset({"enabled", "shadow", "policy", "route", "calendar", "overrides"})
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Stand:
    """What one rule has to say of a record: `rings` now or not, and why in words. `at`: when it would ring next."""

    rule: str
    title: str
    rings: bool
    words: str
    at: datetime | None = None


def stands(record: Record, confs: Mapping[str, RuleConf], context: Context, custom: Iterable[Rule] = ()) -> list[Stand]:
    """Each rule of the record's kind, those that ring first, then by when they would."""
    asked = looks(record, record, confs, context, custom)
    found = [_stand(record, rule, conf, sight, error, ctx) for rule, conf, ctx, sight, error in asked]
    return sorted(found, key=lambda one: (not one.rings, one.at is None, one.at or context.now, one.title))


_AHEAD = 3  # turns of the clock: the first may only have the technician asked


def _stand(record: Record, rule: Rule, conf: RuleConf, sight: Sight, error: str, ctx: Context) -> Stand:
    if not conf.enabled:
        return Stand(rule.name, rule.title, rings=False, words="switched off in the configuration")
    if error:
        return Stand(rule.name, rule.title, rings=False, words=f"can't be asked: {error}")
    if sight.found:
        return Stand(rule.name, rule.title, rings=True, words=_rings(sight.found, record, ctx))
    at, ahead = _then(record, rule, conf, ctx, sight)
    if ahead:
        worst = min(ahead, key=lambda found: found.severity)
        would = f"would ring {clock(at, record.zone, ctx.now)} as {worst.severity}"
        return Stand(rule.name, rule.title, rings=False, words=would, at=at)
    return Stand(rule.name, rule.title, rings=False, words=_quiet(rule, record, sight, ctx))


def _rings(found: tuple[Found, ...], record: Record, ctx: Context) -> str:
    worst = min(found, key=lambda one: one.severity)
    since = f" since {clock(worst.since, record.zone, ctx.now)}" if worst.since else ""
    return f"rings as {worst.severity}{since}: {worst.summary}"


def _then(record: Record, rule: Rule, conf: RuleConf, ctx: Context, sight: Sight) -> tuple[datetime, tuple[Found, ...]]:
    """When the rule will find something, if nothing changes, and what."""
    try:
        for _ in range(_AHEAD):
            if sight.found or sight.due_at is None:
                break
            ctx = replace(ctx, now=sight.due_at)
            sight = rule.look(record, record, conf, ctx)
    except Exception:  # noqa: BLE001 - a rule that can't say what comes is asked when it comes
        return ctx.now, ()
    return ctx.now, sight.found


def _quiet(rule: Rule, record: Record, sight: Sight, ctx: Context) -> str:
    if sight.holds and rule.edge:
        return "rings on a change; the last one was told, or there was none"
    if record.done and not rule.edge:
        return f"it is over: {words.status(record)}"
    applies = _REASONS.get(rule.name)
    if applies is not None and applies(record):
        return resolve_reason(rule.name, record, "", ctx.now)
    return "rings on a change, and there was none" if rule.edge else "nothing in the record asks for it"


def _there_or_waiting(record: Any) -> bool:
    return has_arrived(record) or record.status is VisitStatus.PAUSED


def _stopped(record: Any) -> bool:
    return record.status in CASE_CLOCK_STOPPED


# Where what ends an alert of the rule is also what keeps it from ringing, and when that is so.
_REASONS: Mapping[str, Callable[[Any], bool]] = {
    "technician_late": _there_or_waiting,
    "not_en_route": _there_or_waiting,
    "unassigned_near_start": has_technician,
    "case_unassigned": lambda case: bool(case.assignee or case.assignee_id),
    "case_inactive": _stopped,
    "sla_approaching": lambda case: _stopped(case) or not case.slas,
    "sla_breached": lambda case: _stopped(case) or not case.slas,
}


# ---------------------------------------------------------------- why an alert rang


def why(alert: Alert, rule: Rule | None, conf: RuleConf | None, calendar: Calendar) -> list[tuple[str, str]]:
    """The rule, what it saw, its thresholds, and the clock that it counts by."""
    lines = [("Rule", f"{alert.rule}: {_sees(rule)}" if rule else alert.rule)]
    lines.append(("Saw", "; ".join(f"{label}: {value}" for label, value in alert.facts) or alert.summary))
    if conf is not None:
        lines.append(("Thresholds", ", ".join(f"{name} {value}" for name, value in thresholds(conf))))
    lines.append(("Clock", _hours(calendar, alert.zone)))
    lines.append(("Key", alert.key))
    return [(label, cut(value, _LONGEST)) for label, value in lines if value]


def _sees(rule: Rule) -> str:
    return (rule.look.__doc__ or rule.title).strip().split("\n")[0]


def thresholds(conf: RuleConf) -> Iterator[tuple[str, str]]:
    """What is set for the rule, besides what can be set for every rule."""
    for f in fields(conf):
        value = getattr(conf, f.name)
        if f.name not in _COMMON and value not in ((), "", False):
            yield f.name, said(value)


def said(value: Any) -> str:
    """A setting's value as people write it: `15 min P3, 30 min P2`."""
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {said(item)}" for key, item in value.items())
    if isinstance(value, tuple):
        joint = " " if len(value) == 2 and isinstance(value[1], Enum) else ", "
        return joint.join(map(said, value))
    return "yes" if value is True else str(value)


def _hours(calendar: Calendar, zone: str) -> str:
    if calendar == ALWAYS:
        return f"around the clock, times in {zone}"
    days = "".join("MTWTFSS"[day] for day in sorted(calendar.days))
    place = zone if calendar.zone == SITE else calendar.zone
    free = f", {len(calendar.holidays)} holidays" if calendar.holidays else ""
    return f"business hours {calendar.opens:%H:%M} to {calendar.closes:%H:%M} on {days} in {place}{free}"
