"""What people write in answer to a mail, read from a mailbox. https://www.rfc-editor.org/rfc/rfc5322

Anybody can write anybody's sender: who wrote is believed of those alone who answer a mail with a token of their own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parseaddr
from html import unescape

from deskbell.core.heard import Words

MOST = 20  # mails that are read at a time
LONGEST = 100_000  # bytes of each that are read
_HEADERS = 32_000  # bytes; more, or parts in parts without end, are a trap for whoever parses them
_PARTS = 50  # that have parts of their own
_LINE = 2000  # characters of a header
_LONGEST_ID = 200
_TEXT = 4000  # characters

_TOKEN = re.compile(r"\+([A-Za-z0-9_-]{22})@")
_ID = re.compile(r"<([^<>\s@]+)@[^<>\s]+>")
_MACHINES = frozenset({"bulk", "junk", "list", "auto_reply"})
_ADDRESSED = ("to", "cc", "delivered-to", "x-original-to")
# Where what was answered begins. Programs break the line that says who wrote it.
_QUOTE = re.compile(
    r"^[ \t]*(?:>|-{2,}|_{5,}|(?:from|von|da|de): "
    r"|(?:on|am|le|il|el) [^\n]{1,200}(?:\n[^\n]{0,100})?"
    r"(?:wrote|schrieb|a \u00e9crit|ha scritto|escribi\u00f3)[^\n]{0,60}:)",
    re.IGNORECASE | re.MULTILINE,
)
_BODY = re.compile(r"<body\b[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def words(mails: Iterable[tuple[str, bytes]], ours: Sequence[str]) -> list[Words]:
    """What people wrote; `ours` are the addresses that we write from ourselves. Mails of machines say nothing."""
    return [said for mail in mails if (said := _words(*mail, ours)) is not None]


def _words(uid: str, raw: bytes, ours: Sequence[str]) -> Words | None:
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    if not raw or len(head) > _HEADERS or raw.count(b"oundary=") > _PARTS:
        return None
    try:
        # The newer way of the library (policy.default) takes seconds for headers that somebody made for that.
        message = message_from_bytes(raw)
        headers = {name.lower(): str(value)[:_LINE] for name, value in message.items()}
        sender = parseaddr(headers.get("from", ""))[1]
        if not sender or sender.casefold() in {parseaddr(one)[1].casefold() for one in ours} or _automatic(headers):
            return None
        text = _own(message)
    except Exception:  # noqa: BLE001 - a stranger made it, and the library fails in more ways than it says
        return None
    ident = headers.get("message-id", "").strip()[:_LONGEST_ID] or uid
    return Words(sender, text, ident, _about(headers), forgeable=True)


def _automatic(headers: Mapping[str, str]) -> bool:
    """https://www.rfc-editor.org/rfc/rfc3834, and what programs did before and beside it."""
    return (
        headers.get("auto-submitted", "no").strip().lower().partition(";")[0].strip() != "no"
        or headers.get("precedence", "").strip().lower() in _MACHINES
        or "x-auto-response-suppress" in headers
        or headers.get("return-path", "").strip() == "<>"
    )


def _about(headers: Mapping[str, str]) -> str:
    """The token of the mail that is answered, or else that mail's key."""
    answered = headers.get("in-reply-to", "")
    addresses = [address for _, address in getaddresses([headers.get(name, "") for name in _ADDRESSED])]
    found = next((token[1] for one in (answered, *addresses) if (token := _TOKEN.search(one))), "")
    key = _ID.search(answered)
    return found or (key[1] if key else "")


def _own(message: Message) -> str:
    """The text above what it answers."""
    texts = (part for part in message.walk() if part.get_content_maintype() == "text")
    part = next((one for one in texts if one.get_content_disposition() != "attachment"), None)
    if part is None:
        return ""
    text = bytes(part.get_payload(decode=True)).decode(part.get_content_charset("utf-8"), "replace")
    if part.get_content_subtype() == "html":
        above = _BODY.split(text, maxsplit=1)[-1].partition("<blockquote")[0]
        text = unescape(_TAG.sub("", _BREAK.sub("\n", above))).strip()
    return _QUOTE.split(text.replace("\r\n", "\n")[:_TEXT], maxsplit=1)[0].strip()
