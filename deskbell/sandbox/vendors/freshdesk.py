"""Freshdesk's tickets: https://developers.freshdesk.com/api/#tickets"""

from typing import Any

from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way, basic

KEY = "sandbox-freshdesk-key"
TICKETS = "/api/v2/tickets"


def made(asked: Asked) -> object:
    return shown(asked.id, asked.fields)


def listed(asked: Asked) -> object:
    return [shown(one.id, one.fields) for one in reversed(asked.told) if one.way == "open"]


def stands(asked: Asked) -> object:
    rows = asked.records([one.id for one in asked.told if one.way == "open"])
    over = [ident for ident, state in rows if state == "resolved"]
    return {"results": [{"id": int(ident), "status": 5} for ident in over], "total": len(over)}


def shown(number: str, fields: Any) -> object:
    return {"id": int(number), "subject": fields["subject"], "tags": fields["tags"], "status": fields["status"]}


VENDOR = Vendor(
    name="freshdesk",
    conf={"key": KEY, "requester": "desk@example.org", "web_url": "https://freshdesk.example"},
    address="4001",
    knows=basic(KEY, "X"),
    unauthorised=(401, {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}),
    missing=(404, ""),
    ways=(
        Way(
            "open",
            "POST",
            TICKETS,
            made,
            201,
            needs=("email", "subject", "description", "status", "priority", "source"),
            most={"subject": 255, "tags.1": 32},
            html=("description",),
        ),
        Way("list", "GET", TICKETS, listed, reads=True),
        Way("stands", "GET", "/api/v2/search/tickets", stands, reads=True),
        Way("note", "POST", f"{TICKETS}/{{ticket}}/notes", status=201, needs=("body",), html=("body",), of="ticket"),
        Way("change", "PUT", f"{TICKETS}/{{ticket}}", needs=("status",), of="ticket"),
    ),
    limits=((429, {"Retry-After": "41"}, {"message": "You have exceeded the limit of requests per minute"}),),
)
