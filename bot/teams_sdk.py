"""All that touches the Bot Framework SDK, which Microsoft no longer mends: its successor will replace this file.

The SDK reads the activity and decides what kind of turn it is. It authenticates nothing (bot/teams_guard.py did), calls
nobody (deskbell/vendors/teams_api.py does) and stores nothing; its HTTP endpoint, which answers forgeries with a 500
and stumbles over its own invoke answers, is left aside.
"""

from typing import Any, Protocol

from botbuilder.core import ActivityHandler, InvokeResponse, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity
from botframework.connector.auth import (
    AuthenticateRequestResult,
    BotFrameworkAuthentication,
    ClaimsIdentity,
    ConnectorFactory,
)
from msrest.exceptions import ClientException

Json = dict[str, Any]
Answered = tuple[int, Json | None]

NOT_READABLE: Answered = (400, None)
NOT_KNOWN: Answered = (501, None)


class Listener(Protocol):
    """What is done with each kind of turn. `activity` is what came in, as JSON."""

    async def on_message(self, activity: Json) -> None: ...
    async def on_action(self, activity: Json) -> Json:
        """A button of a card: the body of the answer."""
        ...

    async def on_search(self, activity: Json) -> Json: ...
    async def on_dialog(self, activity: Json) -> Json: ...
    async def on_members(self, activity: Json) -> None: ...
    async def on_installed(self, activity: Json) -> None: ...
    async def on_removed(self, activity: Json) -> None: ...


class Turns:
    """Takes in activities that are known to be genuine."""

    def __init__(self, app_id: str, listener: Listener) -> None:
        self._adapter = CloudAdapter(_Trusted())
        self._app_id = app_id
        self._listener = listener

    async def take(self, activity: Json) -> Answered:
        """The status and body to answer with. Raises what the listener raises."""
        try:
            read = Activity().deserialize(activity)
        except (ClientException, AttributeError, TypeError, ValueError):
            return NOT_READABLE
        result = AuthenticateRequestResult()
        result.claims_identity = ClaimsIdentity({"aud": self._app_id}, True)
        result.audience = self._app_id
        result.connector_factory = _NoConnector()
        turn = _Turn(self._listener, activity)
        answer = await self._adapter.process_activity(result, read, turn.on_turn)
        if answer is None:
            return 200, None
        return int(answer.status), answer.body if isinstance(answer.body, dict) else None


class _Turn(ActivityHandler):  # type: ignore[misc]  # the SDK carries no types
    """One activity on its way through the SDK; it lives no longer than the turn."""

    def __init__(self, listener: Listener, activity: Json) -> None:
        super().__init__()
        self._listener, self._activity = listener, activity

    async def on_message_activity(self, turn_context: TurnContext) -> None:  # noqa: ARG002 - the SDK's signature
        await self._listener.on_message(self._activity)

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:  # noqa: ARG002
        await self._listener.on_members(self._activity)

    async def on_installation_update_add(self, turn_context: TurnContext) -> None:  # noqa: ARG002
        await self._listener.on_installed(self._activity)

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:  # noqa: ARG002
        await self._listener.on_removed(self._activity)

    async def on_invoke_activity(self, turn_context: TurnContext) -> InvokeResponse:
        """The SDK's own would serialise our answer as a model, which it is not."""
        kinds = {
            "adaptiveCard/action": self._listener.on_action,
            "application/search": self._listener.on_search,
            "task/fetch": self._listener.on_dialog,
            "task/submit": self._listener.on_dialog,
        }
        handle = kinds.get(turn_context.activity.name or "")
        if handle is None:
            return InvokeResponse(status=NOT_KNOWN[0])
        return InvokeResponse(status=200, body=await handle(self._activity))


ONLY_THE_GUARD = "the SDK lets nobody in: bot/teams_guard.py does"


class _Trusted(BotFrameworkAuthentication):  # type: ignore[misc]
    """Stands where the SDK would authenticate: what the guard let in is past that, and nothing else gets in."""

    async def authenticate_request(self, *_of_the_sdk: object) -> AuthenticateRequestResult:
        raise PermissionError(ONLY_THE_GUARD)

    async def authenticate_streaming_request(self, *_of_the_sdk: object) -> AuthenticateRequestResult:
        raise PermissionError(ONLY_THE_GUARD)

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> ConnectorFactory:  # noqa: ARG002 - the SDK's
        return _NoConnector()

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> None:  # noqa: ARG002
        return None


class _NoConnector(ConnectorFactory):  # type: ignore[misc]
    """The SDK wants something to send with; nothing is sent through it."""

    async def create(self, service_url: str, audience: str) -> object:  # noqa: ARG002 - the SDK's signature
        return object()
