"""The judge: what the stand-ins saw against what Deskbell's database and audit say. It believes nobody's word.

Lost and duplicates come from the stand-ins' ledger, what may be there twice from the proxies' log and the kills alone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deskbell.config.sense import OWN_RULES
from deskbell.core.access import Person
from deskbell.core.alert import Alert
from deskbell.core.ports import AuditRow, OutboxRow
from deskbell.core.present import View, state_of
from deskbell.courier.lanes import SLOTS
from deskbell.torture.house import CHATS
from deskbell.torture.proxy import Exchange

SETTLE_S = 1.5  # an answer that arrived longer ago has been settled, on a machine with far too much to do as well
_AROUND_S = (0.3, 1.5)  # a dead process's connections end within this time before and after we know of its death
_MARKER = re.compile(r"\[(D-\d+ #\d+)\]")
# What a person reads who was told "done", by verb: behind the alert's ref, and at the head of a card.
_SAID: Mapping[str, str] = {
    "ack": "acknowledged. It is with {who}",
    "take": "is yours.",
    "escalate": "escalated to level",
    "snooze": "is quiet for",
    "resolve": "resolved.",
    "reassign": "is with Carla Weiss now.",
    "note": "has your note.",
}
_SHOWN: Mapping[str, str] = {"ack": "Acknowledged by {who}", "resolve": "Resolved by {who}"}


@dataclass(frozen=True, slots=True)
class Down:
    """An instance was killed, or stood still, at that moment; what it had under way may be told twice."""

    at: float
    instance: str
    how: str  # kill | point | stop


@dataclass(frozen=True, slots=True)
class Book:
    """What Deskbell holds at the end, read when no daemon runs any more."""

    alerts: Sequence[Alert]
    entries: Sequence[AuditRow]
    outbox: Sequence[OutboxRow]
    people: Mapping[str, Person]
    now: datetime
    audit: Sequence[str] = ()  # what is wrong with the chain; nothing when it is whole


@dataclass(frozen=True, slots=True)
class Trial:
    """All there is to judge. `evidence`: the stand-ins', as `deskbell.sandbox.ordeal` gives it."""

    evidence: Mapping[str, Any]
    book: Book
    log: Sequence[Exchange] = ()
    downs: Sequence[Down] = ()
    points_wanted: frozenset[str] = frozenset()
    points_seen: frozenset[str] = frozenset()
    cards: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # by ref

    @classmethod
    def of(cls, evidence: Mapping[str, Any], book: Book, **more: Any) -> "Trial":
        cards: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for card in evidence["cards"]:
            cards[card["ref"]].append(card)
        return cls(evidence, book, cards=cards, **more)


def judge(trial: Trial) -> dict[str, Any]:
    """The verdict, with every wrong named; `ok` only when there is none."""
    allowed = allowance(trial)
    twice = {chat: len(items) for chat, items in trial.evidence["duplicates"].items()}
    found = {name: list(check(trial)) for name, check in _CHECKS.items()}
    found["too_many_duplicates"] = [
        f"{chat} shows {count} messages twice, {allowed[chat]} may be" for chat, count in twice.items()
        if count > allowed[chat]
    ]  # fmt: skip
    missing = sorted(trial.points_wanted - trial.points_seen)
    return {
        "ok": not any(found.values()) and not missing,
        **{name: len(items) for name, items in found.items() if name != "too_many_duplicates"},
        "duplicates": sum(twice.values()),
        "duplicates_allowed": sum(allowed.values()),
        "duplicates_by_chat": {chat: [twice[chat], allowed[chat]] for chat in twice},
        "points_reached": "all" if not missing else f"{len(trial.points_seen)} of {len(trial.points_wanted)}",
        "points_missing": missing,
        "audit": "NOT whole" if trial.book.audit else "verified",
        "wrong": {name: items[:20] for name, items in found.items() if items},
    }


# ---------------------------------------------------------------- what may be there twice


def allowance(trial: Trial) -> Counter[str]:
    """By vendor: answers that were lost on the way, and what each kill caught between the answer and the commit."""
    allowed = Counter(exchange.vendor for exchange in trial.log if exchange.lane and exchange.lost)
    for down in trial.downs:
        allowed.update(exchange.vendor for exchange in caught(trial.log, down))
    return allowed


def caught(log: Iterable[Exchange], down: Down) -> list[Exchange]:
    """The newest answers of each room that may not have been settled when the process went down."""
    lanes: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in log:
        if exchange.lane and exchange.accepted and not exchange.lost and _just_answered(exchange, down):
            lanes[exchange.lane].append(exchange)
    return [one for lane in lanes.values() for one in sorted(lane, key=lambda one: one.begun)[-SLOTS:]]


def _just_answered(exchange: Exchange, down: Down) -> bool:
    before, after = _AROUND_S
    if exchange.answered is None or not down.at - SETTLE_S <= exchange.answered <= down.at + before:
        return False
    died = exchange.gone is not None and down.at - before <= exchange.gone <= down.at + after
    return died or down.how == "stop"


# ---------------------------------------------------------------- what must be

Wrongs = Iterable[str]


