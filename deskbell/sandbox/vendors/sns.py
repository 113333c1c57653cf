"""Amazon SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html. It reads signatures on its own."""

import hashlib
import hmac
import re
from functools import reduce
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way

KEY_ID, SECRET, REGION = "AKIASANDBOX", "sandbox-sns-secret-of-40-characters-long", "eu-central-1"
TOPIC = f"arn:aws:sns:{REGION}:000000000000:alerts"
_SHOWN = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+/[\w-]+/sns/aws4_request), SignedHeaders=(\S+), \S+=(\S+)"
)
NUMBER = re.compile(r"\+[1-9]\d{6,14}")


def signed(asked: Asked) -> bool:
    """Signature Version 4 of a request without a query."""
    shown = _SHOWN.fullmatch(asked.headers.get("authorization", ""))
    if shown is None or shown[1] != KEY_ID:
        return False
    _, scope, names, signature = shown.groups()
    lines = [f"{name}:{asked.headers.get(name, '')}\n" for name in names.split(";")]
    body = hashlib.sha256(asked.body.encode()).hexdigest()
    path = urlsplit(asked.url).path
    request = hashlib.sha256("\n".join((asked.method, path, "", "".join(lines), names, body)).encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", asked.headers.get("x-amz-date", ""), scope, request))
    key = reduce(
        lambda key, step: hmac.digest(key, step.encode(), "sha256"), scope.split("/"), f"AWS4{SECRET}".encode()
    )
    return hmac.digest(key, text.encode(), "sha256").hex() == signature


def wrong(asked: Asked) -> str:
    subject = asked.fields.get("Subject", "-")
    if len(subject) >= 100 or "\n" in subject or len(asked.fields["Message"].encode()) > 256 * 1024:
        return "InvalidParameter"
    phone, topic = asked.fields.get("PhoneNumber", ""), asked.fields.get("TopicArn", "")
    if topic.endswith(".fifo") and not asked.fields.get("MessageGroupId"):
        return "InvalidParameter"
    if phone:
        return "" if NUMBER.fullmatch(phone) else "InvalidParameter"
    return "" if topic.startswith(TOPIC) else "NotFound"


def error(code: str) -> Answer:
    status = {"InvalidClientTokenId": 403, "AuthorizationError": 403, "NotFound": 404, "InternalError": 500}
    words = f"<Error><Type>Sender</Type><Code>{escape(code)}</Code><Message>made to fail</Message></Error>"
    return status.get(code, 400), f"<ErrorResponse>{words}<RequestId>r</RequestId></ErrorResponse>"


VENDOR = Vendor(
    name="sns",
    conf={"key_id": KEY_ID, "secret": SECRET, "region": REGION},
    address=TOPIC,
    knows=signed,
    unauthorised=error("InvalidClientTokenId"),
    ways=(
        Way(
            "send",
            "POST",
            "/",
            lambda asked: (
                f"<PublishResponse><PublishResult><MessageId>{asked.id}</MessageId></PublishResult></PublishResponse>"
            ),
            needs=("Action", "Version", "Message"),
            refuses=wrong,
        ),
    ),
    key=lambda asked: asked.fields.get("MessageDeduplicationId", ""),
    new_id=lambda number: f"94f20ce6-0000-4000-8000-{number:012}",
    error=error,
    limits=((400, {}, error("Throttling")[1]), (429, {"Retry-After": "7"}, error("ThrottledException")[1])),
)
