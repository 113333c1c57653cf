"""One call of the Bot API: its arguments, its refusals, and the table of methods.

https://core.telegram.org/bots/api#making-requests: POST with JSON, or a form whose nested values are JSON.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.telegram.hub import Hub


class ApiError(Exception):
    """`ok: false` with a code and a description; `parameters` are what a program can act on."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def body(self) -> Json:
        out: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return out | ({"parameters": self.parameters} if self.parameters else {})


def bad(words: str, **parameters: Any) -> ApiError:
    return ApiError(400, f"Bad Request: {words}", **parameters)


def forbidden(words: str) -> ApiError:
    return ApiError(403, f"Forbidden: {words}")


class Args:
    """Form fields are text; numbers, flags and objects in them are read as the Bot API reads them."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def text(self, name: str) -> str:
        value = self.values.get(name, "")
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    def number(self, name: str, default: int = 0) -> int:
        value = self.values.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad(f"{name} must be an integer") from None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1")

    def nested(self, name: str, words: str = "") -> Any:
        """A JSON value, whichever way it came; None when it is not there."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise bad(words or f"can't parse {name} JSON object") from None

    def __contains__(self, name: str) -> bool:
        return name in self.values


async def read_args(request: web.Request) -> Args:
    values: Json = dict(request.query)
    if request.method == "GET":
        return Args(values)
    kind = request.content_type
    if kind == "application/json":
        try:
            body = orjson.loads(await request.read() or b"{}")
        except orjson.JSONDecodeError:
            raise bad("can't parse JSON object") from None
        return Args(values | (body if isinstance(body, dict) else {}))
    return Args(values | {name: value for name, value in (await request.post()).items() if isinstance(value, str)})


Handle = Callable[["Hub", Args], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """`sends`: a new message, counted by every rate; `edits`: a change of one, counted by the group's."""

    handle: Handle
    sends: bool = False
    edits: bool = False


METHODS: dict[str, Method] = {}


def method(name: str, *, sends: bool = False, edits: bool = False) -> Callable[[Handle], Handle]:
    def note(handle: Handle) -> Handle:
        METHODS[name.lower()] = Method(handle, sends, edits)
        return handle

    return note
