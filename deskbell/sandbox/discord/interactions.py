"""What people do, from the moment it leaves them to the answer that they see.

Three seconds for the first answer, fifteen minutes for all others, and each rule about what may answer what.
https://docs.discord.com/developers/interactions/receiving-and-responding
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.discord import wire
from deskbell.sandbox.discord.api import Complaint, DiscordError, invalid
from deskbell.sandbox.discord.checks import check_message, too_long
from deskbell.sandbox.discord.components import check_modal
from deskbell.sandbox.discord.hub import NAME, Hub
from deskbell.sandbox.discord.world import EPHEMERAL, Channel, Message
from deskbell.sandbox.staff import Staff
from deskbell.sandbox.web import Json

PING, COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 1, 2, 3, 4, 5
PONG, SAY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 1, 4, 5, 6, 7, 8, 9
FIRST_SECONDS = 3.0
TOKEN_SECONDS = 900.0
CHOICES_MOST = 25


@dataclass(slots=True)
class Live:
    """One interaction. `payload` is what was sent; `answer` the first answer, when there is one."""

    id: str
    token: str
    kind: int
    who: Staff
    place: Channel
    at: float
    payload: Json
    source: Message | None = None
    answer: Json | None = None
    original: Message | None = None
    said: list[Message] = field(default_factory=list)  # everything that came in answer, the first and all others
    error: str = ""
    elapsed_ms: float = 0.0
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acked(self) -> bool:
        return self.answer is not None and not self.error

    @property
    def modal(self) -> Json | None:
        return self.answer["data"] if self.answer and self.answer["type"] == MODAL else None

    @property
    def choices(self) -> list[Json]:
        return self.answer["data"]["choices"] if self.answer and self.answer["type"] == CHOICES else []


@dataclass(slots=True)
class OpenModal:
    """A form on somebody's screen."""

    id: str
    who: Staff
    body: Json
    opener: Live


Send = Callable[[Live], Awaitable[Any]]


