"""The alert: one exception that people must know of, its state, and every move it can make.

    status    open -> acked -> resolved, and back by unack and reopen
    level     how far it has escalated; a number, not a status
    assignee  who has it, if anyone
    snoozed   until a time: reminders and escalation rest, detection does not

`decide` says what a command does to an alert, or why it can't; it is pure, and the only place that knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any
from zlib import crc32

from deskbell.core.access import ACTORS, SYSTEM, Person, Role, holds, in_scope
from deskbell.core.text import clean, clock


class Severity(IntEnum):
    """P1 page now; P2 chat and escalate; P3 chat; P4 digest. The smaller number is the more severe."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4

    def __str__(self) -> str:
        return self.name


class Status(StrEnum):
    OPEN = "open"
    ACKED = "acked"
    RESOLVED = "resolved"


class Mode(StrEnum):
    """How an alert reaches rooms: a card, only lists (found at the first read), or not at all (observe only)."""

    CARD = "card"
    LISTED = "listed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Alert:
    """One exception. `id` is 0 until stored; people see `ref`. `version` counts every change and guards every write."""

    key: str
    rule: str
    source: str
    record_id: str
    subject: str  # the job's or case's number, as people say it
    title: str
    summary: str  # the first line, fit for a lock screen
    severity: Severity
    opened_at: datetime
    updated_at: datetime
    id: int = 0
    version: int = 1
    status: Status = Status.OPEN
    mode: Mode = Mode.CARD
    stage: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    url: str = ""
    team: str = ""
    zone: str = "UTC"
    policy: str = ""
    condition: bool = True  # what the rule saw still holds; resolved by a person, it stays resolved until this ends
    level: int = 0  # levels of its policy told so far
    rounds: int = 0  # how often the whole policy has been gone through again
    escalate_at: datetime | None = None
    assignee: str = ""
    acked_by: str = ""
    acked_at: datetime | None = None
    snoozed_until: datetime | None = None
    resolved_by: str = ""
    resolved_at: datetime | None = None
    reason: str = ""
    writeback: str = ""  # how telling the source went, in a few words for the card
    parent: int = 0  # the alert that stands for it, such as a storm's; it makes no card of its own unless it is a P1
    named: tuple[str, ...] = ()  # whom the level rang that counts now, where that is not all whom its targets lead to
    waits: tuple[str, ...] = ()  # who of them still has to acknowledge, where each of them has to

    @property
    def ref(self) -> str:
        return f"D-{self.id}"

    @property
    def step(self) -> int:
        """How often it was escalated, as people count: the policy's first level is the card itself."""
        return max(0, self.level - 1)

    @property
    def live(self) -> bool:
        return self.status is not Status.RESOLVED


class Verb(StrEnum):
    """The commands that change an alert."""

    ACK = "ack"
    UNACK = "unack"
    TAKE = "take"
    REASSIGN = "reassign"
    ESCALATE = "escalate"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    NOTE = "note"
    UNDO = "undo"
    REVEAL = "reveal"
    TELL = "tell"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Move:
    """From which states a verb may start, who may make it, and the status it ends in (None: unchanged)."""

    start: frozenset[Status]
    end: Status | None
    roles: frozenset[Role] = ACTORS


_LIVE = frozenset({Status.OPEN, Status.ACKED})
_ANY = frozenset(Status)
_WITH_TECHNICIAN = ACTORS | {Role.TECHNICIAN}

MOVES: Mapping[Verb, Move] = {
    Verb.ACK: Move(frozenset({Status.OPEN}), Status.ACKED, _WITH_TECHNICIAN),
    Verb.UNACK: Move(frozenset({Status.ACKED}), Status.OPEN),
    Verb.TAKE: Move(_LIVE, Status.ACKED),
    Verb.REASSIGN: Move(_LIVE, Status.ACKED),
    Verb.ESCALATE: Move(_LIVE, Status.OPEN),
    Verb.SNOOZE: Move(_LIVE, None),
    Verb.RESOLVE: Move(_LIVE, Status.RESOLVED),
    Verb.REOPEN: Move(frozenset({Status.RESOLVED}), Status.OPEN),
    Verb.NOTE: Move(_ANY, None, _WITH_TECHNICIAN | {Role.COMPLIANCE}),
    Verb.UNDO: Move(_ANY, None, _WITH_TECHNICIAN),  # core.undo says whether, and to what
    Verb.SEND: Move(_LIVE, Status.ACKED),  # another technician; desk.decision knows to which job
    Verb.REVEAL: Move(_ANY, None, ACTORS | {Role.COMPLIANCE}),  # changes nothing, and is audited as if it did
    Verb.TELL: Move(_ANY, None),  # a letter to the customer; the alert stays as it is
}

