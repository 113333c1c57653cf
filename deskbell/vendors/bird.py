"""How Bird, and MessageBird before it, prove their calls, and what these say.

https://docs.bird.com/api/notifications-api, https://developers.messagebird.com/api/#verifying-http-requests
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import jwt

from deskbell.core.heard import Heard, Words
from deskbell.net.inbound import WINDOW_S, Call, Genuine, Stamp
from deskbell.vendors.told import phone, receipt

DEAD = frozenset({"1", "103"})  # no such number, said STOP
_ALGORITHMS = ["HS256", "HS384", "HS512"]
_STAMP = Stamp("messagebird-request-timestamp", "s")
_REQUIRED = ["iss", "nbf", "exp", "jti", "url_hash"]


@dataclass(frozen=True, slots=True)
class BirdSigned:
    """A digest over the time, the whole address and the body's own digest, on three lines."""

    header: str = "messagebird-signature"
    once: bool = True

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        stamp = call.header(_STAMP.header)
        if _STAMP.age(stamp, now) > WINDOW_S:
            return None
        text = b"\n".join((stamp.encode(), call.url.encode(), hashlib.sha256(call.body).digest()))
        given = call.header(self.header).encode("utf-8", "surrogatepass")
        made = [base64.b64encode(hmac.digest(secret.encode(), text, "sha256")) for secret in secrets]
        fits = [hmac.compare_digest(one, given) for one in made]
        return Genuine(hashlib.sha256(given).hexdigest()) if any(fits) else None


@dataclass(frozen=True, slots=True)
class MessageBirdToken:
    """A signed token with the digests of the address and of the body; the body's is left out where there is none."""

    header: str = "messagebird-signature-jwt"
    once: bool = True

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        said = [claims for secret in secrets if (claims := self._claims(call.header(self.header), secret))]
        wanted = {"url_hash": call.url.encode()} | ({"payload_hash": call.body} if call.body else {})
        for claims in said:
            if all(_is(claims.get(name), text) for name, text in wanted.items()) and _in_time(claims, now):
                return Genuine(str(claims["jti"]))
        return None

    def _claims(self, token: str, secret: str) -> Mapping[str, Any] | None:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                secret,
                algorithms=_ALGORITHMS,
                issuer="MessageBird",
                # The time is the one that is given here, not the library's own.
                options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return claims


def _is(digest: object, text: bytes) -> bool:
    return hmac.compare_digest(str(digest).encode("utf-8", "surrogatepass"), hashlib.sha256(text).hexdigest().encode())


def _in_time(claims: Mapping[str, Any], now: float) -> bool:
    begins, ends = claims["nbf"], claims["exp"]
    return isinstance(begins, int) and isinstance(ends, int) and begins - 1 <= now <= ends + 1


def bird(call: Call, _conf: Any) -> list[Heard]:
    one = call.data["payload"]
    if one.get("direction") == "incoming":
        return [Words(phone(one["sender"]["contact"]["identifierValue"]), one["body"]["text"]["text"], one["id"])]
    return receipt(one["id"], one["status"], str((one.get("failure") or {}).get("code", "")))


def messagebird(call: Call, _conf: Any) -> list[Heard]:
    """Reports come as a GET, with everything behind the question mark."""
    said = dict(parse_qsl(call.query)) | dict(call.form)
    if "status" in said:
        return receipt(said["id"], said["status"], said.get("statusErrorCode", ""), DEAD)
    return [Words(phone(said["originator"]), said.get("body") or said["message"], said["id"])]
