"""Pusher Channels' events: https://pusher.com/docs/channels/library_auth_reference/rest-api/"""

import hashlib
import hmac
import json
import re
from urllib.parse import urlsplit

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way

APP, KEY, SECRET = "3", "278d425bdf160c739803", "sandbox-pusher-secret"
CHANNEL = re.compile(r"[-a-zA-Z0-9_=@,.;]{1,164}")
MOST = 10 * 1024  # bytes of an event's data


def signed(asked: Asked) -> bool:
    """With the digest of this very body."""
    query = dict(sorted(asked.query.items()))
    signature = query.pop("auth_signature", "")
    said = "&".join(f"{name}={value}" for name, value in query.items())
    text = f"{asked.method}\n{urlsplit(asked.url).path}\n{said}"
    body = hashlib.md5(asked.body.encode(), usedforsecurity=False).hexdigest()
    good = hmac.digest(SECRET.encode(), text.encode(), "sha256").hex() == signature
    return good and (query.get("auth_key"), query.get("body_md5")) == (KEY, body)


def wrong(asked: Asked) -> str:
    data = asked.fields["data"]
    if not isinstance(data, str) or not all(CHANNEL.fullmatch(name) for name in asked.fields["channels"]):
        return "400"
    return "413" if len(data.encode()) > MOST or not isinstance(json.loads(data), dict) else ""


def error(code: str) -> Answer:
    return int(code), "made to fail"


VENDOR = Vendor(
    name="pusher",
    conf={"app": APP, "key": KEY, "secret": SECRET, "cluster": "eu"},
    address="dispatch",
    knows=signed,
    unauthorised=(401, "Invalid signature: you should have sent HmacSHA256Hex"),
    ways=(
        Way(
            "send",
            "POST",
            f"/apps/{APP}/events",
            needs=("name", "channels.0", "data"),
            most={"name": 200},
            refuses=wrong,
        ),
    ),
    error=error,
)
