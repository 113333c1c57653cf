"""Gmail's sending: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from deskbell.sandbox import google, mail
from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way

MAILBOX = "desk@example.org"


def unpacked(fields: Any) -> Any:
    """The mail in it, as people get it."""
    if not isinstance(fields, Mapping) or "raw" not in fields:
        return fields
    return mail.fields_of(message_from_bytes(urlsafe_b64decode(fields["raw"]), EmailMessage, policy=policy.default))


def wrong(asked: Asked) -> str:
    headers = asked.fields["headers"]
    return "" if "@" in headers.get("to", "") and MAILBOX in headers.get("from", "") else "invalidArgument"


VENDOR = Vendor(
    name="gmail",
    conf=google.conf(sender=f"Deskbell <{MAILBOX}>"),
    address="duty@example.org",
    login=google.login("gmail.send", MAILBOX),
    unauthorised=google.error("UNAUTHENTICATED"),
    ways=(
        Way(
            "send",
            "POST",
            "/gmail/v1/users/me/messages/send",
            lambda asked: {"id": asked.id, "threadId": asked.id, "labelIds": ["SENT"]},
            needs=("headers.subject", "headers.message-id", "text", "html"),
            most={"headers.subject": 250},
            html=("html",),
            refuses=wrong,
        ),
    ),
    reads=unpacked,
    new_id=lambda number: f"{number:016x}",
    error=google.error,
    limits=((429, {"Retry-After": "7"}, {}), (403, {}, google.error("userRateLimitExceeded")[1])),
)
