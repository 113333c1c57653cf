"""Deskbell watching its own house: rotas with gaps, people nobody can reach, clocks that differ, what was forgotten."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from deskbell.core.alert import Mode, Severity, name_of
from deskbell.core.ports import SourceState
from deskbell.core.records import Record
from deskbell.core.rota import Rota, Shift, shifts
from deskbell.core.rules import stamp
from deskbell.core.rules.repeats import Repeat, RepeatConf, repeats
from deskbell.core.text import clock, span
from deskbell.desk import absence, duty, reach, roster
from deskbell.desk.book import Book
from deskbell.desk.house import House

EVERY = timedelta(minutes=1)  # nothing here changes faster
_SHIFTS = 400  # of a rota, looked through at most
_OPENED = 5000


def look(book: Book) -> None:
    """What is looked at once in a while."""
    for rota in duty.roster(book.uow, book.house, book.now).rotas.values():
        _gap(book, rota)
        _reach(book, rota)
        reach.watch(book, rota)
    reach.settle_old(book)
    roster.expire(book)
    absence.settle_old(book)
    _again_and_again(book)


# ---------------------------------------------------------------- rotas


def _gap(book: Book, rota: Rota) -> None:
    """Nobody is on duty: now, or soon."""
    ahead = _ahead(book, rota, book.house.own.gap_ahead)
    gap = next((shift.start for shift in ahead if shift.person not in book.people), None)
    held = [a for a in book.uow.alerts(rule="nobody_on_call") if a.subject == rota.name] if gap is None else []
    for alert in held:
        book.over(alert.key, f"somebody is on duty in the rota {rota.name}")
    if gap is None:
        if held:
            book.uow.put_value(_GAP + rota.name, "")
        return
    now = gap <= book.now
    when = "now" if now else f"from {clock(gap, rota.zone, book.now)}"
    summary = f"Nobody is on duty in the rota {rota.name} {when}"[:118]
    begins = book.uow.value(_GAP + rota.name) if now else None
    key = begins or f"gap:{rota.name}:{stamp(gap)}"
    if key != begins:
        book.uow.put_value(_GAP + rota.name, key)  # the same gap, when it begins
    book.about_us(key, "nobody_on_call", Severity.P1 if now else Severity.P3, summary, subject=rota.name)


_GAP = "gap."


def _reach(book: Book, rota: Rota) -> None:
    """Who is on duty by tomorrow must be known in one of the chats."""
    chats = sorted({one.platform for one in book.house.destinations.values()})
    for shift in _ahead(book, rota, book.house.own.reach_ahead):
        who, start = shift.person, shift.start
        if who is None or who not in book.people:
            continue
        known = any(book.uow.account_of(chat, who) for chat in chats)
        key = f"reach:{who}:{rota.name}"
        if known:
            book.over(key, f"{name_of(who, book.people)} can be reached")
            continue
        when = "is" if start <= book.now else f"will be, from {clock(start, rota.zone, book.now)},"
        summary = f"{name_of(who, book.people)} {when} on duty in {rota.name} and is known in no chat"[:118]
        book.about_us(key, "oncall_unreachable", Severity.P3, summary, subject=who)


def _ahead(book: Book, rota: Rota, ahead: timedelta) -> Iterator[Shift]:
    return islice(shifts(rota, book.now, book.now + ahead), _SHIFTS)


# ---------------------------------------------------------------- sources


def skew_key(source: str) -> str:
    """The key of an alert: a source's clock and ours differ."""
    return f"skew:{source}"


def is_skewed(house: House, state: SourceState) -> bool:
    return abs(state.skew_s) > house.own.skew.total_seconds()


def skewed(book: Book, state: SourceState) -> None:
    """A source's clock and ours differ."""
    key, title = skew_key(state.name), book.house.source_title(state.name)
    if not is_skewed(book.house, state):
        if book.on(key):
            book.over(key, f"the clocks of {title} and Deskbell agree")
        return
    ahead = "ahead of" if state.skew_s > 0 else "behind"
    summary = f"The clock of {title} is {span(timedelta(seconds=abs(state.skew_s)))} {ahead} ours"[:118]
    book.about_us(key, "clock_skew", Severity.P3, summary, source=state.name, subject=state.name)


def limited(book: Book, state: SourceState, error: str) -> None:
    """A source slows us down, and has for a while."""
    since = state.failing_since
    if since is None or book.now - since < book.house.own.limited_after:
        return
    title = book.house.source_title(state.name)
    summary = f"{title} has limited Deskbell since {clock(since, book.house.zone, book.now)}: {error}"[:118]
    name = state.name
    book.about_us(f"rl:{name}", "source_rate_limited", Severity.P3, summary, source=name, subject=name)


def audit_broken(book: Book, whole: int) -> None:
    """The audit does not verify. It does not mend itself either: compliance says when it is over."""
    if not book.uow.alerts(rule="audit_chain_broken", limit=1):
        summary = f"The audit is not whole: it verifies up to entry {whole} and no further"
        book.about_us(f"audit:main:{whole}", "audit_chain_broken", Severity.P1, summary, subject="audit")


# ---------------------------------------------------------------- again and again


def _again_and_again(book: Book) -> None:
    """Once a week: technicians, sites and customers with whom it went wrong several times."""
    conf = book.house.repeats
    local = book.now.astimezone(ZoneInfo(book.house.zone))
    week = f"{local:%G-W%V}"
    if not conf.enabled or book.uow.value(_REPEATS) == week:
        return
    book.uow.put_value(_REPEATS, week)
    for one in repeats(_history(book, conf), conf):
        key = f"repeat:{one.kind}:{one.who}:{week}"
        held = book.about_us(key, "repeat_exceptions", conf.severity, _said(book, one), mode=Mode.LISTED)
        if held is not None:  # people's records are their manager's business, no room's
            book.direct(held, book.on_call(("role:manager",), held))


_REPEATS = "repeats"


def _said(book: Book, one: Repeat) -> str:
    name = "a customer" if one.kind == "customer" and book.house.hides_customers else one.who
    return f"{one.times} exceptions in {span(book.house.repeats.within)}: {one.kind} {name}"[:118]


def _history(book: Book, conf: RepeatConf) -> list[tuple[str, Record]]:
    """The rule of each alert on a job in that time, and the job."""
    since = book.now - conf.within
    counted = [(rule, one) for rule in conf.rules for one in book.uow.opened(rule, since)][:_OPENED]
    found = []
    for source in sorted({one.source for _, one in counted}):
        mine = [(rule, one) for rule, one in counted if one.source == source]
        records = book.uow.records(source, [one.record_id for _, one in mine])
        for rule, one in mine:
            if one.record_id in records:
                found += [(rule, records[one.record_id].record)] * one.times
    return found
