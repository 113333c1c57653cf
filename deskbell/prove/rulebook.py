"""The rules once more, as their table in the reference reads: plain sums on plain facts, slow and easy to check.

Nothing of the house is imported here. A level rule says how severe a reading is now, an edge rule what a change brings
about, and how long that stands.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from deskbell.prove.history import DAY, HOUR, MINUTE, Facts

OPENS, CLOSES = 8, 17  # Monday to Friday, by the clock of the site
RECENT = 2 * HOUR  # a change in a record that is new to us is news for so long
TIDYING = 12 * HOUR  # so long after a start, changes are book-keeping
P1, P2, P3, P4 = 1, 2, 3, 4

_CUSTOMER, _COMPANY = ("customer", ""), ("company",)  # whoever is not named counts as the customer
DONE = {"visit": ("completed", "cancelled", "no_show", "cannot_complete"), "case": ("resolved", "closed")}
STOPPED = ("resolved", "closed", "waiting", "paused")


@dataclass(frozen=True)
class Reading:
    """A record as it was read: `stamp` is the source's time of this version."""

    name: str  # "source:id", as keys have it
    kind: str
    zone: str
    stamp: int
    facts: Facts
    gone: bool = False  # it was deleted, and is called off by that

    @property
    def done(self) -> bool:
        return self.facts["status"] in DONE[self.kind]


class Told(NamedTuple):
    key: str
    severity: int


@lru_cache(maxsize=10_000)
def written(at: int | None) -> str:
    """A moment as keys have it."""
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=100_000)
def business(at: int, amount: int, zone: str) -> int:
    """When so much business time has passed, counted in quarters of an hour; a day is a business day."""
    left = amount // DAY * (CLOSES - OPENS) * HOUR + amount % DAY
    while left > 0:
        step = 900 - at % 900
        if is_open(at, zone):
            step = min(step, left)
            left -= step
        at += step
    return at


def is_open(at: int, zone: str) -> bool:
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return local.weekday() < 5 and OPENS <= local.hour < CLOSES


# ---------------------------------------------------------------- level rules of a visit


