"""Plivo's messages: https://www.plivo.com/docs/messaging/api/message"""

from deskbell.sandbox.phones import ABROAD, NOBODY, wrong_with
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, basic

ACCOUNT, TOKEN = "MASANDBOX00000000001", "sandbox-plivo-token"
WRONG = {NOBODY: "number", ABROAD: "403"}
UNAUTHORISED = (401, {"api_id": "a", "error": "authentication failed"})


def queued(asked: Asked) -> object:
    return {"api_id": "a", "message": "message(s) queued", "message_uuid": [asked.id]}


def wrong(asked: Asked) -> str:
    if ("src" in asked.fields) == ("powerpack_uuid" in asked.fields):
        return "400"  # one of the two, and not both
    return wrong_with(asked.fields["dst"], WRONG)


def error(code: str) -> Answer:
    words = {"number": "dst parameter is not a valid number", "403": "the country is not enabled"}
    return int(code) if code.isdigit() else 400, {"api_id": "a", "error": words.get(code, "made to fail")}


VENDOR = Vendor(
    name="plivo",
    conf={"auth_id": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006"},
    address="+15005550009",
    knows=basic(ACCOUNT, TOKEN),
    unauthorised=UNAUTHORISED,
    ways=(
        Way(
            "send",
            "POST",
            f"/v1/Account/{ACCOUNT}/Message/",
            queued,
            202,
            needs=("dst", "text"),
            most={"text": 1600},
            refuses=wrong,
        ),
    ),
    new_id=lambda number: f"db3ce55a-7f1d-11e1-8ea7-{number:012x}",
    error=error,
    limits=((429, {}, {"api_id": "a", "error": "too many requests"}),),
)
