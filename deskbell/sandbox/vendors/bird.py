"""A channel of Bird's: https://docs.bird.com/api/channels-api"""

from datetime import UTC, datetime
from typing import Any

from deskbell.sandbox.phones import ABROAD, NOBODY, wrong_with
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Told, Vendor, Way, dig, header

WORKSPACE, CHANNEL, KEY = "a1405560-c8d3-4b1a-877d-3f449ad95352", "b1405560-c8d3-4b1a-877d-3f449ad95353", "sandbox-bird"
MESSAGES = f"/workspaces/{WORKSPACE}/channels/{CHANNEL}/messages"
TO = "receiver.contacts.0.identifierValue"
CODES = {NOBODY: "422", ABROAD: "403"}


def shown(one: Told) -> dict[str, Any]:
    made = datetime.fromtimestamp(one.at, UTC).isoformat().replace("+00:00", "Z")
    return {"id": one.id, "status": "accepted", "direction": "outgoing", "createdAt": made, **one.fields}


def listed(asked: Asked) -> object:
    since = datetime.fromisoformat(asked.query["startAt"]).timestamp()
    return {"results": [shown(one) for one in reversed(asked.told) if one.at >= since]}


def error(code: str) -> Answer:
    return int(code), {"code": "InvalidPayload", "message": "made to fail"}


VENDOR = Vendor(
    name="bird",
    conf={"access_key": KEY, "workspace": WORKSPACE, "channel": CHANNEL},
    address="+15005550009",
    knows=header("Authorization", f"AccessKey {KEY}"),
    unauthorised=(401, {"code": "Unauthorized", "message": "the access key is not known"}),
    ways=(
        Way(
            "send",
            "POST",
            MESSAGES,
            lambda asked: shown(asked.told[-1]),
            202,
            needs=(TO, "body.text.text"),
            most={"body.text.text": 1600},
            refuses=lambda asked: wrong_with(str(dig(asked.fields, TO)), CODES),
        ),
        Way("list", "GET", MESSAGES, listed, reads=True),
    ),
    new_id=lambda number: f"c1405560-c8d3-4b1a-877d-{number:012x}",
    error=error,
    limits=((429, {"X-RateLimit-Reset": "7"}, {"code": "TooManyRequests", "message": "rate limit exceeded"}),),
)
