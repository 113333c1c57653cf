"""/discord/api/v10/...: token, limits, trouble, and then what was asked. https://docs.discord.com/developers/reference"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.discord import wire
from deskbell.sandbox.discord.api import DiscordError, Taken, answer, invalid
from deskbell.sandbox.discord.hub import NAME
from deskbell.sandbox.discord.registered import check_commands
from deskbell.sandbox.discord.world import DM, HISTORY
from deskbell.sandbox.faults import Fault
from deskbell.sandbox.web import Json, with_trouble

if TYPE_CHECKING:
    from deskbell.sandbox.discord.stand_in import DiscordStandIn

BASE = "/discord/api/v10"
VIA = {"Via": "1.1 google"}  # without it the SDK takes a 429 for a ban
Given = tuple[Any, int]  # body and status


@dataclass(slots=True)
class Asked:
    """One request, read."""

    ids: dict[str, str]
    query: dict[str, str]
    body: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Op:
    """`route` names the limit that counts it; `free`: known by the token in its path, and outside the bot's limit."""

    method: str
    path: str
    route: str
    handle: Callable[["DiscordStandIn", Asked], Given]
    free: bool = False


# ---------------------------------------------------------------- ourselves


def ourselves(_: "DiscordStandIn", __: Asked) -> Given:
    return wire.ourselves(), 200


def application(stand_in: "DiscordStandIn", _: Asked) -> Given:
    named = {"id": credentials.DISCORD_APP, "name": "Deskbell", "description": "", "icon": None, "flags": 0}
    more = {"bot_public": False, "bot_require_code_grant": False, "verify_key": stand_in.delivery.public_key}
    owner = wire.user(stand_in.hub.world.person("carla"))
    url = stand_in.hub.endpoint or None
    return {**named, **more, "owner": owner, "team": None, "summary": "", "interactions_endpoint_url": url}, 200


def gateway(stand_in: "DiscordStandIn", _: Asked) -> Given:
    return {"url": stand_in.gateway_url, "shards": 1, "session_start_limit": stand_in.sockets.start_limit()}, 200