def technician_late(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["start"] is None or r.done or v["status"] in ("paused", "unscheduled") or _arrived(v) or not v["tech"]:
        return
    if v["eta"] is not None and v["eta"] > now:
        return
    for minutes, severity in ((60, P1), (30, P2), (15, P3)):
        if now >= v["start"] + minutes * MINUTE:
            yield Told(f"late:{r.name}:{written(v['start'])}", severity)
            return


def not_en_route(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["start"] is None or r.done or v["status"] in ("paused", "unscheduled", "en_route") or _arrived(v):
        return
    if v["travelled"] is not None or not v["tech"]:
        return
    expected = max(v["start"], v["eta"] or v["start"])
    if expected - 40 * MINUTE <= now < max(v["start"] + 15 * MINUTE, expected):
        yield Told(f"enroute:{r.name}:{written(v['start'])}", P3)


def running_over(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["end"] is None or r.done or v["status"] == "paused" or not _arrived(v) or v["finished"] is not None:
        return
    if now >= v["end"] + 15 * MINUTE:
        severity = P2 if now >= v["end"] + HOUR else P3
        yield Told(f"over:{r.name}:{written(v['start'])}", severity)


def unassigned_near_start(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["start"] is None or r.done or v["status"] in ("paused", "en_route") or v["tech"] or _arrived(v):
        return
    if now >= v["start"] - DAY:
        severity = P1 if now >= v["start"] - 2 * HOUR else P3
        yield Told(f"unassigned:{r.name}:{written(v['start'])}", severity)


def on_hold(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["status"] != "paused":
        return
    since = v["since"] or r.stamp
    due = business(since, DAY, r.zone) if v["reason"] else since
    if now >= due:
        yield Told(f"cannot:{r.name}:{written(v['since'] or v['start'])}", P3)


def job_sla(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["sla"] is None or r.done or v["finished"] is not None:
        return
    for before, severity in ((0, P1), (HOUR, P2), (4 * HOUR, P3)):
        if now >= v["sla"] - before:
            yield Told(f"jobsla:{r.name}:{written(v['sla'])}", severity)
            return


def _arrived(v: Facts) -> bool:
    return v["arrived"] is not None or v["status"] == "on_site"


# ---------------------------------------------------------------- level rules of a case


def sla_approaching(r: Reading, now: int) -> Iterator[Told]:
    for metric, due in _running(r):
        begins = due - (due - r.facts["created"]) / 4
        if begins <= now < due:
            severity = P2 if now >= due - 15 * MINUTE else P3
            yield Told(f"sla:{r.name}:{metric}:{written(due)}", severity)


def sla_breached(r: Reading, now: int) -> Iterator[Told]:
    for metric, due in _running(r):
        if now >= due:
            yield Told(f"slab:{r.name}:{metric}:{written(due)}", P1 if now >= due + 30 * MINUTE else P2)


def _running(r: Reading) -> Iterator[tuple[str, int]]:
    """The service clocks that run, and when they are due."""
    v = r.facts
    if v["status"] not in STOPPED:
        if v["first_response"] is not None and not v["answered"]:
            yield "first_response", v["first_response"]
        if v["resolution"] is not None:
            yield "resolution", v["resolution"]


def case_unassigned(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["status"] in STOPPED or v["agent"]:
        return
    wait, severity = {"urgent": (5, P2), "high": (15, P2), "normal": (60, P3), "low": (60, P3)}[v["priority"]]
    open_hours = v["priority"] in ("normal", "low")
    due = business(v["created"], wait * MINUTE, r.zone) if open_hours else v["created"] + wait * MINUTE
    if now >= due:
        yield Told(f"unas:{r.name}:{written(v['created'])}", severity)


def case_inactive(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    if v["status"] in STOPPED:
        return
    days, severity = {"urgent": (0, P2), "high": (1, P3), "normal": (2, P3), "low": (5, P4)}[v["priority"]]
    due = business(v["active"], days * DAY, r.zone) if days else v["active"] + 4 * HOUR
    if now >= due:
        yield Told(f"idle:{r.name}:{written(v['active'])}", severity)


def user_action_required(r: Reading, now: int) -> Iterator[Told]:
    v = r.facts
    since = v["since"] or v["active"]
    if v["status"] == "waiting" and now >= business(since, 2 * DAY, r.zone):
        yield Told(f"uar:{r.name}:{written(since)}", P4)


LEVEL: dict[str, tuple[Callable[[Reading, int], Iterator[Told]], ...]] = {
    "visit": (technician_late, not_en_route, running_over, unassigned_near_start, on_hold, job_sla),
    "case": (sla_approaching, sla_breached, case_unassigned, case_inactive, user_action_required),
}


# ---------------------------------------------------------------- edge rules


class Change(NamedTuple):
    """One reading after another. `before` is None for a record that is new to us; `fresh`: it came after the first
    reading of the source, so that it is not history. `hops`: how often it changed hands in the last day, till now."""

    before: Reading | None
    after: Reading
    now: int
    fresh: bool
    hops: int = 0


class Edge(NamedTuple):
    """`news`: what is told of a change. `goes_on`: whether what was told before stands on, when it is not told anew.
    `stands`: whether it still does so much later, with nothing changed."""

    name: str
    news: Callable[[Change], Iterator[Told]]
    goes_on: Callable[[Reading, Reading], bool]
    stands: Callable[[Reading, int], bool] = lambda _reading, _now: True


def _is_news(c: Change, at: int, *, differs: bool) -> bool:
    return differs if c.before is not None else c.fresh and c.now - at <= RECENT


def cancelled_by_customer(c: Change) -> Iterator[Told]:
    yield from _cancelled(c, _CUSTOMER, ((3 * HOUR, P1), (DAY, P2)), P1)


def cancelled_by_company(c: Change) -> Iterator[Told]:
    yield from _cancelled(c, _COMPANY, ((DAY, P2),), P2)


def _cancelled(
    c: Change, sides: tuple[str, ...], notice: tuple[tuple[int, int], ...], under_way: int
) -> Iterator[Told]:
    v = c.after.facts
    at = v["cancelled"] or c.after.stamp
    differs = c.before is not None and not _called_off(c.before, sides)
    if not _called_off(c.after, sides) or not _is_news(c, at, differs=differs):
        return
    was_done = c.before is not None and c.before.done
    on_the_way = v["travelled"] or _arrived(v) or (c.before and c.before.facts["status"] in ("en_route", "on_site"))
    severity = P4
    if on_the_way and not was_done:
        severity = under_way
    elif v["start"] is not None and not was_done and min(at, c.now) - v["start"] <= TIDYING:
        severity = next((s for bound, s in notice if v["start"] - min(at, c.now) < bound), P4)
    yield Told(f"cancel:{c.after.name}:{'gone' if c.after.gone else written(at)}", severity)


def _called_off(r: Reading, sides: tuple[str, ...]) -> bool:
    return r.facts["status"] == "cancelled" and r.facts["by"] in sides


def status_no_show(c: Change) -> Iterator[Told]:
    v = c.after.facts
    before = c.before.facts if c.before else {}
    differs = (before.get("status"), before.get("absent")) != (v["status"], v["absent"])
    if v["status"] == "no_show" and _is_news(c, c.after.stamp, differs=differs):
        yield Told(f"noshow:{c.after.name}:{written(v['start'])}", P2 if v["absent"] == "customer" else P1)


def status_cannot_complete(c: Change) -> Iterator[Told]:
    v = c.after.facts
    differs = c.before is not None and c.before.facts["status"] != "cannot_complete"
    at = v["since"] or c.after.stamp
    if v["status"] == "cannot_complete" and _is_news(c, at, differs=differs):
        yield Told(f"cannot:{c.after.name}:{written(at)}", P2)


def reschedule_short_notice(c: Change) -> Iterator[Told]:
    new, old = c.after.facts["start"], c.before.facts["start"] if c.before else None
    if c.before is None or None in (new, old) or abs(new - old) < MINUTE or c.before.done or c.after.done:
        return
    made = c.after.stamp if c.before.stamp < c.after.stamp <= c.now else c.now
    notice = min(old, new) - made
    if _arrived(c.after.facts) or notice < -TIDYING or notice >= DAY:
        return
    yield Told(f"resched:{c.after.name}:{written(old)}->{written(new)}", P2 if notice < 3 * HOUR else P3)


def case_status_changed(c: Change) -> Iterator[Told]:
    status = c.after.facts["status"]
    at = c.after.facts["since"] or c.after.stamp
    reopened = c.before is not None and c.before.done and not c.after.done
    differs = c.before is not None and c.before.facts["status"] != status
    if (reopened or status in ("waiting", "resolved", "closed")) and _is_news(c, at, differs=differs):
        yield Told(f"cstat:{c.after.name}:{status}:{written(at)}", P2 if reopened else P4)


def case_assigned(c: Change) -> Iterator[Told]:
    agent = c.after.facts["agent"]
    if c.before is not None and agent and not c.after.done and c.before.facts["agent"] != agent:
        yield Told(f"asg:{c.after.name}:{agent}:{written(c.after.stamp)}", P2 if c.hops >= 2 else P3)


def priority_raised(c: Change) -> Iterator[Told]:
    order = ("low", "normal", "high", "urgent")
    now = c.after.facts["priority"]
    if c.before is not None and not c.after.done and order.index(now) > order.index(c.before.facts["priority"]):
        yield Told(f"prio:{c.after.name}:{now}:{written(c.after.stamp)}", P2 if now == "urgent" else P3)


def case_escalated(c: Change) -> Iterator[Told]:
    level = c.after.facts["level"]
    differs = c.before is not None and (level > c.before.facts["level"] or c.before.done)
    if level and not c.after.done and _is_news(c, c.after.stamp, differs=differs):
        yield Told(f"esc:{c.after.name}:{level}:{written(c.after.stamp)}", P1 if level >= 3 else P2)


def _same(*names: str) -> Callable[[Reading, Reading], bool]:
    return lambda before, after: all(before.facts[name] == after.facts[name] for name in names)


def _still_open(*names: str) -> Callable[[Reading, Reading], bool]:
    return lambda before, after: not after.done and _same(*names)(before, after)


def _start_stays(before: Reading, after: Reading) -> bool:
    start, was = after.facts["start"], before.facts["start"]
    if start is None or after.done or _arrived(after.facts):
        return False
    return was is None or abs(start - was) < MINUTE


def _told_of_status(r: Reading, now: int) -> bool:
    """What is closed, or waits for the customer, is old news after a day; what was reopened waits for somebody."""
    if r.facts["status"] not in ("waiting", "resolved", "closed"):
        return True
    return now < (r.facts["since"] or r.stamp) + DAY


EDGE: dict[str, tuple[Edge, ...]] = {
    "visit": (
        Edge("by customer", cancelled_by_customer, lambda _, after: _called_off(after, _CUSTOMER)),
        Edge("by company", cancelled_by_company, lambda _, after: _called_off(after, _COMPANY)),
        Edge("no-show", status_no_show, _same("status", "absent")),
        Edge("cannot complete", status_cannot_complete, _same("status")),
        Edge("moved", reschedule_short_notice, _start_stays),
    ),
    "case": (
        Edge("status", case_status_changed, _same("status"), _told_of_status),
        Edge("assigned", case_assigned, _still_open("agent"), lambda r, now: now < r.stamp + DAY),
        Edge("priority", priority_raised, _still_open("priority")),
        Edge("escalated", case_escalated, lambda _, after: not after.done and after.facts["level"] > 0),
    ),
}
