"""ClickSend's messages: https://developers.clicksend.com/docs/messaging/sms/other/send-sms"""

from deskbell.sandbox.phones import ABROAD, NOBODY, SAID_STOP, wrong_with
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, basic, dig

USER, KEY = "desk@example.org", "sandbox-clicksend-key"
WRONG = {NOBODY: "INVALID_RECIPIENT", SAID_STOP: "OPT_OUT", ABROAD: "COUNTRY_NOT_ENABLED"}


def envelope(status: str, message_id: str = "", to: str = "", custom: str = "") -> object:
    """Its answer is a success also where the message in it is none."""
    one = {"to": to, "message_id": message_id, "message_parts": 1, "custom_string": custom, "status": status}
    sent = int(status == "SUCCESS")
    data = {"total_price": 0.08, "total_count": 1, "queued_count": sent, "blocked_count": 1 - sent, "messages": [one]}
    return {"http_code": 200, "response_code": "SUCCESS", "response_msg": "Messages queued for delivery.", "data": data}


def queued(asked: Asked) -> object:
    one = asked.fields["messages"][0]
    return envelope("SUCCESS", asked.id, one["to"], one["custom_string"])


def receipt(asked: Asked) -> object:
    """Everything that was taken has arrived."""
    one = {
        "message_id": asked.parts["id"],
        "status_code": "201",
        "status_text": "Success: Message received on handset.",
    }
    return {"http_code": 200, "response_code": "SUCCESS", "data": one | {"error_code": None}}


def inbox(asked: Asked) -> object:
    """What was written to us: whoever plays that puts it among what was told, as "written"."""
    rows = [{"message_id": one.id, **one.fields} for one in asked.told if one.way == "written"]
    return {"http_code": 200, "response_code": "SUCCESS", "data": {"total": len(rows), "data": rows}}


def error(code: str) -> Answer:
    return 200, envelope(code)


VENDOR = Vendor(
    name="clicksend",
    conf={"user": USER, "key": KEY, "sender": "+15005550006"},
    address="+15005550009",
    knows=basic(USER, KEY),
    unauthorised=(401, {"http_code": 401, "response_code": "UNAUTHORIZED", "response_msg": "Authorization failed."}),
    ways=(
        Way(
            "send",
            "POST",
            "/v3/sms/send",
            queued,
            needs=("messages.0.to", "messages.0.body", "messages.0.source"),
            most={"messages.0.body": 1224},
            refuses=lambda asked: wrong_with(str(dig(asked.fields, "messages.0.to")), WRONG),
        ),
        Way("receipt", "GET", "/v3/sms/receipts/{id}", receipt, reads=True, of="id"),
        Way("inbox", "GET", "/v3/sms/inbound", inbox, reads=True),
    ),
    new_id=lambda number: f"0A1B2C3D-0000-4000-8000-{number:012X}",
    error=error,
    limits=(
        (429, {}, {"http_code": 429, "response_code": "TOO_MANY_REQUESTS", "response_msg": "Too many requests."}),
        (200, {}, envelope("THROTTLED")),
    ),
)
