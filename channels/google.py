"""What Google's services share: how we log in, and how they say what is wrong."""

from collections.abc import Mapping
from typing import Any, Final

from channels.service import LIMITED, RETRY, Class, at
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import SignedClaim

TOKENS: Final = "https://oauth2.googleapis.com/token"
SCOPES: Final = "https://www.googleapis.com/auth/"
SAY: Final = "say"  # what our buttons in Google Chat do

# https://google.aip.dev/193, and the older words that Gmail still uses
ERRORS: Mapping[str, Class] = {
    "UNAUTHENTICATED": Fault.AUTH,
    "PERMISSION_DENIED": Fault.CONFIG,
    "NOT_FOUND": Fault.CONFIG,
    "FAILED_PRECONDITION": Fault.CONFIG,
    "INVALID_ARGUMENT": Fault.PAYLOAD,
    "RESOURCE_EXHAUSTED": LIMITED,
    "rateLimitExceeded": LIMITED,
    "userRateLimitExceeded": LIMITED,
    "UNAVAILABLE": RETRY,
    "INTERNAL": RETRY,
    "backendError": RETRY,
}
reason = at("error.message")


def login(conf: Any, scope: str, subject: str = "") -> SignedClaim:
    """As a service account; with a `subject`, on behalf of that mailbox (domain-wide delegation)."""
    key = conf.private_key.replace("\\n", "\n")  # as it stands in the file that Google gives
    return SignedClaim(conf.token_url, conf.account, key, subject, SCOPES + scope)


def code(reply: Reply) -> str:
    """The most exact word that there is."""
    if reply.ok:
        return ""
    return next(filter(None, (at(place)(reply) for place in _WORDS)), "")


_WORDS = ("error.details.0.errorCode", "error.errors.0.reason", "error.status")


def chat_text(text: str) -> str:
    """For Google Chat, where what stands in angle brackets may ring a whole room. It knows no way to escape them."""
    return text.replace("<", "\u2039").replace(">", "\u203a")


def button(text: str, *, say: str = "", link: str = "") -> dict[str, Any]:
    """Of a card in Google Chat: it opens a link, or says something to us as if somebody had typed it."""
    if link:
        return {"text": text, "onClick": {"openLink": {"url": link}}}
    return {"text": text, "onClick": {"action": {"function": SAY, "parameters": [{"key": SAY, "value": say}]}}}