def lost(trial: Trial) -> Wrongs:
    """Made, and not on a live card in every chat; or given up; or written back to no source."""
    own = {alert.ref for alert in trial.book.alerts if alert.rule in OWN_RULES}
    named: set[tuple[str, str]] = set()
    for item in trial.evidence["ledger"]["lost_items"]:
        where = (item.get("ref", ""), item.get("chat", ""))
        if where[0] in own and item["why"].startswith("no card in"):
            continue  # that a chat is in trouble is told in the others
        named.add(where)
        yield " ".join(f"{name}={value}" for name, value in item.items())
    for alert in trial.book.alerts:
        chats = {card["chat"] for card in trial.cards.get(alert.ref, ())}
        chats |= {chat for chat in CHATS if (alert.ref, chat) in named}
        if alert.ref not in own and (lacking := set(CHATS) - chats):
            yield f"{alert.ref} ({alert.subject}) has no card in {', '.join(sorted(lacking))}"
    for row in trial.book.outbox:
        yield f"{row.kind} {row.id} of {row.alert_ref or '-'} to {row.destination} is {row.state}: {row.error}"


def double_transitions(trial: Trial) -> Wrongs:
    """What happened, happened once: opened, changed, noted, and told to the source."""
    yield from _opened_twice(trial.book.entries)
    yield from _changed_twice(trial.book.entries)
    yield from _noted_twice(trial)
    for subject, notes in trial.evidence["notes"].items():
        for mark, count in Counter(_MARKER.findall(" ".join(notes))).items():
            if count > 1:
                yield f"{subject} was told {mark} {count} times"


def _opened_twice(entries: Sequence[AuditRow]) -> Wrongs:
    opened = Counter(row.entry.alert_id for row in entries if row.entry.verb == "open")
    return (f"D-{number} was opened {count} times" for number, count in opened.items() if count > 1)


def _changed_twice(entries: Sequence[AuditRow]) -> Wrongs:
    """One version has one entry, and each begins where the one before it ended."""
    versions: dict[int, int] = {}
    state: dict[int, str] = {}
    for row in entries:
        number, data = row.entry.alert_id, row.entry.data
        if "version" in data:
            if data["version"] <= versions.get(number, 0):
                yield f"D-{number} changed to version {data['version']} twice (entry {row.seq})"
            versions[number] = data["version"]
        if "from" in data:
            if data["from"] != state.get(number, data["from"]):
                yield f"D-{number} went from {data['from']}, and was {state[number]} (entry {row.seq})"
            state[number] = data["to"]
        if row.entry.verb == "over":
            state[number] = "resolved"


def _noted_twice(trial: Trial) -> Wrongs:
    texts = Counter(row.entry.personal.get("text", "") for row in trial.book.entries if row.entry.verb == "note")
    for one in trial.evidence["told"]:
        if one["note"] and texts[one["note"]] > 1:
            yield f"the note {one['note']!r} of {one['ref']} was taken {texts[one['note']]} times"


def missed(trial: Trial) -> Wrongs:
    """Whatever was to be seen in a source became an alert."""
    known = {(alert.source, alert.subject, alert.rule) for alert in trial.book.alerts}
    for made in trial.evidence["made"]:
        if (made["source"], made["subject"], made["rule"]) not in known:
            yield f"{made['source']} {made['subject']}: no alert {made['rule']}"


def spurious(trial: Trial) -> Wrongs:
    """Nothing else did, and nothing twice."""
    made = Counter((one["source"], one["subject"], one["rule"]) for one in trial.evidence["made"])
    found = Counter((one.source, one.subject, one.rule) for one in trial.book.alerts if one.rule not in OWN_RULES)
    for (source, subject, rule), count in (found - made).items():
        yield f"{source} {subject}: {count} alerts {rule} too many"


def broken_promises(trial: Trial) -> Wrongs:
    """What a person was told is done stands in the audit as theirs, as often."""
    names = {person.id: person.name for person in trial.book.people.values()}
    kept = Counter((row.entry.actor, row.entry.verb, f"D-{row.entry.alert_id}") for row in trial.book.entries)
    told = Counter((one["who"], one["verb"], one["ref"]) for one in trial.evidence["told"] if was_told(one, names))
    for (who, verb, ref), count in (told - kept).items():
        yield f"{who} was told that {verb} of {ref} is done, {count} times more than the audit has it"


def was_told(one: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    """Whether anything that this person read says that it is done."""
    who, verb, ref = names[one["who"]], one["verb"], one["ref"]
    said = f"{ref} {_SAID[verb].format(who=who)}"
    shown = _SHOWN.get(verb, "").format(who=who)
    return any(
        said in text or (one["chat"] == "teams" and shown and shown in text and re.search(rf"\b{ref}\b", text))
        for text in one["heard"]
    )


def diverging(trial: Trial) -> Wrongs:
    """At the end a card of each alert shows its state in every chat; of a card that came twice, one of the two."""
    for alert in trial.book.alerts:
        # A card that was drawn before midnight says "at 23:57", and need not be drawn again for "yesterday".
        drawn = [View(moment, trial.book.people, lambda *_: "") for moment in (trial.book.now, alert.updated_at)]
        states = [state_of(alert, view) for view in drawn]
        shown: dict[str, list[str]] = defaultdict(list)
        for card in trial.cards.get(alert.ref, ()):
            shown[card["chat"]].append(card["text"])
        for chat, texts in shown.items():
            if not any(state in text for text in texts for state in states):
                yield f"{alert.ref} ({alert.rule}) is {states[0]!r}, {chat} shows {texts[0][:80]!r}"


def audit(trial: Trial) -> Wrongs:
    return trial.book.audit


_CHECKS: Mapping[str, Callable[[Trial], Wrongs]] = {
    "lost": lost,
    "double_transitions": double_transitions,
    "missed": missed,
    "spurious": spurious,
    "broken_promises": broken_promises,
    "diverging": diverging,
    "audit_faults": audit,
}
