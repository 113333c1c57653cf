"""What people read in reply to a command: plain words, the most important first, lines that fit a phone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.grammar import COMMANDS, Filter, Problem, Spec, usage
from deskbell.core.access import Person, Role, holds
from deskbell.core.alert import MOVES, Alert, Status, Verb, name_of
from deskbell.core.card import Card, Reply
from deskbell.core.customer import Letter, Step
from deskbell.core.history import SourceVitals, Vitals, in_words
from deskbell.core.letters import in_short
from deskbell.core.ports import Answer, StoredRecord
from deskbell.core.records import Case, Leave, Record, Sla, Visit, about, kind_of
from deskbell.core.rota import Duty
from deskbell.core.rules.explain import Stand
from deskbell.core.silence import Silence
from deskbell.core.silence import in_words as in_patterns
from deskbell.core.text import clean, clock, cut, span
from deskbell.core.wall import Moment

LINE = 80  # two lines of a phone
PAGE = 20
_WORDS = {"visit": "Job"}  # where it is not the kind's own word


def plain(*lines: str, title: str = "", footer: str = "") -> Reply:
    return Reply(title=title, lines=tuple(line for line in lines if line), footer=footer)


def problem(wrong: Problem, command: str) -> Reply:
    """What is wrong, then how it is done right, with an example to copy."""
    spec = wrong.spec
    if spec is None:
        return plain(wrong.text, footer=f"{command} help lists what I can do.")
    return plain(wrong.text, f"Like this: {command} {spec.examples[0]}", footer=usage(spec, command))


def of(answer: Answer) -> Reply:
    """What became of a tap or a command, for the person alone: what only they may read, or the words; and Undo."""
    told = answer.reply
    shown = replace(told, footer=told.footer or answer.text) if told else plain(answer.text)
    return replace(shown, buttons=(*shown.buttons, answer.undo)) if answer.undo else shown


def own(card: Card, person: Person) -> Card:
    """The card as it is shown to one person alone: with what this person may press, and their own move to take back."""
    buttons = tuple(one for one in card.buttons if holds(person, MOVES[Verb(one.verb)].roles))
    return replace(card, buttons=buttons, undo=card.undo if card.undo_for == person.id else None)


def not_genuine(command: str) -> str:
    """Of a button that can't be read, in the desk's own words."""
    return f"This button is not genuine or too old. Use {command} list instead."


def not_linked(platform: str, account: str, command: str) -> Reply:
    """For people Deskbell doesn't know: how to be linked, and nothing about what there is."""
    return plain(
        "I don't know yet who you are here, so I can't show or change anything for you.",
        f"Type {command} link in a chat where I know you, then {command} link and the code here.",
        f"Or ask a Deskbell admin for a code. Your account id is {clean(account, 100)} ({clean(platform, 40)}).",
        title="Not linked yet",
    )


def link_code(code: str, command: str) -> Reply:
    """The code stands alone on its line, for phones that copy a whole line."""
    return plain(
        f"In the other chat, type {command} link and this code:",
        code,
        title="Connect another chat",
        footer="Good once, for 15 minutes. Whoever types it there is you: give it to nobody.",
    )


# ---------------------------------------------------------------- alerts


def alert_line(alert: Alert, people: Mapping[str, Person], now: datetime) -> str:
    """`P1 D-12 J-4711 Ruiz 40 min late, Northgate · Ana Ruiz`."""
    tail = f" · {_with(alert, people, now)}"
    head = f"{alert.severity} {alert.ref} "
    return head + cut(clean(alert.summary or alert.title, LINE), LINE - len(head) - len(tail)) + tail


def _with(alert: Alert, people: Mapping[str, Person], now: datetime) -> str:
    if alert.snoozed_until and alert.snoozed_until > now:
        return f"snoozed to {clock(alert.snoozed_until, alert.zone, now)}"
    if alert.assignee:
        return cut(name_of(alert.assignee, people), 24)
    return "nobody yet" if alert.status is Status.OPEN else str(alert.status)


