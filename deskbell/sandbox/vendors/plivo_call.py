"""Plivo's calls: https://www.plivo.com/docs/voice/api/call"""

from deskbell.sandbox.phones import ABROAD, NOBODY, wrong_with
from deskbell.sandbox.vendors.plivo import ACCOUNT, TOKEN, UNAUTHORISED, error
from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way, basic

WRONG = {NOBODY: "number", ABROAD: "403"}


def fired(asked: Asked) -> object:
    return {"api_id": "a", "message": "call fired", "request_uuid": asked.id}


def wrong(asked: Asked) -> str:
    """It asks for what to say at an address that anybody can reach."""
    if not str(asked.fields["answer_url"]).startswith("https://") or len(asked.fields["answer_url"]) > 2048:
        return "400"
    return wrong_with(asked.fields["to"], WRONG)


VENDOR = Vendor(
    name="plivo_call",
    conf={"auth_id": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006", "hook": {"secrets": [TOKEN]}},
    address="+15005550009",
    knows=basic(ACCOUNT, TOKEN),
    unauthorised=UNAUTHORISED,
    ways=(
        Way(
            "send",
            "POST",
            f"/v1/Account/{ACCOUNT}/Call/",
            fired,
            201,
            needs=("from", "to", "answer_url", "answer_method"),
            refuses=wrong,
        ),
    ),
    new_id=lambda number: f"9834029e-58b6-11e1-b8b7-{number:012x}",
    error=error,
    limits=((429, {}, {"api_id": "a", "error": "too many requests"}),),
)
