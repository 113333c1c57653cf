"""What Google's stand-ins share: a service account, the claims that it signs, and how a refusal looks."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deskbell.sandbox.oauth import CLAIM
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Login

ACCOUNT = "desk@sandbox.iam.gserviceaccount.com"
LONGEST_S = 3600
# https://google.aip.dev/193
STATUS = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "rateLimitExceeded": 403,
    "userRateLimitExceeded": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "backendError": 500,
    "UNAVAILABLE": 503,
}
OLD_WORDS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "backendError"})


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    """The account's private key, made once in a process."""
    return _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def conf(**more: Any) -> Mapping[str, Any]:
    return {"account": ACCOUNT, "private_key": pem, "token_url": "{base}/token"} | more


def login(scope: str, subject: str = "") -> Login:
    """Gives tokens for a claim that the account signed, of this scope and on behalf of this subject."""

    def good(asked: Asked) -> bool:
        try:
            claim = jwt.decode(asked.fields["assertion"], _key().public_key(), ["RS256"], audience=asked.url)
        except (jwt.PyJWTError, KeyError):
            return False
        said = (claim.get("iss"), claim.get("scope"), claim.get("sub", ""))
        wanted = (ACCOUNT, f"https://www.googleapis.com/auth/{scope}", subject)
        return said == wanted and claim["exp"] - claim["iat"] <= LONGEST_S

    return Login("/token", {"grant_type": CLAIM}, good=good)


def error(code: str, status: int = 0, more: Mapping[str, Any] | None = None) -> Answer:
    number = status or STATUS.get(code, 400)
    said = {"code": number, "message": "made to fail", "status": code}
    said |= {"errors": [{"reason": code, "message": "made to fail"}]} if code in OLD_WORDS else {}
    return number, {"error": said | dict(more or {})}
