"""Rules of what is added to a case: notes, replies, documents, requests for them, and what had to be told in time.

What was added is told once. It is over when it was answered, or when it is old.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from deskbell.core.alert import Severity
from deskbell.core.records import Case, Happening, HappeningKind, Priority
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
    by_then,
    climb,
    is_recent,
    stamp,
)
from deskbell.core.text import clean, clock, span

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LATE_VISIBLE = 10 * _MINUTE  # so much earlier than what we knew a happening may be dated and still be news
_STRESSED = frozenset({Priority.URGENT, Priority.HIGH})


@dataclass(frozen=True, kw_only=True, slots=True)
class AddedConf(RuleConf):
    """`lasts`: after so long it is old news. `recent`: how old it may be in a case that is seen for the first time."""

    severity: Severity = Severity.P4
    lasts: timedelta = _DAY
    recent: timedelta = 2 * _HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteAddedConf(AddedConf):
    urgent: Severity = Severity.P3  # it mentions somebody, or the case is urgent or of high priority


def note_added(case: Case, previous: Case | None, conf: NoteAddedConf, ctx: Context) -> Sight:
    """Somebody added an internal note."""

    def found(note: Happening) -> Found:
        urgent = "@" in note.text_hint or case.priority in _STRESSED
        severity = conf.urgent if urgent else conf.severity
        key = f"note:{case.source}:{case.id}:{note.id}"
        return _found("note_added", key, case, note, severity, "Note added", "Note", ctx.now)

    return _added(case, previous, HappeningKind.NOTE, conf, ctx, found)


def reply_added(case: Case, previous: Case | None, conf: AddedConf, ctx: Context) -> Sight:
    """Somebody answered the customer."""

    def found(reply: Happening) -> Found:
        key = f"reply:{case.source}:{case.id}:{reply.id}"
        return _found("reply_added", key, case, reply, conf.severity, "Reply sent", "Reply", ctx.now)

    return _added(case, previous, HappeningKind.REPLY, conf, ctx, found)


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentAddedConf(AddedConf):
    names: bool = False  # show the documents' names, which may tell who somebody is


def document_added(case: Case, previous: Case | None, conf: DocumentAddedConf, ctx: Context) -> Sight:
    """A document was added."""

    def found(document: Happening) -> Found:
        what = clean(document.name, 60) if conf.names else _sort(document.name)
        key = f"doc:{case.source}:{case.id}:{document.id}"
        return _found("document_added", key, case, document, conf.severity, "Document added", what, ctx.now)

    return _added(case, previous, HappeningKind.DOCUMENT, conf, ctx, found)


def _sort(name: str) -> str:
    """`.pdf document`: what it is, not whose."""
    _, dot, ending = name.rpartition(".")
    return f".{clean(ending, 8)} document" if dot and ending.isalnum() else "Document"


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerRepliedConf(RuleConf):
    severity: Severity = Severity.P3
    urgent: Severity = Severity.P2  # the case was resolved, or the first answer is overdue
    recent: timedelta = 2 * _HOUR


def customer_replied(case: Case, previous: Case | None, conf: CustomerRepliedConf, ctx: Context) -> Sight:
    """The customer wrote, and nobody has answered yet."""
    if case.done and previous is not None and not previous.done:
        return NOTHING  # closed: whoever did it has read it
    answered = max((one.at for one in case.happenings if one.kind is HappeningKind.REPLY), default=None)
    open_ = [one for one in _of_kind(case, HappeningKind.CUSTOMER_REPLY) if answered is None or one.at > answered]
    news = [one for one in open_ if _is_news(one, previous, ctx, conf.recent)]
    if not news:
        return Sight(holds=bool(open_))
    waits = any(sla.metric == "first_response" and not sla.met and sla.due_at <= ctx.now for sla in case.slas)
    urgent = waits or case.done or (previous is not None and previous.done)
    severity = conf.urgent if urgent else conf.severity
    newest = news[-1]  # it answers for those before it
    key = f"creply:{case.source}:{case.id}:{newest.id}"
    found = _found("customer_replied", key, case, newest, severity, "Customer replied", "Customer replied", ctx.now)
    return Sight((found,))


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRequestedConf(RuleConf):
    """It rings when half of the time is over, `before` the due time, and when it is due."""

    asked: Severity = Severity.P4
    half: Severity = Severity.P4
    before: timedelta = _DAY
    soon: Severity = Severity.P4
    due: Severity = Severity.P3


def document_requested(case: Case, _previous: Case | None, conf: DocumentRequestedConf, ctx: Context) -> Sight:
    """A document was asked for and has not come."""
    if case.done:
        return NOTHING
    came = max((one.at for one in case.happenings if one.kind is HappeningKind.DOCUMENT), default=None)
    asked = [one for one in _of_kind(case, HappeningKind.DOCUMENT_REQUEST) if came is None or one.at > came]
    return _together(_outstanding(case, one, conf, ctx) for one in asked)


def _outstanding(case: Case, asked: Happening, conf: DocumentRequestedConf, ctx: Context) -> Sight:
    reached, due_at = climb([rung for rung, _ in _request(asked, conf)], ctx.now)
    if reached is None:
        return Sight(due_at=due_at)
    stage = next(name for rung, name in _request(asked, conf) if rung == reached)
    key = f"docreq:{case.source}:{case.id}:{asked.id}"
    until = f"needed by {words.moment(asked.due_at, case.zone)}" if asked.due_at else ""
    found = Found(
        rule="document_requested",
        key=key,
        severity=reached.severity,
        title="Document overdue" if stage == "due" else "Document requested",
        summary=words.first_line(
            f"{'Document has not come' if stage == 'due' else 'Document requested'}: {words.number(case)}",
            case.subject,
            until,
        ),
        stage=stage,
        facts=words.case_facts(case, ("Needed by", words.moment(asked.due_at, case.zone))),
        since=reached.at,
        quiet=reached.severity is Severity.P4,
    )
    return Sight((found,), due_at=due_at)


def _request(asked: Happening, conf: DocumentRequestedConf) -> list[tuple[Rung, str]]:
    """The stages of a request, each once; of stages at the same moment the later one by meaning counts."""
    rungs = [(Rung(asked.at, timedelta(), conf.asked), "asked")]
    if asked.due_at is not None and asked.due_at > asked.at:
        half = asked.at + (asked.due_at - asked.at) / 2
        soon = asked.due_at - conf.before
        rungs.append((Rung(half, timedelta(1), conf.half), "half"))
        if soon > half:
            rungs.append((Rung(soon, timedelta(2), conf.soon), "soon"))
        rungs.append((Rung(asked.due_at, timedelta(3), conf.due), "due"))
    return rungs


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeOverdueConf(RuleConf):
    """`events`: what obliges you to tell the customer: kinds of happenings (`document_request`, `customer_reply`, ...),
    or `status:resolved` for a status. None: the rule rests. A public reply after the event counts as told.
    """

    events: tuple[str, ...] = ()
    stages: Stages = ((24 * _HOUR, Severity.P2), (48 * _HOUR, Severity.P1))


class _Event(NamedTuple):
    name: str
    ident: str
    at: datetime


def notice_overdue(case: Case, _previous: Case | None, conf: NoticeOverdueConf, ctx: Context) -> Sight:
    """Something obliged us to tell the customer, and nobody has in time."""
    told = max((one.at for one in case.happenings if one.kind is HappeningKind.REPLY), default=None)
    open_ = [event for event in _obliging(case, conf) if told is None or told < event.at]
    return _together(_untold(case, event, conf, ctx) for event in open_)


def _obliging(case: Case, conf: NoticeOverdueConf) -> list[_Event]:
    events = [_Event(one.kind.replace("_", " "), one.id, one.at) for one in case.happenings if one.kind in conf.events]
    since = case.status_since
    if f"status:{case.status}" in conf.events and since is not None:
        events.append(_Event(f"status {case.status}", f"{case.status}-{stamp(since)}", since))
    return events


def _untold(case: Case, event: _Event, conf: NoticeOverdueConf, ctx: Context) -> Sight:
    rung, due_at = climb(after(event.at, conf.stages), ctx.now)
    if rung is None:
        return Sight(due_at=due_at)
    found = Found(
        rule="notice_overdue",
        key=f"notice:{case.source}:{case.id}:{event.ident}",
        severity=rung.severity,
        title="Customer not told in time",
        summary=words.first_line(
            f"Not told for {words.more_than(rung.offset)} ({event.name}): {words.number(case)}",
            case.subject,
            words.holder(case),
        ),
        stage=span(rung.offset),
        facts=words.case_facts(case, ("Since", words.moment(event.at, case.zone))),
        since=rung.at,
    )
    return Sight((found,), due_at=due_at)


# ---------------------------------------------------------------- what they share


def _of_kind(case: Case, kind: HappeningKind) -> list[Happening]:
    return sorted((one for one in case.happenings if one.kind is kind), key=lambda one: one.at)


def _is_news(one: Happening, previous: Case | None, ctx: Context, recent: timedelta) -> bool:
    if previous is None:
        return not ctx.baseline and is_recent(one.at, ctx.now, recent)
    if one.id in {known.id for known in previous.happenings if known.kind is one.kind}:
        return False
    # What is older than all that we knew fell out of the window once, or was not read at that time.
    known = max((known.at for known in previous.happenings), default=previous.updated_at)
    return known is None or one.at >= known - _LATE_VISIBLE


def _added(
    case: Case,
    previous: Case | None,
    kind: HappeningKind,
    conf: AddedConf,
    ctx: Context,
    found: Callable[[Happening], Found],
) -> Sight:
    of_kind = _of_kind(case, kind)
    news = [one for one in of_kind if _is_news(one, previous, ctx, conf.recent)]
    lasting = [one.at + conf.lasts for one in of_kind if ctx.now < one.at + conf.lasts]
    if news:
        return Sight(tuple(map(found, news)), due_at=max(lasting, default=None))
    return Sight(holds=bool(lasting), due_at=max(lasting, default=None))


def _found(
    rule: str, key: str, case: Case, one: Happening, severity: Severity, title: str, what: str, now: datetime
) -> Found:
    by = f" by {clean(one.author, 40)}" if one.author and one.kind is not HappeningKind.CUSTOMER_REPLY else ""
    at = by_then(one.at, now)
    return Found(
        rule=rule,
        key=key,
        severity=severity,
        title=title,
        summary=words.first_line(f"{what}{by}: {words.number(case)}", case.subject, clock(at, case.zone, now)),
        facts=words.case_facts(case, ("Written", words.moment(at, case.zone)), ("Begins", one.text_hint)),
        since=at,
        quiet=severity >= Severity.P3 and one.kind is not HappeningKind.CUSTOMER_REPLY,
    )


def _together(sights: Iterable[Sight]) -> Sight:
    seen = list(sights)
    dues = [sight.due_at for sight in seen if sight.due_at]
    return Sight(tuple(found for sight in seen for found in sight.found), due_at=min(dues, default=None))
