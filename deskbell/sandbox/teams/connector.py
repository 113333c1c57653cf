"""What the bot calls: the login, the keys' documents, and the connector, with the limits and errors of each.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.faults import Fault
from deskbell.sandbox.teams.cards import check_card
from deskbell.sandbox.teams.tenant import BOT, CARD_TYPE, Conversation, Message, user_id
from deskbell.sandbox.teams.tokens import ISSUER, SCOPE
from deskbell.sandbox.web import Json, dumps, read_json, reply, with_trouble

if TYPE_CHECKING:
    from deskbell.sandbox.teams.hub import Teams

Handle = Callable[[web.Request], Awaitable[web.Response]]

MOST_BYTES = 28 * 1024  # the strictest of Microsoft's three figures
PER_THREAD = ((7, 1.0), (8, 2.0), (60, 30.0), (1800, 3600.0))
PER_THREAD_READING = ((14, 1.0), (16, 2.0), (120, 30.0), (3600, 3600.0))
PER_APP = ((50, 1.0),)
CODES = {
    "400": "BadArgument",
    "401": "Unauthorized",
    "403": "BotNotInConversationRoster",
    "404": "ConversationNotFound",
    "412": "PreconditionFailed",
    "413": "MessageSizeTooBig",
    "429": "Throttled",
    "500": "InternalServerError",
    "502": "BadGateway",
    "503": "ServiceUnavailable",
    "504": "GatewayTimeout",
}


class ConnectorError(Exception):
    def __init__(self, status: int, code: str, message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message or code)
        self.status, self.code, self.headers = status, code, headers or {}

    def answer(self) -> web.Response:
        return reply({"error": {"code": self.code, "message": str(self)}}, self.status, self.headers)


class Windows:
    """So many calls in each of several spans."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._calls: dict[str, deque[float]] = {}

    def take(self, key: str, limits: tuple[tuple[int, float], ...]) -> float:
        """0.0 when the call may pass, otherwise the seconds until one may."""
        now, longest = self.clock.time(), max(span for _, span in limits)
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - longest:
            calls.popleft()
        for count, span in limits:
            recent = [at for at in calls if at > now - span]
            if len(recent) >= count:
                return recent[-count] + span - now
        calls.append(now)
        return 0.0


