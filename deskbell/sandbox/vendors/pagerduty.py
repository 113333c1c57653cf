"""PagerDuty, Events API v2: https://developer.pagerduty.com/api-reference/"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, dig

KEY = "sandboxpagerdutyroutingkey000001"
ACTIONS = {"trigger", "acknowledge", "resolve"}


def enqueue(asked: Asked) -> object:
    return {"status": "success", "message": "Event processed", "dedup_key": asked.fields["dedup_key"]}


def error(code: str) -> Answer:
    return int(code), {"status": "invalid event", "message": "Event object is invalid", "errors": ["made to fail"]}


VENDOR = Vendor(
    name="pagerduty",
    address=KEY,
    knows=lambda asked: dig(asked.fields, "routing_key") == KEY and dig(asked.fields, "event_action") in ACTIONS,
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
    ),
    key=lambda asked: f"{asked.fields['event_action']} {asked.fields['dedup_key']}",
    error=error,
)
