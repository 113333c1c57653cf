"""A webhook of Google Chat: https://developers.google.com/workspace/chat/quickstart/webhooks"""

from deskbell.sandbox import google
from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way

KEY, TOKEN = "sandbox-chat-key", "sandbox-chat-token"
MOST = 32_000  # bytes of a message


def wrong(asked: Asked) -> str:
    """A room that is rung by text, and a message that is too long."""
    text = asked.fields["text"]
    return "INVALID_ARGUMENT" if len(text.encode()) > MOST or "<users/" in text else ""


def made(asked: Asked) -> object:
    thread = {"name": f"spaces/AAAA/threads/{asked.fields['thread']['threadKey']}"}
    return {"name": asked.id, "text": asked.fields["text"], "thread": thread, "space": {"name": "spaces/AAAA"}}


VENDOR = Vendor(
    name="google_chat",
    address=f"https://chat.googleapis.com/v1/spaces/AAAA/messages?key={KEY}&token={TOKEN}",
    knows=lambda asked: (asked.query.get("key"), asked.query.get("token")) == (KEY, TOKEN),
    unauthorised=google.error("INVALID_ARGUMENT"),  # "API key not valid"
    ways=(Way("send", "POST", "/v1/spaces/AAAA/messages", made, needs=("text", "thread.threadKey"), refuses=wrong),),
    key=lambda asked: asked.query.get("requestId", ""),
    new_id=lambda number: f"spaces/AAAA/messages/{number:011}",
    error=google.error,
    limits=((429, {}, google.error("RESOURCE_EXHAUSTED")[1]),),
)
