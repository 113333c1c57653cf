"""/telegram/bot<token>/<method>: token, trouble, rate, then the method itself."""

import inspect
import math
from typing import Any

from aiohttp import web

from deskbell.sandbox.faults import Fault
from deskbell.sandbox.telegram import methods, methods_about
from deskbell.sandbox.telegram.api import METHODS, ApiError, Args, Method, read_args
from deskbell.sandbox.telegram.hub import NAME, Hub
from deskbell.sandbox.web import reply, with_trouble

HANDLERS = (methods, methods_about)  # importing them fills METHODS

# What Telegram says of its own accord, by the name under which a test asks for it.
TROUBLES: dict[str, ApiError] = {
    "401": ApiError(401, "Unauthorized"),
    "404": ApiError(404, "Not Found"),
    "409": ApiError(
        409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    ),
    "403": ApiError(403, "Forbidden: bot was kicked from the supergroup chat"),
    "blocked": ApiError(403, "Forbidden: bot was blocked by the user"),
    "deactivated": ApiError(403, "Forbidden: user is deactivated"),
    "chat not found": ApiError(400, "Bad Request: chat not found"),
    "gone": ApiError(400, "Bad Request: message to edit not found"),
    "uneditable": ApiError(400, "Bad Request: message can't be edited"),
    "thread": ApiError(400, "Bad Request: message thread not found"),
    "parse": ApiError(400, 'Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 1'),
    "not modified": ApiError(400, "Bad Request: message is not modified"),
    "rights": ApiError(400, "Bad Request: not enough rights to send text messages to the chat"),
    "forbidden": ApiError(400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
    "strange": ApiError(400, "Bad Request: SOMETHING_NEW"),
    "old query": ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid"),
}


async def call(hub: Hub, request: web.Request) -> web.StreamResponse:
    name, token = request.match_info["method"], request.match_info["token"]
    try:
        args = await read_args(request)
    except ApiError as error:
        return refused(hub, name, error)
    chat = args.text("chat_id")
    places = {name, chat, f"{name} {chat}"}

    async def handle(_: web.Request) -> web.Response:
        return await run(hub, name, token, args)

    def refuse(fault: Fault) -> web.Response:
        return trouble(hub, name, fault)

    return await with_trouble(request, hub.faults, places, handle, refuse)


async def run(hub: Hub, name: str, token: str, args: Args) -> web.Response:
    found = METHODS.get(name.lower())
    try:
        check_token(hub, token)
        if found is None:
            raise ApiError(404, "Not Found: method not found")
        if wait := over_rate(hub, found, args):
            return limited(hub, name, wait)
        result: Any = found.handle(hub, args)
        if inspect.isawaitable(result):
            result = await result
    except ApiError as error:
        return refused(hub, name, error)
    hub.ledger.note(NAME, "call", method=name)
    return reply({"ok": True, "result": result})


def check_token(hub: Hub, token: str) -> None:
    if token == hub.token:
        return
    number, _, secret = token.partition(":")
    raise ApiError(401, "Unauthorized") if number.isdigit() and secret else ApiError(404, "Not Found")


def over_rate(hub: Hub, found: Method, args: Args) -> float:
    if not (found.sends or found.edits):
        return 0.0
    return hub.over_rate(args.values.get("chat_id"), sends=found.sends)


def limited(hub: Hub, name: str, wait: float) -> web.Response:
    seconds = max(1, math.ceil(wait))
    hub.ledger.note(NAME, "ratelimited", method=name)
    body = ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds).body()
    return reply(body, 429, {"Retry-After": str(seconds)})


def refused(hub: Hub, name: str, error: ApiError) -> web.Response:
    hub.ledger.note(NAME, "rejected", method=name, error=error.description)
    return reply(error.body(), error.code)


def trouble(hub: Hub, name: str, fault: Fault) -> web.Response:
    if fault.kind == "429":
        return limited(hub, name, fault.retry_after)
    if fault.kind in TROUBLES:
        return refused(hub, name, TROUBLES[fault.kind])
    hub.ledger.note(NAME, "failed_call", method=name, status=fault.kind)
    code = int(fault.kind) if fault.kind.isdigit() else 500
    words = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}.get(code, "Trouble")
    return reply(ApiError(code, words).body(), code)
