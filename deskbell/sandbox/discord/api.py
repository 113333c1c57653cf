"""How Discord refuses: numbers, trees of complaints, and buckets of rate limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from deskbell.sandbox.web import Json, dumps

Complaint = tuple[str, str, str]  # "embeds.0.title", "BASE_TYPE_MAX_LENGTH", "Must be 256 or fewer in length."

_WORDS: Mapping[int, tuple[int, str]] = {
    0: (404, "404: Not Found"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    20016: (429, "This action cannot be performed due to slowmode rate limit"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40001: (401, "401: Unauthorized"),
    40003: (429, "You are opening direct messages too fast"),
    40060: (400, "Interaction has already been acknowledged"),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Tried to perform an operation on an archived thread, such as editing a message"),
    50109: (400, "The request body contains invalid JSON."),
    50278: (403, "Cannot send messages to this user due to having no mutual guilds"),
    160004: (400, "A thread has already been created for this message"),
    200000: (400, "Message was blocked by automatic moderation"),
}


class DiscordError(Exception):
    """https://docs.discord.com/developers/reference#error-messages."""

    def __init__(self, code: int, complaints: Iterable[Complaint] = (), **more: Any) -> None:
        self.code, self.more = code, more
        self.status, self.message = _WORDS[code]
        self.complaints = list(complaints)
        super().__init__(f"{code} {self.message} {self.complaints or ''}".strip())

    def body(self) -> Json:
        said: Json = {"message": self.message, "code": self.code, **self.more}
        return said | ({"errors": tree(self.complaints)} if self.complaints else {})


def invalid(complaints: Iterable[Complaint]) -> DiscordError:
    return DiscordError(50035, complaints)


def tree(complaints: Iterable[Complaint]) -> Json:
    out: Json = {}
    for path, code, message in complaints:
        node = out
        for part in path.split("."):
            node = node.setdefault(part, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    return out


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The type exactly so: the SDK takes `application/json; charset=utf-8` for text."""
    if status == 204:
        return web.Response(status=204, headers=headers)
    return web.Response(
        body=dumps(body), status=status, headers={**(headers or {}), "Content-Type": "application/json"}
    )


# ---------------------------------------------------------------- rate limits


@dataclass(frozen=True, slots=True)
class Rate:
    """A window: so many requests, and all is forgiven when it ends."""

    count: int
    seconds: float


@dataclass(slots=True)
class _Window:
    since: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What the headers tell of a bucket after a request; `wait` above zero: it was refused."""

    rate: Rate
    remaining: int
    reset: float
    now: float
    bucket: str
    wait: float = 0.0

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.rate.count),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{self.reset:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, self.reset - self.now):.3f}",
            "X-RateLimit-Bucket": self.bucket,
        }


class Windows:
    """Every bucket's window."""

    def __init__(self) -> None:
        self._all: dict[str, _Window] = {}

    def take(self, key: str, rate: Rate, now: float, bucket: str) -> Taken:
        window = self._all.setdefault(key, _Window(now))
        if now - window.since >= rate.seconds:
            window.since, window.used = now, 0
        reset = window.since + rate.seconds
        if window.used >= rate.count:
            return Taken(rate, 0, reset, now, bucket, max(0.001, reset - now))
        window.used += 1
        return Taken(rate, rate.count - window.used, reset, now, bucket)
