"""Pushover's messages: https://pushover.net/api"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, in_body

TOKEN, USER = "sandboxpushovertoken0000000001", "sandboxpushoveruser00000000001"


def taken(asked: Asked) -> object:
    rings = {"receipt": asked.id} if asked.fields["priority"] == "2" else {}
    return {"status": 1, "request": f"request-{asked.id}"} | rings


def stands(asked: Asked) -> object:
    ident = asked.parts["receipt"].removesuffix(".json")
    state, _, by = asked.stands.get(ident, "").partition(" by ")
    done = state == "acked"
    who = {"acknowledged_by": (by or USER) if done else "", "acknowledged_at": 1795000000 if done else 0}
    return {"status": 1, "acknowledged": int(done), "last_delivered_at": 1795000000, "expired": 0, **who}


def error(code: str) -> Answer:
    status = 200 if code == "refused" else int(code)
    return status, {"status": 0, "request": "r", "errors": ["made to fail"]}


VENDOR = Vendor(
    name="pushover",
    conf={"token": TOKEN},
    address=USER,
    knows=lambda asked: asked.query.get("token") == TOKEN or in_body("token", TOKEN)(asked),
    unauthorised=(401, {"status": 0, "errors": ["application token is invalid"]}),
    ways=(
        Way(
            "send",
            "POST",
            "/1/messages.json",
            taken,
            needs=("user", "message"),
            most={"message": 1024, "title": 250, "url": 512, "url_title": 100},
        ),
        Way("stands", "GET", "/1/receipts/{receipt}", stands, reads=True),
        Way("hush", "POST", "/1/receipts/{receipt}/cancel.json", lambda _asked: {"status": 1}, of="receipt"),
    ),
    error=error,
    new_id=lambda number: f"{number:030}",
    limits=((429, {}, {"status": 0, "errors": ["quota"]}),),
)
