"""SendGrid's mail: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, header

KEY = "SG.sandbox-sendgrid-key"
SENDER = "desk@example.org"
OURS = {"to", "from", "subject", "reply-to", "content-type", "content-transfer-encoding", "cc", "bcc", "received"}


def wrong(asked: Asked) -> str:
    """What it has against a mail: a sender that it does not know, parts in the wrong order, headers of its own."""
    if asked.fields["from"]["email"] != SENDER:
        return "403"
    kinds = [part["type"] for part in asked.fields["content"]]
    given = {name.lower() for name in asked.fields.get("headers", {})}
    return "400" if kinds != sorted(kinds, reverse=True) or given & OURS or "\n" in asked.fields["subject"] else ""


def error(code: str) -> Answer:
    return int(code), {"errors": [{"message": "made to fail", "field": None, "help": None}]}


VENDOR = Vendor(
    name="sendgrid",
    conf={"key": KEY, "sender": f"Deskbell <{SENDER}>"},
    address="duty@example.org",
    knows=header("Authorization", f"Bearer {KEY}"),
    unauthorised=error("401"),
    ways=(
        Way(
            "send",
            "POST",
            "/v3/mail/send",
            lambda _asked: "",
            202,
            needs=("personalizations.0.to.0.email", "subject", "content.0.value", "content.1.value"),
            most={"subject": 250},
            html=("content.1.value",),
            refuses=wrong,
            gives=lambda asked: {"X-Message-Id": asked.id},
        ),
    ),
    new_id=lambda number: f"sandbox-mail-{number:06}",
    error=error,
    limits=((429, {"X-RateLimit-Reset": "11"}, error("429")[1]), (429, {"Retry-After": "7"}, error("429")[1])),
)