def commands_get(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    _own_application(asked)
    return stand_in.hub.commands.get(asked.ids.get("guild", ""), []), 200


def commands_put(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    _own_application(asked)
    guild = asked.ids.get("guild", "")
    if guild:
        _guild(stand_in, asked)
    if complaints := list(check_commands(asked.body)):
        raise invalid(complaints)
    fixed = {"application_id": credentials.DISCORD_APP, "default_member_permissions": None, "nsfw": False}
    hub = stand_in.hub
    hub.commands[guild] = [
        {"type": 1, **fixed, **one, "id": hub.world.snowflake(), "version": hub.world.snowflake()}
        | ({"guild_id": guild} if guild else {})
        for one in asked.body
    ]
    hub.syncs += 1
    hub.ledger.note(NAME, "synced", guild=guild, commands=[one["name"] for one in asked.body])
    return hub.commands[guild], 200


def _own_application(asked: Asked) -> None:
    if asked.ids["application"] != credentials.DISCORD_APP:
        raise DiscordError(50001)


# ---------------------------------------------------------------- the server


def _guild(stand_in: "DiscordStandIn", asked: Asked) -> None:
    if asked.ids["guild"] != credentials.DISCORD_GUILD:
        raise DiscordError(10004)
    if not stand_in.hub.world.in_guild:
        raise DiscordError(50001)


def roles(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    _guild(stand_in, asked)
    return list(stand_in.hub.world.roles.values()), 200


def member(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    _guild(stand_in, asked)
    world, account = stand_in.hub.world, asked.ids["user"]
    if account == credentials.DISCORD_APP:
        return wire.member(world, wire.bot()), 200
    if account not in world.people:
        raise DiscordError(10013)
    return wire.member(world, wire.user(world.person(account))), 200


def channel(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    return wire.channel(stand_in.hub.world.channel(asked.ids["channel"])), 200


def direct(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    world, account = stand_in.hub.world, str(asked.body.get("recipient_id") or "")
    if account not in world.people:
        raise DiscordError(10013)
    if not world.in_guild or not world.person(account).ours:
        raise DiscordError(50278)
    return wire.channel(world.direct(account)) | {"recipients": [wire.user(world.person(account))]}, 200


# ---------------------------------------------------------------- messages


def post(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    message = stand_in.hub.post(asked.ids["channel"], asked.body)
    return wire.message(stand_in.hub.world, message, nonce=True), 200


def listed(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    hub = stand_in.hub
    place = hub.world.channel(asked.ids["channel"])
    if place.type != DM and not hub.world.permissions(credentials.DISCORD_APP, place) & HISTORY:
        return [], 200
    limit = int(asked.query.get("limit", 50))
    if not 1 <= limit <= 100:
        raise invalid([("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")])
    after = int(asked.query.get("after", 0))
    # Also what sabotage hides: to the API it is there.
    live = sorted((m for m in place.messages.values() if not m.deleted and int(m.id) > after), key=lambda m: int(m.id))
    page = live[:limit] if "after" in asked.query else live[-limit:]
    return [wire.message(hub.world, message) for message in reversed(page)], 200


def one(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    world = stand_in.hub.world
    return wire.message(world, world.message(world.channel(asked.ids["channel"]), asked.ids["message"])), 200


def edit(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    world = stand_in.hub.world
    message = world.message(world.channel(asked.ids["channel"]), asked.ids["message"])
    return wire.message(world, stand_in.hub.edit(message, asked.body)), 200


def delete(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    world = stand_in.hub.world
    stand_in.hub.delete(world.message(world.channel(asked.ids["channel"]), asked.ids["message"]))
    return None, 204


def thread(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    world = stand_in.hub.world
    place = world.channel(asked.ids["channel"])
    opened = stand_in.hub.open_thread(place, world.message(place, asked.ids["message"]), asked.body)
    return wire.channel(opened), 201


# ---------------------------------------------------------------- answers to people


def callback(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    stand_in.interactions.respond(asked.ids["interaction"], asked.ids["token"], asked.body)
    return None, 204


def follow_up(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    live = stand_in.interactions.by_token(asked.ids["application"], asked.ids["token"])
    return wire.message(stand_in.hub.world, stand_in.interactions.follow_up(live, asked.body)), 200


def edit_answer(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    live = stand_in.interactions.by_token(asked.ids["application"], asked.ids["token"])
    if asked.ids["message"] == "@original":
        message = stand_in.interactions.edit_original(live, asked.body)
    else:
        message = stand_in.hub.edit(stand_in.interactions.of_them(live, asked.ids["message"]), asked.body)
    return wire.message(stand_in.hub.world, message), 200


def delete_answer(stand_in: "DiscordStandIn", asked: Asked) -> Given:
    live = stand_in.interactions.by_token(asked.ids["application"], asked.ids["token"])
    own = (
        live.original
        if asked.ids["message"] == "@original"
        else stand_in.interactions.of_them(live, asked.ids["message"])
    )
    if own is None:
        raise DiscordError(10008)
    stand_in.hub.delete(own)
    return None, 204


_MESSAGES = "/channels/{channel}/messages"
_MESSAGE = _MESSAGES + "/{message}"
_WEBHOOK = "/webhooks/{application}/{token}"
OPS = (
    Op("GET", "/users/@me", "GET me", ourselves),
    Op("POST", "/users/@me/channels", "POST direct", direct),
    Op("GET", "/oauth2/applications/@me", "GET application", application),
    Op("GET", "/gateway/bot", "GET gateway", gateway),
    Op("GET", "/applications/{application}/commands", "GET commands", commands_get),
    Op("PUT", "/applications/{application}/commands", "PUT commands", commands_put),
    Op("GET", "/applications/{application}/guilds/{guild}/commands", "GET commands", commands_get),
    Op("PUT", "/applications/{application}/guilds/{guild}/commands", "PUT commands", commands_put),
    Op("GET", "/guilds/{guild}/roles", "GET roles", roles),
    Op("GET", "/guilds/{guild}/members/{user}", "GET member", member),
    Op("GET", "/channels/{channel}", "GET channel", channel),
    Op("POST", _MESSAGES, "POST message", post),
    Op("GET", _MESSAGES, "GET messages", listed),
    Op("GET", _MESSAGE, "GET message", one),
    Op("PATCH", _MESSAGE, "PATCH message", edit),
    Op("DELETE", _MESSAGE, "DELETE message", delete),
    Op("POST", _MESSAGE + "/threads", "POST thread", thread),
    Op("POST", "/interactions/{interaction}/{token}/callback", "POST callback", callback, free=True),
    Op("POST", _WEBHOOK, "POST webhook", follow_up, free=True),
    Op("PATCH", _WEBHOOK + "/messages/{message}", "PATCH webhook", edit_answer, free=True),
    Op("DELETE", _WEBHOOK + "/messages/{message}", "DELETE webhook", delete_answer, free=True),
)


# ---------------------------------------------------------------- serving


def add_routes(stand_in: "DiscordStandIn", router: web.UrlDispatcher) -> None:
    for op in OPS:
        router.add_route(op.method, BASE + op.path, _served(stand_in, op))
    router.add_route("*", BASE + "/{rest:.*}", _served(stand_in, Op("*", "", "unknown", _unknown, free=True)))


def _unknown(_: "DiscordStandIn", __: Asked) -> Given:
    raise DiscordError(0)


def _served(stand_in: "DiscordStandIn", op: Op) -> Callable[[web.Request], Any]:
    async def serve(request: web.Request) -> web.StreamResponse:
        ids = dict(request.match_info)
        places = {op.route, *ids.values(), *(f"{op.route} {one}" for one in ids.values())}

        async def handle(request: web.Request) -> web.Response:
            return _answered(stand_in, op, ids, dict(request.query), request.headers, await request.read())

        def refuse(fault: Fault) -> web.Response:
            return _trouble(stand_in, op, fault)

        return await with_trouble(request, stand_in.hub.faults, places, handle, refuse)

    return serve


def _answered(
    stand_in: "DiscordStandIn", op: Op, ids: dict[str, str], query: dict[str, str], headers: Any, raw: bytes
) -> web.Response:
    hub = stand_in.hub
    if hub.banned:
        return web.Response(status=429, text="error code: 1015", headers={"Retry-After": "3600"})
    major = ids.get("channel") or ids.get("guild") or ids.get("token") or ""
    taken = hub.take(op.route, major, counted=not op.free)
    told = taken[-1].headers()
    if over := next((one for one in taken if one.wait), None):
        return _over(stand_in, op, over)
    try:
        if not op.free and headers.get("Authorization") != f"Bot {hub.token}":
            raise DiscordError(40001)
        body, status = op.handle(stand_in, Asked(ids, query, _read(raw, headers)))
    except DiscordError as error:
        return _refused(stand_in, op, error, told)
    hub.ledger.note(NAME, "call", route=op.route)
    return answer(body, status, told)


def _read(raw: bytes, headers: Any) -> Any:
    if not raw:
        return {}
    if headers.get("Content-Type") != "application/json":
        raise DiscordError(50035, [("_", "CONTENT_TYPE_INVALID", "Expected Content-Type header application/json")])
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise DiscordError(50109) from None


def _over(stand_in: "DiscordStandIn", op: Op, over: Taken) -> web.Response:
    whole = over.bucket == "global"
    stand_in.hub.ledger.note(NAME, "ratelimited", route=op.route)
    stand_in.hub.invalid_request()
    scope = {"X-RateLimit-Scope": "global" if whole else "user"} | ({"X-RateLimit-Global": "true"} if whole else {})
    headers = {**({} if whole else over.headers()), **scope, **VIA, "Retry-After": str(int(over.wait) + 1)}
    body: Json = {"message": "You are being rate limited.", "retry_after": round(over.wait, 3), "global": whole}
    return answer(body, 429, headers)


def _refused(stand_in: "DiscordStandIn", op: Op, error: DiscordError, told: dict[str, str]) -> web.Response:
    hub = stand_in.hub
    hub.ledger.note(NAME, "rejected", route=op.route, error=error.code, text=str(error)[:300])
    if error.status in (401, 403, 429):
        hub.invalid_request()
    body = {"message": "401: Unauthorized", "code": 0} if error.code == 40001 else error.body()
    return answer(body, error.status, told | (VIA if error.status == 429 else {}))


def _trouble(stand_in: "DiscordStandIn", op: Op, fault: Fault) -> web.Response:
    """429, 5xx, 401, or any number that Discord has words for."""
    hub = stand_in.hub
    if fault.kind == "429":
        hub.ledger.note(NAME, "ratelimited", route=op.route)
        body = {"message": "You are being rate limited.", "retry_after": float(fault.retry_after), "global": False}
        scope = {"X-RateLimit-Scope": "shared", "Retry-After": str(fault.retry_after)}
        return answer(body, 429, {**VIA, **scope})
    if fault.kind == "401":
        return _refused(stand_in, op, DiscordError(40001), {})
    if fault.kind.isdigit() and len(fault.kind) == 3:
        hub.ledger.note(NAME, "failed_call", route=op.route, status=fault.kind)
        return web.Response(status=int(fault.kind), text="error code: 502", headers={"Content-Type": "text/plain"})
    return _refused(stand_in, op, DiscordError(int(fault.kind)), {})
