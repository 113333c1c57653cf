"""The verdict over a run: how much was done, what was lost, what came twice. From the ledger and the live messages."""

from collections.abc import Mapping

from deskbell.sandbox.chat import Card, Chat
from deskbell.sandbox.ledger import Expectation, Ledger, names, percentile
from deskbell.sandbox.web import Json

GRACE = 15.0  # an expectation younger than this may still ring
SOURCES = ("freshdesk", "servicenow", "fieldservice", "billing")
Chats = Mapping[str, Chat]


def summary(ledger: Ledger, chats: Chats, grace: float = GRACE) -> Json:
    lost = lost_items(ledger, chats, grace)
    twice = [item for chat in chats.values() for item in chat.duplicates()]
    due = [e for e in ledger.expectations if e.at <= ledger.clock.time() and not e.withdrawn]
    return {
        "chats": {name: counts(ledger, name) for name in chats},
        "sources": {name: source_counts(ledger, name) for name in SOURCES},
        "requests": dict(ledger.requests),
        "pager": ledger.count("pager", "called"),
        "writebacks": sum(ledger.count(name, "write") for name in SOURCES),
        "expected": len({e.subject for e in due}),
        "lost": len(lost),
        "lost_items": lost,
        "duplicates": len(twice),
        "duplicate_items": twice,
        "tap_to_edit_ms": percentiles(ledger.tap_to_edit_ms, 50, 99),
        "converge_ms": percentiles(ledger.converge_ms, 50, 95),
        "diverging": ledger.diverging(),
    }


def counts(ledger: Ledger, name: str) -> Json:
    kinds = ("posted", "edited", "deleted", "ephemeral", "ratelimited", "rejected")
    return {kind: ledger.count(name, kind) for kind in kinds} | {
        "taps": ledger.count(name, "tap", "submit", "view_tap"),
        "commands": ledger.count(name, "command"),
        "failed_taps": ledger.count(name, "failed"),
        "calls": ledger.count(name, "call"),
    }


def source_counts(ledger: Ledger, name: str) -> Json:
    found = {kind + "s": ledger.count(name, kind) for kind in ("read", "write")}
    return found | {kind: ledger.count(name, kind) for kind in ("rejected", "ratelimited")}


def percentiles(values: list[float], *wanted: int) -> Json:
    return {f"p{share}": percentile(values, share / 100) for share in wanted} | {"n": len(values)}


# ------------------------------------------------------------------ lost


def lost_items(ledger: Ledger, chats: Chats, grace: float) -> list[Json]:
    """What nobody can see: cards that were accepted and are not there, alerts that one chat shows and another does not,
    and events that nothing visible speaks of. One entry for one loss."""
    dropped = [card for chat in chats.values() for card in chat.dropped()]
    items = [dropped_item(card, ledger.expectations) for card in dropped]
    known = {(card.chat, card.ref) for card in dropped}
    items += [item for item in missing_items(ledger, chats, grace) if (item["chat"], item["ref"]) not in known]
    covered = {item["subject"] for item in items if "subject" in item}
    for expectation in ledger.overdue(grace):
        if expectation.subject not in covered:
            covered.add(expectation.subject)
            items.append({"why": "no live card", **expectation.as_json()})
    return items


def dropped_item(card: Card, expectations: list[Expectation]) -> Json:
    subject = next((e.subject for e in expectations if names(card.text, e.subject)), card.ref)
    return {
        "subject": subject,
        "why": "accepted, not live",
        "chat": card.chat,
        "room": card.room,
        "id": card.id,
        "ref": card.ref,
    }


def missing_items(ledger: Ledger, chats: Chats, grace: float) -> list[Json]:
    """An alert has its card in every chat that has any, once there was time to post it."""
    shown = {name: {card.ref for card in chat.cards()} for name, chat in chats.items()}
    due = ledger.clock.time() - grace
    old = {ref for refs in shown.values() for ref in refs if ledger.first_named.get(ref, 0.0) <= due}
    return [
        {"why": f"no card in {name}", "chat": name, "ref": ref}
        for name, refs in shown.items()
        if refs
        for ref in sorted(old - refs)
    ]
