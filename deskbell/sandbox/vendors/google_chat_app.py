"""Google Chat's messages, as an app has them: https://developers.google.com/workspace/chat/api/reference/rest"""

from deskbell.sandbox import google
from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way, dig

SPACE = "spaces/AAAA"
MOST = 32_000  # bytes of a message
WORDS = "cardsV2.0.card.sections.0.widgets.0.textParagraph.text"
FACT = "cardsV2.0.card.sections.0.widgets.1.decoratedText.text"


def wrong(asked: Asked) -> str:
    """A space that the app is not in, a card without a heading, too much, and text that rings a whole room."""
    if asked.parts["space"] != SPACE.partition("/")[2]:
        return "PERMISSION_DENIED"
    if "cardsV2" in asked.fields and not dig(asked.fields, "cardsV2.0.card.header.title"):
        return "INVALID_ARGUMENT"
    rings = "<users/" in asked.fields.get("text", "")
    return "INVALID_ARGUMENT" if rings or len(asked.body.encode()) > MOST else ""


def made(asked: Asked) -> object:
    thread = f"{SPACE}/threads/{dig(asked.fields, 'thread.threadKey')}"
    return {"name": f"{SPACE}/messages/{asked.id}", "thread": {"name": thread}}


VENDOR = Vendor(
    name="google_chat_app",
    conf=google.conf(),
    address=SPACE,
    login=google.login("chat.bot"),
    unauthorised=google.error("UNAUTHENTICATED"),
    missing=google.error("NOT_FOUND"),
    ways=(
        Way("open", "POST", "/v1/spaces/{space}/messages", made, html=(WORDS, FACT), refuses=wrong),
        Way(
            "change",
            "PATCH",
            "/v1/spaces/{space}/messages/{message}",
            lambda asked: {"name": f"{SPACE}/messages/{asked.parts['message']}"},
            needs=(WORDS,),
            html=(WORDS, FACT),
            refuses=wrong,
            of="message",
        ),
    ),
    key=lambda asked: asked.query.get("requestId", ""),
    new_id=lambda number: f"{number:011}",
    error=google.error,
    limits=((429, {}, google.error("RESOURCE_EXHAUSTED")[1]),),
)