# Alerts of these rules are not for everybody who may act; notes may be written by whoever else may write them.
NARROWED: Mapping[str, frozenset[Role]] = {
    "notice_overdue": frozenset({Role.COMPLIANCE, Role.MANAGER}),
    "account_suspended": frozenset({Role.MANAGER}),
    "account_closed": frozenset({Role.MANAGER}),
    "contract_expired": frozenset({Role.MANAGER}),
    "renewal_due": frozenset({Role.AGENT, Role.MANAGER}),
    "invoice_overdue": frozenset({Role.AGENT, Role.MANAGER}),
    "payment_failed": frozenset({Role.AGENT, Role.MANAGER}),
    "repeat_exceptions": frozenset({Role.MANAGER}),
    "nobody_on_call": frozenset({Role.MANAGER}),
    "source_auth_failed": frozenset({Role.MANAGER}),
    "source_rate_limited": frozenset({Role.MANAGER}),
    "clock_skew": frozenset({Role.MANAGER}),
    "unmapped_status": frozenset({Role.MANAGER}),
    "audit_chain_broken": frozenset({Role.COMPLIANCE, Role.MANAGER}),
    "second_person": frozenset({Role.DISPATCHER, Role.ONCALL, Role.MANAGER}),
}
_OPEN_TO_ALL = frozenset({Verb.NOTE, Verb.UNDO, Verb.REVEAL, Verb.TELL})
COMPLIANCE_ENDS = frozenset({"audit_chain_broken"})  # not even an admin resolves it

MAX_SNOOZE = timedelta(days=7)
MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of one person. `origin` names where it came from (platform, room, interaction id), for the audit."""

    verb: Verb
    alert_id: int
    actor: Person
    args: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did: the alert as it now is, and the sentence that tells it."""

    before: Alert
    after: Alert
    said: str  # "Ana Ruiz acknowledged"
    typed: str = ""  # what the person wrote with it: shown behind `said`, and kept apart from it in the audit

    @property
    def sentence(self) -> str:
        return f"{self.said}: {self.typed}" if self.typed else self.said


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command did nothing, in words for the person, and what to do instead. `code` is for audit and tests."""

    code: str
    text: str


def decide(alert: Alert, command: Command, now: datetime, people: Mapping[str, Person]) -> Change | Refusal:
    """What the command does to the alert. Order: may this person, may this alert, is it sensible, then the change."""
    move = MOVES[command.verb]
    if refusal := barred(alert, command, people):
        return refusal
    if refusal := not_now(alert, command, now, people):
        return refusal
    result = _APPLY[command.verb](alert, command, now, people)
    if isinstance(result, Refusal):
        return result
    after, said = result
    if move.end is not None and not (command.verb is Verb.ACK and after.waits):
        after = replace(after, status=move.end)
    after = replace(after, version=alert.version + 1, updated_at=now)
    return Change(alert, after, said, _text(command, "text") or _text(command, "reason"))


def mark(alert: Alert) -> int:
    """Three bytes that change whenever the alert gets another owner, status or level: they tell a stale button."""
    return crc32(f"{alert.status}:{alert.level}:{alert.rounds}:{alert.assignee}".encode()) & 0xFFFFFF


def name_of(person_id: str, people: Mapping[str, Person]) -> str:
    if person_id in people:
        return people[person_id].name
    return SYSTEM.name if person_id == SYSTEM.id else person_id


def names_of(people_ids: Sequence[str], people: Mapping[str, Person]) -> str:
    return ", ".join(name_of(person, people) for person in people_ids)


def barred(alert: Alert, command: Command, people: Mapping[str, Person]) -> Refusal | None:
    """Why this person may not do this to this alert, whatever its state; None when they may."""
    actor, roles = command.actor, roles_for(command.verb, alert.rule)
    if command.verb is Verb.RESOLVE and alert.rule in COMPLIANCE_ENDS and Role.COMPLIANCE not in actor.roles:
        return Refusal("role", f"Only compliance says when {alert.ref} is over.")
    if not holds(actor, roles):
        needed = ", ".join(sorted(role for role in roles if role is not Role.ADMIN))
        return Refusal("role", f"Your role does not allow {command.verb}. It needs one of: {needed}. Ask a manager.")
    if not in_scope(actor, alert.team):
        return Refusal("scope", f"{alert.ref} belongs to the team {alert.team}, which is not one of yours.")
    own = alert.assignee in ("", actor.id)
    if command.verb is Verb.ACK and not own and not holds(actor, ACTORS):
        return Refusal("scope", f"{alert.ref} is with {name_of(alert.assignee, people)}, not with you.")
    return None


def roles_for(verb: Verb, rule: str) -> frozenset[Role]:
    """Who may do this to an alert of that rule."""
    return MOVES[verb].roles if verb in _OPEN_TO_ALL else NARROWED.get(rule, MOVES[verb].roles)


def not_now(alert: Alert, command: Command, now: datetime, people: Mapping[str, Person]) -> Refusal | None:
    """Why the verb does not fit the alert's state; it names who was faster, and when."""
    if alert.status in MOVES[command.verb].start:
        return None
    if command.verb is Verb.ACK and alert.status is Status.ACKED:
        return Refusal(
            "already",
            f"{alert.ref} was already acknowledged by {_when(alert, alert.acked_by, alert.acked_at, now, people)}.",
        )
    if alert.status is Status.RESOLVED:
        who = _when(alert, alert.resolved_by, alert.resolved_at, now, people)
        return Refusal("resolved", f"{alert.ref} was already resolved by {who}. Reopen it if it is not over.")
    if command.verb is Verb.REOPEN:
        return Refusal("already", f"{alert.ref} is not resolved, so there is nothing to reopen.")
    return Refusal("already", f"{alert.ref} is not acknowledged.")


