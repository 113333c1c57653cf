"""Rules of a visit that fire on a change: no-show, cancelled by the customer, moved at short notice.

They need the reading before, or a record that is new since the baseline and changed a moment ago. While what the change
brought about is so, they hold; a person decides when such an alert is over, unless the change is taken back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskbell.core.alert import Severity
from deskbell.core.records import Visit, VisitStatus
from deskbell.core.rules import words
from deskbell.core.rules.base import (
    NOTHING,
    Context,
    Found,
    RuleConf,
    Sight,
    Stages,
    by_notice,
    by_then,
    is_new,
    is_recent,
    stamp,
)
from deskbell.core.rules.timing import has_arrived
from deskbell.core.text import clock, span

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_UNDER_WAY = frozenset({VisitStatus.EN_ROUTE, VisitStatus.ON_SITE})


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusNoShowConf(RuleConf):
    """`recent`: how old the change may be in a record that is seen for the first time."""

    technician: Severity = Severity.P1
    customer: Severity = Severity.P2
    wait: timedelta = 15 * _MINUTE  # how long a technician has to wait for the customer; a shorter wait is told
    recent: timedelta = 2 * _HOUR


def status_no_show(visit: Visit, previous: Visit | None, conf: StatusNoShowConf, ctx: Context) -> Sight:
    """The source says that somebody did not come. When it does not say who, it is treated as the technician."""
    if visit.status is not VisitStatus.NO_SHOW:
        return NOTHING
    if previous is None:
        new = not ctx.baseline and is_recent(visit.updated_at, ctx.now, conf.recent)
    else:
        new = previous.status is not VisitStatus.NO_SHOW or previous.absent != visit.absent
    if not new:
        return Sight(holds=True)
    who, severity = _absent(visit, conf)
    found = Found(
        rule="status_no_show",
        key=f"noshow:{visit.source}:{visit.id}:{stamp(visit.start)}",
        severity=severity,
        title="No-show",
        summary=words.first_line(f"No-show{who}: {words.number(visit)}", words.place(visit), _was(visit, ctx.now)),
        facts=words.visit_facts(visit, ("Reason", visit.reason), ("Waited", _waited(visit, conf.wait))),
        since=min(visit.updated_at or ctx.now, ctx.now),
    )
    return Sight((found,))


def _absent(visit: Visit, conf: StatusNoShowConf) -> tuple[str, Severity]:
    if visit.absent == "customer":
        return ", customer not there", conf.customer
    if visit.absent == "technician":
        return f", {words.technician(visit)} did not come", conf.technician
    return "", conf.technician


def _waited(visit: Visit, wait: timedelta) -> str:
    if visit.absent != "customer" or not visit.arrived_at or not visit.completed_at:
        return ""
    waited = visit.completed_at - visit.arrived_at
    return f"{span(waited)}, less than {span(wait)}" if waited < wait else span(waited)


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelledConf(RuleConf):
    """`notice`: a cancellation this short before the start, and its severity; with more notice `otherwise`."""

    notice: Stages = ((3 * _HOUR, Severity.P1), (24 * _HOUR, Severity.P2))
    under_way: Severity = Severity.P1  # the technician had set out already
    otherwise: Severity = Severity.P4
    tidying: timedelta = 12 * _HOUR  # so long after the start it is book-keeping, told as `otherwise`
    recent: timedelta = 2 * _HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelledByCustomerConf(CancelledConf):
    unnamed: bool = True  # also where the source does not say who cancelled


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelledByCompanyConf(CancelledConf):
    notice: Stages = ((24 * _HOUR, Severity.P2),)  # the customer has to be told
    under_way: Severity = Severity.P2


def cancelled_by_customer(visit: Visit, previous: Visit | None, conf: CancelledByCustomerConf, ctx: Context) -> Sight:
    """The customer called the job off."""
    sides = ("customer", "") if conf.unnamed else ("customer",)
    news = _called_off(visit, previous, conf, ctx, sides)
    if not isinstance(news, datetime):
        return news
    by = " by customer" if visit.cancelled_by else ""
    title = "Cancelled by customer" if by else "Job cancelled"
    return _cancellation("cancelled_by_customer", title, by, visit, previous, conf, news, ctx.now)


def cancelled_by_company(visit: Visit, previous: Visit | None, conf: CancelledByCompanyConf, ctx: Context) -> Sight:
    """We called the job off; the customer has to know."""
    news = _called_off(visit, previous, conf, ctx, ("company",))
    if not isinstance(news, datetime):
        return news
    return _cancellation("cancelled_by_company", "Cancelled by us", " by us", visit, previous, conf, news, ctx.now)


def _called_off(
    visit: Visit, previous: Visit | None, conf: CancelledConf, ctx: Context, sides: tuple[str, ...]
) -> Sight | datetime:
    """When it was called off by one of these sides, if that is news; else all that there is to say."""
    if not _cancelled(visit, sides):
        return NOTHING
    at = visit.cancelled_at or visit.updated_at
    differs = previous is not None and not _cancelled(previous, sides)
    if not is_new(previous, ctx, at, conf.recent, differs=differs):
        return Sight(holds=True)
    return by_then(at, ctx.now)


def _cancelled(visit: Visit, sides: tuple[str, ...]) -> bool:
    return visit.status is VisitStatus.CANCELLED and visit.cancelled_by in sides


def _cancellation(
    rule: str,
    title: str,
    by: str,
    visit: Visit,
    previous: Visit | None,
    conf: CancelledConf,
    at: datetime,
    now: datetime,
) -> Sight:
    under_way = _set_out(visit, previous) and not (previous and previous.done)
    how = f", {words.technician(visit)} under way" if under_way else _notice_words(visit, at)
    found = Found(
        rule=rule,
        key=f"cancel:{visit.source}:{visit.id}:{stamp(visit.cancelled_at or visit.updated_at)}",
        severity=conf.under_way if under_way else _cancel_severity(visit, previous, conf, at),
        title=title,
        summary=words.first_line(f"Cancelled{by}{how}: {words.number(visit)}", words.place(visit), _was(visit, now)),
        facts=words.visit_facts(visit, ("Cancelled", words.moment(at, visit.zone)), ("Reason", visit.reason)),
        since=at,
    )
    return Sight((found,))


def _set_out(visit: Visit, previous: Visit | None) -> bool:
    """Whether the technician was on the way or there already."""
    return (
        bool(visit.travel_started_at) or has_arrived(visit) or (previous is not None and previous.status in _UNDER_WAY)
    )


def _cancel_severity(visit: Visit, previous: Visit | None, conf: CancelledConf, at: datetime) -> Severity:
    if visit.start is None or at - visit.start > conf.tidying or (previous is not None and previous.done):
        return conf.otherwise
    return by_notice(conf.notice, visit.start - at) or conf.otherwise


def _notice_words(visit: Visit, at: datetime) -> str:
    return f" {words.notice(visit.start - at)}" if visit.start else ""


def _was(visit: Visit, now: datetime) -> str:
    return f"was {clock(visit.start, visit.zone, now)}" if visit.start else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RescheduleShortNoticeConf(RuleConf):
    """`notice`: a move this short before the start, and its severity; one with more notice is not told."""

    notice: Stages = ((3 * _HOUR, Severity.P2), (24 * _HOUR, Severity.P3))
    least: timedelta = _MINUTE  # a smaller shift is no move
    most: int = 2  # more moves of one job are told whatever the notice, where the source counts them
    often: Severity = Severity.P3
    tidying: timedelta = 12 * _HOUR  # a move so long after the start is book-keeping, and not told


def reschedule_short_notice(
    visit: Visit, previous: Visit | None, conf: RescheduleShortNoticeConf, ctx: Context
) -> Sight:
    """The start was moved when it was near; or to a time that is nearer still."""
    if visit.done or has_arrived(visit) or visit.start is None:
        return NOTHING
    old = previous.start if previous else None
    if previous is None or old is None or abs(visit.start - old) < conf.least:
        return Sight(holds=True)
    at = _changed_at(visit, previous, ctx.now)
    notice = min(old, visit.start) - at
    severity = by_notice(conf.notice, notice) or (conf.often if visit.moves > conf.most else None)
    if severity is None or notice < -conf.tidying or previous.done:
        return NOTHING
    was, becomes = (clock(moment, visit.zone, ctx.now) for moment in (old, visit.start))
    found = Found(
        rule="reschedule_short_notice",
        key=f"resched:{visit.source}:{visit.id}:{stamp(old)}->{stamp(visit.start)}",
        severity=severity,
        title="Moved at short notice",
        summary=words.first_line(
            f"Moved {words.notice(notice)}: {words.number(visit)}", words.place(visit), f"{was} to {becomes}"
        ),
        facts=words.visit_facts(visit, ("Was", words.moment(old, visit.zone)), ("Reason", visit.reason)),
        since=at,
    )
    return Sight((found,))


def _changed_at(visit: Visit, previous: Visit, now: datetime) -> datetime:
    """When the move was made: the source's stamp, where it moved with the change and is not from the future."""
    stamped = visit.updated_at
    if stamped is None or stamped > now or (previous.updated_at is not None and stamped <= previous.updated_at):
        return now
    return stamped
