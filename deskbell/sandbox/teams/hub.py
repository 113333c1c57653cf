"""The tenant with everything around it: tokens, keys, limits, trouble, and the way to the bot's endpoint."""

import asyncio
import itertools
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.cards import check_card
from deskbell.sandbox.teams.connector import Connector
from deskbell.sandbox.teams.tenant import BOT, BOT_NAME, CARD_TYPE, Conversation, Message, Tenant, tenant_of, user_id
from deskbell.sandbox.teams.tokens import Signer, Tokens
from deskbell.sandbox.web import Json, dumps

NAME = "teams"
PATH = "/api/messages"
ANSWER_S = 10.0  # Microsoft names no figure for the buttons of cards; a message's turn has fifteen seconds
REFRESH_S = 60.0  # a client asks for its own view again when the last is older than this
SABOTAGED_CARD = 2  # sabotage swallows the second card of the day
TOAST = "application/vnd.microsoft.activity.message"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back from the bot's endpoint."""

    status: int
    body: Any = None
    ms: float = 0.0
    error: str = ""


class Teams:
    """The state of the stand-in; `Connector` serves it, `TeamsStandIn` acts on it."""

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        self.clock, self.ledger, self.pulse = clock, ledger, pulse
        self.url = ""  # of the sandbox; known once it listens
        self.desk_url = ""  # of the bot's own server: its messaging endpoint is there
        self.secret = credentials.TEAMS_SECRET
        self.faults = Faults(clock)
        self.tenant = Tenant(clock)
        self.tokens = Tokens(clock)
        self.signer = Signer(clock)
        self.connector = Connector(self)
        self.sabotage = False
        self.toasts: list[tuple[float, str, str]] = []  # (when, who, what) that passed over somebody's screen
        self._cards = 0
        self._numbers = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def service_url(self) -> str:
        return f"{self.url}/teams/"

    def no_limits(self) -> None:
        self.connector.limited = False

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ what happened, for the ledger

    def was_posted(self, message: Message) -> None:
        is_card = self.tenant.is_card(message)
        self._cards += is_card
        if self.sabotage and is_card and self._cards == SABOTAGED_CARD:
            message.dropped, self.sabotage = True, False
        if self.tenant.visible(message):
            self.ledger.seen(message.text)
        self.ledger.note(NAME, "posted", room=message.conversation, id=message.id, ref=message.ref)
        self._ask_for_views(message)

    def change(self, message: Message, activity: Json) -> None:
        """An edit takes every view of one's own away, until the clients ask for theirs again."""
        message.activity, message.edited_at = activity, self.clock.time()
        message.edits += 1
        message.views.clear()
        if self.tenant.visible(message):
            self.ledger.seen(message.text)
        self.ledger.edited((message.conversation, message.id))
        self.ledger.redrawn((NAME, message.conversation, message.id), message.ref)
        self.ledger.note(NAME, "edited", room=message.conversation, id=message.id, ref=message.ref)
        self._ask_for_views(message)

    def was_deleted(self, message: Message) -> None:
        self.ledger.redrawn((NAME, message.conversation, message.id), message.ref)
        self.ledger.note(NAME, "deleted", room=message.conversation, id=message.id, ref=message.ref)

    def toast(self, who: str, text: str) -> None:
        self.toasts.append((self.clock.time(), who, text))
        self.ledger.note(NAME, "ephemeral", to=who, text=text[:200])

    def show(self, message: Message, who: str, card: Json) -> None:
        """This person sees another card in its place."""
        message.views[who], message.viewed_at[who] = card, self.clock.time()
        self.pulse.beat()

    # ------------------------------------------------------------------ views of one's own

    def _ask_for_views(self, message: Message) -> None:
        """https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards/user-specific-views"""
        refresh = (message.card or {}).get("refresh")
        if not refresh or not self.desk_url:
            return
        for user in refresh.get("userIds", []):
            who = self.tenant.person(user)
            last = message.refreshed_at.get(who.id, 0.0) if who else 0.0
            if who is not None and self.clock.time() - last >= REFRESH_S:
                message.refreshed_at[who.id] = self.clock.time()
                self.spawn(self.refresh(message, who.id))

    async def refresh(self, message: Message, who: str) -> None:
        edits = message.edits
        action = (message.card or {})["refresh"]["action"]
        answered = await self.invoke(who, message, action, {}, trigger="automatic")
        body = answered.body if isinstance(answered.body, dict) else {}
        if body.get("type") == CARD_TYPE and message.edits == edits and not check_card(body.get("value")):
            self.show(message, who, body["value"])

    # ------------------------------------------------------------------ the way to the bot

    def account(self, who: str) -> Json:
        person = STAFF[who]
        first, _, last = person.name.partition(" ")
        return {
            "id": user_id(person),
            "name": person.name,
            "aadObjectId": person.teams,
            "givenName": first,
            "surname": last,
            "email": person.email,
            "userPrincipalName": person.email,
            "tenantId": tenant_of(person),
            "userRole": "user",
        }

    def activity(self, who: str, conversation: Conversation, kind: str, root: str = "", **more: Any) -> Json:
        """https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/channel-and-group-conversations"""
        person = STAFF[who]
        tenant = {"id": tenant_of(person)}
        place: Json = {"id": conversation.id, "conversationType": conversation.kind, "tenantId": tenant["id"]}
        data: Json = {"tenant": tenant}
        if not conversation.private:
            place |= {"isGroup": True, "name": conversation.name}
            place["id"] += f";messageid={root}" if root else ""
            data |= {
                "team": {"id": credentials.TEAMS_TEAM},
                "channel": {"id": conversation.id},
                "teamsTeamId": credentials.TEAMS_TEAM,
                "teamsChannelId": conversation.id,
            }
        stamp = datetime.fromtimestamp(self.clock.time(), UTC).isoformat(timespec="milliseconds")
        return {
            "type": kind,
            "id": f"f:{next(self._numbers):012d}",
            "timestamp": stamp,
            "localTimestamp": stamp,
            "serviceUrl": self.service_url,
            "channelId": "msteams",
            "from": {"id": user_id(person), "name": person.name, "aadObjectId": person.teams},
            "recipient": {"id": BOT, "name": BOT_NAME},
            "conversation": place,
            "channelData": data,
            "locale": "en-GB",
            "entities": [{"type": "clientInfo", "locale": "en-GB", "country": "DE", "platform": "Web"}],
        } | more

    async def invoke(
        self, who: str, message: Message, action: Json, values: Json, *, trigger: str = "manual"
    ) -> Answered:
        """Action.Execute: its data, with what was filled in over it."""
        conversation = self.tenant.conversations[message.conversation]
        carried = {name: action[name] for name in ("type", "id", "title", "verb") if name in action}
        value = {"action": carried | {"data": {**action.get("data", {}), **values}}, "trigger": trigger}
        activity = self.activity(
            who, conversation, "invoke", message.root, name="adaptiveCard/action", value=value, replyToId=message.id
        )
        return await self.deliver(activity)

    def bearer(self, **claims: Any) -> str:
        return f"Bearer {self.signer.sign(self.signer.claims(self.service_url, **claims))}"

    async def deliver(self, activity: Json, authorization: str | None = None) -> Answered:
        """Signed, to the bot's messaging endpoint."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        headers["Authorization"] = self.bearer() if authorization is None else authorization
        return await self.post(dumps(activity), headers)

    async def post(self, body: bytes, headers: dict[str, str]) -> Answered:
        started = self.clock.time()
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_S)
            async with self._client().post(self.desk_url + PATH, data=body, headers=headers, timeout=timeout) as answer:
                text = await answer.read()
                ms = (self.clock.time() - started) * 1000
                error = "" if answer.status < 300 else f"http_status_{answer.status}"
                return Answered(answer.status, _json(text), ms, error)
        except (aiohttp.ClientError, TimeoutError) as trouble:
            return Answered(0, error=type(trouble).__name__)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        return self._session


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None
