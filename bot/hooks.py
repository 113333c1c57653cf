"""What the chats that call our server are answered alike. No word about the reason of a refusal goes out."""

from collections.abc import Mapping

Answered = tuple[int, Mapping[str, str], bytes]

PLAIN = {"content-type": "text/plain; charset=utf-8"}
OK: Answered = (200, PLAIN, b"")
NOT_READABLE: Answered = (400, PLAIN, b"bad request")
NOT_GENUINE: Answered = (401, PLAIN, b"unauthorized")
TOO_LARGE: Answered = (413, PLAIN, b"too large")


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value by its name in lower case; the first one, should there be several."""
    return next((value for key, value in headers.items() if key.lower() == name), "")
