"""What people see and do in Teams: the chat as every chat's stand-in offers it (deskbell/sandbox/chat.py)."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from deskbell.sandbox.chat import Card, Do, Heard, Refused
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams import picture
from deskbell.sandbox.teams.cards import check_card, inputs, own_inputs, readable, shown_actions
from deskbell.sandbox.teams.hub import NAME, TOAST, Answered, Teams
from deskbell.sandbox.teams.tenant import BOT, BOT_NAME, CARD_TYPE, Conversation, Message
from deskbell.sandbox.web import Json

PATIENCE = 5.0  # seconds in which something must have happened after a tap
SAME_S = 120.0  # two notes of the same words in a thread within that time are one note, twice


class TeamsStandIn(Teams):
    """One Teams tenant on the loopback."""

    name = NAME

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.verbs: Mapping[str, Do] = {"press": self._do_press, "say": self._do_say, "search": self._do_search}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        self.connector.add_routes(router)

    def state(self) -> Json:
        return picture.state(self)

    # ------------------------------------------------------------------ what can be seen

    def cards(self, room: str = "") -> list[Card]:
        return [self._as_card(one) for one in self._cards_in(room) if self.tenant.visible(one)]

    def _cards_in(self, room: str) -> list[Message]:
        """Every card that began a thread, seen or not."""
        rooms = [one for one in self.tenant.rooms().values() if room in ("", one.id)]
        return [one for place in rooms for one in place.messages.values() if self.tenant.is_card(one)]

    def _as_card(self, message: Message) -> Card:
        labels = tuple(str(one["title"]) for one in shown_actions(message.card or {}))
        return Card(NAME, message.conversation, message.id, message.ref, message.text, labels, message.edits)

    def texts(self, room: str) -> list[str]:
        place = self.tenant.conversations[room]
        return [one.text for one in place.messages.values() if self.tenant.visible(one)]

    def private(self, who: str) -> list[str]:
        return [text for _, text in self._private_since(who, 0.0)]

    def _private_since(self, who: str, since: float) -> list[tuple[float, str]]:
        """Words that passed over the screen, views of one's own, and the bot's messages in the private chat."""
        found = [(at, text) for at, name, text in self.toasts if name == who and at >= since]
        for message in self.tenant.all_visible():
            if who in message.views and message.viewed_at[who] >= since:
                found.append((message.viewed_at[who], "\n".join(readable(message.views[who]))))
            if self._is_private(message, who) and max(message.at, message.edited_at) >= since:
                found.append((max(message.at, message.edited_at), message.text))
        return sorted(found)

    def _is_private(self, message: Message, who: str) -> bool:
        return self.tenant.conversations[message.conversation].person == who and message.author == BOT

    def dropped(self) -> list[Card]:
        return [self._as_card(one) for one in self._cards_in("") if one.dropped]

    def duplicates(self) -> list[Json]:
        """In rooms alone: what somebody asks for twice in private is answered twice."""
        found: list[Json] = []
        first: dict[tuple[str, ...], Message] = {}
        for one in self.tenant.all_visible():
            if one.author != BOT or self.tenant.conversations[one.conversation].private:
                continue
            is_card = self.tenant.is_card(one)
            same = ("", one.ref) if is_card else (one.root if one.is_reply else "", one.text)
            earlier = first.setdefault((one.conversation, *same), one)
            if earlier is not one and (is_card or one.at - earlier.at < SAME_S):
                ids = [earlier.id, one.id]
                found.append({"chat": NAME, "room": one.conversation, "ids": ids, "text": one.text[:200]})
        return found

    # ------------------------------------------------------------------ pressing

    async def press(self, who: str, card: Card, label: str, *answers: str, changes: bool = True) -> Heard:
        return await self._press(who, self._readable(who, card.room, card.id), label, list(answers), changes=changes)

    async def press_private(self, who: str, label: str, *answers: str) -> Heard:
        message = await self.pulse.until(lambda: self._newest_with(who, label), PATIENCE)
        if message is None:
            raise Refused(f"{who} sees no {label!r} in private")
        return await self._press(who, message, label, list(answers), changes=True)

    def _newest_with(self, who: str, label: str) -> Message | None:
        """The newest message that only this person sees so, and that has such a button."""
        found: list[tuple[float, Message]] = []
        for message in self.tenant.all_visible():
            private = self._is_private(message, who)
            if (private or who in message.views) and find(message.seen_by(who), label):
                found.append((message.viewed_at.get(who, message.at), message))
        return max(found, key=lambda one: one[0])[1] if found else None

    def _readable(self, who: str, room: str, id: str) -> Message:
        place = self.tenant.conversations.get(room)
        message = self.tenant.message(room, id)
        if place is None or who not in place.members or message is None or not self.tenant.visible(message):
            raise Refused(f"{who} sees no message {id} in {room}")
        return message

    async def _press(self, who: str, message: Message, label: str, answers: list[str], *, changes: bool) -> Heard:
        action = find(message.seen_by(who), label)
        if action is None:
            titles = [one["title"] for one in shown_actions(message.seen_by(who) or {})]
            raise Refused(f"there is no {label!r}, only {', '.join(titles)}")
        shown = message.seen_by(who) or {}
        action, values = opened(shown, action, answers)
        heard = await self.send(who, message, action, values, changes=changes)
        view = message.views.get(who)
        if answers and view is not None and own_inputs(view):
            form = next(one for one in shown_actions(view) if one["type"] == "Action.Execute")
            heard = await self.send(who, message, form, filled(view, form, answers), changes=changes)
        return heard

    async def send(self, who: str, message: Message, action: Json, values: Json, *, changes: bool = True) -> Heard:
        """One press of a button that speaks to the bot, and what this person got for it."""
        if action["type"] == "Action.OpenUrl":
            return Heard(public=[action["url"]])
        self._must_reach()
        since = self.clock.time()
        tap = f"{message.id}:{since}"
        ref = message.ref
        if changes and ref:
            self.ledger.tapped((message.conversation, message.id), tap)
            self.ledger.pressed(ref)
        answered = await self.invoke(who, message, action, values)
        failed, shown = self._take_answer(who, message, answered)
        self.ledger.note(NAME, "tap", who=who, room=message.conversation, verb=action.get("verb"), ms=answered.ms)
        if failed:
            self.ledger.note(NAME, "failed", what="tap", error=failed)
        done = shown is not None and not own_inputs(shown)
        if not done and ref:
            self.ledger.forget_tap((message.conversation, message.id), tap)
            self.ledger.unpressed(ref)
        return Heard([text for _, text in self._private_since(who, since)], failed=failed)

    def _take_answer(self, who: str, message: Message, answered: Answered) -> tuple[str, Json | None]:
        """What went wrong; and the card that the person sees now, if one came."""
        body = answered.body
        if answered.error or not isinstance(body, dict):
            return answered.error or "no_answer", None
        if body.get("statusCode") != 200:
            return f"status_{body.get('statusCode')}", None
        if body.get("type") == TOAST and isinstance(body.get("value"), str):
            self.toast(who, body["value"])
            return "", None
        wrong = check_card(body.get("value")) if body.get("type") == CARD_TYPE else ["unknown kind of answer"]
        if wrong:
            return f"unreadable answer: {'; '.join(wrong[:3])}", None
        self.ledger.note(NAME, "ephemeral", to=who, text="view")
        self.show(message, who, body["value"])
        return "", body["value"]

    def _must_reach(self) -> None:
        if not self.desk_url:
            raise Refused("Teams does not know where the bot listens: set desk_url")

    async def submit(self, who: str, message: Message, action: Json, values: Json | None = None) -> Answered:
        """Action.Submit, as a client that knows no Action.Execute sends it: a message with a value."""
        fallback = action.get("fallback") or action
        place = self.tenant.conversations[message.conversation]
        value = {**fallback.get("data", {}), **(values or {})}
        self.ledger.note(NAME, "tap", who=who, room=place.id, verb="submit")
        more = {"value": value, "replyToId": message.id, "id": self.tenant.new_id()}
        return await self.deliver(self.activity(who, place, "message", message.root, **more))

    async def suggest(self, who: str, message: Message, data_set: str, typed: str) -> list[Json]:
        """Typing into a choice that asks the bot."""
        place = self.tenant.conversations[message.conversation]
        value = {"queryText": typed, "queryOptions": {"skip": 0, "top": 15}, "dataset": data_set}
        activity = self.activity(who, place, "invoke", message.root, name="application/search", value=value)
        answered = await self.deliver(activity)
        body = answered.body if isinstance(answered.body, dict) else {}
        return list((body.get("value") or {}).get("results") or [])

    # ------------------------------------------------------------------ typing

    async def say(self, who: str, room: str, text: str) -> Heard:
        self._must_reach()
        place = self.tenant.conversations.get(room) if room else self.tenant.private(who)
        if place is None or who not in place.members:
            raise Refused(f"{who} can't write to {room or BOT_NAME}")
        since = self.clock.time()
        words = text.removeprefix("/desk ").removeprefix("/")
        message, answered = await self.type(who, place, words)
        self.ledger.note(NAME, "command", who=who, room=place.id, text=text[:200], ms=answered.ms)
        if answered.error:
            self.ledger.note(NAME, "failed", what="command", error=answered.error)
            return Heard(failed=answered.error)

        def public() -> list[str]:
            replies = [one for one in place.messages.values() if one.root == message.id and one.author == BOT]
            return [] if place.private else [one.text for one in replies if self.tenant.visible(one)]

        def private() -> list[str]:
            return [text for _, text in self._private_since(who, since)]

        await self.pulse.until(private if place.private else public, PATIENCE)
        return Heard(private(), public())

    async def type(
        self, who: str, place: Conversation, words: str, root: str = "", **more: Any
    ) -> tuple[Message, Answered]:
        """In a channel the bot is mentioned, or it would hear nothing."""
        entities: list[Json] = []
        text = words
        if not place.private:
            entities, text = [mention(BOT_NAME, BOT)], f"<at>{BOT_NAME}</at> {words}"
            for person in STAFF.values():
                if f"@{person.name}" in text:
                    entities.append(mention(person.name, self.account(person.id)["id"]))
                    text = text.replace(f"@{person.name}", f"<at>{person.name}</at>")
        message = self.tenant.say(place, who, {"type": "message", "text": text}, root)
        self.pulse.beat()
        activity = self.activity(who, place, "message", message.root, text=text, textFormat="plain", id=message.id)
        activity["entities"] += entities
        return message, await self.deliver(activity | more)

    # ------------------------------------------------------------------ what else happens

    def delete_by_hand(self, card: Card) -> None:
        message = self.tenant.message(card.room, card.id)
        if message is not None:
            message.deleted = True
            self.was_deleted(message)

    def remove_bot(self, room: str) -> None:
        """Somebody takes the app out of the team; the bot is told, as far as it listens."""
        self.tenant.conversations[room].installed = False
        self.ledger.note(NAME, "removed", room=room)
        self._tell(self.activity("carla", self.tenant.conversations[room], "installationUpdate", action="remove"))

    def add_bot(self, room: str) -> None:
        self.tenant.conversations[room].installed = True
        self._tell(self.activity("carla", self.tenant.conversations[room], "installationUpdate", action="add"))

    def add_app(self, who: str) -> None:
        """Somebody adds the app for themselves."""
        place = self.tenant.install(who)
        self._tell(self.activity(who, place, "installationUpdate", action="add"))

    def _tell(self, activity: Json) -> None:
        if self.desk_url:
            self.spawn(self.deliver(activity))

    # ------------------------------------------------------------------ the page

    async def _do_press(self, asked: Json) -> Json:
        """{who, room, id, path: [place of the button, and of that below it], values}"""
        message = self._readable(asked["who"], asked["room"], asked["id"])
        action = at_path(message.seen_by(asked["who"]) or {}, asked["path"])
        heard = await self.send(asked["who"], message, action, asked.get("values") or {})
        toasts = [text for at, who, text in self.toasts[-1:] if who == asked["who"] and text in heard.private]
        return {"toast": "".join(toasts), "failed": heard.failed}

    async def _do_say(self, asked: Json) -> Json:
        room = asked.get("room") or ""
        place = self.tenant.conversations.get(room) if room else self.tenant.private(asked["who"])
        if place is None or asked["who"] not in place.members:
            raise Refused("the app is not installed for this person")
        self._must_reach()
        _, answered = await self.type(asked["who"], place, str(asked["text"]), str(asked.get("root") or ""))
        words = str(asked["text"])[:200]
        self.ledger.note(NAME, "command", who=asked["who"], room=place.id, text=words, ms=answered.ms)
        return {"failed": answered.error}

    async def _do_search(self, asked: Json) -> Json:
        message = self._readable(asked["who"], asked["room"], asked["id"])
        return {"results": await self.suggest(asked["who"], message, asked["dataset"], asked["query"])}


# ---------------------------------------------------------------------- buttons and forms


def find(card: Json | None, label: str) -> Json | None:
    """The button whose words begin so."""
    return next((one for one in shown_actions(card or {}) if str(one["title"]).startswith(label)), None)


def opened(card: Json, action: Json, answers: list[str]) -> tuple[Json, Json]:
    """The button that speaks to the bot, and what was filled in: beside it, or in the card that opens below."""
    if action["type"] != "Action.ShowCard":
        return action, filled(card, action, answers) if own_inputs(card) else {}
    inner = action["card"]
    ways = shown_actions(inner)
    if inputs(inner):
        return ways[0], filled(inner, ways[0], answers)
    if not answers:
        raise Refused(f"{action['title']} asks: {', '.join(one['title'] for one in ways)}")
    wanted = answers.pop(0)
    chosen = next((one for one in ways if str(one["title"]).startswith(wanted)), None)
    if chosen is None:
        raise Refused(f"{action['title']} offers no {wanted!r}")
    return chosen, {}


def filled(card: Json, action: Json, answers: list[str]) -> Json:
    """Each answer goes where it is on offer, else into a text; nothing is sent with `associatedInputs: none`."""
    if action.get("associatedInputs") == "none":
        return {}
    values: Json = {one["id"]: one.get("value", "") for one in own_inputs(card)}
    for answer in answers:
        values |= placed(card, answer, values)
    answers.clear()
    return values


def placed(card: Json, answer: str, values: Json) -> Json:
    for one in own_inputs(card):
        for choice in one.get("choices", []):
            if choice["title"].startswith(answer) and not values[one["id"]]:
                return {one["id"]: choice["value"]}
    for one in own_inputs(card):
        if one["type"] == "Input.Text" and not values[one["id"]]:
            return {one["id"]: answer[: one.get("maxLength", 10_000)]}
    raise Refused(f"there is no place for {answer!r}")


def at_path(card: Json, path: list[int]) -> Json:
    actions = shown_actions(card)
    action = actions[path[0]]
    return at_path(action["card"], path[1:]) if len(path) > 1 else action


def mention(name: str, id: str) -> Json:
    return {"type": "mention", "text": f"<at>{name}</at>", "mentioned": {"id": id, "name": name}}
