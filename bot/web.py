"""HTTP plumbing that every route shares: JSON out, JSON in with care, errors in words, no header that says too much."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from deskbell.core.store import NotKept
from deskbell.net import metrics

BODY_LIMIT = 256 * 1024
BODY_SECONDS = 10.0
_WORDS = {
    400: "This is not a request that I can read.",
    404: "There is nothing here.",
    405: "This address takes another method.",
    413: f"The body is over {BODY_LIMIT // 1024} KiB.",
}

log = logging.getLogger("deskbell.server")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A request that is turned down: the status, and what to do about it in words."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, dict(headers or {})


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=_encode(data), status=status, headers=headers, content_type="application/json")


def _encode(data: Any) -> bytes:
    try:
        return orjson.dumps(data, default=str)
    except TypeError:  # a lone surrogate from some old row: escaped, not failed
        return json.dumps(data, default=str).encode("ascii")


@web.middleware
async def speak_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong below, the caller gets a JSON answer that gives nothing away."""
    try:
        return await handler(request)
    except Refused as refused:
        metrics.refused(_where(request), str(refused.status))
        return answer({"error": refused.text}, refused.status, refused.headers)
    except web.HTTPException as error:
        words = _WORDS.get(error.status) or HTTPStatus(error.status).phrase
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return answer({"error": words}, error.status, allow)
    except NotKept as error:
        log.warning("a request to %s was not kept: %s", _where(request), error)
        return answer({"error": "Nothing of this was saved. Try again in a moment."}, 503, {"Retry-After": "10"})
    except Exception:
        log.exception("a request to %s failed", _where(request))
        return answer({"error": "Something went wrong on this side. It is in the log."}, 500)


def _where(request: web.Request) -> str:
    """The route's own pattern, never the path that was asked for."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"


async def quiet_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Says nothing of what runs here, and lets nobody store or reinterpret an answer."""
    response.headers.popall("Server", None)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")


async def read_body(request: web.Request) -> bytes:
    """The raw bytes, as they were signed. Packed bodies are turned away: nobody we know sends them."""
    if request.headers.get("Content-Encoding", "identity").casefold() != "identity":
        raise Refused(415, "Send the body as it is, without Content-Encoding.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise Refused(408, "The body took too long.") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Refused(400, _WORDS[400]) from error


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in a body."""
    if request.content_type != "application/json":
        raise Refused(415, "Send JSON, with Content-Type: application/json.")
    try:
        data = orjson.loads(await read_body(request))
    except orjson.JSONDecodeError as error:
        raise Refused(400, "The body is not valid JSON in UTF-8.") from error
    if not isinstance(data, dict):
        raise Refused(422, "The body must be a JSON object.")
    return data


def read_query(request: web.Request, known: frozenset[str]) -> Mapping[str, str]:
    """The query's values; an unknown or repeated one is named, not ignored."""
    for name in request.query:
        if name not in known:
            raise Refused(422, f"Unknown parameter {name[:40]!r}. Known: {', '.join(sorted(known))}.")
    if len(set(request.query)) < len(request.query):
        raise Refused(422, "Each parameter may be there once.")
    return dict(request.query)


def read_number(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = values.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and low <= int(text) <= high):
        raise Refused(422, f"{name} must be a whole number from {low} to {high}.")
    return int(text)
