"""The people's side of the stand-in: press, type, reply, and see what came of it. Fits `deskbell.sandbox.chat.Chat`."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from deskbell.sandbox.chat import Card, Do, Heard, Refused
from deskbell.sandbox.telegram import drawing, endpoint
from deskbell.sandbox.telegram.happenings import Happenings
from deskbell.sandbox.telegram.hub import NAME, Query
from deskbell.sandbox.telegram.model import BOT_ID, Chat, Message, User
from deskbell.sandbox.web import Json

PATIENCE = 6.0  # seconds that a person waits for an answer
MENU = 3.0  # and for a menu to open
BESIDE = 1.0  # a private answer comes first; the word about it in the room right behind it
PAGES = 30
SAME = 30.0  # seconds within which the same words twice are a duplicate
ONWARD = ("next", "more")
OWN_WORDS = ("other", "in my own words", "in your own words")


class TelegramStandIn(Happenings):
    """One bot, its rooms and the people in them, on the loopback."""

    name = NAME
    url = desk_url = ""  # it asks and is asked by what stands in setWebhook alone

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/telegram/bot{token}/{method}", self._call)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        return await endpoint.call(self, request)

    async def close(self) -> None:
        await self.updates.close()

    def no_limits(self) -> None:
        self.rates = dict.fromkeys(self.rates)

    @property
    def verbs(self) -> Mapping[str, Do]:
        return drawing.verbs(self)

    def state(self) -> Json:
        return drawing.state(self)

    # ------------------------------------------------------------------ what can be seen

    def cards(self, room: str = "") -> Sequence[Card]:
        live = [message for message in self.all_messages() if message.live and self.is_card(message)]
        return [self.card(message) for message in live if room in ("", self.room_of(message))]

    def card(self, message: Message) -> Card:
        buttons = tuple(button["text"] for button in message.buttons)
        return Card(
            NAME, self.room_of(message), str(message.id), self.ref_of(message), message.text, buttons, message.edits
        )

    def texts(self, room: str) -> Sequence[str]:
        chat, thread = self.room(room)
        return [m.text for m in chat.messages.values() if m.live and m.thread == thread and m.text]

    def private(self, who: str) -> Sequence[str]:
        user = self.who(who)
        shown = [(query.at, query.text) for query in self.queries.values() if query.user is user and query.text]
        shown += [
            (m.date, m.text) for m in self.private_chat(user).messages.values() if m.live and m.sender.id == BOT_ID
        ]
        return [text for _, text in sorted(shown, key=lambda one: one[0])]

    def dropped(self) -> Sequence[Card]:
        return [self.card(message) for message in self.all_messages() if message.dropped]

    def duplicates(self) -> Sequence[Json]:
        """Two cards of one alert in a room; or the same words twice in a short while, unasked."""
        seen: dict[tuple[str, ...], Message] = {}
        found: list[Json] = []
        for message in sorted(self.all_messages(), key=lambda one: one.id):
            if not message.live or message.sender.id != BOT_ID or not self.ref_of(message):
                continue
            key = self._sameness(message)
            first = seen.get(key) if key else None
            if first is not None and (key[0] == "card" or message.date - first.date < SAME):
                found.append({"identity": key, "room": self.room_of(message), "ids": [first.id, message.id]})
            if key:
                seen[key] = message
        return found

    def _sameness(self, message: Message) -> tuple[str, ...]:
        room = self.room_of(message)
        if self.is_card(message):
            return ("card", room, self.ref_of(message))
        answered = self.chats[message.chat].messages.get(message.reply_to)
        asked = answered is not None and answered.sender.id != BOT_ID
        return () if asked or message.edits else ("note", room, str(message.reply_to), message.text)

    # ------------------------------------------------------------------ pressing

    async def press(self, who: str, card: Card, label: str, *answers: str, changes: bool = True) -> Heard:
        chat, _ = self.room(card.room)
        message = chat.messages.get(int(card.id))
        if message is None or not message.live:
            raise Refused(f"{who} sees no card {card.id} in {card.room}")
        return await self._press_through(self.who(who), message, label, answers, changes=changes)

    async def press_private(self, who: str, label: str, *answers: str) -> Heard:
        user = self.who(who)
        mine = [m for m in self.private_chat(user).messages.values() if m.live and find_button(m, label)]
        if not mine:
            raise Refused(f"{who} has no private message with a button {label!r}")
        return await self._press_through(user, mine[-1], label, answers, changes=True)

    async def _press_through(
        self, user: User, message: Message, label: str, answers: Sequence[str], *, changes: bool
    ) -> Heard:
        button = find_button(message, label)
        if button is None:
            raise Refused(f"there is no {label!r} on {message.id}; there are {[b['text'] for b in message.buttons]}")
        since, heard = self._seen_by(user, message.chat), Heard()
        query = await self.tap(user, message, button["callback_data"], changes=changes)
        for answer in answers:
            if not query.answered or query.alert:
                break
            query = await self._answer(user, message, query, answer, heard, changes=changes)
        self._hear(heard, user, message.chat, since)
        heard.failed = heard.failed or ("" if query.answered else "no answer")
        return heard

    async def tap(self, user: User, message: Message, data: str, *, changes: bool = True) -> Query:
        """Press what carries this data, and wait for the bot to say something."""
        query = self.new_query(user, message)
        if changes and (ref := self.ref_of(message)):
            query.timed = True
            self.ledger.tapped((self.room_of(message), str(message.id)), query.id)
            self.ledger.pressed(ref)
        self.deliver_query(query, message, data)
        await self.pulse.until(lambda: query.answered, PATIENCE)
        if query.alert or not query.answered:
            self.settle_query(query)
        took = round((self.clock.time() - query.at) * 1000, 1)
        self.ledger.note(NAME, "tap", user=user.short, id=message.id, answered=query.answered, ms=took)
        if not query.answered:
            self.ledger.note(NAME, "failed", what="tap", error="no answer")
        return query

    async def _answer(
        self, user: User, message: Message, query: Query, answer: str, heard: Heard, *, changes: bool
    ) -> Query:
        """What a press asked for: a choice in the menu that opened, or words in reply to a prompt."""
        for _ in range(PAGES):
            await self.pulse.until(lambda: query.menu or self._prompt(message, query), MENU)  # noqa: B023 - waited for
            if (prompt := self._prompt(message, query)) is not None:
                told = await self.reply(user, prompt, answer)
                heard.public, heard.failed = heard.public + told.public, told.failed
                return query
            if not query.menu:
                raise Refused(f"nothing was asked, so {answer!r} has no place")
            button = find_button(message, answer)
            if button is not None:
                return await self.tap(user, message, button["callback_data"], changes=changes)
            onward = find_button(message, *ONWARD) or find_button(message, *OWN_WORDS)
            if onward is None:
                raise Refused(f"{answer!r} is not on offer; there are {[b['text'] for b in message.buttons]}")
            query = await self.tap(user, message, onward["callback_data"], changes=False)
        raise Refused(f"{answer!r} is on no page")

    def _prompt(self, message: Message, query: Query) -> Message | None:
        """The bot asked for a reply, after that press."""
        for one in reversed(self.chats[message.chat].messages.values()):
            if one.date < query.at:
                return None
            if one.live and one.sender.id == BOT_ID and (one.markup or {}).get("force_reply"):
                return one
        return None

    async def reply(self, user: User, to: Message, text: str) -> Heard:
        """Type words in reply to a message."""
        chat = self.chats[to.chat]
        since = self._seen_by(user, chat.id)
        ref = self.ref_of(to) if chat.is_group and (to.markup or {}).get("force_reply") else ""
        if ref:
            self.ledger.pressed(ref)
        mine = self.write(user, chat, text, thread=to.thread, reply_to=to.id)
        heard = await self._answered(user, chat, mine, since, to)
        if ref and not to.deleted:  # a question that was answered well is taken away
            self.ledger.unpressed(ref)
        return heard

    # ------------------------------------------------------------------ typing

    async def say(self, who: str, room: str, text: str) -> Heard:
        user = self.who(who)
        chat, thread = self.room(room) if room else (self.private_chat(user), 0)
        if user.id not in chat.members:
            raise Refused(f"{who} is not in {chat.title}")
        user.started = user.started or not room
        since = self._seen_by(user, chat.id)
        mine = self.write(user, chat, self._typed(text, private=not room), thread=thread)
        self.ledger.note(NAME, "command", user=user.short, room=room, text=text)
        return await self._answered(user, chat, mine, since)

    def _typed(self, text: str, *, private: bool) -> str:
        """People type /ack D-12 here; in private anything else is just words."""
        known = {command["command"] for commands in self.commands.values() for command in commands}
        word = text.split(maxsplit=1)[0].casefold() if text.strip() else ""
        slash = not text.startswith("/") and (not private or word in known)
        return f"/{text}" if slash else text

    async def _answered(
        self, user: User, chat: Chat, mine: Message, since: int, prompt: Message | None = None
    ) -> Heard:
        """The bot's answer to what was typed: where it was typed, or in private with a word about it here. A prompt
        that is taken away was answered well.
        """

        def here() -> bool:
            done = prompt is not None and prompt.deleted
            return done or any(m.reply_to == mine.id or not chat.is_group for m in self._bots(chat, since))

        def anywhere() -> bool:
            return here() or any(self._bots(self.private_chat(user), since))

        await self.pulse.until(anywhere, PATIENCE)
        if chat.is_group and prompt is None and not here() and anywhere():
            await self.pulse.until(here, BESIDE)
        heard = Heard()
        self._hear(heard, user, chat.id, since, mine.id)
        heard.failed = "" if anywhere() else "no answer"
        if heard.failed:
            self.ledger.note(NAME, "failed", what="command", error="no answer")
        return heard

    # ------------------------------------------------------------------ hearing

    def _seen_by(self, user: User, chat: int) -> int:
        """Everything with a higher number is new to them."""
        both = [*self.private_chat(user).messages, *self.chats[chat].messages]
        return max([*both, self.last_query()], default=0)

    def _bots(self, chat: Chat, since: int) -> list[Message]:
        return [m for m in chat.messages.values() if m.id > since and m.live and m.sender.id == BOT_ID]

    def _hear(self, heard: Heard, user: User, chat: int, since: int, mine: int = 0) -> None:
        toasts = [q.text for q in self.queries.values() if q.user is user and int(q.id) > since and q.text]
        heard.private += toasts + [m.text for m in self._bots(self.private_chat(user), since)]
        if chat != user.id and mine:
            heard.public += [m.text for m in self._bots(self.chats[chat], since) if m.reply_to == mine]

    # ------------------------------------------------------------------ by hand

    def delete_by_hand(self, card: Card) -> None:
        chat, _ = self.room(card.room)
        message = chat.messages.get(int(card.id))
        if message is not None:
            self.was_deleted(message, "deleted_by_hand")


def find_button(message: Message, *labels: str) -> Any:
    """The first button with something to send whose words begin so; icons before them don't count."""
    for label in labels:
        for button in message.buttons:
            words = button["text"].casefold()
            bare = words.lstrip("".join(sign for sign in words if not sign.isalnum()))
            if (
                "callback_data" in button
                and label.strip()
                and (words.startswith(label.casefold()) or bare.startswith(label.casefold()))
            ):
                return button
    return None
