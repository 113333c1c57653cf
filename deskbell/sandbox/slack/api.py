"""How a Web API method is called: arguments in JSON or form, errors with status 200, tiers, scopes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from deskbell.sandbox.limits import Rate
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.slack.hub import Slack

# https://docs.slack.dev/apis/web-api/rate-limits: so many a minute, and short bursts are tolerated
TIER_2 = Rate(20 / 60, 20)
TIER_3 = Rate(50 / 60, 60)
TIER_4 = Rate(100 / 60, 120)
SPECIAL = Rate(10, 100)
POST = Rate(1, 3)  # a channel: one message a second, short bursts


class SlackError(Exception):
    """The method answers ok: false."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more

    def answer(self) -> Json:
        return {"ok": False, "error": self.error, **self.more}


def invalid(error: str, complaints: list[str]) -> SlackError:
    """An error with its reasons, as Slack lists them."""
    messages = [f"[ERROR] {text}" for text in complaints]
    return SlackError(error, errors=complaints, response_metadata={"messages": messages})


class Args:
    """Arguments by name, whatever way they came in."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def need(self, name: str) -> str:
        if name not in self:
            raise invalid("invalid_arguments", [f"missing required field: {name}"])
        return self.text(name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        return default if value is None else str(value).lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.values.get(name) or default)
        except (TypeError, ValueError):
            raise invalid("invalid_arguments", [f"must be an integer: {name}"]) from None

    def nested(self, name: str, broken: str) -> Any:
        """A list or object: as it is in JSON, as a string of JSON in a form."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value) if value else None
        except orjson.JSONDecodeError:
            raise SlackError(broken) from None


Handle = Callable[["Slack", Args], Json]


@dataclass(frozen=True, slots=True)
class Method:
    handle: Handle
    scope: str  # any one of them, parted by blanks; empty: none needed
    rate: Rate
    app_token: bool = False
    per_channel: bool = False


METHODS: dict[str, Method] = {}


def method(
    name: str, *, scope: str = "", rate: Rate = TIER_3, app_token: bool = False, per_channel: bool = False
) -> Callable[[Handle], Handle]:
    def register(handle: Handle) -> Handle:
        METHODS[name] = Method(handle, scope, rate, app_token, per_channel)
        return handle

    return register


async def read_args(request: web.Request) -> Args:
    """https://docs.slack.dev/apis/web-api: query string, form or JSON body."""
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        body = await request.read()
        try:
            sent = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError:
            raise SlackError("invalid_json") from None
        if not isinstance(sent, dict):
            raise SlackError("json_not_object")
        return Args(values | sent)
    if request.can_read_body:
        values |= dict(await request.post())
    return Args(values)