def _when(alert: Alert, who: str, at: datetime | None, now: datetime, people: Mapping[str, Person]) -> str:
    name = name_of(who, people)
    return f"{name} at {clock(at, alert.zone, now)}" if at else name


_Applied = tuple[Alert, str] | Refusal
# Somebody has it, or it is over: nobody else is waited for.
_HELD: Mapping[str, Any] = {"escalate_at": None, "snoozed_until": None, "waits": ()}


def _ack(alert: Alert, command: Command, now: datetime, people: Mapping[str, Person]) -> _Applied:
    actor = command.actor
    missing = tuple(person for person in alert.waits if person != actor.id)
    if alert.waits and actor.id not in alert.waits:
        done = "You have acknowledged; it" if actor.id in alert.named else alert.ref
        return Refusal("waits", f"{done} still has to be acknowledged by {names_of(missing, people)}. Take ends that.")
    if missing:
        after = replace(alert, waits=missing, snoozed_until=None)
        return after, f"{actor.name} acknowledged, still to come: {names_of(missing, people)}"
    after = replace(
        alert,
        acked_by=actor.id,
        acked_at=now,
        assignee=alert.assignee or actor.id,
        **_HELD,
    )
    return after, f"{actor.name} acknowledged"


def _unack(alert: Alert, command: Command, now: datetime, _people: Mapping[str, Person]) -> _Applied:
    mine = alert.assignee == alert.acked_by
    after = replace(
        alert,
        acked_by="",
        acked_at=None,
        assignee="" if mine else alert.assignee,
        escalate_at=now,
        snoozed_until=None,
        level=0,
        rounds=0,
    )
    return after, f"{command.actor.name} took the acknowledgement back"


def _take(alert: Alert, command: Command, now: datetime, _people: Mapping[str, Person]) -> _Applied:
    actor = command.actor
    if alert.assignee == actor.id and alert.status is Status.ACKED:
        return Refusal("already", f"{alert.ref} is yours already.")
    after = replace(alert, assignee=actor.id, acked_by=actor.id, acked_at=now, **_HELD)
    return after, f"{actor.name} took it"


