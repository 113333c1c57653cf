"""The token that a button carries: which verb on which alert, signed; nothing else of it is trusted.

21 bytes, 28 characters in URL-safe base 64, so that every platform has room (Telegram allows 64 bytes in all):
format (1), verb (1), alert id (6), mark of the alert's state (3), HMAC-SHA256 cut to 80 bits (10).
"""

import base64
import binascii
import hmac
from dataclasses import dataclass

from deskbell.core.alert import Verb

FORMAT = 1
_VERBS = tuple(Verb)  # the order is part of the format: append only
_MAC = 10


@dataclass(frozen=True, slots=True)
class Press:
    """What a genuine token says. `mark` is that of the alert when the card was drawn, to tell a stale card."""

    verb: Verb
    alert_id: int
    mark: int

    @property
    def ref(self) -> str:
        """The alert as people name it."""
        return f"D-{self.alert_id}"


def sign(secret: bytes, verb: Verb, alert_id: int, mark: int) -> str:
    body = bytes((FORMAT, _VERBS.index(verb))) + alert_id.to_bytes(6) + min(mark, 0xFFFFFF).to_bytes(3)
    return base64.urlsafe_b64encode(body + _mac(secret, body)).decode().rstrip("=")


def read(secret: bytes, token: str) -> Press | None:
    """What the token says; None when it is not one of ours, is of another format, or was tampered with."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if len(body) != 11 or body[0] != FORMAT or not hmac.compare_digest(mac, _mac(secret, body)):
        return None
    if body[1] >= len(_VERBS):
        return None
    return Press(_VERBS[body[1]], int.from_bytes(body[2:8]), int.from_bytes(body[8:11]))


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, body, "sha256")[:_MAC]
