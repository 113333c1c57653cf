"""A mail server: https://www.rfc-editor.org/rfc/rfc5321. deskbell/sandbox/mail.py speaks SMTP for it."""

from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way

USER, PASSWORD = "desk", "sandbox-mail-password"


def known(asked: Asked) -> bool:
    return asked.headers.get("authorization") == f"{USER} {PASSWORD}"


VENDOR = Vendor(
    name="smtp",
    conf={
        "base_url": None,
        "host": "127.0.0.1",
        "port": "{port}",
        "security": "plain",
        "sender": "Deskbell <desk@example.org>",
        "user": USER,
        "password": PASSWORD,
    },
    address="duty@example.org",
    knows=known,
    unauthorised=(535, "5.7.8 Authentication credentials invalid"),
    ways=(
        Way(
            "send",
            "SMTP",
            "/",
            lambda asked: f"2.0.0 queued as {asked.id}",
            250,
            needs=("sender", "to", "headers.subject", "headers.message-id", "text", "html"),
            most={"headers.subject": 250},
            html=("html",),
        ),
    ),
    limits=(),
)