class Interactions:
    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.live: dict[str, Live] = {}
        self.modals: dict[str, OpenModal] = {}

    def new(
        self, kind: int, who: Staff, place: Channel, data: Json, source: Message | None = None, **more: Any
    ) -> Live:
        world = self.hub.world
        number, token = world.snowflake(), secrets.token_urlsafe(48)
        shown = {"message": wire.message(world, source)} if source is not None else {}
        payload = wire.interaction(world, kind, who, place, data, id=number, token=token, **shown, **more)
        live = Live(number, token, kind, who, place, self.hub.clock.time(), payload, source)
        self.live[number] = live
        return live

    async def run(self, live: Live, send: Send) -> Live:
        """Sends it and waits for the first answer, three seconds at most."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await send(live)
                await live.answered.wait()
        except TimeoutError:
            live.error = live.error or "This interaction failed"
        except ConnectionError as error:
            live.error = str(error) or "the app is not connected"
        live.elapsed_ms = (time.perf_counter() - started) * 1000
        if live.error:
            self.hub.ledger.note(NAME, "failed", what=live.kind, error=live.error)
        return live

    # ------------------------------------------------------------ the first answer

    def respond(self, number: str, token: str, body: Json) -> Live:
        """POST .../callback, or the body of the endpoint's answer."""
        live = self.live.get(number)
        late = live is not None and self.hub.clock.time() - live.at > FIRST_SECONDS
        if live is None or live.token != token or (late and live.answer is None):
            raise DiscordError(10062)
        if live.answer is not None:
            raise DiscordError(40060)
        kind, data = int(body.get("type") or 0), body.get("data") or {}
        self._check(live, kind, data)
        live.answer = {"type": kind, "data": data}
        self._show(live, kind, data)
        live.answered.set()
        self.hub.pulse.beat()
        return live

    def _check(self, live: Live, kind: int, data: Json) -> None:
        wrong = [("type", "INTERACTION_CALLBACK_TYPE_INVALID", "This callback type does not answer this interaction")]
        from_message = live.kind == COMPONENT or (live.kind == SUBMIT and live.source is not None)
        fits = {
            PONG: live.kind == PING,
            SAY: live.kind in (COMMAND, COMPONENT, SUBMIT),
            DEFER: live.kind in (COMMAND, COMPONENT, SUBMIT),
            DEFER_UPDATE: from_message,
            UPDATE: from_message,
            CHOICES: live.kind == AUTOCOMPLETE,
            MODAL: live.kind in (COMMAND, COMPONENT),
        }
        if not fits.get(kind, False):
            raise invalid(wrong)
        if kind == SAY:
            check_message(data)
        elif kind == UPDATE and live.source is not None:
            shown = {name: getattr(live.source, name) for name in ("content", "embeds", "components")}
            check_message(data, editing=shown)
        elif kind == MODAL and (complaints := list(check_modal(data))):
            raise invalid((f"data.{path}", code, text) for path, code, text in complaints)
        elif kind == CHOICES and (complaints := list(check_choices(data.get("choices")))):
            raise invalid(complaints)

    def _show(self, live: Live, kind: int, data: Json) -> None:
        if kind in (SAY, DEFER):
            live.original = self._say(live, data, shown=kind == SAY)
        elif kind in (UPDATE, DEFER_UPDATE):
            live.original = live.source
            if kind == UPDATE and live.source is not None:
                self.hub.edit(live.source, data)
                live.said.append(live.source)
        elif kind == MODAL:
            opened = OpenModal(self.hub.world.snowflake(), live.who, data, live)
            self.modals[opened.id] = opened
            self.hub.ledger.note(NAME, "modal", user=live.who.id, custom_id=data["custom_id"])

    def _say(self, live: Live, data: Json, *, shown: bool = True) -> Message:
        hub = self.hub
        only = live.who.discord if int(data.get("flags") or 0) & EPHEMERAL else ""
        # In answers to people only people are called, unless allowed_mentions says otherwise.
        message = hub.make(live.place, data, default=("users",), only=only)
        message.by_command = live.kind == COMMAND
        if shown:
            self._spread(live, message)
        return message

    def _spread(self, live: Live, message: Message) -> None:
        if message.only:
            self.hub.whispered(message)
        else:
            live.place.messages[message.id] = message
            self.hub.was_posted(message)
        live.said.append(message)

    # ------------------------------------------------------------ all others

    def by_token(self, application: str, token: str) -> Live:
        """The interaction that a webhook's address stands for; raises once its fifteen minutes are over."""
        live = next((one for one in self.live.values() if one.token == token), None)
        if live is None or application != credentials.DISCORD_APP or live.answer is None:
            raise DiscordError(10015)
        if self.hub.clock.time() - live.at > TOKEN_SECONDS:
            raise DiscordError(50027)
        return live

    def follow_up(self, live: Live, body: Json) -> Message:
        check_message(body)
        if live.answer is not None and live.answer["type"] == DEFER and live.original not in live.said:
            return self.edit_original(live, body)  # the first one takes the place of "is thinking"
        message = self._say(live, body)
        self.hub.pulse.beat()
        return message

    def edit_original(self, live: Live, body: Json) -> Message:
        if live.original is None:
            raise DiscordError(10008)
        self.hub.edit(live.original, body)
        if live.original not in live.said and live.answer is not None and live.answer["type"] == DEFER:
            self._spread(live, live.original)
        return live.original

    def of_them(self, live: Live, message: str) -> Message:
        found = next((one for one in live.said if one.id == message), None)
        if found is None:
            raise DiscordError(10008)
        return found


def check_choices(choices: Any) -> Iterator[Complaint]:
    """https://docs.discord.com/developers/interactions/application-commands#autocomplete."""
    if not isinstance(choices, list) or len(choices) > CHOICES_MOST:
        yield "data.choices", "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {CHOICES_MOST} in length."
        return
    for number, choice in enumerate(choices):
        yield from too_long(f"data.choices.{number}.name", choice.get("name") or "", 100, 1)
        if isinstance(choice.get("value"), str):
            yield from too_long(f"data.choices.{number}.value", choice["value"], 100, 1)
