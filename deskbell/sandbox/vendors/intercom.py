"""Intercom's tickets: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, dig, header

TOKEN = "sandbox-intercom-token"  # noqa: S105 - made up, on purpose


def searched(asked: Asked) -> object:
    if asked.fields["query"].get("field") == "id":
        states = asked.records(asked.fields["query"]["value"])
        return {"type": "ticket.list", "tickets": [{"id": i, "open": state != "resolved"} for i, state in states]}
    wanted = {part["field"]: part["value"] for part in asked.fields["query"]["value"]}
    rows = [one for one in asked.told if one.way == "open" and one.fields["ticket_type_id"] == wanted["ticket_type_id"]]
    new = [one for one in rows if one.at > float(wanted["created_at"])]
    shown = [{"id": one.id, "ticket_attributes": dig(one.fields, "ticket_attributes")} for one in new]
    return {"type": "ticket.list", "tickets": shown, "total_count": len(shown)}


def refusal(status: int, code: str) -> Answer:
    errors = [{"code": code, "message": "made to fail"}]
    return status, {"type": "error.list", "request_id": "r", "errors": errors}


VENDOR = Vendor(
    name="intercom",
    conf={"token": TOKEN, "contact": "6657adf6abd0164c24dfb5e1", "admin": "991"},
    address="11",
    options={"done": "31"},
    knows=header("Authorization", f"Bearer {TOKEN}"),
    unauthorised=refusal(401, "unauthorized"),
    missing=refusal(404, "ticket_not_found"),
    ways=(
        Way(
            "open",
            "POST",
            "/tickets",
            lambda asked: {"type": "ticket", "id": asked.id, "ticket_id": "1"},
            needs=("ticket_type_id", "contacts.0.id", "ticket_attributes._default_title_"),
            most={"ticket_attributes._default_title_": 255},
        ),
        Way("list", "POST", "/tickets/search", searched, needs=("query",), reads=True),
        Way(
            "note",
            "POST",
            "/tickets/{ticket}/reply",
            needs=("message_type", "admin_id", "body"),
            html=("body",),
            of="ticket",
        ),
        Way("change", "PUT", "/tickets/{ticket}", needs=("admin_id",), of="ticket"),
    ),
    limits=((429, {"X-RateLimit-Reset": "9"}, refusal(429, "rate_limit_exceeded")[1]),),
)
