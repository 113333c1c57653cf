"""A conversation or a ticket as Intercom's API writes it, made flat, and what was said in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from deskbell.core.records import Happening, HappeningKind
from pollers import happenings
from pollers.crm_conf import Preset
from pollers.rows import child, flag, line, moment

_FIELDS = {
    name: name
    for name in (
        *("id", "number", "subject", "priority", "requester", "requester_id", "contact", "account_id"),
        *("assignee", "assignee_id", "group", "group_id", "escalated", "created_at", "updated_at"),
    )
}
PRESETS: Mapping[str, Preset] = {
    "conversations": Preset(
        "case",
        _FIELDS | {"status": "state"},
        status_map={"snoozed": "paused"},
        assignee_field="assignee_id",
        on_resolve={"state": "closed"},
    ),
    "tickets": Preset(
        "case",
        _FIELDS | {"status": "state", "status_raw": "label"},
        status_map={"submitted": "new", "in_progress": "open", "waiting_on_customer": "waiting"},
        assignee_field="assignee_id",
        on_resolve={"state": "resolved"},
    ),
}
_STAFF = frozenset({"admin", "bot", "team", "workflow"})


def flat(raw: Any) -> Any:
    """A row with plain names; `custom` holds the attributes of one's own, `tags` their names."""
    if not isinstance(raw, Mapping):
        return raw
    return _ticket(raw) if raw.get("type") == "ticket" else _conversation(raw)


def _conversation(raw: Mapping[str, Any]) -> dict[str, Any]:
    source = child(raw, "source")
    author = child(source, "author")
    theirs = author if author.get("type") not in _STAFF else {}
    return _common(raw) | {
        "number": raw.get("id"),
        "subject": line(raw.get("title")) or _words(source.get("subject")) or _words(source.get("body")),
        "state": _state(raw),
        "priority": "high" if raw.get("priority") == "priority" else "normal",
        "requester": theirs.get("name"),
        "contact": theirs.get("email"),
        "escalated": child(raw, "sla_applied").get("sla_status") == "missed",
        "custom": child(raw, "custom_attributes"),
    }


def _ticket(raw: Mapping[str, Any]) -> dict[str, Any]:
    own, state = child(raw, "ticket_attributes"), raw.get("ticket_state")
    told = state if isinstance(state, Mapping) else {"category": state}
    return _common(raw) | {
        "number": raw.get("ticket_id"),
        "subject": own.get("_default_title_"),
        "state": told.get("category"),
        "label": told.get("internal_label") or told.get("category"),
        "account_id": raw.get("company_id"),
        "custom": own,
        "mark": line(str(own.get("_default_description_")).partition("\n")[0], 100),
    }


def _common(raw: Mapping[str, Any]) -> dict[str, Any]:
    contacts = child(raw, "contacts").get("contacts")
    first = contacts[0] if isinstance(contacts, list) and contacts else {}
    tags = child(raw, "tags").get("tags")
    return {
        "id": raw.get("id"),
        "created_at": raw.get("created_at"),
        "updated_at": raw.get("updated_at"),
        "assignee_id": _present(raw.get("admin_assignee_id")),
        "group_id": _present(raw.get("team_assignee_id")),
        "requester_id": first.get("id") if isinstance(first, Mapping) else None,
        "tags": [row.get("name") for row in tags if isinstance(row, Mapping)] if isinstance(tags, list) else [],
    }


def _state(raw: Mapping[str, Any]) -> str:
    """Open alone does not tell whose turn it is: `waiting_since` is there while the customer waits."""
    state = line(raw.get("state"), 50)
    if state != "open":
        return state
    if not raw.get("waiting_since"):
        return "waiting"
    return "open" if child(raw, "statistics").get("first_admin_reply_at") else "new"


def _present(value: Any) -> str:
    """An id; nobody is null, 0 or "0"."""
    text = line(value, 50)
    return "" if text == "0" else text


def _words(markup: Any) -> str:
    return line(happenings.plain(markup), 200)


def parts(raw: Any) -> list[Mapping[str, Any]]:
    """What was said and done in a conversation or a ticket, oldest first."""
    if not isinstance(raw, Mapping):
        return []
    name = "ticket_parts" if raw.get("type") == "ticket" else "conversation_parts"
    rows = child(raw, name).get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def happened(raw: Any) -> tuple[Happening, ...]:
    return happenings.newest(one for part in parts(raw) for one in _told(part))


def _told(part: Mapping[str, Any]) -> Iterator[Happening]:
    at, text = moment(part.get("created_at")), happenings.plain(part.get("body"))
    attached = part.get("attachments")
    files = [one for one in attached if isinstance(one, Mapping)] if isinstance(attached, list) else []
    if at is None or happenings.ours(text) or not (text or files):
        return
    author, private = child(part, "author"), part.get("part_type") == "note"
    kind = HappeningKind.NOTE if private else HappeningKind.REPLY
    if author.get("type") not in _STAFF:
        kind = HappeningKind.CUSTOMER_REPLY
    by = (line(author.get("name"), 200), line(author.get("id"), 100), private)
    part_id = line(part.get("id"), 100)
    if text:
        yield Happening(kind, part_id, at, *by, happenings.hint(text))
    for one in files:
        if name := line(one.get("name"), 200):
            yield Happening(HappeningKind.DOCUMENT, f"{part_id}/{name}", at, *by, name=name)


def alive(row: Mapping[str, Any]) -> bool:
    return row.get("state") not in ("closed", "resolved") and not flag(row.get("deleted"))
