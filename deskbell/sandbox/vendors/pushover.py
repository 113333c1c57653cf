"""Pushover's messages: https://pushover.net/api"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, in_body

TOKEN, USER = "sandboxpushovertoken0000000001", "sandboxpushoveruser00000000001"


def taken(asked: Asked) -> object:
    rings = {"receipt": f"{asked.id:>030}"} if asked.fields["priority"] == "2" else {}
    return {"status": 1, "request": f"request-{asked.id}"} | rings


def error(code: str) -> Answer:
    status = 200 if code == "refused" else int(code)
    return status, {"status": 0, "request": "r", "errors": ["made to fail"]}


VENDOR = Vendor(
    name="pushover",
    conf={"token": TOKEN},
    address=USER,
    knows=in_body("token", TOKEN),
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
    ),
    error=error,
    limits=((429, {}, {"status": 0, "errors": ["quota"]}),),
)
