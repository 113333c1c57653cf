"""MessageBird's SMS: https://developers.messagebird.com/api/sms-messaging"""

from typing import Any

from deskbell.sandbox.phones import NOBODY, SAID_STOP, wrong_with
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Told, Vendor, Way, header

KEY = "sandbox-messagebird"
CODES = {NOBODY: "recipients", SAID_STOP: "recipients"}


def shown(one: Told) -> dict[str, Any]:
    items = [{"recipient": int(number), "status": "sent"} for number in one.fields["recipients"]]
    return {**one.fields, "id": one.id, "recipients": {"totalCount": len(items), "items": items}}


def listed(asked: Asked) -> object:
    rows = [one for one in reversed(asked.told) if asked.query["recipient"] in one.fields["recipients"]]
    return {"offset": 0, "limit": 20, "count": len(rows), "items": [shown(one) for one in rows]}


def wrong(asked: Asked) -> str:
    number = asked.fields["recipients"][0]
    return wrong_with(number, CODES) or ("" if number.isdigit() else "recipients")


def error(code: str) -> Answer:
    if not code.isdigit():
        return 422, {"errors": [{"code": 10, "description": "made to fail", "parameter": code}]}
    status = {"2": 401, "25": 402, "99": 500}[code]
    return status, {"errors": [{"code": int(code), "description": "made to fail", "parameter": None}]}


VENDOR = Vendor(
    name="messagebird",
    conf={"access_key": KEY, "sender": "15005550006"},
    address="+15005550009",
    knows=header("Authorization", f"AccessKey {KEY}"),
    unauthorised=error("2"),
    ways=(
        Way(
            "send",
            "POST",
            "/messages",
            lambda asked: shown(asked.told[-1]),
            201,
            needs=("originator", "recipients.0", "body", "reference"),
            most={"body": 1377, "reference": 60},
            refuses=wrong,
        ),
        Way("list", "GET", "/messages", listed, reads=True),
    ),
    new_id=lambda number: f"{number:032x}",
    error=error,
    limits=((429, {}, {"errors": [{"code": 9999, "description": "too many requests", "parameter": None}]}),),
)
