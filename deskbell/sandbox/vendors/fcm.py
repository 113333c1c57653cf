"""Firebase Cloud Messaging: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"""

from deskbell.sandbox import google
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way

PROJECT, TOKEN, REMOVED = "sandbox-project", "sandbox-token-of-an-app", "sandbox-token-of-an-app-that-was-removed"
MOST = 4096  # bytes of a message
OWN = {"UNREGISTERED": 404, "SENDER_ID_MISMATCH": 403, "THIRD_PARTY_AUTH_ERROR": 401, "QUOTA_EXCEEDED": 429}


def wrong(asked: Asked) -> str:
    message = asked.fields["message"]
    targets = [message[name] for name in ("token", "fid", "topic", "condition") if name in message]
    if len(targets) != 1 or len(asked.body.encode()) > MOST:
        return "INVALID_ARGUMENT"
    if any(not isinstance(text, str) for text in message.get("data", {}).values()):
        return "INVALID_ARGUMENT"
    return "UNREGISTERED" if REMOVED in targets else ""


def error(code: str) -> Answer:
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]
    return google.error(code, OWN.get(code, 0), {"details": details})


VENDOR = Vendor(
    name="fcm",
    conf=google.conf(project=PROJECT),
    address=TOKEN,
    login=google.login("firebase.messaging"),
    unauthorised=google.error("UNAUTHENTICATED"),
    ways=(
        Way(
            "send",
            "POST",
            f"/v1/projects/{PROJECT}/messages:send",
            lambda asked: {"name": asked.id},
            needs=("message.notification.title", "message.notification.body"),
            refuses=wrong,
        ),
    ),
    key=lambda asked: asked.fields["message"]["data"]["key"],  # the app shows it once
    new_id=lambda number: f"projects/{PROJECT}/messages/0:{number:016}",
    error=error,
    limits=((429, {"Retry-After": "60"}, error("QUOTA_EXCEEDED")[1]),),
)
