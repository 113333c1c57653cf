"""What a request body may hold, and how Freshdesk words a refusal. https://developers.freshdesk.com/api/#client-error"""

from typing import Any

from deskbell.sandbox.freshdesk.tickets import PRIORITIES, Tickets
from deskbell.sandbox.web import Json

NUMBER, TEXT, LIST, MAP, FLAG = int, str, list, dict, bool
TICKET: dict[str, type] = {
    "name": TEXT, "subject": TEXT, "type": TEXT, "description": TEXT, "email": TEXT, "phone": TEXT, "facebook_id": TEXT,
    "twitter_id": TEXT, "unique_external_id": TEXT, "due_by": TEXT, "fr_due_by": TEXT, "lookup_parameter": TEXT,
    "requester_id": NUMBER, "responder_id": NUMBER, "group_id": NUMBER, "company_id": NUMBER, "product_id": NUMBER,
    "email_config_id": NUMBER, "parent_id": NUMBER, "status": NUMBER, "priority": NUMBER, "source": NUMBER,
    "tags": LIST, "cc_emails": LIST, "attachments": LIST, "related_ticket_ids": LIST, "custom_fields": MAP,
}  # fmt: skip
UPDATE = {name: kind for name, kind in TICKET.items() if name not in ("cc_emails", "lookup_parameter")}
NOTE: dict[str, type] = {
    "body": TEXT, "private": FLAG, "incoming": FLAG, "notify_emails": LIST, "user_id": NUMBER, "attachments": LIST,
}  # fmt: skip
REPLY: dict[str, type] = {
    "body": TEXT, "from_email": TEXT, "user_id": NUMBER, "cc_emails": LIST, "bcc_emails": LIST, "attachments": LIST,
}  # fmt: skip
REQUESTERS = ("requester_id", "email", "phone", "unique_external_id", "twitter_id", "facebook_id")
WORDS = {
    NUMBER: "a(n) Integer",
    TEXT: "a(n) String",
    LIST: "a(n) Array",
    MAP: "a(n) key/value pair object",
    FLAG: "a(n) Boolean",
}
SUBJECT = 255


def problem(field: str, message: str, code: str) -> Json:
    return {"field": field, "message": message, "code": code}


def is_a(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is NUMBER and isinstance(value, bool))


def check_fields(body: Json, known: dict[str, type], needed: tuple[str, ...] = ()) -> list[Json]:
    """Unknown, missing and mistyped fields. Null takes a value away, so it passes where a value need not be."""
    found = [
        problem(name, "It should be a/an valid field", "missing_field") for name in needed if body.get(name) is None
    ]
    for name, value in body.items():
        if name not in known:
            found.append(problem(name, "Unexpected/invalid field in request", "invalid_field"))
        elif value is not None and not is_a(value, known[name]):
            found.append(problem(name, f"Value set is of type other than {WORDS[known[name]]}", "datatype_mismatch"))
    return found


def check_ticket(tickets: Tickets, body: Json, *, new: bool) -> list[Json]:
    needed = ("status", "priority", "source", "subject", "description") if new else ()
    found = check_fields(body, TICKET if new else UPDATE, needed)
    if new and not any(body.get(name) for name in REQUESTERS):
        found.append(
            problem("requester_id", "One of the following is mandatory: " + ", ".join(REQUESTERS), "missing_field")
        )
    if not new and not body:
        found.append(problem("request_body", "The request body cannot be empty", "missing_field"))
    return found or check_values(tickets, body)


def check_values(tickets: Tickets, body: Json) -> list[Json]:
    offered: dict[str, list[Any]] = {
        "status": list(tickets.statuses),
        "priority": list(PRIORITIES),
        "responder_id": [*tickets.agents, None],
        "group_id": [*tickets.groups, None],
    }
    found = [
        problem(name, f"It should be one of these values: '{','.join(map(str, values))}'", "invalid_value")
        for name, values in offered.items()
        if name in body and body[name] not in values
    ]
    if (length := len(body.get("subject") or "")) > SUBJECT:
        message = f"Has {length} characters, it can have maximum of {SUBJECT} characters"
        found.append(problem("subject", message, "invalid_value"))
    return found
