"""What waits for the bot: fetched by getUpdates, or carried to its webhook.

https://core.telegram.org/bots/api#getting-updates; how long an update lives is in the server's source.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from deskbell.sandbox.telegram.api import ApiError
from deskbell.sandbox.web import Json, dumps

if TYPE_CHECKING:
    from deskbell.sandbox.telegram.hub import Hub

QUERY_LIFE = 150.0
LIFE = 24 * 3600.0
LONGEST_POLL = 50
# All but these three come unless allowed_updates says otherwise.
NOT_BY_DEFAULT = ("chat_member", "message_reaction", "message_reaction_count")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
ANSWER_SECONDS = 10.0


@dataclass(slots=True)
class Waiting:
    kind: str
    body: Json
    at: float

    def alive(self, now: float) -> bool:
        return now - self.at < (QUERY_LIFE if self.kind == "callback_query" else LIFE)


@dataclass(slots=True)
class Hook:
    url: str = ""
    secret: str = ""
    connections: int = 40
    last_error: str = ""
    last_error_at: int = 0


@dataclass
class Updates:
    hub: "Hub"
    queue: dict[int, Waiting] = field(default_factory=dict)
    allowed: list[str] = field(default_factory=list)
    hook: Hook = field(default_factory=Hook)
    next_id: int = 500_000_001
    delivered: int = 0

    def __post_init__(self) -> None:
        self._poll = 0  # the newest poller; an older one that still waits is thrown out
        self._carrier: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    def add(self, kind: str, body: Json) -> int:
        """Puts an update into the queue, if the bot asked for its kind."""
        if (self.allowed and kind not in self.allowed) or (not self.allowed and kind in NOT_BY_DEFAULT):
            return 0
        number, self.next_id = self.next_id, self.next_id + 1
        self.queue[number] = Waiting(kind, {"update_id": number, kind: body}, self.hub.clock.time())
        self.hub.pulse.beat()
        self._carry()
        return number

    def pending(self) -> dict[int, Waiting]:
        now = self.hub.clock.time()
        self.queue = {number: one for number, one in self.queue.items() if one.alive(now)}
        return self.queue

    # ------------------------------------------------------------------ polling

    async def poll(self, offset: int, limit: int, timeout: int, allowed: list[str] | None) -> list[Json]:
        if self.hook.url:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active; "
                                "use deleteWebhook to delete the webhook first")  # fmt: skip
        if allowed is not None:
            self.allowed = allowed
        self._poll += 1
        mine = self._poll
        self.hub.pulse.beat()
        if offset > 0:
            self.queue = {number: one for number, one in self.queue.items() if number >= offset}
        elif offset < 0:
            keep = sorted(self.queue)[offset:]
            self.queue = {number: self.queue[number] for number in keep}
        # By the machine's clock: the sandbox's own may be moved.
        await self.hub.pulse.until(lambda: self._poll != mine or self.pending(), min(timeout, LONGEST_POLL))
        if self._poll != mine:
            raise ApiError(409, "Conflict: terminated by other getUpdates request; make sure that only one bot "
                                "instance is running")  # fmt: skip
        found = sorted(self.pending())[: limit or 100]
        self.delivered += len(found)
        return [self.queue[number].body for number in found]

    # ------------------------------------------------------------------ the webhook

    def set_hook(self, url: str, secret: str, connections: int, allowed: list[str] | None, *, drop: bool) -> None:
        self.hook = Hook(url, secret, connections)
        if allowed is not None:
            self.allowed = allowed
        if drop:
            self.queue.clear()
        self._carry()

    def info(self) -> Json:
        out: Json = {
            "url": self.hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending()),
            "max_connections": self.hook.connections,
        }
        out |= {"allowed_updates": self.allowed} if self.allowed else {}
        if self.hook.last_error:
            out |= {"last_error_date": self.hook.last_error_at, "last_error_message": self.hook.last_error}
        return out

    def _carry(self) -> None:
        if self.hook.url and (self._carrier is None or self._carrier.done()):
            self._carrier = asyncio.create_task(self._carry_all())

    async def _carry_all(self) -> None:
        """One after the other, each until it was taken; the pauses double."""
        pause = FIRST_PAUSE
        while self.hook.url and self.pending():
            number = min(self.queue)
            status, wait = await self.send(self.queue[number].body)
            if 200 <= status < 300:
                self.queue.pop(number, None)
                self.delivered += 1
                pause = FIRST_PAUSE
                continue
            self.hook.last_error = f"Wrong response from the webhook: {status}" if status else "Connection failed"
            self.hook.last_error_at = int(self.hub.clock.time())
            await asyncio.sleep(wait or pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def send(self, body: Any, **headers: str) -> tuple[int, float]:
        """Carries one update to the webhook: the status, 0 without an answer, and its Retry-After."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        head = {"Content-Type": "application/json"}
        head |= {"X-Telegram-Bot-Api-Secret-Token": self.hook.secret} if self.hook.secret else {}
        try:
            async with self._session.post(self.hook.url, data=dumps(body), headers=head | headers) as answer:
                after = answer.headers.get("Retry-After", "")
                return answer.status, float(after) if after.isdigit() else 0.0
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, 0.0

    async def close(self) -> None:
        self.hook = Hook()
        if self._carrier is not None:
            self._carrier.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._carrier
        if self._session is not None:
            await self._session.close()
