"""Slack over HTTP: is it really Slack, and can it be read? Both are settled before any other code sees a byte of it.

Bolt's own check answers a broken body or a strange time stamp with a 500; here everything has a 4xx of its own.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from bot.hooks import NOT_GENUINE, NOT_READABLE, TOO_LARGE, Answered, header
from bot.web import BODY_LIMIT
from deskbell.vendors.slack import SIGNATURE_HEADER, TIMESTAMP_HEADER, SlackConf, genuine


def refusal(conf: SlackConf, headers: Mapping[str, str], body: bytes, now: float | None = None) -> Answered | None:
    """Why this may not come in; None when it may. No word about the reason goes out."""
    if len(body) > BODY_LIMIT:
        return TOO_LARGE
    signature, timestamp = header(headers, SIGNATURE_HEADER), header(headers, TIMESTAMP_HEADER)
    if not genuine(conf.signing_secrets, timestamp, signature, body, time.time() if now is None else now):
        return NOT_GENUINE
    return None if readable(header(headers, "content-type"), body) else NOT_READABLE


def readable(content_type: str, body: bytes) -> bool:
    """Whether this is one of the three forms that Slack sends: JSON, a form, or a form with JSON in it."""
    try:
        text = body.decode()
        if _is_json(content_type):
            return isinstance(orjson.loads(text), dict)
        fields = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True))
        return _payload_is_readable(fields)
    except ValueError:
        return False


def _payload_is_readable(fields: Mapping[str, str]) -> bool:
    if "payload" in fields:
        return _has_type(orjson.loads(fields["payload"]))
    return "command" in fields or "ssl_check" in fields


def _has_type(payload: Any) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("type"), str)


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"
