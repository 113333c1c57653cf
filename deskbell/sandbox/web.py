"""What every stand-in needs of HTTP: JSON in and out, and trouble that looks real."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from deskbell.sandbox.faults import Fault, Faults

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HIBERNATING = """<!DOCTYPE html><html><head><title>Instance Hibernating page</title></head>
<body><h1>Your instance is hibernating</h1><p>Sign in to wake it.</p></body></html>"""


def dumps(value: Any) -> bytes:
    """orjson refuses a lone surrogate; a source with dirty data does not, so it is sent as its escape."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=dumps(value), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def html(text: str = HIBERNATING, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")


async def read_json(request: web.Request) -> Any:
    """ValueError when it is not JSON."""
    return orjson.loads(await request.read())


async def sever(request: web.Request) -> web.Response:
    """Hang up without a word. The response is made for aiohttp alone; it finds nobody to send it to."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def with_trouble(
    request: web.Request, faults: Faults, places: set[str], handle: Handler, refuse: Callable[[Fault], web.Response]
) -> web.StreamResponse:
    """Run a handler under whatever fault holds for it. `refuse` words the vendor's own refusals."""
    fault = faults.pick(places)
    if fault is None:
        return await handle(request)
    match fault.kind:
        case "slow":
            await asyncio.sleep(fault.delay)
            return await handle(request)
        case "lost":  # done, and nobody will hear of it
            await handle(request)
            return await sever(request)
        case "drop":
            return await sever(request)
        case "html":
            return html()
        case _:
            return refuse(fault)
