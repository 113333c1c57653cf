"""Links that acknowledge: one alert, one person, one use. The token is worked out anew each time it is needed, from our
secret and the message that it stands in; the database has its digest alone. The message also has two digits that the
page asks for: whatever follows links by itself does not know them.
"""

import base64
import hashlib
import hmac
import re
from datetime import timedelta

LIFE = timedelta(hours=24)
TRIES = 3  # with a wrong code; after these the link acknowledges no more
PATH = "/p/"
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits


def token_of(secret: bytes, message: str) -> str:
    """The token of the link in a message, which is named by its dispatch's key."""
    return base64.urlsafe_b64encode(_mac(secret, "link", message)[:16]).decode().rstrip("=")


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def code_of(secret: bytes, token: str) -> str:
    """The two digits that stand beside the link."""
    return f"{int.from_bytes(_mac(secret, 'code', token)[:8]) % 100:02d}"


def is_code(secret: bytes, token: str, typed: str) -> bool:
    digits = "".join(char for char in typed if char.isascii() and char.isdigit())
    return hmac.compare_digest(digits.encode(), code_of(secret, token).encode())


def _mac(secret: bytes, what: str, about: str) -> bytes:
    return hmac.digest(secret, f"{what}\n{about}".encode("utf-8", "surrogatepass"), "sha256")
