"""Slack over HTTP: is it really Slack, and can it be read? Both are settled before any other code sees a byte of it.

Bolt's own check answers a broken body or a strange time stamp with a 500; here everything has a 4xx of its own. Bolt
gets what was read, as it does from a socket: to take a form apart costs more than all that follows from a tap.
"""

import time
from collections.abc import Mapping
from typing import Any

import orjson
from yarl import URL

from bot.hooks import NOT_GENUINE, NOT_READABLE, TOO_LARGE, Answered, header
from bot.web import BODY_LIMIT
from deskbell.vendors.slack import SIGNATURE_HEADER, TIMESTAMP_HEADER, SlackConf, genuine


def let_in(
    conf: SlackConf, headers: Mapping[str, str], body: bytes, now: float | None = None
) -> Answered | dict[str, Any]:
    """What Slack says; or what to answer where this may not come in, without a word about the reason."""
    if len(body) > BODY_LIMIT:
        return TOO_LARGE
    signature, timestamp = header(headers, SIGNATURE_HEADER), header(headers, TIMESTAMP_HEADER)
    if not genuine(conf.signing_secrets, timestamp, signature, body, time.time() if now is None else now):
        return NOT_GENUINE
    said = read(header(headers, "content-type"), body)
    return NOT_READABLE if said is None else said


def read(content_type: str, body: bytes) -> dict[str, Any] | None:
    """One of the three forms that Slack sends: JSON, a form, or a form with JSON in it; None for anything else."""
    try:
        text = body.decode()
        if _is_json(content_type):
            return _object(orjson.loads(text))
        # yarl takes it apart in C, twenty times as fast as the standard library
        fields: dict[str, Any] = dict(URL.build(query_string=text, encoded=True).query)
        if "payload" in fields:
            return _typed(orjson.loads(fields["payload"]))
    except ValueError:
        return None
    return fields if "command" in fields or "ssl_check" in fields else None


def _object(said: Any) -> dict[str, Any] | None:
    return said if isinstance(said, dict) else None


def _typed(payload: Any) -> dict[str, Any] | None:
    return payload if isinstance(payload, dict) and isinstance(payload.get("type"), str) else None


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"