def alert_list(
    alerts: Sequence[Alert], total: int, wanted: Filter, command: str, people: Mapping[str, Person], now: datetime
) -> Reply:
    lines = [alert_line(alert, people, now) for alert in alerts]
    if not lines:
        return _nothing(total, wanted, command)
    first = (wanted.page - 1) * PAGE + 1
    if total <= len(lines):
        title, hint = f"{total} alert{'s' * (total != 1)}", f"{command} show {alerts[0].ref} shows one."
        return plain(*lines, title=title, footer=hint)
    again = f"{command} list {wanted.words}".rstrip()
    more = f" Next: {again} {wanted.page + 1}" if first - 1 + len(lines) < total else ""
    return plain(*lines, title=f"Alerts {first} to {first - 1 + len(lines)} of {total}", footer=more.strip())


def _nothing(total: int, wanted: Filter, command: str) -> Reply:
    if total:
        last = -(-total // PAGE)
        again = f"{command} list {wanted.words}".rstrip()
        return plain(f"There is no page {wanted.page}: the last is {last}.", footer=f"{again} {last}")
    return plain("Nothing there: no alert needs anybody." if not wanted.words else "Nothing there.", title="No alerts")


# ---------------------------------------------------------------- cases, jobs, accounts


def record_reply(
    record: Record, person: Person, *, personal: bool, alerts: Sequence[str], title: str, footer: str, now: datetime
) -> Reply:
    """A record as its kind is read: what, where it stands, who has it, when it is due, what rings about it."""
    facts = _facts(record, person.zone, now, personal=personal)
    lines = [f"{label}: {clean(value, LINE)}" for label, value in facts if value]
    kind = kind_of(record)
    head = f"{_WORDS.get(kind, kind.capitalize())} {clean(record.number or record.id, 60)} · {title}"
    return plain(*lines, *alerts, record.url, title=head, footer=footer)


_Facts = list[tuple[str, str]]


def _status(record: Record) -> str:
    own, raw = str(record.status).replace("_", " "), record.status_raw
    return own if not raw or raw.casefold() == own else f"{own} ({raw})"


def _case(case: Case, zone: str, now: datetime, *, personal: bool) -> _Facts:
    facts = [
        ("Subject", case.subject),
        ("Status", _status(case)),
        ("Priority", str(case.priority)),
        ("With", case.assignee or case.group or "nobody"),
        ("Escalated", (f"yes, level {case.escalation_level}" if case.escalation_level else "yes") * case.escalated),
        ("Requester", case.requester if personal else ""),
    ]
    facts += [_due(sla, zone, now) for sla in case.slas if not sla.met]
    return [*facts, ("Last activity", clock(case.last_activity_at, zone, now) if case.last_activity_at else "")]


def _due(sla: Sla, zone: str, now: datetime) -> tuple[str, str]:
    label = f"{sla.metric.replace('_', ' ').capitalize()} due"
    if sla.paused:
        return label, "clock stopped"
    left = sla.due_at - now
    words = f"in {span(left)}" if left.total_seconds() >= 0 else f"{span(-left)} ago"
    return label, f"{clock(sla.due_at, zone, now)}, {words}"


def _visit(visit: Visit, zone: str, now: datetime, *, personal: bool) -> _Facts:
    def at(moment: datetime | None) -> str:
        return clock(moment, visit.zone or zone, now) if moment else ""

    return [
        ("What", visit.title),
        ("Status", _status(visit)),
        ("Technician", visit.technician or "nobody"),
        ("Planned", " to ".join(filter(None, (at(visit.start), at(visit.end))))),
        ("Expected", at(visit.eta)),
        ("On site since", at(visit.arrived_at)),
        ("Finished", at(visit.completed_at)),
        ("Cancelled", at(visit.cancelled_at)),
        ("Reason", visit.reason),
        ("Site", visit.site),
        ("Customer", visit.customer if personal else ""),
    ]


def _business(record: Record, *, personal: bool) -> _Facts:
    """Accounts and what belongs to them: whatever of these a kind has."""
    named = {"Name": "name", "Customer": "customer", "What": "title"}
    facts = [(label, getattr(record, name, "")) for label, name in named.items() if personal or name == "title"]
    dated = (("Due", "due_on"), ("Ends", "ends_on"), ("Slot", "slot"))
    return [
        *facts,
        ("Status", _status(record)),
        ("Plan", getattr(record, "plan", "")),
        (
            "Open",
            " ".join(filter(None, (str(getattr(record, "balance", None) or ""), getattr(record, "currency", "")))),
        ),
        *((label, str(getattr(record, name, None) or "")) for label, name in dated),
        ("Owner", getattr(record, "owner", "")),
    ]


def _leave(leave: Leave, zone: str, now: datetime) -> _Facts:
    planned = " to ".join(clock(at, leave.zone or zone, now) for at in (leave.start, leave.end) if at)
    return [("Who", leave.person), ("Status", _status(leave)), ("Away", planned)]


def _facts(record: Record, zone: str, now: datetime, *, personal: bool) -> _Facts:
    if isinstance(record, Case):
        return _case(record, zone, now, personal=personal)
    if isinstance(record, Visit):
        return _visit(record, zone, now, personal=personal)
    if isinstance(record, Leave):
        return _leave(record, zone, now)
    return _business(record, personal=personal)


def reasons(alert: Alert, why: Sequence[tuple[str, str]]) -> Reply:
    """Why an alert rang."""
    return plain(*(f"{label}: {clean(value, 300)}" for label, value in why), title=f"Why {alert.ref} rang")


def stands(record: Record, found: Sequence[Stand], footer: str) -> Reply:
    """What each rule has to say of a record, those that ring or will first."""
    lines = [f"{one.title}: {clean(one.words, 160)}" for one in found]
    head = f"{clean(record.number or record.id, 60)}: {'rings' if any(one.rings for one in found) else 'quiet'} now"
    return plain(*lines, title=head, footer=footer)


def as_of(read_at: datetime, zone: str, now: datetime) -> str:
    return f"As of {clock(read_at, zone, now)}, read {span(now - read_at)} ago."


def which(found: Sequence[StoredRecord], titles: Mapping[str, str], command: str) -> Reply:
    """Several match: which one is meant."""
    lines = [_choice(item.record, titles[item.record.source], command) for item in found]
    return plain(*lines, title="Which one?")


def _choice(record: Record, title: str, command: str) -> str:
    verb = "job" if isinstance(record, Visit) else "case"
    number = clean(record.number or record.id, 40)
    return cut(f"{command} {verb} {number} · {title} · {clean(about(record), LINE)}", LINE + 20)


# ---------------------------------------------------------------- people


def duty(rows: Sequence[Duty], people: Mapping[str, Person], zone: str, meant: Moment, now: datetime) -> Reply:
    """Times by the clock of whoever asks."""
    when = "now" if meant.at == now else clock(meant.at, zone, now)
    lines = [_on_duty(found, people, zone, now) for found in rows]
    return plain(*lines, title=f"On duty {when}", footer=meant.note)


def _on_duty(found: Duty, people: Mapping[str, Person], zone: str, now: datetime) -> str:
    person, then = (name_of(one, people) if one else "nobody" for one in (found.person, found.then))
    until = f" until {clock(found.until, zone, now)}, then {then}" if found.until else ""
    return f"{clean(found.rota, 40)}: {person}{until}"


# ---------------------------------------------------------------- what a customer was told


def sent(record: Record, told: Sequence[tuple[Letter, Sequence[Step]]], zone: str, now: datetime) -> Reply:
    """A line a letter, and what became of it, step by step."""
    number = clean(record.number or record.id, 60)
    if not told:
        return plain(f"The customer was told nothing about {number}.")
    lines = [f"{in_short(letter, zone, now)}: {_steps(steps, zone, now)}" for letter, steps in told[:PAGE]]
    return plain(*lines, title=f"What the customer was told about {number}")


def _steps(steps: Sequence[Step], zone: str, now: datetime) -> str:
    said = (f"{clock(one.at, zone, now)} {one.stage}" + (f" by {one.medium}" if one.medium else "") for one in steps)
    return cut(", ".join(said), 2 * LINE)


def silences(found: Sequence[Silence], people: Mapping[str, Person], zone: str, now: datetime, command: str) -> Reply:
    """What is held now or will be, the first to end first."""
    if not found:
        return plain("Nothing is silenced.")
    lines = [_silence(one, people, zone, now) for one in found[:PAGE]]
    return plain(*lines, title="Silences", footer=f"{command} unsilence {found[0].ref} ends one." * bool(found[0].id))


def _silence(one: Silence, people: Mapping[str, Person], zone: str, now: datetime) -> str:
    begins = f"from {clock(one.begins_at, zone, now)} " if one.begins_at > now else ""
    whose = f"{name_of(one.person, people)}: " if one.person else ""
    until = f"{begins}until {clock(one.ends_at, zone, now)}"
    return f"{clean(one.ref, 40)} {clean(in_patterns(one.matchers), LINE)}, {until}. {whose}{clean(one.reason, LINE)}"


def who(person: Person) -> Reply:
    linked = ", ".join(f"{platform} {account}" for platform, account in sorted(person.accounts.items()))
    return plain(
        f"Roles: {', '.join(role for role in Role if role in person.roles) or 'none'}",
        f"Teams: {', '.join(sorted(person.teams)) or 'all'}",
        f"Time zone: {person.zone}",
        f"Accounts: {linked}" if linked else "",
        title=f"{person.name} ({person.id})",
    )


# ---------------------------------------------------------------- Deskbell itself


def health(vitals: Vitals) -> Reply:
    """A line a source: when it was read, and how soon cards about it came."""
    lines = [f"{clean(one.title, 40)}: {_read(one, vitals.at)}; {_told_within(one)}" for one in vitals.sources]
    dead = f", {vitals.dead} given up" if vitals.dead else ""
    return plain(
        *lines,
        f"{vitals.open} alerts are open; to be sent: {vitals.waiting}{dead}.",
        title="How Deskbell is",
        footer="Times are from what happens in a source until its first card, over the last day.",
    )


def _read(one: SourceVitals, now: datetime) -> str:
    if one.error:
        return f"can't be read: {clean(one.error, LINE)}"
    return f"read {span(now - one.read_at)} ago" if one.read_at else "not read yet"


def _told_within(one: SourceVitals) -> str:
    """`34 cards, half within 3 s, 95 % within 9 s, 99 % within 20 s (goal 2 min)`."""
    pace = one.pace
    if pace is None:
        return f"no cards in a day (goal {in_words(one.goal)})"
    slow = ", too slow" if pace.p95 > one.goal else ""
    within = f"half within {in_words(pace.p50)}, 95 % within {in_words(pace.p95)}, 99 % within {in_words(pace.p99)}"
    return f"{pace.count} card{'s' * (pace.count != 1)}, {within} (goal {in_words(one.goal)}{slow})"


# ---------------------------------------------------------------- help


def help_for(person: Person, command: str) -> Reply:
    """The table, cut to what this person's roles allow."""
    mine = [spec for spec in COMMANDS if not spec.hidden and holds(person, spec.roles)]
    lines = [f"{command} {spec.verb} - {spec.help}" for spec in mine]
    return plain(*lines, title="What you can ask me", footer=f"{command} help snooze tells more about one of them.")


def help_about(spec: Spec, person: Person, command: str) -> Reply:
    also = f"Also: {', '.join(spec.aliases)}" if spec.aliases else ""
    needed = ", ".join(role for role in Role if role in spec.roles)
    barred = "" if holds(person, spec.roles) else f"It needs one of these roles: {needed}. Yours don't allow it."
    examples = [f"Like this: {command} {example}" for example in spec.examples]
    return plain(f"{spec.help[0].upper()}{spec.help[1:]}.", *examples, also, barred, title=usage(spec, command))