class Connector:
    def __init__(self, teams: "Teams") -> None:
        self.teams = teams
        self.windows = Windows(teams.clock)
        self.limited = True

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/teams/login/{tenant}/oauth2/v2.0/token", self._under("login", self.login))
        router.add_get("/teams/openid", self._under("openid", self.openid))
        router.add_get("/teams/keys", self._under("keys", self.keys))
        base = "/teams/v3/conversations"
        router.add_post(base, self._called("create", self.create))
        router.add_post(base + "/{id}/activities", self._called("send", self.send))
        router.add_post(base + "/{id}/activities/{message}", self._called("send", self.send))
        router.add_put(base + "/{id}/activities/{message}", self._called("update", self.update))
        router.add_delete(base + "/{id}/activities/{message}", self._called("delete", self.delete))
        router.add_get(base + "/{id}/members", self._called("members", self.members))
        router.add_get(base + "/{id}/pagedmembers", self._called("members", self.paged))
        router.add_get(base + "/{id}/members/{who}", self._called("members", self.member))

    # ------------------------------------------------------------------ around every call

    def _under(self, place: str, handle: Handle) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The login and the keys have trouble only when it is meant for them."""

        async def served(request: web.Request) -> web.StreamResponse:
            self.teams.ledger.note("teams", "call", what=place)
            if not any(fault.where == place for fault in self.teams.faults.active):
                return await handle(request)
            return await with_trouble(request, self.teams.faults, {place}, handle, refused)

        return served

    def _called(self, place: str, handle: Handle) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.Response:
            try:
                return await handle(request)
            except ConnectorError as error:
                kind = "ratelimited" if error.status == 429 else "rejected"
                self.teams.ledger.note("teams", kind, what=place, code=error.code, why=str(error))
                return error.answer()

        async def served(request: web.Request) -> web.StreamResponse:
            self.teams.ledger.note("teams", "call", what=place)
            room = request.match_info.get("id", "").partition(";")[0] or await channel_of(request)
            places = {place, room, self._name(room)} - {""}
            return await with_trouble(request, self.teams.faults, places, self._admitted(guarded), self._refused)

        return served

    def _admitted(self, handle: Handle) -> Handle:
        async def admitted(request: web.Request) -> web.Response:
            if self.teams.tokens.good(request.headers.get("Authorization", "")):
                return await handle(request)
            self.teams.ledger.note("teams", "rejected", what="token")
            return ConnectorError(401, "Unauthorized", "Authorization has been denied for this request.").answer()

        return admitted

    def _refused(self, fault: Fault) -> web.Response:
        kind = "ratelimited" if fault.kind == "429" else "rejected"
        self.teams.ledger.note("teams", kind, what="fault", code=fault.kind)
        return refused(fault)

    def _name(self, room: str) -> str:
        found = self.teams.tenant.conversations.get(room)
        return found.name if found else ""

    def _pace(self, key: str, limits: tuple[tuple[int, float], ...]) -> None:
        if not self.limited:
            return
        wait = self.windows.take(f"app:{limits is PER_THREAD}", PER_APP) or self.windows.take(key, limits)
        if wait > 0:
            raise ConnectorError(429, "Throttled", "Too many requests.", {"Retry-After": str(int(wait) + 1)})

    # ------------------------------------------------------------------ login and keys

    async def login(self, request: web.Request) -> web.Response:
        """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
        form = await request.post()
        if request.match_info["tenant"] not in (credentials.TEAMS_TENANT, "botframework.com"):
            return login_error(400, "invalid_request", "AADSTS90002: Tenant not found.")
        if form.get("grant_type") != "client_credentials":
            return login_error(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if form.get("client_id") != credentials.TEAMS_APP:
            return login_error(400, "unauthorized_client", "AADSTS700016: The application was not found.")
        if form.get("client_secret") != self.teams.secret:
            return login_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if form.get("scope") != SCOPE:
            return login_error(400, "invalid_scope", "AADSTS1002012: The scope is not valid.")
        return reply(self.teams.tokens.grant())

    async def openid(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply(
            {
                "issuer": ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": f"{self.teams.url}/teams/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def keys(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply(self.teams.signer.jwks())

    # ------------------------------------------------------------------ conversations

    async def create(self, request: web.Request) -> web.Response:
        body, size = await read_body(request)
        if (body.get("bot") or {}).get("id") != BOT:
            raise ConnectorError(400, "BadArgument", "The bot is not this one.")
        data = body.get("channelData") or {}
        if body.get("members"):
            return self._open_private(body["members"])
        channel = (data.get("channel") or {}).get("id")
        if not body.get("isGroup") or not channel or "activity" not in body:
            raise ConnectorError(400, "BadSyntax", "A new conversation needs members, or a channel and an activity.")
        conversation = self._writable(str(channel))
        self._pace(conversation.id, PER_THREAD)
        self._check(body["activity"], size)
        message = self.teams.tenant.say(conversation, BOT, body["activity"])
        self.teams.was_posted(message)
        answer = {"id": f"{conversation.id};messageid={message.id}", "activityId": message.id}
        return reply(answer | {"serviceUrl": self.teams.service_url}, 201)

    def _open_private(self, members: list[Json]) -> web.Response:
        who = self.teams.tenant.person(str(members[0].get("id"))) if len(members) == 1 else None
        if who is None:
            raise ConnectorError(400, "BadArgument", "Unknown member.")
        conversation = self.teams.tenant.private(who.id)
        if conversation is None or not conversation.installed:
            raise ConnectorError(403, "BotNotInConversationRoster", "The bot is not installed for this user.")
        return reply({"id": conversation.id, "serviceUrl": self.teams.service_url}, 201)

    async def send(self, request: web.Request) -> web.Response:
        body, size = await read_body(request)
        conversation, root = self._place(request)
        self._pace(conversation.id, PER_THREAD)
        root = root or request.match_info.get("message", "")
        if root and conversation.kind == "channel" and root not in conversation.messages:
            raise ConnectorError(404, "ConversationNotFound", "There is no such thread.")
        self._check(body, size)
        message = self.teams.tenant.say(conversation, BOT, body, root)
        self.teams.was_posted(message)
        return reply({"id": message.id}, 201)

    async def update(self, request: web.Request) -> web.Response:
        body, size = await read_body(request)
        conversation, _ = self._place(request)
        self._pace(conversation.id, PER_THREAD)
        message = self._own(conversation, request.match_info["message"])
        self._check(body, size)
        self.teams.change(message, body)
        return reply({"id": message.id})

    async def delete(self, request: web.Request) -> web.Response:
        conversation, _ = self._place(request)
        message = self._own(conversation, request.match_info["message"])
        message.deleted = True
        self.teams.was_deleted(message)
        return web.Response(status=200)

    def _place(self, request: web.Request) -> tuple[Conversation, str]:
        _, root = self.teams.tenant.find(request.match_info["id"])
        return self._writable(request.match_info["id"]), root

    def _writable(self, id: str) -> Conversation:
        conversation, _ = self.teams.tenant.find(id)
        if conversation is None:
            raise ConnectorError(404, "ConversationNotFound", "Conversation not found.")
        if conversation.blocked:
            raise ConnectorError(403, "ConversationBlockedByUser", "User blocked the conversation with the bot.")
        if not conversation.installed:
            raise ConnectorError(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
        return conversation

    def _own(self, conversation: Conversation, id: str) -> Message:
        message = conversation.messages.get(id)
        if message is None or message.deleted:
            raise ConnectorError(404, "ActivityNotFoundInConversation", "The activity was not found.")
        if message.author != BOT:
            raise ConnectorError(403, "ForbiddenOperationException", "The message is another's.")
        return message

    # ------------------------------------------------------------------ what may be sent

    def _check(self, activity: Any, size: int) -> None:
        if size > MOST_BYTES:
            raise ConnectorError(413, "MessageSizeTooBig", f"Message size {size} is over {MOST_BYTES}.")
        if not isinstance(activity, dict) or activity.get("type") not in ("message", "typing"):
            raise ConnectorError(400, "BadSyntax", "Activity type is missing or not one that can be sent.")
        attachments = activity.get("attachments") or []
        words = str(activity.get("text") or "")
        if not words and not attachments and activity["type"] == "message":
            raise ConnectorError(400, "BadSyntax", "Activity must include non empty 'text' field or attachment.")
        if words and attachments:
            raise ConnectorError(400, "BadArgument", "Text beside a card makes two messages, and no id comes back.")
        if activity.get("textFormat", "plain") not in ("plain", "markdown", "xml"):
            raise ConnectorError(400, "BadArgument", "Unknown textFormat.")
        self._check_mentions(activity, words)
        for attachment in attachments:
            self._check_attachment(attachment)

    def _check_attachment(self, attachment: Any) -> None:
        if not isinstance(attachment, dict) or attachment.get("contentType") != CARD_TYPE:
            raise ConnectorError(400, "BadArgument", "Unknown attachment type.")
        if wrong := check_card(attachment.get("content")):
            raise ConnectorError(400, "BadArgument", f"Bad card: {'; '.join(wrong[:5])}")
        for entity in attachment["content"].get("msteams", {}).get("entities", []):
            self._check_person(entity)

    def _check_mentions(self, activity: Json, words: str) -> None:
        for entity in activity.get("entities") or []:
            if entity.get("type") == "mention":
                self._check_person(entity)
                if entity["text"] not in words:
                    raise ConnectorError(400, "BadArgument", f"The text does not hold {entity['text']}.")

    def _check_person(self, entity: Json) -> None:
        if self.teams.tenant.person(str((entity.get("mentioned") or {}).get("id"))) is None:
            raise ConnectorError(400, "BadArgument", "Invalid user identity in mention.")

    # ------------------------------------------------------------------ members

    async def members(self, request: web.Request) -> web.Response:
        return reply(self._roster(request))

    async def paged(self, request: web.Request) -> web.Response:
        size = request.query.get("pageSize", "200")
        if not size.isdigit() or not 50 <= int(size) <= 500:
            raise ConnectorError(400, "BadArgument", "pageSize must be between 50 and 500.")
        rows, start = self._roster(request), int(request.query.get("continuationToken") or 0)
        more = {"continuationToken": str(start + int(size))} if start + int(size) < len(rows) else {}
        return reply({"members": rows[start : start + int(size)], **more})

    async def member(self, request: web.Request) -> web.Response:
        who = self.teams.tenant.person(request.match_info["who"])
        rows = [row for row in self._roster(request) if who and row["id"] == user_id(who)]
        if not rows:
            raise ConnectorError(404, "MemberNotFoundInConversation", "The user is not part of the conversation.")
        return reply(rows[0])

    def _roster(self, request: web.Request) -> list[Json]:
        conversation = self._writable(request.match_info["id"])
        self._pace(f"members:{conversation.id}", PER_THREAD_READING)
        return [self.teams.account(who) for who in sorted(conversation.members)]


async def read_body(request: web.Request) -> tuple[Json, int]:
    try:
        body = await read_json(request)
    except ValueError:
        raise ConnectorError(400, "BadSyntax", "The request is no JSON.") from None
    if not isinstance(body, dict):
        raise ConnectorError(400, "BadSyntax", "The request is no JSON object.")
    return body, len(dumps(body.get("activity", body)))


async def channel_of(request: web.Request) -> str:
    """Where a new thread is to begin: that stands in the body."""
    try:
        return str((await read_json(request))["channelData"]["channel"]["id"])
    except (ValueError, LookupError, TypeError):
        return ""


def refused(fault: Fault) -> web.Response:
    code = CODES.get(fault.kind, "InternalServerError")
    status = int(fault.kind) if fault.kind in CODES else 500
    headers = {"Retry-After": str(fault.retry_after)} if status == 429 else {}
    return ConnectorError(status, code, headers=headers).answer()


def login_error(status: int, error: str, words: str) -> web.Response:
    number = int(words.removeprefix("AADSTS").partition(":")[0])
    return reply({"error": error, "error_description": words, "error_codes": [number]}, status)
