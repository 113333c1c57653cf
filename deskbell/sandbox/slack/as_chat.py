"""Slack as one of the chats: what people of all chats can see and do alike. Its own ways are in stand_in.py."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from deskbell.sandbox.chat import Card, Do, Heard, Refused
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.slack import endpoint, picture
from deskbell.sandbox.slack.answers import respond
from deskbell.sandbox.slack.choosing import entries, find, labels, pick
from deskbell.sandbox.slack.messages import CARD, NOTE, Message
from deskbell.sandbox.slack.payloads import options_of
from deskbell.sandbox.slack.results import Outcome
from deskbell.sandbox.slack.stand_in import SlackStandIn
from deskbell.sandbox.slack.verbs import verbs
from deskbell.sandbox.slack.views import View
from deskbell.sandbox.web import Json

NAME = "slack"
PATIENCE = 5.0  # seconds in which something must have happened after a tap
COMMAND = "/desk"


class SlackChat:
    """The workspace behind the protocol that every chat fits (`deskbell.sandbox.chat.Chat`)."""

    name = NAME

    desk_url = ""  # over sockets, nobody calls it

    def __init__(self, slack: SlackStandIn) -> None:
        self.slack = slack
        self.verbs: Mapping[str, Do] = verbs(slack)

    @property
    def url(self) -> str:
        return self.slack.url

    @url.setter
    def url(self, value: str) -> None:
        self.slack.url = value

    @property
    def faults(self) -> Faults:
        return self.slack.faults

    @property
    def sabotage(self) -> bool:
        return self.slack.sabotage

    @sabotage.setter
    def sabotage(self, value: bool) -> None:
        self.slack.sabotage = value

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/slack/api/{method}", self._api)
        router.add_get("/slack/socket/{ticket}", self.slack.sockets.serve)
        for kind in ("commands", "actions"):
            router.add_post(f"/slack/{kind}/{{team}}/{{id}}/{{secret}}", self._answer)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        return await endpoint.call(self.slack, request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        return await respond(self.slack, request)

    async def close(self) -> None:
        await self.slack.line.close()

    def no_limits(self) -> None:
        self.slack.no_limits()

    def state(self) -> Json:
        return picture.state(self.slack)

    # ------------------------------------------------------------ what can be seen

    def cards(self, room: str = "") -> list[Card]:
        return [as_card(message) for message in self.slack.cards(room or None)]

    def texts(self, room: str) -> list[str]:
        shown = sorted(self.slack.messages(room, replies=True), key=lambda message: message.ts)
        return [message.as_text() for message in shown]

    def private(self, who: str) -> list[str]:
        return [message.as_text() for message in self._private(who)]

    def _private(self, who: str) -> list[Message]:
        """Whispers and direct messages, oldest first."""
        slack, user = self.slack, self.slack.workspace.user(who)
        opened = [channel for channel in slack.workspace.channels.values() if channel.im_user == user.id]
        direct = [m for channel in opened for m in slack.messages(channel.id, replies=True) if m.by_bot]
        return sorted([*slack.ephemerals(user.id), *direct], key=lambda message: message.ts)

    def dropped(self) -> list[Card]:
        every = (m for channel in self.slack.workspace.channels.values() for m in channel.messages.values())
        return [as_card(message) for message in every if message.dropped]

    def duplicates(self) -> list[Json]:
        same: defaultdict[tuple[str, ...], list[Message]] = defaultdict(list)
        for message in self.slack.workspace.all_visible():
            if key := identity(message):
                same[key].append(message)
        return [
            {"chat": NAME, "identity": key, "channel": messages[0].channel, "ts": [message.ts for message in messages]}
            for key, messages in same.items()
            if len(messages) > 1
        ]

    # ------------------------------------------------------------ what people do

    async def press(self, who: str, card: Card, label: str, *answers: str, changes: bool = True) -> Heard:
        message = self.slack.workspace.message(card.room, card.id)
        if message is None:
            raise Refused(f"the card of {card.ref} is not there any more")
        return await self._press(who, message, label, list(answers), changes=changes)

    async def press_private(self, who: str, label: str, *answers: str) -> Heard:
        for message in reversed(self._private(who)):
            if find(message, label) is not None:
                return await self._press(who, message, label, list(answers), changes=True)
        raise Refused(f"{who} has no private message with {label!r}")

    async def _press(self, who: str, message: Message, label: str, answers: list[str], *, changes: bool) -> Heard:
        element = find(message, label)
        if element is None:
            raise Refused(f"there is no {label!r}, only {', '.join(labels(message))}")
        selected = pick(element, answers.pop(0) if answers else "") if options_of(element) else None
        known = len(self._private(who))
        tapped = await self.slack.tap(
            who, message.channel, message.ts, element["action_id"], selected=selected, changes=changes
        )
        await self._until(tapped, lambda: tapped.view or tapped.edited or len(self._private(who)) > known)
        errors = await self._fill_in(tapped, tapped.view, answers, who) if tapped.view else []
        return Heard([*self.private(who)[known:], *errors], failed=tapped.ack.error)

    async def _fill_in(self, tapped: Outcome, view: View, answers: list[str], who: str) -> list[str]:
        """Answers the form that a tap opened, and gives it up when it is refused: what it complained of."""
        known = len(self._private(who))
        try:
            sent = await self.slack.submit(who, view.id, entries(view, answers))
        finally:
            if view.open:
                await self.slack.close(who, view.id)
        if sent.closed:
            await self._until(sent, lambda: tapped.edited or len(self._private(who)) > known)
        return list(sent.errors.values())

    async def say(self, who: str, room: str, text: str) -> Heard:
        workspace = self.slack.workspace
        place = workspace.channel(room) if room else workspace.direct(workspace.user(who).id)
        known, since = len(self._private(who)), self.slack.clock.time()
        typed = await self.slack.type(who, place.id, text if text.startswith("/") else f"{COMMAND} {text}")

        def public() -> list[str]:
            live = self.slack.messages(place.id, replies=True)
            return [m.as_text() for m in live if m.by_bot and m.at >= since and not m.event[0] and not place.is_im]

        await self._until(typed, lambda: len(self._private(who)) > known or public())
        return Heard(self.private(who)[known:], public(), failed=typed.ack.error)

    async def _until(self, outcome: Outcome, seen: Callable[[], Any]) -> None:
        if outcome.acked:
            await self.slack.pulse.until(seen, PATIENCE)

    def delete_by_hand(self, card: Card) -> None:
        self.slack.delete_by_hand(card.room, card.id)

    def remove_bot(self, room: str) -> None:
        self.slack.remove_bot(room)

    def add_bot(self, room: str) -> None:
        self.slack.invite_bot(room)


def as_card(message: Message) -> Card:
    return Card(
        NAME, message.channel, message.ts, message.card_ref, message.as_text(), labels(message), len(message.edits)
    )


def identity(message: Message) -> tuple[str, ...]:
    """What may be live only once: a card by alert, destination and generation; a note by its dispatch."""
    event, payload = message.event
    names = {CARD: ("alert", "destination", "generation"), NOTE: ("dispatch",)}.get(event, ())
    known = tuple(str(payload[name]) for name in names if name in payload)
    return (event, *known) if names and len(known) == len(names) else ()