def _reassign(alert: Alert, command: Command, now: datetime, people: Mapping[str, Person]) -> _Applied:
    wanted = str(command.args.get("person", ""))
    if wanted not in people:
        return Refusal("person", "Name a colleague that Deskbell knows, like: reassign D-12 @ana.")
    person = people[wanted]
    if not holds(person, _WITH_TECHNICIAN):
        return Refusal(
            "person", f"{person.name} can't take alerts: the role is {', '.join(sorted(person.roles)) or 'none'}."
        )
    if not in_scope(person, alert.team):
        return Refusal("person", f"{person.name} is not in the team {alert.team}.")
    if alert.assignee == wanted and alert.status is Status.ACKED:
        return Refusal("already", f"{alert.ref} is with {person.name} already.")
    after = replace(alert, assignee=wanted, acked_by=command.actor.id, acked_at=now, **_HELD)
    return after, f"{command.actor.name} gave it to {person.name}"


def _escalate(alert: Alert, command: Command, now: datetime, _people: Mapping[str, Person]) -> _Applied:
    said = f"{command.actor.name} escalated it"
    # `escalate_at = now` lets the policy take its next step at once; the desk fills in the level it reaches. It is
    # nobody's now: were the old assignee kept, the technician on call whom it reaches could not acknowledge it.
    return replace(alert, escalate_at=now, acked_by="", acked_at=None, assignee="", snoozed_until=None), said


def _snooze(alert: Alert, command: Command, now: datetime, _people: Mapping[str, Person]) -> _Applied:
    span = command.args.get("span")
    if not isinstance(span, timedelta) or not timedelta() < span <= MAX_SNOOZE:
        return Refusal("span", "Say for how long, from 1m to 7d, like: snooze D-12 30m.")
    until = now + span
    # Snooze ends by itself: an open alert then goes on where its policy stood, an acknowledged one merely wakes.
    return replace(alert, snoozed_until=until, escalate_at=until), f"{command.actor.name} snoozed it"


def _resolve(alert: Alert, command: Command, now: datetime, _people: Mapping[str, Person]) -> _Applied:
    reason = _text(command, "reason")
    if not reason:
        return Refusal("reason", "Say in a few words why it is over, like: resolve D-12 customer called back.")
    actor = command.actor
    after = replace(alert, resolved_by=actor.id, resolved_at=now, reason=reason, **_HELD)
    return after, f"{actor.name} resolved it"


def _reopen(alert: Alert, command: Command, now: datetime, _people: Mapping[str, Person]) -> _Applied:
    after = replace(
        alert,
        resolved_by="",
        resolved_at=None,
        reason="",
        acked_by="",
        acked_at=None,
        assignee="",
        escalate_at=now,
        level=0,  # the policy begins anew: whoever heard of it last time thinks it is over
        rounds=0,
    )
    return after, f"{command.actor.name} reopened it"


def _note(alert: Alert, command: Command, _now: datetime, _people: Mapping[str, Person]) -> _Applied:
    text = _text(command, "text")
    if not text:
        return Refusal("text", "Write the note behind the number, like: note D-12 called the customer.")
    return alert, f"{command.actor.name} noted"


def _text(command: Command, name: str) -> str:
    return clean(command.args.get(name, ""), MAX_TEXT)


_APPLY = {
    Verb.ACK: _ack,
    Verb.UNACK: _unack,
    Verb.TAKE: _take,
    Verb.REASSIGN: _reassign,
    Verb.ESCALATE: _escalate,
    Verb.SNOOZE: _snooze,
    Verb.RESOLVE: _resolve,
    Verb.REOPEN: _reopen,
    Verb.NOTE: _note,
}


def end_condition(alert: Alert, why: str, now: datetime) -> Change:
    """The condition is over: an alert that still lives is resolved by Deskbell; a resolved one may ring again later."""
    version = alert.version + 1
    if not alert.live:
        after = replace(alert, condition=False, version=version, updated_at=now)
        return Change(alert, after, "")
    after = replace(
        alert,
        condition=False,
        status=Status.RESOLVED,
        resolved_by="deskbell",
        resolved_at=now,
        reason=why,
        escalate_at=None,
        snoozed_until=None,
        version=version,
        updated_at=now,
    )
    return Change(alert, after, f"Over by itself: {why}")
