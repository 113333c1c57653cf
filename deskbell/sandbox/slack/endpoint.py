"""POST /slack/api/<method>: token, trouble, scope, rate, then the method itself."""

import math

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.faults import Fault
from deskbell.sandbox.limits import Rate
from deskbell.sandbox.slack import chat, modals, reading, sockets
from deskbell.sandbox.slack.api import METHODS, Args, Method, SlackError, read_args
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.web import reply, with_trouble

HANDLERS = (chat, modals, reading, sockets)  # importing them fills METHODS


async def call(slack: Slack, request: web.Request) -> web.StreamResponse:
    name = request.match_info["method"]
    try:
        args = await read_args(request)
    except SlackError as error:
        return refused(slack, name, error)
    channel = args.text("channel")
    places = {name, channel, f"{name} {channel}"}

    async def handle(request: web.Request) -> web.Response:
        done = slack.faults.pick(places, DONE_KINDS)  # "done:fatal_error": it worked, and the answer says it did not
        answer = run(slack, name, args, token_of(request, args))
        return answer if done is None else reply({"ok": False, "error": done.kind.removeprefix("done:")})

    def refuse(fault: Fault) -> web.Response:
        return trouble(slack, name, fault)

    outer = slack.faults.peek(places)
    if outer is not None and outer.kind in DONE_KINDS:
        return await handle(request)
    return await with_trouble(request, slack.faults, places, handle, refuse)


DONE_KINDS = frozenset({"done:fatal_error", "done:internal_error", "done:service_unavailable"})


def run(slack: Slack, name: str, args: Args, token: str) -> web.Response:
    method = METHODS.get(name)
    if method is None:
        return refused(slack, name, SlackError("unknown_method", req_method=name))
    try:
        check_token(method, token)
        check_scope(slack, method)
        wait = over_rate(slack, name, method, args)
        if wait:
            return ratelimited(slack, name, args.text("channel"), wait)
        answer = method.handle(slack, args)
    except SlackError as error:
        return refused(slack, name, error)
    slack.ledger.note("slack", "call", method=name)
    return reply({"ok": True, **answer}, headers={"x-oauth-scopes": ",".join(sorted(slack.scopes))})


def token_of(request: web.Request, args: Args) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else args.text("token")


def check_token(method: Method, token: str) -> None:
    if not token:
        raise SlackError("not_authed")
    known = (credentials.SLACK_BOT_TOKEN, credentials.SLACK_APP_TOKEN)
    if token not in known:
        raise SlackError("invalid_auth")
    if token != known[method.app_token]:
        raise SlackError("not_allowed_token_type")


def check_scope(slack: Slack, method: Method) -> None:
    if method.scope and not slack.scopes & set(method.scope.split()):
        raise SlackError("missing_scope", needed=method.scope.split()[0], provided=",".join(sorted(slack.scopes)))


def over_rate(slack: Slack, name: str, method: Method, args: Args) -> float:
    rate: Rate | None = slack.rates.get(name, slack.rates.get("*", method.rate))
    if rate is None:
        return 0.0
    return slack.buckets.take(f"{name} {args.text('channel')}" if method.per_channel else name, rate)


def ratelimited(slack: Slack, name: str, channel: str, wait: float) -> web.Response:
    slack.ledger.note("slack", "ratelimited", method=name, channel=channel)
    headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    return reply({"ok": False, "error": "ratelimited"}, 429, headers)


def refused(slack: Slack, name: str, error: SlackError) -> web.Response:
    slack.ledger.note("slack", "rejected", method=name, error=error.error)
    return reply(error.answer())


def trouble(slack: Slack, name: str, fault: Fault) -> web.Response:
    """429, 5xx, or any error Slack has a name for."""
    if fault.kind == "429":
        return ratelimited(slack, name, "", fault.retry_after)
    if fault.kind.isdigit():
        slack.ledger.note("slack", "failed_call", method=name, status=fault.kind)
        return web.Response(status=int(fault.kind), text="server trouble")
    return refused(slack, name, SlackError(fault.kind))
