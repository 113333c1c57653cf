"""Twilio's calls: https://www.twilio.com/docs/voice/api/call-resource"""

from xml.etree import ElementTree as ET

from deskbell.sandbox.phones import ABROAD, NOBODY, wrong_with
from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way, basic
from deskbell.sandbox.vendors.twilio import ACCOUNT, TOKEN, error

WRONG = {NOBODY: "21217", ABROAD: "21215"}
VERBS = {"Response", "Gather", "Say"}


def queued(asked: Asked) -> object:
    return {"sid": asked.id, "status": "queued", "to": asked.fields["To"], "direction": "outbound-api"}


def wrong(asked: Asked) -> str:
    """It speaks nothing that is no TwiML."""
    try:
        said = ET.fromstring(asked.fields["Twiml"])  # noqa: S314 - in a sandbox, and of us
    except ET.ParseError:
        return "12100"
    if said.tag != "Response" or any(one.tag not in VERBS for one in said.iter()):
        return "12200"
    return wrong_with(asked.fields["To"], WRONG)


VENDOR = Vendor(
    name="twilio_call",
    conf={"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006"},
    address="+15005550009",
    knows=basic(ACCOUNT, TOKEN),
    unauthorised=(401, {"code": 20003, "message": "Authenticate", "status": 401}),
    ways=(
        Way(
            "send",
            "POST",
            "/2010-04-01/Accounts/{account}/Calls.json",
            queued,
            201,
            needs=("To", "From", "Twiml"),
            most={"Twiml": 4000},
            refuses=wrong,
        ),
    ),
    new_id=lambda number: f"CA{number:032x}",
    error=error,
    limits=((429, {}, {"code": 20429, "message": "Too Many Requests", "status": 429}),),
)
