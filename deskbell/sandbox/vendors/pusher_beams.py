"""Pusher Beams' publishing: https://pusher.com/docs/beams/reference/publish-api/"""

import re

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, header

INSTANCE, SECRET = "5e000000-0000-4000-8000-00000000beaf", "sandbox-beams-secret"
INTEREST = re.compile(r"[-\w=@,.;]{1,164}")
MOST = 10 * 1024  # bytes of a publish


def wrong(asked: Asked) -> str:
    interests = asked.fields["interests"]
    fits = len(interests) <= 100 and all(INTEREST.fullmatch(name) for name in interests)
    return "" if fits and len(asked.body.encode()) <= MOST else "422"


def error(code: str) -> Answer:
    return int(code), {"error": "Made to fail", "description": "made to fail"}


VENDOR = Vendor(
    name="pusher_beams",
    conf={"instance": INSTANCE, "secret": SECRET},
    address="dispatch",
    knows=header("Authorization", f"Bearer {SECRET}"),
    unauthorised=(401, {"error": "Unauthorized", "description": "Incorrect API Key"}),
    ways=(
        Way(
            "send",
            "POST",
            f"/publish_api/v1/instances/{INSTANCE}/publishes/interests",
            lambda asked: {"publishId": asked.id},
            needs=("interests.0", "web.notification.title", "fcm.notification.body", "apns.aps.alert.body"),
            refuses=wrong,
        ),
    ),
    new_id=lambda number: f"pubid-{number:08}",
    error=error,
)
