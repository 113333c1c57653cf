"""Discord over HTTP: is it really Discord, and can it be read? Both are settled before other code sees a byte of it.

https://docs.discord.com/developers/interactions/receiving-and-responding#security-and-authorization
"""

import re
import time
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.hooks import NOT_GENUINE, NOT_READABLE, TOO_LARGE, Answered, header
from bot.web import BODY_LIMIT
from deskbell.vendors.discord import SIGNATURE_HEADER, TIMESTAMP_HEADER, WINDOW_S

Json = Mapping[str, Any]

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}")


def genuine(public_key: str, timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Whether Discord signed these bytes within the last five minutes. Discord itself tries forgeries now and then."""
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    if abs(now - int(timestamp)) > WINDOW_S:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), timestamp.encode() + body)
    except (InvalidSignature, ValueError):
        return False
    return True


def read(public_key: str, headers: Mapping[str, str], body: bytes) -> Json | Answered:
    """The interaction; or the answer to what may not come in. No word about the reason goes out."""
    if len(body) > BODY_LIMIT:
        return TOO_LARGE
    timestamp, signature = header(headers, TIMESTAMP_HEADER), header(headers, SIGNATURE_HEADER)
    if not genuine(public_key, timestamp, signature, body, time.time()):
        return NOT_GENUINE
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_READABLE
    return said if isinstance(said, dict) and isinstance(said.get("type"), int) else NOT_READABLE
