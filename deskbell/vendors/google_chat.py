"""How Google Chat proves its calls, and what they say.

https://developers.google.com/workspace/chat/verify-requests-from-chat
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from deskbell.core.heard import Heard, Tap, Words
from deskbell.net.inbound import Call, Genuine
from deskbell.vendors.hears import Thanks

CHAT = "chat@system.gserviceaccount.com"
_ISSUER = "https://accounts.google.com"
_GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs"
_CHAT_KEYS = f"https://www.googleapis.com/service_accounts/v1/jwk/{CHAT}"
_SLACK_S = 60  # between Google's clock and ours


@dataclass(frozen=True, slots=True)
class ChatToken:
    """A token that Google signs. `project`: its number, where the app says that its calls are for that; empty: they are
    for the address that is called.
    """

    project: str = ""
    header: str = "authorization"

    def published(self, _call: Call) -> str:
        return _CHAT_KEYS if self.project else _GOOGLE_KEYS

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        scheme, _, token = call.header(self.header).partition(" ")
        said = [claims for keys in secrets if (claims := _claims(token, keys, self.project or call.address))]
        if scheme.casefold() != "bearer" or not said:
            return None
        return Genuine() if self._is_chat(said[0]) and _in_time(said[0], now) else None

    def _is_chat(self, claims: Mapping[str, Any]) -> bool:
        if self.project:
            return bool(claims["iss"] == CHAT)
        return claims["iss"] == _ISSUER and claims.get("email") == CHAT and claims.get("email_verified") is True


def _claims(token: str, keys: str, audience: str) -> Mapping[str, Any] | None:
    import jwt

    try:
        named = jwt.get_unverified_header(token).get("kid")
        key = next(key for key in jwt.PyJWKSet.from_json(keys).keys if key.key_id == named)
        # The time is the one that is given here, not the library's own.
        options: Any = {"require": ["iss", "aud", "iat", "exp"], "verify_exp": False, "verify_iat": False}
        claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=audience, options=options)
    except (jwt.PyJWTError, ValueError, AttributeError, StopIteration):
        return None
    return claims


def _in_time(claims: Mapping[str, Any], now: float) -> bool:
    begins, ends = claims["iat"], claims["exp"]
    return isinstance(begins, int) and isinstance(ends, int) and begins - _SLACK_S <= now <= ends + _SLACK_S


def said(call: Call, _conf: object) -> Sequence[Heard]:
    """A button of ours, or what somebody wrote to the app."""
    event = call.data
    message, sender = event.get("message", {}), str(event["user"]["name"])
    if event["type"] == "CARD_CLICKED":
        payload = next(row["value"] for row in event["action"]["parameters"] if row["key"] == "say")
        return [Tap(str(payload), str(message["name"]), sender, f"{event['eventTime']} {sender} {payload}")]
    if event["type"] == "MESSAGE":
        return [Words(sender, str(message.get("argumentText") or message["text"]).strip(), str(message["name"]))]
    return []


def answer(call: Call, _conf: object, told: Sequence[str]) -> Thanks:
    """To whoever tapped or wrote, and to nobody else in the space."""
    if not told:
        return Thanks()
    private = {"text": "\n".join(told), "privateMessageViewer": {"name": call.data["user"]["name"]}}
    return Thanks(body=orjson.dumps(private).decode(), kind="application/json")
