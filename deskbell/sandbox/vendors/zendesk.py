"""Zendesk's tickets: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, basic

USER, TOKEN = "desk@example.org", "sandbox-zendesk-token"
TICKETS = "/api/v2/tickets"


def made(asked: Asked) -> object:
    return {"ticket": {"id": int(asked.id), "subject": asked.fields["ticket"]["subject"]}}


def listed(asked: Asked) -> object:
    wanted = asked.query.get("external_id")
    rows = [one for one in asked.told if one.way == "open" and one.fields["ticket"]["external_id"] == wanted]
    return {"tickets": [{"id": int(one.id), "external_id": wanted} for one in rows], "count": len(rows)}


def stands(asked: Asked) -> object:
    words = {"open": "new", "acked": "pending", "resolved": "solved"}
    rows = asked.records(asked.query["ids"].split(","))
    return {"tickets": [{"id": int(ident), "status": words[state], "assignee_id": 77} for ident, state in rows]}


def error(code: str) -> Answer:
    return int(code), {"error": "DatabaseConflict", "description": "made to fail"}


VENDOR = Vendor(
    name="zendesk",
    conf={"user": USER, "token": TOKEN, "web_url": "https://zendesk.example"},
    address="360001",
    knows=basic(f"{USER}/token", TOKEN),
    unauthorised=(401, {"error": "Couldn't authenticate you"}),
    missing=(404, {"error": "RecordNotFound", "description": "Not found"}),
    ways=(
        Way(
            "open",
            "POST",
            TICKETS,
            made,
            201,
            needs=("ticket.subject", "ticket.comment.html_body"),
            most={"ticket.comment.html_body": 65_535, "ticket.subject": 150},
            html=("ticket.comment.html_body",),
        ),
        Way("list", "GET", TICKETS, listed, reads=True),
        Way("stands", "GET", f"{TICKETS}/show_many", stands, reads=True),
        Way("change", "PUT", f"{TICKETS}/{{ticket}}", html=("ticket.comment.html_body",), of="ticket"),
    ),
    key=lambda asked: asked.headers.get("idempotency-key", ""),
    error=error,
    limits=((429, {"Retry-After": "93"}, {"error": "APIRateLimitExceeded"}),),
)
