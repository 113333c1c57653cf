"""PagerDuty, Events API v2: https://developer.pagerduty.com/api-reference/"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, dig

KEY = "sandboxpagerdutyroutingkey000001"
TOKEN = "sandbox-pagerduty-token"  # noqa: S105 - made up, on purpose
ACTIONS = {"trigger", "acknowledge", "resolve"}


def enqueue(asked: Asked) -> object:
    return {"status": "success", "message": "Event processed", "dedup_key": asked.fields["dedup_key"]}


def incidents(asked: Asked) -> object:
    words = {"open": "triggered", "acked": "acknowledged", "resolved": "resolved"}
    key = asked.query["incident_key"]
    who = {"id": "PRITA", "type": "user_reference", "summary": "Rita Record"}
    known = [one for one in asked.told if one.fields["dedup_key"] == key]
    state = words[asked.stands.get(key, "open")]
    rows = [{"id": "Q1", "incident_key": key, "status": state, "last_status_change_by": who}] if known else []
    return {"incidents": rows}


def error(code: str) -> Answer:
    return int(code), {"status": "invalid event", "message": "Event object is invalid", "errors": ["made to fail"]}


VENDOR = Vendor(
    name="pagerduty",
    address=KEY,
    knows=lambda asked: (
        (dig(asked.fields, "routing_key") == KEY and dig(asked.fields, "event_action") in ACTIONS)
        or asked.headers.get("authorization") == f"Token token={TOKEN}"
    ),
    conf={"token": TOKEN, "api_url": "{base}"},
    unauthorised=(400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["routing_key"]}),
    ways=(
        Way(
            "event",
            "POST",
            "/v2/enqueue",
            enqueue,
            202,
            needs=("routing_key", "event_action", "dedup_key"),
            most={"payload.summary": 1024, "dedup_key": 255},
        ),
        Way("stands", "GET", "/incidents", incidents, reads=True),
    ),
    key=lambda asked: f"{asked.fields['event_action']} {asked.fields['dedup_key']}",
    error=error,
)
