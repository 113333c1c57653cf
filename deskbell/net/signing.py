"""Requests that carry a signature of themselves, as two vendors have it. Pure: `now` is an argument."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from deskbell.net.auth import AwsKey, PusherKey

_AWS_SIGNED = ("content-type", "host", "x-amz-date")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def aws(key: AwsKey, asked: Asked, now: datetime) -> dict[str, str]:
    """The headers to add: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    parts, stamp = urlsplit(asked.url), f"{now:%Y%m%dT%H%M%SZ}"
    values = {"content-type": asked.headers.get("content-type", ""), "host": parts.netloc, "x-amz-date": stamp}
    lines = "".join(f"{name}:{values[name].strip()}\n" for name in _AWS_SIGNED)
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(_pairs(parts.query)))
    names, body = ";".join(_AWS_SIGNED), hashlib.sha256(asked.body).hexdigest()
    request = "\n".join((asked.method, quote(parts.path or "/"), query, lines, names, body))
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    secret = f"AWS4{key.secret}".encode()
    for step in scope.split("/"):
        secret = hmac.digest(secret, step.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={key.key_id}/{scope}"
    return {"X-Amz-Date": stamp, "Authorization": f"{credential}, SignedHeaders={names}, Signature={signature}"}


def pusher(key: PusherKey, asked: Asked, now: datetime) -> dict[str, str]:
    """The query to add: https://pusher.com/docs/channels/library_auth_reference/rest-api/#authentication"""
    parts = urlsplit(asked.url)
    query = {
        **dict(_pairs(parts.query)),
        "auth_key": key.key,
        "auth_timestamp": str(int(now.timestamp())),
        "auth_version": "1.0",
        "body_md5": hashlib.md5(asked.body, usedforsecurity=False).hexdigest(),
    }
    said = "&".join(f"{name}={query[name]}" for name in sorted(query))
    text = f"{asked.method}\n{parts.path}\n{said}"
    return query | {"auth_signature": hmac.digest(key.secret.encode(), text.encode(), "sha256").hex()}


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
