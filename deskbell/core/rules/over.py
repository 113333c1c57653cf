"""Why an alert of a rule is over, in words for its card."""

from collections.abc import Callable, Mapping
from datetime import datetime

from deskbell.core.records import CASE_CLOCK_STOPPED, Case, Record, Sla, Visit, VisitStatus
from deskbell.core.rules import ended, words
from deskbell.core.rules.base import stamp
from deskbell.core.rules.timing import has_technician

_UNKNOWN = "what it told of is no longer so"
_MET = {
    "first_response": "the first response was given",
    "next_reply": "the reply was given",
    "resolution": "it was resolved",
}


def resolve_reason(rule: str, record: Record, key: str = "", now: datetime | None = None) -> str:
    """Why alerts of the rule on this record are over: "Marco Silva checked in at 14:03".

    With the alert's key and the time the reason is more exact: which service clock, whether the start was moved.
    """
    if isinstance(record, Visit) and rule in _VISIT:
        return _VISIT[rule](record, key, now)
    if isinstance(record, Case) and rule in _CASE:
        return _CASE[rule](record, key, now)
    return ended.reason(rule, record) or _UNKNOWN


def _moved(visit: Visit, key: str) -> str:
    """The words for a start that is not the key's; empty when it is, or when there is no key to tell by."""
    if not key or key.endswith(stamp(visit.start or visit.window_end)):
        return ""
    return _new_start(visit)


def _new_start(visit: Visit, key: str = "") -> str:
    if key and not _moved(visit, key):
        return _UNKNOWN  # same start, nobody there: the rule itself must have been set anew
    return f"the start was moved to {words.weekday(visit.start, visit.zone)}" if visit.start else "it has no start now"


def _late(visit: Visit, key: str, now: datetime | None) -> str:
    if visit.done:
        return words.ENDED[visit.status]
    if arrived := _arrived(visit):
        return arrived
    if visit.status is VisitStatus.PAUSED:
        return "the job was put on hold"
    if moved := _moved(visit, key):
        return moved
    if visit.eta and (now is None or visit.eta > now):
        return f"{words.technician(visit)} promised to be there at {words.of_day(visit.eta, visit.zone)}"
    return "no technician is assigned any more" if not has_technician(visit) else _new_start(visit, key)


def _sent(visit: Visit, key: str, now: datetime | None) -> str:
    ended = visit.done or _arrived(visit) or _moved(visit, key) or not has_technician(visit)
    return _late(visit, key, now) if ended else f"{words.technician(visit)} is sent now"


def _arrived(visit: Visit) -> str:
    if visit.arrived_at:
        return f"{words.technician(visit)} checked in at {words.of_day(visit.arrived_at, visit.zone)}"
    return f"{words.technician(visit)} is on site" if visit.status is VisitStatus.ON_SITE else ""


def _set_out(visit: Visit, key: str, now: datetime | None) -> str:
    if not visit.done and not _arrived(visit):
        if visit.travel_started_at:
            return f"{words.technician(visit)} set out at {words.of_day(visit.travel_started_at, visit.zone)}"
        if visit.status is VisitStatus.EN_ROUTE:
            return f"{words.technician(visit)} is on the way"
        if key and not _moved(visit, key) and now and visit.start and now >= visit.start:
            return "the start has passed, and the technician is watched for being late"
    return _late(visit, key, now)


def _finished(visit: Visit, key: str, _now: datetime | None) -> str:
    if visit.done:
        return words.ENDED[visit.status]
    if visit.completed_at:
        return f"it was finished at {words.of_day(visit.completed_at, visit.zone)}"
    if visit.status is VisitStatus.PAUSED:
        return "the job was put on hold"
    if moved := _moved(visit, key):
        return moved
    return f"the end was moved to {words.weekday(visit.end, visit.zone)}" if visit.end else "it has no planned end now"


def _got_technician(visit: Visit, key: str, _now: datetime | None) -> str:
    if visit.done:
        return words.ENDED[visit.status]
    if has_technician(visit):
        return f"it got a technician: {words.technician(visit)}" if visit.technician else "it got a technician"
    if visit.status is VisitStatus.PAUSED:
        return "the job was put on hold"
    return _arrived(visit) or _new_start(visit, key)


def _went_back(visit: Visit, _key: str, _now: datetime | None) -> str:
    return f"the status is {words.status(visit)} now"


def _move_over(visit: Visit, _key: str, _now: datetime | None) -> str:
    if visit.done:
        return words.ENDED[visit.status]
    return _arrived(visit) or _new_start(visit)


def _clock_over(case: Case, key: str, now: datetime | None) -> str:
    if case.status in CASE_CLOCK_STOPPED:
        return words.ENDED.get(case.status) or f"its clock is stopped, the status is {words.status(case)}"
    metric = next((name for name in _metrics(case) if f":{name}:" in key), "")
    clocks = [sla for sla in case.slas if not metric or sla.metric == metric]
    return _why_clock(clocks, case.zone, key, now) or (_UNKNOWN if clocks else "it has no such service clock any more")


def _metrics(case: Case) -> list[str]:
    return [sla.metric for sla in case.slas]


def _why_clock(clocks: list[Sla], zone: str, key: str, now: datetime | None) -> str:
    for sla in clocks:
        if sla.met:
            return _MET.get(sla.metric, f"{words.metric(sla.metric)} was met")
        if sla.paused:
            return f"the clock of the {words.metric(sla.metric).lower()} is paused"
        if key and not key.endswith(stamp(sla.due_at)):
            return f"the {words.metric(sla.metric).lower()} is due {words.weekday(sla.due_at, zone)} now"
        if now and now >= sla.due_at:
            return f"the {words.metric(sla.metric).lower()} is overdue now, which has an alert of its own"
    return ""


def _got_owner(case: Case, _key: str, _now: datetime | None) -> str:
    if case.assignee or case.assignee_id:
        return f"it got an assignee: {words.holder(case)}" if case.assignee else "it got an assignee"
    return _stopped(case) or "its priority changed"


def _stopped(case: Case) -> str:
    if case.status in CASE_CLOCK_STOPPED:
        return words.ENDED.get(case.status) or f"the status is {words.status(case)} now"
    return ""


def _active(case: Case, key: str, _now: datetime | None) -> str:
    if stopped := _stopped(case):
        return stopped
    last = case.last_activity_at or case.updated_at
    if last and not key.endswith(stamp(last)):
        return f"there was activity at {words.weekday(last, case.zone)}"
    return "its priority changed"


def _deescalated(case: Case, _key: str, _now: datetime | None) -> str:
    if case.done:
        return words.ENDED[case.status]
    if case.escalated or case.escalation_level:
        return "it was escalated further, which has an alert of its own"
    return "the escalation was taken back"


_VISIT: Mapping[str, Callable[[Visit, str, datetime | None], str]] = {
    "technician_late": _late,
    "technician_cannot_come": _sent,
    "not_en_route": _set_out,
    "running_over": _finished,
    "unassigned_near_start": _got_technician,
    "status_no_show": _went_back,
    "cancelled_by_customer": _went_back,
    "reschedule_short_notice": _move_over,
}
_CASE: Mapping[str, Callable[[Case, str, datetime | None], str]] = {
    "sla_approaching": _clock_over,
    "sla_breached": _clock_over,
    "case_unassigned": _got_owner,
    "case_inactive": _active,
    "case_escalated": _deescalated,
}
