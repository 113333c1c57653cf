"""Twilio's messages: https://www.twilio.com/docs/messaging/api/message-resource"""

from email.utils import formatdate

from deskbell.sandbox.phones import ABROAD, LANDLINE, NOBODY, SAID_STOP, wrong_with
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Told, Vendor, Way, basic

ACCOUNT, TOKEN = "AC00000000000000000000000000000001", "sandbox-twilio-token"
WRONG = {NOBODY: "21211", SAID_STOP: "21610", LANDLINE: "21614", ABROAD: "21408"}
MESSAGES = "/2010-04-01/Accounts/{account}/Messages.json"


def queued(asked: Asked) -> object:
    return {"sid": asked.id, "status": "queued", "to": asked.fields["To"], "body": asked.fields["Body"]}


def sent(asked: Asked) -> object:
    rows = [one for one in asked.told if one.fields["To"] == asked.query.get("To")]
    return {"messages": [shown(one) for one in reversed(rows)]}


def shown(one: Told) -> dict[str, object]:
    """Everything that was taken has arrived; what was written to us, whoever plays that puts among it as "written"."""
    fields, written = one.fields, one.way == "written"
    way = {"direction": "inbound" if written else "outbound-api", "status": "received" if written else "delivered"}
    numbers = {"to": fields["To"], "from": fields.get("From"), "error_code": None}
    return {"sid": one.id, "body": fields["Body"], "date_created": formatdate(one.at)} | way | numbers


def state(asked: Asked) -> object:
    return next(shown(one) for one in asked.told if one.id == asked.parts["sid"])


def error(code: str) -> Answer:
    return 401 if code == "20003" else 400, {"code": int(code), "message": "made to fail", "status": 400}


VENDOR = Vendor(
    name="twilio",
    conf={"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006"},
    address="+15005550009",
    knows=basic(ACCOUNT, TOKEN),
    unauthorised=(401, {"code": 20003, "message": "Authenticate", "status": 401}),
    ways=(
        Way(
            "send",
            "POST",
            MESSAGES,
            queued,
            201,
            needs=("To", "Body"),
            most={"Body": 1600},
            refuses=lambda asked: wrong_with(asked.fields["To"], WRONG),
        ),
        Way("list", "GET", MESSAGES, sent, reads=True),
        Way("state", "GET", MESSAGES.replace(".json", "/{sid}.json"), state, reads=True, of="sid"),
    ),
    new_id=lambda number: f"SM{number:032x}",
    error=error,
    limits=((429, {}, {"code": 20429, "message": "Too Many Requests", "status": 429}),),
)
