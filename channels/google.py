"""What Google's services share: how we log in, and how they say what is wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from channels.markup import html
from channels.service import LIMITED, RETRY, Class, Notice, Request, at
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import SignedClaim

TOKENS: Final = "https://oauth2.googleapis.com/token"
SCOPES: Final = "https://www.googleapis.com/auth/"
SAY: Final = "say"  # what our buttons in Google Chat do
BUTTONS: Final = {"ack": "Acknowledge", "escalate": "Escalate"}

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
    # Firebase's own.
    "QUOTA_EXCEEDED": LIMITED,
    "UNREGISTERED": Fault.TARGET,  # the app was removed
    "SENDER_ID_MISMATCH": Fault.TARGET,  # it belongs to another project
    "THIRD_PARTY_AUTH_ERROR": Fault.CONFIG,  # Apple's or the browsers' keys are missing in the project
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


def post(notice: Notice, path: str = "", query: Mapping[str, str] = MappingProxyType({}), **content: Any) -> Request:
    """A message in Google Chat, in its alert's thread; once, however often it is asked for.

    It goes to the space that is the notice's address, or else to the `path`.
    """
    how = {"requestId": notice.key, "messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"}
    body = content | {"thread": {"threadKey": notice.about}}
    return Request(path or f"/v1/{notice.to}/messages", body, params={**query, **how})


def card(notice: Notice, *verbs: str) -> dict[str, Any]:
    """The alert in Google Chat, with buttons for these verbs and one that opens it."""
    facts = [{"decoratedText": {"topLabel": html(label), "text": html(value)}} for label, value in notice.facts]
    words = f"{notice.summary}\n{notice.said}" if notice.said else notice.summary
    taps = [_button(BUTTONS[verb], say=f"{verb} {notice.ref}") for verb in verbs if notice.ref]
    links = [_button("Open", link=link) for link in (notice.link or notice.url,) if link]
    buttons = [{"buttonList": {"buttons": taps + links}}] if taps + links else []
    widgets = [{"textParagraph": {"text": html(words)}}, *facts, *buttons]
    header = {"title": notice.title, "subtitle": f"{notice.severity} {notice.ref}".strip()}
    return {"cardsV2": [{"cardId": "alert", "card": {"header": header, "sections": [{"widgets": widgets}]}}]}


def _button(text: str, *, say: str = "", link: str = "") -> dict[str, Any]:
    """Of a card in Google Chat: it opens a link, or says something to us as if somebody had typed it."""
    if link:
        return {"text": text, "onClick": {"openLink": {"url": link}}}
    return {"text": text, "onClick": {"action": {"function": SAY, "parameters": [{"key": SAY, "value": say}]}}}
