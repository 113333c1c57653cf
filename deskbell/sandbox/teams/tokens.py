"""Who may speak for whom: the bot's access tokens, and the keys with which the connector signs what it sends.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

import base64
import secrets
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.web import Json

ISSUER = "https://api.botframework.com"
SCOPE = "https://api.botframework.com/.default"
LIVES_S = 3599
SIGNED_S = 3600


@lru_cache(maxsize=8)
def private_key(number: int) -> rsa.RSAPrivateKey:  # noqa: ARG001 - one key for each number, made once in a process
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Tokens:
    """The access tokens that the bot got."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lives_s = LIVES_S
        self.granted: dict[str, float] = {}  # token -> when it runs out

    def grant(self) -> Json:
        token = f"sandbox-access-{secrets.token_hex(12)}"
        self.granted[token] = self.clock.time() + self.lives_s
        return {
            "token_type": "Bearer",
            "expires_in": self.lives_s,
            "ext_expires_in": self.lives_s,
            "access_token": token,
        }

    def good(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self.granted.get(token, 0.0) > self.clock.time()

    def revoke(self) -> None:
        self.granted.clear()


class Signer:
    """The connector's keys. `rotate` begins with a new one; the old ones stay listed, as they do for some days."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.numbers = [0]
        self.endorsements = ["msteams", "skype", "webchat"]

    @property
    def kid(self) -> str:
        return kid_of(self.numbers[-1])

    def rotate(self) -> str:
        self.numbers.append(self.numbers[-1] + 1)
        return self.kid

    def jwks(self) -> Json:
        return {"keys": [self._jwk(number) for number in self.numbers]}

    def _jwk(self, number: int) -> Json:
        numbers = private_key(number).public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": kid_of(number),
            "x5t": kid_of(number),
            "n": _as_base64(numbers.n),
            "e": _as_base64(numbers.e),
            "endorsements": list(self.endorsements),
        }

    def claims(self, service_url: str, **other: Any) -> Json:
        now = int(self.clock.time())
        base: Json = {"serviceurl": service_url, "nbf": now, "exp": now + SIGNED_S, "iss": ISSUER}
        base["aud"] = credentials.TEAMS_APP
        return {name: value for name, value in (base | other).items() if value is not None}

    def sign(self, claims: Json, number: int | None = None, **header: Any) -> str:
        number = self.numbers[-1] if number is None else number
        named = {"kid": kid_of(number), "x5t": kid_of(number)} | header
        return jwt.encode(claims, private_key(number), "RS256", {k: v for k, v in named.items() if v is not None})


def kid_of(number: int) -> str:
    return f"sandbox-key-{number}"


def _as_base64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
