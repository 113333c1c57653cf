"""Mailgun's messages and events: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, basic

KEY, DOMAIN = "sandbox-mailgun-key", "mg.example.org"
EXTRAS = 16 * 1024  # of all options, headers and variables together


def wrong(asked: Asked) -> str:
    if asked.parts["domain"] != DOMAIN:
        return "404"
    extras = sum(len(name) + len(text) for name, text in asked.fields.items() if name[:2] in ("o:", "h:", "v:"))
    return "400" if extras > EXTRAS or "@" not in asked.fields["to"] or "\n" in asked.fields["subject"] else ""


def accepted(asked: Asked) -> object:
    wanted = f"<{asked.query.get('message-id')}>"
    rows = [{"event": "accepted", "message": {"headers": {"message-id": one.id.strip("<>")}}} for one in asked.told]
    return {"items": [row for row, one in zip(rows, asked.told, strict=True) if one.id == wanted], "paging": {}}


def error(code: str) -> Answer:
    return int(code), {"message": "made to fail"}


VENDOR = Vendor(
    name="mailgun",
    conf={"key": KEY, "sender": f"Deskbell <desk@{DOMAIN}>"},
    address="duty@example.org",
    knows=basic("api", KEY),
    unauthorised=(401, "Forbidden"),
    ways=(
        Way(
            "send",
            "POST",
            "/v3/{domain}/messages",
            lambda asked: {"id": asked.id, "message": "Queued. Thank you."},
            needs=("from", "to", "subject", "text", "html"),
            html=("html",),
            refuses=wrong,
            names=lambda asked: asked.fields["h:Message-Id"],
        ),
        Way("events", "GET", "/v3/{domain}/events", accepted, reads=True),
    ),
    error=error,
    limits=((429, {"Retry-After": "7"}, error("429")[1]), (429, {}, error("429")[1])),
)
