"""The verdict over a run: how much was done, what was lost, what came twice. From the ledger and the live messages."""

from collections import defaultdict

from deskbell.sandbox.ledger import Expectation, Ledger, names, percentile
from deskbell.sandbox.slack.hub import CARD, NOTE, Slack
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.web import Json

GRACE = 15.0  # an expectation younger than this may still ring
SOURCES = ("freshdesk", "servicenow", "fieldservice")


def summary(ledger: Ledger, slack: Slack, grace: float = GRACE) -> Json:
    lost, twice = lost_items(ledger, slack, grace), duplicate_items(slack)
    due = [e for e in ledger.expectations if e.at <= ledger.clock.time() and not e.withdrawn]
    return {
        "chats": {"slack": slack_counts(ledger)},
        "sources": {name: source_counts(ledger, name) for name in SOURCES},
        "pager": ledger.count("pager", "called"),
        "writebacks": sum(ledger.count(name, "write") for name in SOURCES),
        "expected": len({e.subject for e in due}),
        "lost": len(lost),
        "lost_items": lost,
        "duplicates": len(twice),
        "duplicate_items": twice,
        "tap_to_edit_ms": times(ledger),
    }


def slack_counts(ledger: Ledger) -> Json:
    kinds = ("posted", "edited", "deleted", "ephemeral", "ratelimited", "rejected")
    return {kind: ledger.count("slack", kind) for kind in kinds} | {
        "taps": ledger.count("slack", "tap", "submit", "view_tap"),
        "commands": ledger.count("slack", "command"),
        "failed_taps": ledger.count("slack", "failed"),
        "calls": ledger.count("slack", "call"),
    }


def source_counts(ledger: Ledger, name: str) -> Json:
    found = {kind + "s": ledger.count(name, kind) for kind in ("read", "write")}
    return found | {kind: ledger.count(name, kind) for kind in ("rejected", "ratelimited")}


def times(ledger: Ledger) -> Json:
    values = ledger.tap_to_edit_ms
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "n": len(values)}


# ------------------------------------------------------------------ lost


def lost_items(ledger: Ledger, slack: Slack, grace: float) -> list[Json]:
    """Accepted messages nobody can see, and events nothing visible speaks of. One entry a subject."""
    overdue = ledger.overdue(grace)
    dropped = [m for channel in slack.workspace.channels.values() for m in channel.messages.values() if m.dropped]
    items = [dropped_item(message, ledger.expectations) for message in dropped]
    covered = {item["subject"] for item in items}
    for expectation in overdue:
        if expectation.subject not in covered:
            covered.add(expectation.subject)
            items.append({"subject": expectation.subject, "why": "no live card", **expectation.as_json()})
    return items


def dropped_item(message: Message, expectations: list[Expectation]) -> Json:
    text = message.as_text()
    subject = next((e.subject for e in expectations if names(text, e.subject)), message.ts)
    found = {"channel": message.channel, "ts": message.ts, "payload": message.event[1]}
    return {"subject": subject, "why": "accepted, not live", **found}


# ------------------------------------------------------------------ twice


def identity(message: Message) -> tuple[str, ...] | None:
    """What may be live only once: a card by alert, destination and generation; a note by its dispatch."""
    event, payload = message.event
    fields = {CARD: ("alert", "destination", "generation"), NOTE: ("dispatch",)}.get(event)
    if fields is None or not all(name in payload for name in fields):
        return None
    return (event, *(str(payload[name]) for name in fields))


def duplicate_items(slack: Slack) -> list[Json]:
    same: defaultdict[tuple[str, ...], list[Message]] = defaultdict(list)
    for message in slack.workspace.all_visible():
        key = identity(message)
        if key is not None:
            same[key].append(message)
    return [
        {"identity": key, "channel": messages[0].channel, "ts": [message.ts for message in messages]}
        for key, messages in same.items()
        if len(messages) > 1
    ]
