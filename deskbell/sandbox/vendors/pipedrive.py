"""Pipedrive's activities: https://developers.pipedrive.com/docs/api/v1/Activities"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, header

TOKEN = "sandbox-pipedrive-token"  # noqa: S105 - made up, on purpose
ACTIVITIES = "/api/v2/activities"


def listed(asked: Asked) -> object:
    if "ids" in asked.query:
        states = asked.records(asked.query["ids"].split(","))
        return {"success": True, "data": [{"id": int(i), "done": state == "resolved"} for i, state in states]}
    rows = [one for one in reversed(asked.told) if one.way == "open"]
    on = [one for one in rows if str(one.fields.get("deal_id")) == asked.query["deal_id"]]
    return {"success": True, "data": [{"id": int(one.id), "note": one.fields["note"]} for one in on]}


def refusal(status: int, code: str) -> Answer:
    return status, {"success": False, "error": "made to fail", "code": code}


VENDOR = Vendor(
    name="pipedrive",
    conf={"token": TOKEN},
    address="deals/7",
    knows=header("x-api-token", TOKEN),
    unauthorised=refusal(401, "ERR_UNAUTHORIZED"),
    missing=refusal(404, "ERR_NOT_FOUND"),
    ways=(
        Way(
            "open",
            "POST",
            ACTIVITIES,
            lambda asked: {"success": True, "data": {"id": int(asked.id), "done": False}},
            201,
            needs=("subject", "type", "deal_id"),
            most={"subject": 255},
            html=("note",),
        ),
        Way("list", "GET", ACTIVITIES, listed, reads=True),
        Way("change", "PATCH", f"{ACTIVITIES}/{{activity}}", of="activity"),
    ),
    limits=((429, {"Retry-After": "2"}, refusal(429, "ERR_RATE_LIMIT")[1]),),
)
